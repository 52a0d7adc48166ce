"""What an operator does with entities: discover, import, export, create, change, delete."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

import msgspec

from syncflow.clock import Clock
from syncflow.engine.dispatcher import load_order
from syncflow.engine.plan import Planner, children_of, no_entity, target_table
from syncflow.errors import ConfigurationError, UsageError
from syncflow.i18n.texts import Text
from syncflow.model import ApiDefinition, DeltaStrategy, Entity, TargetTable
from syncflow.protocols import Source
from syncflow.scheduler.cadence import parse_cadence
from syncflow.schedules import BackgroundSchedule, ScheduleTerms
from syncflow.service.batches import Definitions, observe
from syncflow.service.entity_yaml import Stated, entity_of_fields, read_entities, write_entities, write_entity
from syncflow.service.schedule_writer import ScheduleWriter
from syncflow.store import audit_log, background_schedules, entity_config, erp_sync_state
from syncflow.store.database import Connection, Database


@dataclass(frozen=True)
class Imported:
    """What an import did, by entity names."""

    created: tuple[str, ...]
    updated: tuple[str, ...]
    unchanged: tuple[str, ...]


@dataclass(frozen=True)
class ScheduleChange:
    """An entity's schedule as it stands, and its terms as they are to be; None for one that is not there."""

    before: BackgroundSchedule | None
    after: ScheduleTerms | None

    @property
    def terms(self) -> tuple[ScheduleTerms | None, ScheduleTerms | None]:
        return (None if self.before is None else self.before.terms), self.after


@dataclass(frozen=True)
class Change:
    """One entity as it stands, under the version that was looked at, and as it is to be; `before` is None for a new
    one. `schedule` is None where nothing is said of its nights."""

    before: Entity | None
    after: Entity
    schedule: ScheduleChange | None = None

    @property
    def schedules(self) -> tuple[ScheduleTerms | None, ScheduleTerms | None]:
        """Its terms before and after, as far as something is said of them."""
        return (None, None) if self.schedule is None else self.schedule.terms

    @property
    def different(self) -> bool:
        before, after = self.schedules
        return self.after != self.before or before != after


@dataclass(frozen=True)
class Proposal:
    """What an API's definition suggests. `configured_as` are the entities that sync this API already; then the
    proposal has a name of its own."""

    entity: Entity
    title: str
    columns: int
    configured_as: tuple[str, ...]


class EntityChanged(UsageError):
    """Somebody else changed the entity in the meantime; `now` is what it is now, None when it is gone."""

    def __init__(self, name: str, now: Entity | None) -> None:
        super().__init__(
            Text("{name} was deleted by somebody else in the meantime. Look at it again, then repeat.", name=name)
            if now is None
            else Text("{name} was changed by somebody else in the meantime. Look at it again, then repeat.", name=name)
        )
        self.now = now


