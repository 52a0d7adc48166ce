"""Pending children: the rows that wait for a parent."""

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import asdict, replace
from typing import TYPE_CHECKING, ClassVar
from uuid import UUID

from textual.binding import Binding, BindingType

from syncflow.errors import UsageError
from syncflow.i18n import formats
from syncflow.i18n.catalog import N_, _
from tui.filtering import Term
from tui.marks import Tone
from tui.screens.list_place import ListPlace
from tui.screens.pending_acts import Choice, PendingActs
from tui.widgets.lazy_table import LazyTable
from tui.widgets.paged_rows import PagedRows
from tui.widgets.rows import Cell, Column, Rows

if TYPE_CHECKING:
    from syncflow.runtime import Runtime
    from syncflow.service.pending_children import ListedChild, PendingFilter

_NAMES = {"entity": "entity", "parent": "parent_entity", "parent_key": "parent_key"}


def pending_filter(terms: Sequence[Term], within: "PendingFilter | None" = None) -> "PendingFilter":
    """What the terms mean for waiting rows. Raises UsageError for what the list cannot look for. Runs in a thread."""
    from syncflow.service.pending_children import PendingFilter

    found: dict[str, str] = {}
    for term in terms:
        if term.negated or term.field is None:
            known = " ".join(f"{name}:" for name in _NAMES)
            raise UsageError(_("Waiting rows are looked for by {} and nothing else.").format(known))
        found[_NAMES[term.field]] = term.value
    return replace(within or PendingFilter(), **found)  # type: ignore[arg-type]


def only(*uids: UUID) -> "PendingFilter":
    """These rows, as far as they wait still. Runs in a thread."""
    from syncflow.service.pending_children import PendingFilter

    return PendingFilter(uids=uids)


def _next(row: "ListedChild") -> Cell:
    if row.next_retry_at is None:
        return _("with the next sync"), Tone.QUIET
    return formats.clock(row.next_retry_at), Tone.QUIET


def _attempts(row: "ListedChild") -> Cell:
    text = f"{formats.whole(row.retry_count)}/{formats.whole(row.max_retries)}"
    return text, Tone.WARN if row.retry_count + 1 >= row.max_retries else Tone.PLAIN


class PendingScreen(PendingActs, ListPlace["ListedChild"]):
    TITLE_WORD = N_("pending")
    ABOUT = N_(
        "Rows that wait for a parent which ScheduleHub does not have yet. When the parent is loaded, all that wait for "
        "it are loaded at once; after five tries a row becomes a failed record. v shows whom most rows wait for."
    )
    EMPTY = N_("No row waits.")
    FIELDS = tuple(_NAMES)
    COLUMNS: ClassVar[Sequence[Column["ListedChild"]]] = (
        Column("entity", N_("entity"), lambda row: row.child_entity, 18),
        Column("key", N_("key"), lambda row: row.child_key or formats.NOTHING),
        Column("parent", N_("waits for"), lambda row: f"{row.parent_entity} {row.parent_key}"),
        Column("since", N_("since"), lambda row: (formats.clock(row.created_at), Tone.QUIET), 13, from_width=90),
        Column("attempts", N_("tries"), _attempts, 6, right=True),
        Column("next", N_("next try"), _next, 19, from_width=100),
    )
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("v", "blockers", N_("Who blocks most"), id="pending.blockers"),
        Binding("t", "retry", N_("Try now"), id="pending.retry"),
        Binding("e", "explain", N_("Explain"), id="pending.explain"),
    ]

    def __init__(self, within: "PendingFilter | None" = None, title: str = "") -> None:
        """`within` bounds the list, `title` (translated) names it."""
        super().__init__()
        self._within = within
        self._title = title

    @property
    def title_text(self) -> str:
        return self._title or super().title_text

    @property
    def memory(self) -> str:
        return "pending" if self._within is None else "pending.within"

    def key(self, row: "ListedChild") -> Hashable:
        return row.uid

    def document(self, row: "ListedChild") -> Mapping[str, object]:
        return asdict(row)

    def rows(self, runtime: "Runtime", terms: Sequence[Term]) -> "Rows[ListedChild]":
        wanted, service = pending_filter(terms, self._within), runtime.pending_children
        return PagedRows(
            service.count(wanted),
            lambda after, size, skip: service.page(wanted, after, size, skip),
            lambda uid: service.rank(wanted, uid),
        )

    def choice(self) -> Choice | None:
        if self.table.all_marked:
            terms, within = self.terms(), self._within
            return lambda: pending_filter(terms, within)
        rows = list(self.table.marks.values()) or ([self.table.row] if self.table.row is not None else [])
        return (lambda: only(*(row.uid for row in rows))) if rows else None

    def acted(self) -> None:
        self.table.unmark()

    def show_progress(self) -> None:
        self.say(self.figures())

    def figures(self) -> str:
        return " · ".join(filter(None, [self.progress_words(), super().figures()]))

    def load(self) -> None:
        PendingActs.load(self)
        ListPlace.load(self)

    def on_lazy_table_chosen(self, message: LazyTable.Chosen) -> None:
        from tui.screens.pending_row import PendingRowScreen

        self.app.push_screen(PendingRowScreen(message.row.uid))

    def action_blockers(self) -> None:
        from tui.screens.blockers import BlockersScreen

        self.app.push_screen(BlockersScreen())

    def action_explain(self) -> None:
        if self.table.row is not None:
            self.console.explain_queued(self.table.row.child_entity, pending=str(self.table.row.uid))
