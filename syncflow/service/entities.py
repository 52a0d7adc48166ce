"""What an operator does with entities: discover, import, export, create, change, delete."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

import msgspec

from syncflow.clock import Clock
from syncflow.engine.dispatcher import load_order
from syncflow.engine.plan import Planner, children_of, nearest, target_table
from syncflow.errors import UsageError
from syncflow.model import ApiDefinition, DeltaStrategy, Entity, TargetTable
from syncflow.protocols import Source
from syncflow.service.batches import Definitions, observe
from syncflow.service.entity_yaml import entity_of_fields, read_entities, write_entities, write_entity
from syncflow.store import audit_log, entity_config, erp_sync_state
from syncflow.store.database import Connection, Database


@dataclass(frozen=True)
class Imported:
    """What an import did, by entity names."""

    created: tuple[str, ...]
    updated: tuple[str, ...]
    unchanged: tuple[str, ...]


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
        """Raises UsageError, with the nearest name, when there is none."""
        entities = self._load()
        if name not in entities:
            raise UsageError(f"There is no entity {name!r}{nearest(name, entities)}. See: syncflow entities list")
        return entities[name]

    def discover(self) -> list[Entity]:
        """Entities that APISmith's definitions propose and that are not configured yet."""
        configured = {entity.api for entity in self._load().values()}
        return [propose(definition) for definition in self._source.definitions() if definition.slug not in configured]

    def import_yaml(self, text: str, origin: str) -> Imported:
        """Create or change the entities of a file, all of them or none. An entity that stands as the file says is left
        alone. Raises ConfigurationError with file and line for a mistake in it."""
        wanted = read_entities(text, origin)
        before = self._load()
        after = {**before, **{entity.name: _carried_over(entity, before) for entity in wanted}}
        self._check([after[entity.name] for entity in wanted], after)
        created = [entity for entity in wanted if entity.name not in before]
        updated = [entity for entity in wanted if entity.name in before and after[entity.name] != before[entity.name]]
        with self._database.begin() as connection:
            for entity in created:
                self._create(connection, after[entity.name])
            for entity in updated:
                self._replace(connection, before[entity.name], after[entity.name])
        changed = {entity.name for entity in (*created, *updated)}
        return Imported(
            tuple(entity.name for entity in created),
            tuple(entity.name for entity in updated),
            tuple(entity.name for entity in wanted if entity.name not in changed),
        )

    def export_yaml(self, names: Sequence[str]) -> str:
        """These entities, or all of them, as `import_yaml` takes them."""
        chosen = [self.get(name) for name in names] if names else self.all()
        return write_entities(chosen)

    def create(self, name: str, fields: Mapping[str, str]) -> Entity:
        """A new entity from fields as they stand in the YAML file, each value a piece of YAML. Raises UsageError when
        there is one of that name, ConfigurationError when it does not fit its API."""
        before = self._load()
        if name in before:
            raise UsageError(f"There is an entity {name} already. Change it with: syncflow entities update {name}")
        entity = entity_of_fields(f"name: {name}\n", fields)
        self._check([entity], {**before, name: entity})
        with self._database.begin() as connection:
            self._create(connection, entity)
        return self.get(name)

    def update(self, name: str, fields: Mapping[str, str]) -> Entity:
        """Change fields of an entity, each value a piece of YAML; an empty one takes the field back to its default.
        Raises UsageError when somebody else changed the entity in the meantime."""
        before = self.get(name)
        after = replace(entity_of_fields(write_entity(before), fields), version=before.version)
        self._check([after], {**self._load(), name: after})
        with self._database.begin() as connection:
            self._replace(connection, before, after)
        return self.get(name)

    def change(self, before: Entity, after: Entity) -> Entity:
        """Put one state of an entity in the place of another. Raises UsageError when somebody else changed the entity
        in the meantime, ConfigurationError when it does not fit its API."""
        self._check([after], {**self._load(), after.name: after})
        with self._database.begin() as connection:
            self._replace(connection, before, after)
        return self.get(after.name)

    def delete(self, name: str) -> None:
        """Forget an entity and its watermark; its table in ScheduleHub stays. Raises UsageError while others refer to
        it, or a batch of it is running."""
        entity = self.get(name)
        children = [child.entity for child in children_of(name, self._load().values()) if child.entity != name]
        if children:
            raise UsageError(f"{name} cannot be deleted: {', '.join(children)} refer to it. Delete them first.")
        with self._database.begin() as connection:
            entity_config.delete(connection, name)
            erp_sync_state.forget(connection, name)
            self._record(connection, "entity.delete", name, entity, None)

    def tables(self) -> list[TargetTable]:
        """The tables that ScheduleHub must have for the configured entities, parents before children."""
        entities = self._load()
        planner = self._planner(entities)
        return [target_table(planner.plan(name)) for name in load_order(entities.values())]

    def _check(self, changed: Iterable[Entity], entities: Mapping[str, Entity]) -> None:
        planner = self._planner(entities)
        for entity in changed:
            planner.plan(entity.name)

    def _planner(self, entities: Mapping[str, Entity]) -> Planner:
        return Planner(entities, Definitions(self._source), lambda api: observe(self._source, api, self._first_page))

    def _load(self) -> dict[str, Entity]:
        with self._database.begin() as connection:
            return entity_config.load_all(connection)

    def _create(self, connection: Connection, entity: Entity) -> None:
        entity_config.create(connection, entity, self._clock.now())
        self._record(connection, "entity.create", entity.name, None, entity)

    def _replace(self, connection: Connection, before: Entity, after: Entity) -> None:
        if not entity_config.replace(connection, after, self._clock.now()):
            raise UsageError(
                f"{after.name} was changed by somebody else in the meantime. Look at it again, then repeat."
            )
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


def _carried_over(entity: Entity, before: Mapping[str, Entity]) -> Entity:
    """The entity as it will be stored: under the version that is there, and with the types that were observed."""
    old = before.get(entity.name)
    if old is None:
        return entity
    return replace(entity, version=old.version, column_types={**old.column_types, **entity.column_types})


def _as_json(entity: Entity | None) -> dict[str, object] | None:
    return None if entity is None else msgspec.to_builtins(entity)
