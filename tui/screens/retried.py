"""What came of trying failed records again: how many passed, and those that failed once more, with the reason."""

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar
from uuid import UUID

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.content import Content

from syncflow.i18n.catalog import N_, _, plural
from syncflow.i18n.formats import whole
from syncflow.i18n.texts import retold
from tui.marks import Tone, toned
from tui.screens.place import Place
from tui.screens.question import Question
from tui.widgets.lazy_table import LazyTable
from tui.widgets.rows import Column, RowList
from tui.widgets.words import Words

if TYPE_CHECKING:
    from syncflow.service.failed_records import RetryResult
    from syncflow.service.remedies import SavedRule


@dataclass(frozen=True)
class Again:
    """A record that failed again, or was not tried."""

    number: int
    entity: str
    why: str
    uid: UUID | None = None


class RetriedScreen(Place):
    TITLE_WORD = N_("what came of it")
    ABOUT = N_(
        "What came of trying failed records again. Those that passed have left the list and are found with "
        "state:resolved; Enter shows one that failed again; Esc goes back to the list."
    )
    BINDINGS: ClassVar[list[BindingType]] = [Binding("u", "undo", N_("Take the rule back"), id="retried.undo")]
    DEFAULT_CSS = "RetriedScreen #tally { height: auto; margin: 1 1; }"
    COLUMNS: ClassVar[Sequence[Column[Again]]] = (
        Column("entity", N_("entity"), lambda row: row.entity, 20),
        Column("why", N_("why it is still there"), lambda row: (row.why, Tone.WARN)),
    )

    def __init__(self, result: "RetryResult", rule: "SavedRule | None" = None) -> None:
        """`rule` is the one under which they were tried, when it was saved just now."""
        super().__init__()
        self._result = result
        self._rule = rule

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:  # noqa: ARG002
        return action != "undo" or self._rule is not None

    def body(self) -> ComposeResult:
        yield Words(lambda: Content("\n").join(toned(line) for line in result_lines(self._result)), id="tally")
        yield LazyTable(self.COLUMNS, self._key, empty=N_("Nothing failed again."))

    @staticmethod
    def _key(row: Again) -> Hashable:
        return row.number

    def _again(self) -> list[Again]:
        failed = [
            (each.ended.entity, retold(again.message), again.uid)
            for each in self._result.retried
            for again in each.tally.failures
        ]
        refused = [("", retold(text), None) for text in self._result.refused]
        return [Again(number, *row) for number, row in enumerate([*failed, *refused])]

    def on_mount(self) -> None:
        table: LazyTable[Again] = self.query_one(LazyTable)
        again = self._again()
        table.read(lambda: RowList(again, self._key))
        table.focus()

    def focus_body(self) -> None:
        self.query_one(LazyTable).focus()

    def on_lazy_table_chosen(self, message: LazyTable.Chosen) -> None:
        from tui.screens.failed_record import FailedRecordScreen

        if message.row.uid is not None:
            self.app.push_screen(FailedRecordScreen(message.row.uid))

    def action_undo(self) -> None:
        rule = self._rule
        if rule is None:
            return
        then = _("Rows are judged without it from the next sync on; what it let pass stays as it was loaded.")
        self.app.push_screen(
            Question(
                _("Take the rule for {field} of {entity} back?").format(field=rule.field, entity=rule.entity), then
            ),
            lambda yes: self._undo(rule) if yes else None,
        )

    def _undo(self, rule: "SavedRule") -> None:
        self.act(
            lambda runtime: runtime.remedies.remove(rule.entity, rule.field, rule.number, rule.replacement),
            lambda _entity: self._undone(),
        )

    def _undone(self) -> None:
        self._rule = None
        self.refresh_bindings()
        self.notify(_("The rule is gone."), markup=False)


def result_lines(result: "RetryResult") -> list[str]:
    """A line an entity: `▲ orders: 3 passed, 1 failed again`, and what else happened."""
    lines = []
    for each in result.retried:
        tally = each.tally
        parts = [plural("{n} passed", "{n} passed", tally.passed)]
        parts.append(plural("{n} failed again", "{n} failed again", tally.failed))
        if tally.superseded:
            parts.append(
                plural("{n} was older than the target's", "{n} were older than the target's", tally.superseded)
            )
        sign = "✔" if tally.failed == 0 and each.ended.error_message is None else "▲"
        lines.append(f"{sign} {each.ended.entity}: {', '.join(parts)}")
        if each.ended.error_message is not None:
            lines.append(f"  {retold(each.ended.error_message)}")
        if tally.failed > len(tally.failures):
            lines.append(_("  the first {n} of those are listed").format(n=whole(len(tally.failures))))
    for woken in result.woken:
        lines.append(_("children of theirs, loaded as well: {}").format(woken.entity))
    return lines or [_("Nothing was tried.")]
