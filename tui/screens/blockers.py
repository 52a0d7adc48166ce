"""Who blocks most: the missing parents that waiting rows wait for, and why each is missing."""

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, ClassVar

from textual.binding import Binding, BindingType

from syncflow.i18n import formats
from syncflow.i18n.catalog import N_, _
from syncflow.i18n.texts import retold
from tui.filtering import Term, chosen
from tui.marks import Tone
from tui.screens.explain import ExplainScreen
from tui.screens.list_place import ListPlace
from tui.screens.pending import PendingScreen
from tui.screens.pending_acts import Choice, PendingActs
from tui.widgets.lazy_table import LazyTable
from tui.widgets.rows import Column, RowList, Rows

if TYPE_CHECKING:
    from syncflow.runtime import Runtime
    from syncflow.service.pending_children import Blocker, PendingFilter

BLOCKERS = 1_000


class BlockersScreen(PendingActs, ListPlace["Blocker"]):
    TITLE_WORD = N_("who blocks most")
    ABOUT = N_(
        "The missing parents, by how many rows wait for them, directly or through others, and why each is missing. "
        "Enter shows the rows that wait for it, t looks for it now; f goes to its own failed record."
    )
    EMPTY = N_("No row waits for a parent.")
    FIELDS = ("entity", "key", "why")
    COLUMNS: ClassVar[Sequence[Column["Blocker"]]] = (
        Column("rows", N_("rows"), lambda each: (formats.whole(each.descendants), Tone.WARN), 9, right=True),
        Column("direct", N_("directly"), lambda each: formats.whole(each.children), 9, right=True, from_width=90),
        Column("parent", N_("missing parent"), lambda each: f"{each.entity} {each.key}", 36),
        Column("why", N_("why"), lambda each: retold(each.reason)),
        Column("since", N_("since"), lambda each: (formats.clock(each.since), Tone.QUIET), 13, from_width=110),
    )
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("t", "retry", N_("Try its rows now"), id="blockers.retry"),
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

    def choice(self) -> Choice | None:
        blocker = self.table.row
        return None if blocker is None else lambda: awaiting(blocker)

    def show_progress(self) -> None:
        self.say(self.figures())

    def figures(self) -> str:
        return " · ".join(filter(None, [self.progress_words(), super().figures()]))

    def load(self) -> None:
        PendingActs.load(self)
        ListPlace.load(self)

    def on_lazy_table_chosen(self, message: LazyTable.Chosen) -> None:
        blocker = message.row
        title = f"{blocker.entity} {blocker.key}"
        self.read(lambda _runtime: awaiting(blocker), lambda chosen: self._open(chosen, title), group="open")

    def _open(self, chosen: "PendingFilter", title: str) -> None:
        self.app.push_screen(PendingScreen(chosen, title))

    def action_failed(self) -> None:
        from tui.screens.failed_record import FailedRecordScreen

        row = self.table.row
        if row is None or row.failed_record is None:
            self.notify(_("This parent has no failed record of its own."), markup=False)
            return
        self.app.push_screen(FailedRecordScreen(row.failed_record))

    def action_explain(self) -> None:
        if self.table.row is not None:
            self.app.push_screen(ExplainScreen(self.table.row.entity, ref=self.table.row.key))


def awaiting(blocker: "Blocker") -> "PendingFilter":
    """The rows that wait for it directly. Runs in a thread."""
    from syncflow.service.pending_children import PendingFilter

    return PendingFilter(parent_entity=blocker.entity, parent_key=blocker.key_hash)


def _texts(blocker: "Blocker") -> dict[str, str]:
    return {"entity": blocker.entity, "key": blocker.key, "why": f"{blocker.why} {blocker.reason}"}
