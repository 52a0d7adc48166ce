"""Pending children: the rows that wait for a parent, and whom most of them wait for."""

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import asdict, replace
from typing import TYPE_CHECKING, ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.content import Content
from textual.widgets import Static

from syncflow.errors import UsageError
from tui.filtering import Term, chosen
from tui.i18n import formats
from tui.i18n.catalog import N_, _, plural
from tui.marks import Tone, toned
from tui.screens.list_place import ListPlace
from tui.screens.place import Place
from tui.screens.question import Question
from tui.widgets.lazy_table import LazyTable
from tui.widgets.paged_rows import PagedRows
from tui.widgets.rows import Cell, Column, RowList, Rows

if TYPE_CHECKING:
    from syncflow.runtime import Runtime
    from syncflow.service.pending_children import Blocker, PendingChild, PendingFilter, PendingView, RetryOutcome

_NAMES = {"entity": "entity", "parent": "parent_entity", "key": "parent_key"}
BLOCKERS = 1_000


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


def _next(row: "PendingChild") -> Cell:
    if row.next_retry_at is None:
        return _("with the next sync"), Tone.QUIET
    return formats.clock(row.next_retry_at), Tone.QUIET


def _attempts(row: "PendingChild") -> Cell:
    text = f"{formats.whole(row.retry_count)}/{formats.whole(row.max_retries)}"
    return text, Tone.WARN if row.retry_count + 1 >= row.max_retries else Tone.PLAIN


class PendingScreen(ListPlace["PendingChild"]):
    TITLE_WORD = N_("pending")
    ABOUT = N_(
        "Rows that wait for a parent which ScheduleHub does not have yet. When the parent is loaded, all that wait for "
        "it are loaded at once; after five tries a row becomes a failed record. v shows whom most rows wait for."
    )
    EMPTY = N_("No row waits.")
    FIELDS = tuple(_NAMES)
    COLUMNS: ClassVar[Sequence[Column["PendingChild"]]] = (
        Column("entity", N_("entity"), lambda row: row.child_entity, 20),
        Column("parent", N_("waits for"), lambda row: f"{row.parent_entity} {row.parent_key}"),
        Column("since", N_("since"), lambda row: (formats.clock(row.created_at), Tone.QUIET), 13),
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

    def key(self, row: "PendingChild") -> Hashable:
        return row.uid

    def document(self, row: "PendingChild") -> Mapping[str, object]:
        return asdict(row)

    def rows(self, runtime: "Runtime", terms: Sequence[Term]) -> "Rows[PendingChild]":
        wanted, service = pending_filter(terms, self._within), runtime.pending_children
        return PagedRows(
            service.count(wanted),
            lambda after, size, skip: service.page(wanted, after, size, skip),
            lambda uid: service.rank(wanted, uid),
        )

    def _wanted(self) -> "PendingFilter":
        """What an act is for. Runs in a thread."""
        from syncflow.service.pending_children import PendingFilter

        if self.table.all_marked:
            return pending_filter(self.terms(), self._within)
        uids = [row.uid for row in self.table.marks.values()]
        if not uids and self.table.row is not None:
            uids = [self.table.row.uid]
        return PendingFilter(uids=tuple(uids))

    def on_lazy_table_chosen(self, message: LazyTable.Chosen) -> None:
        self.app.push_screen(PendingRowScreen(str(message.row.uid)))

    def action_blockers(self) -> None:
        self.app.push_screen(BlockersScreen())

    def action_explain(self) -> None:
        if self.table.row is not None:
            self.console.explain_queued(self.table.row.child_entity, pending=str(self.table.row.uid))

    def action_retry(self) -> None:
        number = self.table.total if self.table.all_marked else len(self.table.marks) or int(self.table.row is not None)
        if number == 0:
            return
        ask = plural("Look for the parent of {n} row now?", "Look for the parents of {n} rows now?", number)
        self.app.push_screen(Question(ask), lambda yes: self._retry() if yes else None)

    def _retry(self) -> None:
        self.notify(_("Looking for parents .."), markup=False)
        self.act(lambda runtime: runtime.pending_children.retry(self._wanted()), self._tell)

    def _tell(self, outcome: "RetryOutcome") -> None:
        self.table.unmark()
        said = plural("{n} row looked after", "{n} rows looked after", outcome.asked)
        left = plural("{n} like these waits still.", "{n} like these wait still.", outcome.waiting)
        self.notify(f"{said}; {left}" if outcome.waiting else said, markup=False)


class BlockersScreen(ListPlace["Blocker"]):
    TITLE_WORD = N_("who blocks most")
    ABOUT = N_(
        "The missing parents, by how many rows wait for them, directly or through others, and why each is missing. "
        "Enter shows the rows that wait for it; f goes to its own failed record."
    )
    EMPTY = N_("No row waits for a parent.")
    FIELDS = ("entity", "key", "why")
    COLUMNS: ClassVar[Sequence[Column["Blocker"]]] = (
        Column("rows", N_("rows"), lambda each: (formats.whole(each.descendants), Tone.WARN), 9, right=True),
        Column("direct", N_("directly"), lambda each: formats.whole(each.children), 9, right=True, from_width=90),
        Column("parent", N_("missing parent"), lambda each: f"{each.entity} {each.key}", 36),
        Column("why", N_("why"), lambda each: each.reason),
        Column("since", N_("since"), lambda each: (formats.clock(each.since), Tone.QUIET), 13, from_width=110),
    )
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("f", "failed", N_("Its failed record"), id="blockers.failed"),
        Binding("e", "explain", N_("Explain"), id="blockers.explain"),
    ]

    def key(self, row: "Blocker") -> Hashable:
        return row.entity, row.key

    def document(self, row: "Blocker") -> Mapping[str, object]:
        return asdict(row)

    def rows(self, runtime: "Runtime", terms: Sequence[Term]) -> "Rows[Blocker]":
        found = runtime.pending_children.blockers(BLOCKERS)
        return RowList(chosen(found, terms, _texts), self.key)

    def on_lazy_table_chosen(self, message: LazyTable.Chosen) -> None:
        parent = message.row

        def make(_runtime: "Runtime") -> "PendingFilter":
            from syncflow.service.pending_children import PendingFilter

            return PendingFilter(parent_entity=parent.entity, parent_key=parent.key)

        title = f"{parent.entity} {parent.key}"
        self.read(make, lambda wanted: self._open(wanted, title), group="open")

    def _open(self, wanted: "PendingFilter", title: str) -> None:
        self.app.push_screen(PendingScreen(wanted, title))

    def action_failed(self) -> None:
        from tui.screens.failed_record import FailedRecordScreen

        row = self.table.row
        if row is None or row.failed_record is None:
            self.notify(_("This parent has no failed record of its own."), markup=False)
            return
        self.app.push_screen(FailedRecordScreen(row.failed_record))

    def action_explain(self) -> None:
        if self.table.row is not None:
            self.console.explain(self.table.row.entity, self.table.row.key.split("|"))


