"""Failed records: the list, what was marked in it, and what can be done with it."""

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar
from uuid import UUID

from textual.binding import Binding, BindingType

from syncflow.errors import UsageError
from syncflow.i18n import formats
from syncflow.i18n.catalog import N_, _, plural
from syncflow.i18n.texts import retold
from tui.filtering import Term
from tui.marks import Tone, named
from tui.screens.failed_acts import Choices, FailedActs, Meant
from tui.screens.list_place import ListPlace
from tui.screens.question import TypedQuestion
from tui.widgets.lazy_table import LazyTable
from tui.widgets.paged_rows import PagedRows
from tui.widgets.rows import Cell, Column, Rows

if TYPE_CHECKING:
    from syncflow.runtime import Runtime
    from syncflow.service.failed_records import FailedFilter, FailedRecord

COUNTED_AT_ONCE = 10_000
"""Of a list that is shown anew, no more are counted before its first rows are painted."""
PAGE = 1_000
DECISIONS = ("edited", "ignored", "resolved")
"""They can be taken back: the first two while they hold, for as long as the source sends the same row, the last until
the entity is synced."""
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
        return f"✔ {named(record.resolution)}", Tone.GOOD
    if record.next_retry_at is not None:
        return _("◌ {}").format(formats.clock(record.next_retry_at)), Tone.QUIET
    return _("✖ waits for you"), Tone.BAD


def _value(record: "FailedRecord") -> Cell:
    return (formats.NOTHING, Tone.QUIET) if record.value is None else record.value


def _row(record: "FailedRecord") -> Cell:
    """The first values that were sent: the key, as a rule."""
    return " ".join(str(value) for value in list(record.raw_data.values())[:2] if value is not None)


def _tries(record: "FailedRecord") -> Cell:
    return formats.whole(record.retry_count), Tone.PLAIN if record.retry_count else Tone.QUIET