class EntityService:
    """Every act on entities; each change is checked against the source first, and stands in the audit log."""

    def __init__(self, database: Database, source: Source, clock: Clock, first_page: int, actor: str) -> None:
        self._database = database
        self._source = source
        self._clock = clock
        self._first_page = first_page
        self._actor = actor

    def all(self) -> list[Entity]:
        """All entities, parents before children."""
        entities = self._load()
        return [entities[name] for name in load_order(entities.values())]

    def get(self, name: str) -> Entity:
        """Raises UsageError, with the no_entity name, when there is none."""
        entities = self._load()
        if name not in entities:
            raise UsageError(no_entity(name, entities))
        return entities[name]

    def discover(self) -> list[Entity]:
        """Entities that APISmith's definitions propose and that are not configured yet."""
        configured = {entity.api for entity in self._load().values()}
        return [propose(definition) for definition in self._source.definitions() if definition.slug not in configured]

    def proposals(self) -> list[Proposal]:
        """Every API that APISmith publishes, as an entity that would sync it."""
        entities = self._load()
        return [_proposal(definition, entities) for definition in self._source.definitions()]

    def propose_for(self, api: str) -> Entity:
        """An entity for one API, by its slug, also when APISmith does not list it. Raises ConfigurationError when
        there is none; without declared columns, the business key is left to somebody."""
        return _proposal(self._source.definition(api), self._load()).entity

    def import_yaml(self, text: str, origin: str) -> Imported:
        """Create or change the entities of a file, all of them or none. An entity that stands as the file says is left
        alone. Raises ConfigurationError with file and line for a mistake in it."""
        changes = self.read_yaml(text, origin)
        different = [change for change in changes if change.different]
        self._write(different)
        return Imported(
            tuple(change.after.name for change in different if change.before is None),
            tuple(change.after.name for change in different if change.before is not None),
            tuple(change.after.name for change in changes if not change.different),
        )

    def read_yaml(self, text: str, origin: str, known: Sequence[Entity] = ()) -> list[Change]:
        """What `import_yaml` would write, checked, in the file's order. `known` are entities as somebody saw them
        before the text was written: they stand for what is stored, so that `change_all` notices when that has changed
        since."""
        stated = read_entities(text, origin)
        before = {**self._load(), **{entity.name: entity for entity in known}}
        after = {**before, **{each.entity.name: _carried_over(each.entity, before) for each in stated}}
        self._check([after[each.entity.name] for each in stated], after)
        schedules = self._schedules()
        names = [each.entity.name for each in stated]
        return [
            Change(before.get(name), after[name], _schedule_change(each, schedules))
            for name, each in zip(names, stated, strict=True)
        ]

    def export_yaml(self, names: Sequence[str]) -> str:
        """These entities, or all of them, as `import_yaml` takes them."""
        chosen = [self.get(name) for name in names] if names else self.all()
        return write_entities(chosen, {name: schedule.terms for name, schedule in self._schedules().items()})

    def create(self, name: str, fields: Mapping[str, str]) -> Entity:
        """A new entity from fields as they stand in the YAML file, each value a piece of YAML. Raises UsageError when
        there is one of that name, ConfigurationError when it does not fit its API."""
        before = self._load()
        if name in before:
            raise UsageError(
                "There is an entity {name} already. Change it with: syncflow entities update {name}", name=name
            )
        stated = entity_of_fields(f"name: {name}\n", fields)
        self._check([stated.entity], {**before, name: stated.entity})
        self._write([Change(None, stated.entity, _schedule_change(stated, self._schedules()))])
        return self.get(name)

    def update(self, name: str, fields: Mapping[str, str]) -> Entity:
        """Change fields of an entity, each value a piece of YAML; an empty one takes the field back to its default.
        Raises UsageError when somebody else changed the entity in the meantime."""
        before = self.get(name)
        stated = entity_of_fields(write_entity(before), fields)
        after = replace(stated.entity, version=before.version)
        self._check([after], {**self._load(), name: after})
        self._write([Change(before, after, _schedule_change(stated, self._schedules()))])
        return self.get(name)

    def change(self, before: Entity, after: Entity) -> Entity:
        """Put one state of an entity in the place of another. Raises UsageError when somebody else changed the entity
        in the meantime, ConfigurationError when it does not fit its API."""
        self.change_all([Change(before, after)])
        return self.get(after.name)

    def change_all(self, changes: Sequence[Change]) -> None:
        """Write these, all of them or none. Raises EntityChanged when somebody else changed one of them in the
        meantime, ConfigurationError when one does not fit its API."""
        self._check(
            [change.after for change in changes],
            {**self._load(), **{change.after.name: change.after for change in changes}},
        )
        self._write(changes)

    def enable(self, entities: Sequence[Entity], *, enabled: bool) -> None:
        """Whether `sync --all` and the schedules mean these, all of them or none; the source is not asked. Raises
        EntityChanged when somebody else changed one of them in the meantime."""
        self._write([Change(entity, replace(entity, sync_enabled=enabled)) for entity in entities])

    def delete(self, name: str) -> None:
        """Forget an entity, its watermark and its schedule; its table in ScheduleHub stays. Raises UsageError while
        others refer to it, or a batch of it is running."""
        entity = self.get(name)
        children = [child.entity for child in children_of(name, self._load().values()) if child.entity != name]
        if children:
            raise UsageError(
                "{name} cannot be deleted: {children} refer to it. Delete them first.",
                name=name,
                children=", ".join(children),
            )
        with self._database.begin() as connection:
            entity_config.delete(connection, name)
            erp_sync_state.forget(connection, name)
            self._write_schedule(connection, name, ScheduleChange(background_schedules.get(connection, name), None))
            self._record(connection, "entity.delete", name, entity, None)

    def tables(self) -> list[TargetTable]:
        """The tables that ScheduleHub must have for the configured entities, parents before children."""
        entities = self._load()
        planner = self._planner(entities)
        return [target_table(planner.plan(name)) for name in load_order(entities.values())]

    def _check(self, changed: Iterable[Entity], entities: Mapping[str, Entity]) -> None:
        planner = self._planner(entities)
        for entity in changed:
            check_cadence(entity)
            planner.plan(entity.name)

    def _planner(self, entities: Mapping[str, Entity]) -> Planner:
        return Planner(entities, Definitions(self._source), lambda api: observe(self._source, api, self._first_page))

    def _load(self) -> dict[str, Entity]:
        with self._database.begin() as connection:
            return entity_config.load_all(connection)

    def _write(self, changes: Sequence[Change]) -> None:
        with self._database.begin() as connection:
            for change in changes:
                if change.before is None:
                    self._create(connection, change.after)
                elif change.after != change.before or change.schedule is None:
                    self._replace(connection, change.before, change.after)
                if change.schedule is not None:
                    self._write_schedule(connection, change.after.name, change.schedule)

    def _schedules(self) -> dict[str, BackgroundSchedule]:
        with self._database.begin() as connection:
            return background_schedules.load_all(connection)

    def _write_schedule(self, connection: Connection, name: str, change: ScheduleChange) -> None:
        writer = ScheduleWriter(connection, self._actor, self._clock.now())
        before, after = change.before, change.after
        if before is None and after is not None:
            writer.create(name, after)
        elif before is not None and after is None:
            writer.remove(before)
        elif before is not None and after is not None and after != before.terms:
            writer.change(before, after)

    def _create(self, connection: Connection, entity: Entity) -> None:
        entity_config.create(connection, entity, self._clock.now())
        self._record(connection, "entity.create", entity.name, None, entity)

    def _replace(self, connection: Connection, before: Entity, after: Entity) -> None:
        if not entity_config.replace(connection, after, self._clock.now()):
            raise EntityChanged(after.name, entity_config.load_all(connection).get(after.name))
        self._record(connection, "entity.update", after.name, before, after)

    def _record(self, connection: Connection, act: str, name: str, before: Entity | None, after: Entity | None) -> None:
        told = audit_log.Act(self._actor, act, name, name, _as_json(before), _as_json(after))
        audit_log.record(connection, told, self._clock.now())


