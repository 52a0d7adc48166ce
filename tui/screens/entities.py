"""Entities: what is synced, how, and how it went last."""

from collections.abc import Callable, Hashable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from textual.binding import Binding, BindingType

from syncflow.errors import UsageError
from syncflow.i18n import formats
from syncflow.i18n.catalog import N_, _, plural
from syncflow.model import Entity, SyncType
from tui import marks
from tui.filtering import Term, chosen
from tui.marks import Tone
from tui.screens.entity import EntityScreen
from tui.screens.entity_acts import EntityActs
from tui.screens.entity_add import EntityAddScreen
from tui.screens.entity_text import EntityTextScreen
from tui.screens.list_place import ListPlace
from tui.screens.question import Question, TypedQuestion
from tui.widgets.lazy_table import LazyTable
from tui.widgets.rows import Cell, Column, RowList, Rows

if TYPE_CHECKING:
    from syncflow.runtime import Runtime
    from syncflow.service.batches import Overview
    from syncflow.service.entities import Change

_YAML = (".yaml", ".yml")
ALL_RIGHT = 100.0


def _name(line: "Overview") -> Cell:
    name = line.entity.name
    return name if line.entity.sync_enabled else (f"– {name}", Tone.QUIET)


def _enabled(line: "Overview") -> Cell:
    entity = line.entity
    if not entity.sync_enabled:
        return _("– disabled"), Tone.WARN
    return entity.sync_schedule or _("enabled"), Tone.PLAIN if entity.sync_schedule else Tone.QUIET


def _status(line: "Overview") -> Cell:
    return (_("– never"), Tone.QUIET) if line.batch is None else marks.status(line.batch.status)


def _when(line: "Overview") -> Cell:
    batch = line.batch
    return formats.NOTHING if batch is None else formats.clock(batch.completed_at or batch.started_at)


def _rows(line: "Overview") -> Cell:
    fetched = 0 if line.batch is None else line.batch.counters.fetched
    return formats.whole(fetched), Tone.PLAIN if fetched else Tone.QUIET


def _success(line: "Overview") -> Cell:
    counters = None if line.batch is None else line.batch.counters
    if counters is None or not counters.fetched:
        return formats.NOTHING, Tone.QUIET
    tone = Tone.GOOD if counters.success_rate >= ALL_RIGHT else Tone.WARN
    return formats.percent(counters.success_rate / 100), tone


def _success_rate(line: "Overview") -> float:
    return -1.0 if line.batch is None else line.batch.counters.success_rate