class FailedScreen(FailedActs, ListPlace["FailedRecord"]):
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
        Column("row", N_("row"), _row, 22, from_width=90),
        Column("value", N_("value"), _value, 16, from_width=105),
        Column("message", N_("why"), lambda record: retold(record.error_message)),
        Column("stage", N_("stage"), lambda record: (record.stage_failed, Tone.QUIET), 13, from_width=160),
        Column("tries", N_("tries"), _tries, 6, right=True, from_width=145),
        Column("since", N_("since"), lambda record: (formats.clock(record.created_at), Tone.QUIET), 13, from_width=135),
        Column("state", N_("next"), _state, 15),
    )
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("v", "groups", N_("Groups"), id="failed.groups"),
        Binding("t", "retry", N_("Retry"), id="failed.retry"),
        Binding("i", "ignore", N_("Leave out"), id="failed.ignore"),
        Binding("w", "resolve", N_("Resolve by hand"), show=False, id="failed.resolve"),
        Binding("u", "undo", N_("Undo"), id="failed.undo"),
        Binding("R", "app.rules", N_("The rules that hold"), show=False, id="failed.rules"),
        Binding("T", "result", N_("What came of the last retry"), show=False, id="failed.result"),
        Binding("e", "explain", N_("Explain"), id="failed.explain"),
    ]

    def __init__(self, within: "FailedFilter | None" = None, title: str = "") -> None:
        """`within` bounds the list, `title` (translated) names it: a group, or a batch's records."""
        super().__init__()
        self._within = within
        self._title = title
        self._left_out: tuple[UUID, ...] = ()
        """The records that were left out last, to be taken back with one key."""
        self._counted: str | None = None
        """The filter for which all rows are counted."""

    @property
    def title_text(self) -> str:
        return self._title or super().title_text

    @property
    def memory(self) -> str:
        return "failed" if self._within is None else "failed.within"

    def first_filter(self) -> str:
        return super().first_filter() if self._within is None else ""

    def key(self, row: "FailedRecord") -> Hashable:
        return row.uid

    def document(self, row: "FailedRecord") -> Mapping[str, object]:
        return asdict(row)

    def rows(self, runtime: "Runtime", terms: Sequence[Term]) -> "Rows[FailedRecord]":
        chosen, service = failed_filter(runtime, terms, self._within), runtime.failed_records
        most = None if self._counted == self.filter_text else COUNTED_AT_ONCE
        total = service.count(chosen, most)
        return PagedRows(
            total,
            lambda after, size, skip: service.page(chosen, after, size, skip),
            lambda uid: service.rank(chosen, uid),
            is_whole=most is None or total < most,
        )

    @property
    def _is_whole(self) -> bool:
        rows = self.table.rows
        return not isinstance(rows, PagedRows) or rows.is_whole

    def figures(self) -> str:
        said = super().figures()
        return " · ".join(
            filter(None, [self.progress_words(), said if self._is_whole else _("at least {}").format(said)])
        )

    def show_progress(self) -> None:
        self.say(self.figures())

    def on_lazy_table_moved(self, message: LazyTable.Moved) -> None:
        if message.table is self.table and not self._is_whole and self._counted != self.filter_text:
            self._counted = self.filter_text
            self.load()

    def choices(self) -> Choices | None:
        if self.table.all_marked:
            terms, within = self.terms(), self._within
            return lambda runtime: [failed_filter(runtime, terms, within)]
        records = self._records()
        return (lambda _runtime: [of_records(records)]) if records else None

    def _records(self) -> "list[FailedRecord]":
        """The marked ones, or the one under the cursor."""
        return list(self.table.marks.values()) or ([self.table.row] if self.table.row is not None else [])

    def acted(self) -> None:
        self.table.unmark()

    def left_out(self, meant: Meant) -> str:
        self._left_out = tuple(uid for chosen in meant.choices for uid in chosen.uids or ())
        return _("u takes it back.") if self._left_out else super().left_out(meant)

    def on_lazy_table_chosen(self, message: LazyTable.Chosen) -> None:
        from tui.screens.failed_record import FailedRecordScreen

        self.app.push_screen(FailedRecordScreen(message.row.uid))

    def action_groups(self) -> None:
        from tui.screens.failed_groups import FailedGroupsScreen

        self.app.push_screen(FailedGroupsScreen(self.filter_text, self._within))

    def action_explain(self) -> None:
        if self.table.row is not None:
            self.console.explain_queued(self.table.row.entity_name, failed=str(self.table.row.uid))

    def action_undo(self) -> None:
        """Take back the decisions on what is marked, or on the record under the cursor, or what was left out last."""
        terms, within = self.terms(), self._within
        if self.table.all_marked:
            self.withdraw(lambda runtime: decided(runtime, failed_filter(runtime, terms, within)))
            return
        uids = tuple(record.uid for record in self._records() if record.resolution is not None) or self._left_out
        if uids:
            self.withdraw(lambda _runtime: uids)
        else:
            self.notify(_("Only a decision can be undone: find it with state:resolved."), markup=False)

    def action_export(self) -> None:
        self.app.push_screen(
            TypedQuestion(
                _("Into which file? .csv, .jsonl or .parquet"),
                _("All {} that match are written, each with all that is known of it.").format(self._how_many()),
            ),
            lambda name: self._export(Path(name).expanduser()) if name else None,
        )

    def _how_many(self) -> str:
        said = plural("{n} record", "{n} records", self.table.total)
        return said if self._is_whole else _("at least {}").format(said)

    def _export(self, file: Path) -> None:
        terms, within = self.terms(), self._within

        def work(runtime: "Runtime") -> int:
            from syncflow.service.failed_export import format_of

            if file.exists():
                raise UsageError(_("{} is there already; choose another name.").format(file))
            return runtime.failed_records.export(failed_filter(runtime, terms, within), file, format_of(file))

        self.safely(
            work,
            lambda rows: self.notify(
                plural("{n} record is in {file}.", "{n} records are in {file}.", rows, file=str(file)),
                markup=False,
            ),
            group="export",
        )


def of_records(records: "Sequence[FailedRecord]") -> "FailedFilter":
    """These, for as long as the source's rows are those that were shown. Runs in a thread."""
    from syncflow.service.failed_records import FailedFilter

    uids = tuple(record.uid for record in records)
    return FailedFilter(uids=uids, raw_hashes=tuple(record.raw_hash for record in records))


def decided(runtime: "Runtime", chosen: "FailedFilter") -> "list[UUID]":
    """Those of the records on which somebody's decision holds."""
    found: list[UUID] = []
    page = runtime.failed_records.page(chosen, None, PAGE)
    while page:
        found += [record.uid for record in page if record.resolution in DECISIONS]
        page = runtime.failed_records.page(chosen, page[-1].uid, PAGE)
    return found
