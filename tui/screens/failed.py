"""Failed records: the list, what was marked in it, and what can be done with it."""

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import asdict, replace
from typing import TYPE_CHECKING, ClassVar

from textual.binding import Binding, BindingType

from syncflow.errors import UsageError
from tui.filtering import Term
from tui.i18n import formats
from tui.i18n.catalog import N_, _, plural
from tui.marks import Tone
from tui.screens.list_place import ListPlace
from tui.screens.question import Question, TypedQuestion
from tui.screens.retried import RetriedScreen
from tui.widgets.lazy_table import LazyTable
from tui.widgets.paged_rows import PagedRows
from tui.widgets.rows import Cell, Column, Rows

if TYPE_CHECKING:
    from syncflow.runtime import Runtime
    from syncflow.service.failed_records import Closed, FailedFilter, FailedRecord, RetryResult

_NAMES = {"entity": "entity", "stage": "stage", "field": "field", "type": "error_type", "shape": "value_shape"}


def failed_filter(runtime: "Runtime", terms: Sequence[Term], within: "FailedFilter | None" = None) -> "FailedFilter":
    """What the terms mean for failed records, inside `within`. Raises UsageError for what the list cannot look for."""
    from syncflow.service.failed_records import FailedFilter, RecordState  # deferred: called in threads

    found: dict[str, object] = {}
    words: list[str] = []
    for term in terms:
        if term.negated:
            raise UsageError(_("!{} cannot be looked for among failed records; leave the ! out.").format(term.value))
        if term.field is None:
            words.append(term.value)
        elif term.field == "state":
            if term.value not in list(RecordState):
                raise UsageError(_("state: takes open, resolved or all."))
            found["state"] = RecordState(term.value)
        elif term.field == "batch":
            found["batch"] = runtime.batches.find(term.value).uid
        else:
            found[_NAMES[term.field]] = term.value
    if words:
        found["text"] = " ".join(words)
    return replace(within or FailedFilter(), **found)  # type: ignore[arg-type]


def _state(record: "FailedRecord") -> Cell:
    if record.resolution is not None:
        return f"✔ {record.resolution}", Tone.GOOD
    if record.next_retry_at is not None:
        return _("◌ {}").format(formats.clock(record.next_retry_at)), Tone.QUIET
    return _("✖ waits for you"), Tone.BAD


def _value(record: "FailedRecord") -> Cell:
    return (formats.NOTHING, Tone.QUIET) if record.value is None else record.value


def _row(record: "FailedRecord") -> Cell:
    """The first values that were sent: the key, as a rule."""
    return " ".join(str(value) for value in list(record.raw_data.values())[:2] if value is not None)


