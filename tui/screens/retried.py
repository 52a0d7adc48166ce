"""What came of trying failed records again: how many passed, and those that failed once more, with the reason."""

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from textual.app import ComposeResult
from textual.widgets import Static

from tui.i18n.catalog import N_, _, plural
from tui.marks import Tone, toned
from tui.screens.place import Place
from tui.widgets.lazy_table import LazyTable
from tui.widgets.rows import Column, RowList

if TYPE_CHECKING:
    from syncflow.service.failed_records import RetryResult


@dataclass(frozen=True)
class Again:
    """A record that failed again, or was not tried."""

    number: int
    entity: str
    why: str


class RetriedScreen(Place):
    TITLE_WORD = N_("what came of it")
    ABOUT = N_("What came of trying failed records again. Those that passed have left the list; Esc goes back to it.")
    DEFAULT_CSS = "RetriedScreen #tally { height: auto; margin: 1 1; }"
    COLUMNS: ClassVar[Sequence[Column[Again]]] = (
        Column("entity", N_("entity"), lambda row: row.entity, 20),
        Column("why", N_("why it is still there"), lambda row: (row.why, Tone.WARN)),
    )

    def __init__(self, result: "RetryResult") -> None:
        super().__init__()
        self._result = result

    def body(self) -> ComposeResult:
        yield Static(toned("\n".join(self._tally())), id="tally")
        yield LazyTable(self.COLUMNS, self._key, empty=_("Nothing failed again."))

    @staticmethod
    def _key(row: Again) -> Hashable:
        return row.number

    def _tally(self) -> list[str]:
        lines = []
        for each in self._result.retried:
            passed = plural("{n} passed", "{n} passed", each.tally.passed)
            failed = plural("{n} failed again", "{n} failed again", each.tally.failed)
            sign = "✔" if each.tally.failed == 0 and each.ended.error_message is None else "▲"
            lines.append(f"{sign} {each.ended.entity}: {passed}, {failed}")
            if each.ended.error_message is not None:
                lines.append(f"  {each.ended.error_message}")
        for woken in self._result.woken:
            lines.append(_("children of theirs, loaded as well: {}").format(woken.entity))
        return lines or [_("Nothing was tried.")]

    def _again(self) -> list[Again]:
        failed = [(each.ended.entity, again.message) for each in self._result.retried for again in each.tally.failures]
        refused = [("", text) for text in self._result.refused]
        return [Again(number, entity, why) for number, (entity, why) in enumerate([*failed, *refused])]

    def on_mount(self) -> None:
        table: LazyTable[Again] = self.query_one(LazyTable)
        again = self._again()
        table.read(lambda: RowList(again, self._key))
        table.focus()

    def focus_body(self) -> None:
        self.query_one(LazyTable).focus()