def propose(definition: ApiDefinition) -> Entity:
    """An entity as the API's own definition suggests it; an API that names no key is proposed with its first column,
    for somebody to judge."""
    key = definition.business_key_columns or tuple(column.name for column in definition.columns[:1])
    strategy = definition.delta_strategy or DeltaStrategy.HASH
    rowversion = definition.rowversion_column.lower() if definition.rowversion_column else None
    if rowversion is None and strategy is DeltaStrategy.ROWVERSION:
        strategy = DeltaStrategy.HASH
    return Entity(
        name=definition.slug,
        api=definition.slug,
        business_key=tuple(column.lower() for column in key),
        delta_strategy=strategy,
        rowversion_field=rowversion,
    )


def _proposal(definition: ApiDefinition, entities: Mapping[str, Entity]) -> Proposal:
    entity = propose(definition)
    configured_as = tuple(name for name, other in entities.items() if other.api == definition.slug)
    number = 2
    while entity.name in entities:
        entity = replace(entity, name=f"{definition.slug}_{number}")
        number += 1
    return Proposal(entity, definition.name, len(definition.columns), configured_as)


def _carried_over(entity: Entity, before: Mapping[str, Entity]) -> Entity:
    """The entity as it will be stored: under the version that is there, and with the types that were observed."""
    old = before.get(entity.name)
    if old is None:
        return entity
    return replace(entity, version=old.version, column_types={**old.column_types, **entity.column_types})


def check_cadence(entity: Entity) -> None:
    """Raises ConfigurationError for a `sync_schedule` that cannot be kept."""
    if entity.sync_schedule is not None:
        try:
            parse_cadence(entity.sync_schedule, "UTC")
        except ConfigurationError as error:
            raise ConfigurationError("{entity}, sync_schedule: {error}", entity=entity.name, error=error) from error


def _schedule_change(stated: Stated, schedules: Mapping[str, BackgroundSchedule]) -> ScheduleChange | None:
    if not stated.states_schedule:
        return None
    return ScheduleChange(schedules.get(stated.entity.name), stated.schedule)


def _as_json(entity: Entity | None) -> dict[str, object] | None:
    return None if entity is None else msgspec.to_builtins(entity)