def _texts(blocker: "Blocker") -> dict[str, str]:
    return {"entity": blocker.entity, "key": blocker.key, "why": f"{blocker.why} {blocker.reason}"}


class PendingRowScreen(Place):
    """One waiting row with its payload."""

    TITLE_WORD = N_("waiting row")
    ABOUT = N_("A row that waits, as the source sent it, and why its parent is missing. p shows the parent's own way.")
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("p", "parent", N_("Explain the parent"), id="waiting.parent"),
        Binding("e", "explain", N_("Explain"), id="waiting.explain"),
    ]
    DEFAULT_CSS = """
    PendingRowScreen VerticalScroll { height: 1fr; padding: 1 1 0 1; }
    PendingRowScreen Static { height: auto; }
    """

    def __init__(self, uid: str) -> None:
        super().__init__()
        self._uid = uid
        self._view: PendingView | None = None

    def body(self) -> ComposeResult:
        with VerticalScroll():
            yield Static(id="told")

    def on_mount(self) -> None:
        self.focus_body()

    def focus_body(self) -> None:
        self.query_one(VerticalScroll).focus()

    def load(self) -> None:
        self.read(lambda runtime: runtime.pending_children.get(self._uid), self._show)

    def _show(self, view: "PendingView") -> None:
        self.console.trouble_is_over()
        self._view = view
        row = view.row
        lines = [
            toned(f"◌ {row.child_entity}", Tone.WARN)
            + toned(_(" waits for {entity} {key}").format(entity=row.parent_entity, key=row.parent_key)),
            toned(view.blocker.reason, Tone.WARN),
            toned(
                _("since {since} · looked for {count} of {most} times · last {last}").format(
                    since=formats.moment(row.created_at),
                    count=formats.whole(row.retry_count),
                    most=formats.whole(row.max_retries),
                    last=formats.moment(row.tried_at),
                ),
                Tone.QUIET,
            ),
            Content(""),
            Content.styled(_("As the source sent it"), "bold"),
            *(
                toned(f"  {name:<24} {'NULL' if value is None else repr(value)}")
                for name, value in row.child_payload.items()
            ),
        ]
        self.query_one("#told", Static).update(Content("\n").join(lines))

    def action_parent(self) -> None:
        if self._view is not None:
            row = self._view.row
            self.console.explain(row.parent_entity, row.parent_key.split("|"))

    def action_explain(self) -> None:
        if self._view is not None:
            self.console.explain_queued(self._view.row.child_entity, pending=self._uid)
