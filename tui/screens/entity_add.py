"""The APIs that APISmith publishes, each as an entity that would sync it."""

from collections.abc import Hashable, Sequence
from typing import TYPE_CHECKING, ClassVar

from textual.binding import Binding, BindingType

from syncflow.i18n import formats
from syncflow.i18n.catalog import N_, _
from syncflow.model import Entity
from tui.filtering import Term, chosen
from tui.marks import Tone
from tui.screens.entity import EntityScreen
from tui.screens.entity_acts import EntityActs
from tui.screens.list_place import ListPlace
from tui.screens.question import TypedQuestion
from tui.widgets.lazy_table import LazyTable
from tui.widgets.rows import Cell, Column, RowList, Rows

if TYPE_CHECKING:
    from syncflow.runtime import Runtime
    from syncflow.service.entities import Change, Proposal


def _configured(proposal: "Proposal") -> Cell:
    names = ", ".join(proposal.configured_as)
    return (f"✔ {names}", Tone.QUIET) if names else (_("+ not yet"), Tone.LIVE)


class EntityAddScreen(EntityActs, ListPlace["Proposal"]):
    TITLE_WORD = N_("add an entity")
    ABOUT = N_(
        "Every API that APISmith publishes, with the keys and the strategy that its definition proposes. Enter opens "
        "the proposal to be looked through and saved; a adds all that are marked as they are proposed."
    )
    EMPTY = N_("APISmith publishes no API. Press n to name one that it does not tell of.")
    FIELDS = ("api", "title", "configured")
    COLUMNS: "ClassVar[Sequence[Column[Proposal]]]" = (
        Column("api", N_("API"), lambda each: each.entity.api, 24, order=lambda each: each.entity.api),
        Column("title", N_("title"), lambda each: (each.title, Tone.QUIET), 24, from_width=120),
        Column("configured", N_("synced as"), _configured, 20, order=lambda each: bool(each.configured_as)),
        Column("key", N_("business key"), lambda each: ", ".join(each.entity.business_key)),
        Column("strategy", N_("strategy"), lambda each: str(each.entity.delta_strategy), 10),
        Column("columns", N_("columns"), lambda each: formats.whole(each.columns), 8, right=True, from_width=100),
    )
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("a", "add", N_("Add as proposed"), id="proposals.add"),
        Binding("n", "name_one", N_("Another API"), id="proposals.name"),
    ]

    def key(self, row: "Proposal") -> Hashable:
        return row.entity.api

    def rows(self, runtime: "Runtime", terms: Sequence[Term]) -> "Rows[Proposal]":
        found = runtime.entities.proposals()
        if self.order is None:
            found = sorted(found, key=lambda each: bool(each.configured_as))
        return RowList(self.ordered(chosen(found, terms, _texts)), self.key)

    def concerns(self, event: object) -> bool:
        """Only what somebody does to entities; APISmith is not asked again for every chunk."""
        return str(getattr(event, "act", "")).startswith("entity.")

    def on_lazy_table_chosen(self, message: LazyTable.Chosen) -> None:
        if message.table is self.table:
            self._open_page(message.row.entity)

    def _open_page(self, entity: Entity) -> None:
        self.app.push_screen(EntityScreen(entity.name, entity))

    def action_add(self) -> None:
        table = self.table
        rows = table.rows.page(0, table.total) if table.all_marked else list(table.marks.values())
        proposals = rows or ([table.row] if table.row is not None else [])
        new = [each.entity for each in proposals if not each.configured_as]
        if not new:
            self.notify(_("These are synced already. Enter opens one to be synced under another name."), markup=False)
            return

        def make(_runtime: "Runtime") -> "Sequence[Change]":
            from syncflow.service.entities import Change  # heavy, and this is a thread

            return [Change(None, entity) for entity in new]

        self.read(make, lambda changes: self.offer(changes, self._added), group="add")

    def _added(self) -> None:
        self.table.unmark()

    def action_name_one(self) -> None:
        detail = _("Its slug, as it stands in the API's address. What it consists of is read from its first page.")
        self.app.push_screen(TypedQuestion(_("Which API?"), detail), self._named)

    def _named(self, slug: str | None) -> None:
        if slug is not None:
            self.read(lambda runtime: runtime.entities.propose_for(slug), self._open_page, group="add")


def _texts(proposal: "Proposal") -> dict[str, str]:
    return {
        "api": proposal.entity.api,
        "title": proposal.title,
        "configured": "yes " + " ".join(proposal.configured_as) if proposal.configured_as else "no",
    }