class FailedScreen(ListPlace["FailedRecord"]):
    TITLE_WORD = N_("failed")
    ABOUT = N_(
        "Rows that could not be loaded, as the source sent them, with the reason. What may pass by itself is tried "
        "again; the rest waits for you: mend a whole group with a rule (v, then m), edit one record (Enter, then E), "
        "or leave rows out (i). state:resolved finds what was dealt with."
    )
    EMPTY = N_("No record failed.")
    FIELDS = (*_NAMES, "state", "batch")
    COLUMNS: ClassVar[Sequence[Column["FailedRecord"]]] = (
        Column("entity", N_("entity"), lambda record: record.entity_name, 18),
        Column("field", N_("field"), lambda record: record.field or "", 13),
        Column("value", N_("value"), _value, 16, from_width=90),
        Column("row", N_("row"), _row, 22, from_width=125),
        Column("message", N_("why"), lambda record: record.error_message),
        Column("stage", N_("stage"), lambda record: (record.stage_failed, Tone.QUIET), 13, from_width=130),
        Column("since", N_("since"), lambda record: (formats.clock(record.created_at), Tone.QUIET), 13, from_width=110),
        Column("state", N_("next"), _state, 15),
    )
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("v", "groups", N_("Groups"), id="failed.groups"),
        Binding("t", "retry", N_("Retry"), id="failed.retry"),
        Binding("i", "ignore", N_("Leave out"), id="failed.ignore"),
        Binding("w", "resolve", N_("Resolve by hand"), show=False, id="failed.resolve"),
        Binding("u", "undo", N_("Undo"), id="failed.undo"),
        Binding("e", "explain", N_("Explain"), id="failed.explain"),
    ]

    def __init__(self, within: "FailedFilter | None" = None, title: str = "") -> None:
        """`within` bounds the list, `title` (translated) names it: a group, or a batch's records."""
        super().__init__()
        self._within = within
        self._title = title

    @property
    def title_text(self) -> str:
        return self._title or super().title_text

    @property
    def memory(self) -> str:
        return "failed" if self._within is None else "failed.within"

    def on_mount(self) -> None:
        if self._within is not None:
            self.filter_text = ""

    def key(self, row: "FailedRecord") -> Hashable:
        return row.uid

    def document(self, row: "FailedRecord") -> Mapping[str, object]:
        return asdict(row)

    def rows(self, runtime: "Runtime", terms: Sequence[Term]) -> "Rows[FailedRecord]":
        chosen, service = failed_filter(runtime, terms, self._within), runtime.failed_records
        return PagedRows(
            service.count(chosen),
            lambda after, size, skip: service.page(chosen, after, size, skip),
            lambda uid: service.rank(chosen, uid),
        )

    def chosen(self, runtime: "Runtime") -> "FailedFilter":
        """What an act is for: all that match, the marked ones, or the one under the cursor. Runs in a thread."""
        from syncflow.service.failed_records import FailedFilter

        if self.table.all_marked:
            return failed_filter(runtime, self.terms(), self._within)
        uids = [record.uid for record in self.table.marks.values()]
        if not uids and self.table.row is not None:
            uids = [self.table.row.uid]
        return FailedFilter(uids=tuple(uids))

    def how_many(self) -> int:
        """So many records an act is for."""
        if self.table.all_marked:
            return self.table.total
        return len(self.table.marks) or int(self.table.row is not None)

    def on_lazy_table_chosen(self, message: LazyTable.Chosen) -> None:
        from tui.screens.failed_record import FailedRecordScreen

        self.app.push_screen(FailedRecordScreen(message.row.uid))

    def action_groups(self) -> None:
        from tui.screens.failed_groups import FailedGroupsScreen

        self.app.push_screen(FailedGroupsScreen(self.filter_text))

    def action_explain(self) -> None:
        if self.table.row is not None:
            self.console.explain_queued(self.table.row.entity_name, failed=str(self.table.row.uid))

    def action_retry(self) -> None:
        number = self.how_many()
        if number == 0:
            return
        if number == 1:
            self.retry()
            return
        ask = plural("Try {n} record again?", "Try {n} records again?", number)
        then = _("Each is read again as the source sent it, under today's configuration.")
        self.app.push_screen(Question(ask, then), lambda yes: self.retry() if yes else None)

    def retry(self) -> None:
        self.notify(_("Trying again .."), markup=False)
        self.act(lambda runtime: runtime.failed_records.retry(self.chosen(runtime)), self._retried)

    def _retried(self, result: "RetryResult") -> None:
        self.table.unmark()
        self.app.push_screen(RetriedScreen(result))

    def action_ignore(self) -> None:
        ask = plural("Leave {n} row out?", "Leave {n} rows out?", self.how_many())
        then = _("They are counted as ignored for as long as the source sends them as they are. Say why:")
        self._ask_reason(ask, then, ignore=True)

    def action_resolve(self) -> None:
        ask = plural("Close {n} record by hand?", "Close {n} records by hand?", self.how_many())
        self._ask_reason(ask, _("A row that fails again opens a new record. Say why:"), ignore=False)

    def _ask_reason(self, ask: str, then: str, *, ignore: bool) -> None:
        if self.how_many():
            self.app.push_screen(
                TypedQuestion(ask, then), lambda reason: self._close(reason, ignore=ignore) if reason else None
            )

    def _close(self, reason: str, *, ignore: bool) -> None:
        def work(runtime: "Runtime") -> "Closed":
            close = runtime.failed_records.ignore if ignore else runtime.failed_records.resolve
            return close(self.chosen(runtime), reason)

        self.act(work, self._tell_closed)

    def _tell_closed(self, closed: "Closed") -> None:
        self.table.unmark()
        said = plural("{n} record closed.", "{n} records closed.", closed.rows)
        self.notify("\n".join([said, *closed.refused[:3]]), markup=False)

    def action_undo(self) -> None:
        """Take back the decision on the record under the cursor."""
        row = self.table.row
        if row is None or row.resolution is None:
            self.notify(_("Only a decision can be undone: find it with state:resolved."), markup=False)
            return
        uid = str(row.uid)
        self.act(
            lambda runtime: runtime.failed_records.withdraw(uid),
            lambda _record: self.notify(_("Taken back: the row stands among the failed ones again."), markup=False),
        )