class EntitiesScreen(EntityActs, ListPlace["Overview"]):
    TITLE_WORD = N_("entities")
    ABOUT = N_(
        "What is synced from APISmith to ScheduleHub, and how. Enter opens an entity; what is marked with space "
        "is meant by every act, or else the one under the cursor. An entity is added from what APISmith publishes (a) "
        "or from a YAML file (i)."
    )
    EMPTY = N_("No entity yet. Press a to add one of the APIs that APISmith publishes, or i to import a YAML file.")
    FIELDS = ("entity", "api", "strategy", "status", "schedule")
    COLUMNS: "ClassVar[Sequence[Column[Overview]]]" = (
        Column("entity", N_("entity"), _name, order=lambda line: line.entity.name, most=40),
        Column("api", N_("API"), lambda line: line.entity.api, 18, from_width=130, order=lambda line: line.entity.api),
        Column("strategy", N_("strategy"), lambda line: str(line.entity.delta_strategy), 10, from_width=90,
               order=lambda line: str(line.entity.delta_strategy)),
        Column("schedule", N_("schedule"), _enabled, 12, from_width=112, order=lambda line: line.entity.sync_enabled),
        Column("status", N_("last batch"), _status, 15, order=lambda line: _status(line)[0]),
        Column("when", N_("ended"), _when, 12, from_width=70),
        Column("rows", N_("rows"), _rows, 11, right=True,
               order=lambda line: 0 if line.batch is None else line.batch.counters.fetched),
        Column("success", N_("success"), _success, 8, right=True, order=_success_rate),
        Column("watermark", N_("watermark"), lambda line: (line.watermark or formats.NOTHING, Tone.QUIET), 28,
               from_width=140),
    )  # fmt: skip
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("s", "sync(0)", N_("Sync"), id="entities.sync"),
        Binding("S", "sync(1)", N_("Full sync"), show=False, id="entities.full_sync"),
        Binding("d", "dry_run", N_("Dry run"), id="entities.dry_run"),
        Binding("t", "toggle_enabled", N_("Enable, disable"), id="entities.toggle"),
        Binding("a", "add", N_("Add"), id="entities.add"),
        Binding("D", "delete", N_("Delete"), id="entities.delete"),
        Binding("E,ctrl+o", "editor", N_("Edit as YAML"), id="entities.editor"),
        Binding("i", "import_yaml", N_("Import a YAML file"), show=False, id="entities.import"),
        Binding("v", "view_yaml", N_("Look at it as YAML"), show=False, id="entities.view"),
        Binding("T", "tables", N_("The tables that ScheduleHub must have"), show=False, id="entities.tables"),
        Binding("u", "undo", N_("Undo the last act"), show=False, id="entities.undo"),
    ]

    def __init__(self) -> None:
        super().__init__()
        self._undo: Callable[[], None] | None = None
        self._shown: Mapping[str, Entity] = {}

    def key(self, row: "Overview") -> Hashable:
        return row.entity.name

    def rows(self, runtime: "Runtime", terms: Sequence[Term]) -> "Rows[Overview]":
        found = runtime.batches.overview()
        self._shown = {line.entity.name: line.entity for line in found}
        return RowList(self.ordered(chosen(found, terms, _texts)), self.key)

    def document(self, row: "Overview") -> Mapping[str, object]:
        import msgspec  # of no use before

        return {**msgspec.to_builtins(row), "watermark": row.watermark}

    def _chosen(self) -> list[Entity]:
        """The marked entities as they are now, or the one under the cursor."""
        if self.table.all_marked:
            return [line.entity for line in self.table.rows.page(0, self.table.total)]
        marked = [self._shown[str(name)] for name in self.table.marks if name in self._shown]
        return marked or ([self.table.row.entity] if self.table.row is not None else [])

    def _names(self) -> list[str]:
        return [entity.name for entity in self._chosen()]

    def on_lazy_table_chosen(self, message: LazyTable.Chosen) -> None:
        if message.table is self.table:
            self.app.push_screen(EntityScreen(message.row.entity.name))

    def action_sync(self, is_full: int) -> None:
        self.ask_sync(self._names(), SyncType.FULL if is_full else SyncType.INCREMENTAL, self.table.unmark)

    def action_dry_run(self) -> None:
        self.dry_run(self._names())

    def action_toggle_enabled(self) -> None:
        """When all of them are enabled, they are disabled; otherwise all are enabled."""
        entities = self._chosen()
        enabled = not all(entity.sync_enabled for entity in entities)
        changing = [entity for entity in entities if entity.sync_enabled is not enabled]
        if not changing:
            return
        if len(changing) == 1:
            self._enable(changing, enabled=enabled)
            return
        one, many = (
            plural("Enable {n} entity?", "Enable {n} entities?", len(changing)),
            plural("Disable {n} entity?", "Disable {n} entities?", len(changing)),
        )
        self.app.push_screen(
            Question(one if enabled else many), lambda yes: self._enable(changing, enabled=enabled) if yes else None
        )

    def _enable(self, entities: Sequence[Entity], *, enabled: bool) -> None:
        names = [entity.name for entity in entities]

        def back() -> None:
            self._enable([self._shown[name] for name in names if name in self._shown], enabled=not enabled)

        def done() -> None:
            self.table.unmark()
            self._undo = back

        self.enable(entities, enabled=enabled, then=done)

    def action_add(self) -> None:
        self.app.push_screen(EntityAddScreen())

    def action_delete(self) -> None:
        entities = {entity.name: entity for entity in self._chosen()}
        self.ask_delete(list(entities), lambda deleted: self._deleted([entities[name] for name in deleted]))

    def _deleted(self, entities: Sequence[Entity]) -> None:
        self.table.unmark()
        if entities:
            self._undo = lambda: self._make_again(list(reversed(entities)))

    def _make_again(self, entities: Sequence[Entity]) -> None:
        def work(runtime: "Runtime") -> None:
            from syncflow.service.entities import Change  # heavy, and this is a thread

            runtime.entities.change_all([Change(None, entity) for entity in entities])

        said = _("Made again: {}. The next batch compares the whole table.").format(
            ", ".join(entity.name for entity in entities)
        )
        self.act(work, lambda _none: self.notify(said, markup=False))

    def action_undo(self) -> None:
        if self._undo is None:
            self.notify(_("There is nothing to take back."), markup=False)
            return
        undo, self._undo = self._undo, None
        undo()

    def action_editor(self) -> None:
        entities = self._chosen()
        if entities:
            self.edit_as_yaml(entities, entities, self._edited)

    def _edited(self, changes: "Sequence[Change]", file: Path) -> None:
        self.offer(changes, lambda: self.edit_is_over(file))

    def action_import_yaml(self) -> None:
        ask, detail = _("Import which YAML file?"), _("What it would change is shown before anything is written.")
        self.app.push_screen(TypedQuestion(ask, detail), self._import)

    def _import(self, name: str | None) -> None:
        if name is None:
            return
        file = Path(name).expanduser()

        def work(runtime: "Runtime") -> "Sequence[Change]":
            try:
                text = file.read_text(encoding="utf-8-sig")
            except UnicodeDecodeError as error:
                raise UsageError(_("{} is not UTF-8 text (byte {}).").format(file, error.start)) from error
            except OSError as error:
                raise UsageError(_("{} cannot be read: {}.").format(file, error.strerror)) from error
            return runtime.entities.read_yaml(text, file.name)

        def take(changes: "Sequence[Change]") -> None:
            different = [change for change in changes if change.different]
            if different:
                self.offer(different, self.load)
            else:
                self.notify(_("All entities of {} stand as it says.").format(file.name), markup=False)

        self.act(work, take)

    def action_view_yaml(self) -> None:
        names = self._names()
        if names:
            title = names[0] if len(names) == 1 else plural("{n} entity", "{n} entities", len(names))
            self.app.push_screen(EntityTextScreen(title, lambda runtime: runtime.entities.export_yaml(names)))

    def action_tables(self) -> None:
        def tables(runtime: "Runtime") -> str:
            from syncflow.service.target_tables import tables_json  # heavy, and this is a thread

            return tables_json(runtime.entities.tables())

        self.app.push_screen(EntityTextScreen(_("tables"), tables))

    def action_export(self) -> None:
        self.app.push_screen(
            TypedQuestion(
                _("Into which file? .csv, .jsonl or .yaml"),
                _("A .yaml file holds the entities as import takes them; the others, the list as it is shown."),
            ),
            self._export_into,
        )

    def _exported(self, rows: "Rows[Overview]", file: Path) -> tuple[Path, int]:
        if file.suffix not in _YAML:
            return super()._exported(rows, file)
        names = [line.entity.name for line in rows.page(0, rows.total)]
        try:
            with file.open("x", encoding="utf-8") as out:
                out.write(self.console.bridge.runtime.entities.export_yaml(names))
        except FileExistsError as error:
            raise UsageError(_("{} is there already; choose another name.").format(file)) from error
        except OSError as error:
            raise UsageError(_("{} cannot be written: {}.").format(file, error.strerror)) from error
        return file, len(names)


def _texts(line: "Overview") -> dict[str, str]:
    return {
        "entity": line.entity.name,
        "api": line.entity.api,
        "strategy": str(line.entity.delta_strategy),
        "status": "" if line.batch is None else f"{line.batch.status} {marks.status(line.batch.status)[0]}",
        "schedule": f"{'enabled' if line.entity.sync_enabled else 'disabled'} {line.entity.sync_schedule or ''}",
    }
