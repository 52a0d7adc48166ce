"""Entities: what is synced and how it went; sync, dry run, enable, delete, add."""

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, ClassVar

from textual.binding import Binding, BindingType

from syncflow.model import SyncType
from tui import marks
from tui.filtering import Term, chosen
from tui.i18n import formats
from tui.i18n.catalog import N_, _
from tui.marks import Tone
from tui.screens.entity import EntityScreen
from tui.screens.entity_acts import EntityActs
from tui.screens.list_place import ListPlace
from tui.widgets.lazy_table import LazyTable
from tui.widgets.rows import Cell, Column, RowList, Rows

if TYPE_CHECKING:
    from syncflow.runtime import Runtime
    from syncflow.service.batches import Overview
    from syncflow.service.entities import Proposal


def _status(line: "Overview") -> Cell:
    if not line.entity.sync_enabled:
        return _("– disabled"), Tone.QUIET
    if line.batch is None:
        return _("○ never synced"), Tone.QUIET
    return marks.status(line.batch.status)


def _fetched(line: "Overview") -> Cell:
    return "" if line.batch is None else formats.whole(line.batch.counters.fetched)


def _failed(line: "Overview") -> Cell:
    failed = 0 if line.batch is None else line.batch.counters.failed
    return formats.whole(failed), Tone.BAD if failed else Tone.QUIET


def _parents(line: "Overview") -> str:
    return ", ".join(dict.fromkeys(ref.entity for ref in line.entity.parent_refs))


def _when(line: "Overview") -> Cell:
    return formats.clock(None if line.batch is None else line.batch.completed_at or line.batch.started_at), Tone.QUIET


class EntitiesScreen(EntityActs, ListPlace["Overview"]):
    TITLE_WORD = N_("entities")
    ABOUT = N_(
        "What is synced, and how it went. Enter opens an entity, to be changed in place with a preview on real rows. s "
        "syncs what is marked or under the cursor, S from scratch, d says what a sync would do without doing it."
    )
    EMPTY = N_("No entity is configured. a shows what APISmith offers.")
    FIELDS = ("entity", "api", "status", "strategy")
    COLUMNS: ClassVar[Sequence[Column["Overview"]]] = (
        Column("status", N_("last batch"), _status, 16, order=lambda line: str(_status(line)[0])),
        Column("entity", N_("entity"), lambda line: line.entity.name, order=lambda line: line.entity.name),
        Column("when", N_("when"), _when, 13, from_width=75),
        Column("strategy", N_("strategy"), lambda line: str(line.entity.delta_strategy), 11, from_width=90),
        Column("rows", N_("rows"), _fetched, 11, right=True,
               order=lambda line: 0 if line.batch is None else line.batch.counters.fetched),
        Column("failed", N_("failed"), _failed, 8, right=True,
               order=lambda line: 0 if line.batch is None else line.batch.counters.failed),
        Column("parents", N_("parents"), lambda line: _parents(line), 26,
               from_width=120),
        Column("watermark", N_("watermark"), lambda line: (line.watermark or "", Tone.QUIET), 26, from_width=150),
    )  # fmt: skip
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("s", "sync(0)", N_("Sync"), id="entities.sync"),
        Binding("S", "sync(1)", N_("Full sync"), show=False, id="entities.full_sync"),
        Binding("d", "dry_run", N_("Dry run"), id="entities.dry_run"),
        Binding("a", "add", N_("Add"), id="entities.add"),
        Binding("t", "enable", N_("Enable or disable"), id="entities.toggle"),
        Binding("E,ctrl+o", "editor", N_("Edit as YAML"), show=False, id="entities.editor"),
        Binding("D", "delete", N_("Delete"), show=False, id="entities.delete"),
    ]

    def key(self, row: "Overview") -> Hashable:
        return row.entity.name

    def document(self, row: "Overview") -> Mapping[str, object]:
        return asdict(row.entity)

    def rows(self, runtime: "Runtime", terms: Sequence[Term]) -> "Rows[Overview]":
        return RowList(self.ordered(chosen(runtime.batches.overview(), terms, _texts)), self.key)

    def _chosen(self) -> "list[Overview]":
        """The marked ones, or the one under the cursor."""
        if self.table.all_marked:
            return list(self.table.rows.page(0, self.table.total))
        return list(self.table.marks.values()) or ([self.table.row] if self.table.row is not None else [])

    def _names(self) -> list[str]:
        return [line.entity.name for line in self._chosen()]

    def on_lazy_table_chosen(self, message: LazyTable.Chosen) -> None:
        self.app.push_screen(EntityScreen(message.row.entity.name))

    def action_sync(self, is_full: int) -> None:
        self.ask_sync(self._names(), SyncType.FULL if is_full else SyncType.INCREMENTAL, self.table.unmark)

    def action_dry_run(self) -> None:
        self.dry_run(self._names())

    def action_enable(self) -> None:
        lines = self._chosen()
        if lines:
            enabled = not all(line.entity.sync_enabled for line in lines)
            self.enable([line.entity for line in lines], enabled=enabled, then=self.table.unmark)

    def action_editor(self) -> None:
        entities = [line.entity for line in self._chosen()]
        if entities:
            self.edit_as_yaml(
                entities,
                entities,
                lambda changes, file: self.offer(changes, lambda: self.edit_is_over(file)),
            )

    def action_delete(self) -> None:
        self.ask_delete(self._names(), lambda _deleted: self.table.unmark())

    def action_add(self) -> None:
        self.app.push_screen(ProposalsScreen())


def _texts(line: "Overview") -> dict[str, str]:
    return {
        "entity": line.entity.name,
        "api": line.entity.api,
        "status": str(_status(line)[0]),
        "strategy": str(line.entity.delta_strategy),
    }


class ProposalsScreen(ListPlace["Proposal"]):
    TITLE_WORD = N_("APIs of the source")
    ABOUT = N_("What APISmith publishes, with what its definitions propose. Enter makes an entity of one.")
    EMPTY = N_("APISmith publishes no API that is not an entity yet.")
    FIELDS = ("api", "key")
    COLUMNS: ClassVar[Sequence[Column["Proposal"]]] = (
        Column("api", N_("API"), lambda row: row.entity.api, 30),
        Column("key", N_("business key"), lambda row: ", ".join(row.entity.business_key) or _("not told"), 30),
        Column("strategy", N_("strategy"), lambda row: str(row.entity.delta_strategy), 12),
        Column("rowversion", N_("rowversion"), lambda row: row.entity.rowversion_field or ""),
    )

    def key(self, row: "Proposal") -> Hashable:
        return row.entity.api

    def rows(self, runtime: "Runtime", terms: Sequence[Term]) -> "Rows[Proposal]":
        found = chosen(runtime.entities.proposals(), terms, _proposed)
        return RowList(found, self.key)

    def on_lazy_table_chosen(self, message: LazyTable.Chosen) -> None:
        entity = message.row.entity
        self.app.push_screen(EntityScreen(entity.name, entity))


def _proposed(row: "Proposal") -> dict[str, str]:
    return {"api": row.entity.api, "key": ", ".join(row.entity.business_key)}
