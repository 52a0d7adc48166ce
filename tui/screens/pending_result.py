"""What came of looking for the parents of waiting rows: how many wait still, and the batches that loaded the others."""

from collections.abc import Hashable, Sequence
from typing import TYPE_CHECKING, ClassVar

from textual.app import ComposeResult

from syncflow.events import BatchEnded
from syncflow.i18n import formats
from syncflow.i18n.catalog import N_, _, plural
from syncflow.i18n.texts import retold
from tui import marks
from tui.marks import Tone, toned
from tui.screens.place import Place
from tui.widgets.lazy_table import LazyTable
from tui.widgets.rows import Cell, Column, RowList
from tui.widgets.words import Words

if TYPE_CHECKING:
    from syncflow.service.pending_children import RetryOutcome


def _failed(ended: BatchEnded) -> Cell:
    failed = ended.counters.failed
    return formats.whole(failed), Tone.BAD if failed else Tone.QUIET


class WokenScreen(Place):
    TITLE_WORD = N_("what came of it")
    ABOUT = N_(
        "What came of looking for parents: the batches that loaded rows, also rows that waited for those. Enter shows "
        "a batch with what failed in it; Esc goes back to what waits still."
    )
    DEFAULT_CSS = "WokenScreen #tally { height: auto; margin: 1 1; }"
    COLUMNS: ClassVar[Sequence[Column[BatchEnded]]] = (
        Column("status", N_("status"), lambda ended: marks.status(ended.status), 15),
        Column("entity", N_("entity"), lambda ended: ended.entity, 20),
        Column("rows", N_("rows"), lambda ended: formats.whole(ended.counters.fetched), 9, right=True),
        Column("failed", N_("failed"), _failed, 9, right=True),
        Column("why", N_("why"), lambda ended: retold(ended.error_message or "")),
    )

    def __init__(self, outcome: "RetryOutcome") -> None:
        super().__init__()
        self._outcome = outcome

    def body(self) -> ComposeResult:
        yield Words(lambda: toned(_summary(self._outcome)), id="tally")
        yield LazyTable(self.COLUMNS, self._key, empty=N_("No batch was run: no parent is there yet."))

    @staticmethod
    def _key(ended: BatchEnded) -> Hashable:
        return ended.batch

    def on_mount(self) -> None:
        table: LazyTable[BatchEnded] = self.query_one(LazyTable)
        table.read(lambda: RowList(self._outcome.batches, self._key))
        table.focus()

    def focus_body(self) -> None:
        self.query_one(LazyTable).focus()

    def on_lazy_table_chosen(self, message: LazyTable.Chosen) -> None:
        from tui.screens.batch import BatchScreen

        self.app.push_screen(BatchScreen(message.row.batch))


def outcome_lines(outcome: "RetryOutcome") -> list[str]:
    """How many wait still, and a line a batch."""
    lines = [_summary(outcome)]
    for ended in outcome.batches:
        status, _tone = marks.status(ended.status)
        rows = plural("{n} row", "{n} rows", ended.counters.fetched)
        failed = plural("{n} failed", "{n} failed", ended.counters.failed)
        lines.append(
            f"{status}: {ended.entity}, {retold(ended.error_message) if ended.error_message else f'{rows}, {failed}'}"
        )
    return lines


def _summary(outcome: "RetryOutcome") -> str:
    asked = plural("{n} row looked after", "{n} rows looked after", outcome.asked)
    if not outcome.waiting:
        return _("{asked}; none of them waits any more.").format(asked=asked)
    left = plural("{n} like these waits still", "{n} like these wait still", outcome.waiting)
    return f"{asked}; {left}."
