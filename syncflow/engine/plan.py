"""An entity's frozen configuration for one batch: made once, kept as a snapshot, never changed by later edits."""

import hashlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from difflib import get_close_matches

import msgspec

from syncflow.errors import ConfigurationError
from syncflow.i18n.texts import Text
from syncflow.model import (
    ApiDefinition,
    ChildRef,
    DeltaStrategy,
    Entity,
    FieldMapping,
    ParentRef,
    Plan,
    PlanColumn,
    PlanParent,
    PlanParentKey,
    TargetColumn,
    TargetTable,
)
from syncflow.oracle_types import CHARACTER_KINDS, DATETIME_KINDS, NUMERIC_KINDS, OracleType, parse
from syncflow.rules.transformations import check_mapping


@dataclass(frozen=True)
class Planner:
    """Makes plans. `definition` asks the source for an API; `observe` reads the types of an API's first page, for
    columns that nobody declares."""

    entities: Mapping[str, Entity]
    definition: Callable[[str], ApiDefinition]
    observe: Callable[[str], Mapping[str, OracleType]]

    def plan(self, name: str) -> Plan:
        """Raises ConfigurationError, naming entity, field and remedy, for whatever does not fit together."""
        entity = self._entity(name)
        columns = self._columns(entity)
        _check_fields(entity, columns)
        parents = tuple(self._parent(entity, ref, columns) for ref in entity.parent_refs)
        return Plan(
            entity=entity.name,
            api=entity.api,
            columns=columns,
            business_key=entity.business_key,
            delta_strategy=entity.delta_strategy,
            rowversion_field=entity.rowversion_field,
            lookback=entity.lookback,
            paging=entity.paging,
            delete_mode=entity.delete_mode,
            drift_mode=entity.drift_mode,
            conventions=entity.conventions,
            parents=parents,
            children=tuple(children_of(entity.name, self.entities.values())),
            hash_exclude=entity.hash_exclude,
            typed=tuple(sorted(entity.column_types)),
            mapped=tuple(sorted(mapping.source for mapping in entity.mappings)),
            observed=self._observed(entity, columns),
        )

    def _observed(self, entity: Entity, columns: Iterable[PlanColumn]) -> tuple[str, ...]:
        declared = {column.name for column in self.definition(entity.api).columns if column.data_type is not None}
        known = declared | entity.column_types.keys()
        return tuple(column.source for column in columns if column.source not in known)

    def column_types(self, entity: Entity) -> dict[str, OracleType]:
        """Source name -> type: as configured, else as declared, else as the first page shows."""
        definition = self.definition(entity.api)
        types: dict[str, OracleType | None] = {
            c.name: _declared(entity, c.name, c.data_type) for c in definition.columns
        }
        types |= {name: _declared(entity, name, text) for name, text in entity.column_types.items()}
        if not definition.columns or None in types.values():
            types = {**self.observe(entity.api), **{name: type_ for name, type_ in types.items() if type_ is not None}}
        known = {name: type_ for name, type_ in types.items() if type_ is not None}
        if not known:
            raise ConfigurationError(
                "The API {api} declares no columns and its first page is empty, so nobody knows what "
                "{entity} consists of. Sync it once the source has rows, or set column_types for the entity.",
                api=entity.api,
                entity=entity.name,
            )
        return known

    def _entity(self, name: str) -> Entity:
        if name in self.entities:
            return self.entities[name]
        raise ConfigurationError(no_entity(name, self.entities))

    def _columns(self, entity: Entity) -> tuple[PlanColumn, ...]:
        types = self.column_types(entity)
        mappings = {mapping.source: mapping for mapping in entity.mappings}
        for source in mappings.keys() - types.keys():
            raise ConfigurationError(
                "{entity}: the mapping of {source} has no column: the API {api} does not have it{near}. Correct the "
                "mapping, or add the column in the API.",
                entity=entity.name,
                source=source,
                api=entity.api,
                near=nearest(source, types),
            )
        columns = tuple(
            PlanColumn(type_, mappings.get(name) or FieldMapping(name, name.lower())) for name, type_ in types.items()
        )
        _check_targets(entity, columns)
        for column in columns:
            check_mapping(column.mapping, column.type)
        return columns

    def _parent(self, child: Entity, ref: ParentRef, columns: tuple[PlanColumn, ...]) -> PlanParent:
        where = f"{child.name}: parent_refs.{ref.name}"
        parent = self.entities.get(ref.entity)
        if parent is None:
            raise ConfigurationError(
                "{where} refers to the entity {entity}, which is not configured{near}. Configure it first, or remove "
                "the reference.",
                where=where,
                entity=repr(ref.entity),
                near=nearest(ref.entity, self.entities),
            )
        if sorted(parent_field for _, parent_field in ref.fields) != sorted(parent.business_key):
            raise ConfigurationError(
                "{where} must give every field of the business key of {parent} once: {business_key}.",
                where=where,
                parent=parent.name,
                business_key=", ".join(parent.business_key),
            )
        parent_columns = columns if parent.name == child.name else self._columns(parent)
        by_target = {column.target: column for column in parent_columns}
        own = {column.target: column for column in columns}
        for child_field, _ in ref.fields:
            _known_field(f"{where}.fields", child_field, own)
        for _, parent_field in ref.fields:
            _known_field(f"{parent.name}: business_key", parent_field, by_target)
        keys = tuple(PlanParentKey(child_field, by_target[parent_field]) for child_field, parent_field in ref.fields)
        required = any(own[child_field].mapping.required for child_field, _ in ref.fields)
        return PlanParent(ref.name, ref.entity, keys, parent.conventions, required)


def children_of(name: str, entities: Iterable[Entity]) -> list[ChildRef]:
    """Who refers to an entity, in the order of names."""
    return sorted(
        (ChildRef(entity.name, ref.name) for entity in entities for ref in entity.parent_refs if ref.entity == name),
        key=lambda child: (child.entity, child.ref),
    )


def target_table(plan: Plan) -> TargetTable:
    """The table that this plan's rows go to. Key columns are the only ones that are never NULL."""
    columns = tuple(
        TargetColumn(column.target, column.target_type, column.target not in plan.business_key)
        for column in plan.columns
    )
    parents = tuple((parent.name, parent.entity) for parent in plan.parents)
    return TargetTable(plan.entity, columns, parents, plan.children)


def with_new_columns(plan: Plan, observed: Mapping[str, OracleType]) -> Plan:
    """The plan widened by columns that appeared in the data (drift mode `evolve`)."""
    new = tuple(PlanColumn(type_, FieldMapping(name, name.lower())) for name, type_ in observed.items())
    targets = {column.target for column in plan.columns}
    for column in new:
        if column.target in targets:
            raise ConfigurationError(
                "{entity}: the new column {source} would be loaded as {target}, a name that "
                "another column has already. Map it to a name of its own.",
                entity=plan.entity,
                source=column.source,
                target=column.target,
            )
    return replace(plan, columns=plan.columns + new)


def to_json(plan: Plan) -> bytes:
    """The snapshot that a batch keeps."""
    return msgspec.json.encode(plan)


def from_json(snapshot: bytes) -> Plan:
    return msgspec.json.decode(snapshot, type=Plan)


def identity_hash(plan: Plan) -> str:
    """Changes when the same source row could get another hash or another value: mapping, types, conventions, keys.
    Then the next batch is a whole comparison (pipeline, stage 7)."""
    columns = [replace(column, mapping=replace(column.mapping, mask=False)) for column in plan.columns]
    relevant = (
        sorted(columns, key=lambda column: column.target),
        plan.business_key,
        plan.conventions,
        plan.parents,
        sorted(plan.hash_exclude),
    )
    return hashlib.sha256(msgspec.json.encode(relevant)).hexdigest()


def comparable_kind(column: PlanColumn) -> str:
    """How a source is expected to order the raw values of a column: `number`, `datetime` or `text`."""
    if column.type.kind in NUMERIC_KINDS:
        return "number"
    return "datetime" if column.type.kind in DATETIME_KINDS else "text"


def nearest(name: str, names: Iterable[str]) -> Text | str:
    """` (did you mean X?)` or nothing."""
    close = get_close_matches(name, list(names), 1)
    return Text(" (did you mean {name}?)", name=close[0]) if close else ""


def hinted(said: str, name: str, names: Iterable[str]) -> Text | str:
    """What is said, with the name among these that is nearest to this one, if one is near."""
    close = get_close_matches(name, list(names), 1)
    return Text("{said} (did you mean {name}?)", said=said, name=close[0]) if close else said


def no_entity(name: str, names: Iterable[str]) -> Text:
    """What is said of an entity that is not configured, with the nearest of those that are."""
    return Text("There is no entity {name}. See: syncflow entities list", name=hinted(repr(name), name, names))


def _declared(entity: Entity, name: str, data_type: str | None) -> OracleType | None:
    text = entity.column_types.get(name, data_type)
    if text is None:
        return None
    try:
        return parse(text)
    except ConfigurationError as error:
        raise ConfigurationError(
            "{entity}: column {name} of the API {api}: {error} "
            "Correct the API's definition, or set column_types: {{{name}: ...}} for the entity.",
            entity=entity.name,
            name=name,
            api=entity.api,
            error=error,
        ) from error


def _check_targets(entity: Entity, columns: tuple[PlanColumn, ...]) -> None:
    seen: dict[str, str] = {}
    for column in columns:
        if column.target in seen:
            raise ConfigurationError(
                "{entity}: {seen} and {source} would both be loaded as {target}. "
                "Give one of them another target name in the mappings.",
                entity=entity.name,
                seen=seen[column.target],
                source=column.source,
                target=column.target,
            )
        seen[column.target] = column.source


def _check_fields(entity: Entity, columns: tuple[PlanColumn, ...]) -> None:
    targets = {column.target: column for column in columns}
    if not entity.business_key:
        raise ConfigurationError(
            "{entity} has no business_key, so its rows have no identity. Name the fields that tell them apart.",
            entity=entity.name,
        )
    for field in entity.business_key:
        _known_field(f"{entity.name}: business_key", field, targets)
        if targets[field].mapping.replacements:
            raise ConfigurationError(
                "{entity}: {field} is part of the business key, and replacements would make other rows of the "
                "rows that are loaded. Mend the key in the source.",
                entity=entity.name,
                field=field,
            )
    for field in entity.hash_exclude:
        _known_field(f"{entity.name}: hash_exclude", field, targets)
    if targets.keys() <= set(entity.hash_exclude):
        raise ConfigurationError(
            "{entity}: hash_exclude leaves no field whose changes would be noticed. Take some out of it, or use "
            "delta_strategy: full.",
            entity=entity.name,
        )
    if entity.rowversion_field is not None:
        _known_field(f"{entity.name}: rowversion_field", entity.rowversion_field, targets)
        if entity.lookback and targets[entity.rowversion_field].type.kind in CHARACTER_KINDS:
            raise ConfigurationError(
                "{entity}: a lookback of {lookback} cannot be taken from {rowversion_field}, which "
                "is text. Set lookback to 0, or use a rowversion that is a number or a time.",
                entity=entity.name,
                lookback=str(entity.lookback),
                rowversion_field=entity.rowversion_field,
            )
    elif entity.delta_strategy is DeltaStrategy.ROWVERSION:
        raise ConfigurationError(
            "{entity} goes by rowversion but has no rowversion_field. Name one, or use delta_strategy: hash.",
            entity=entity.name,
        )


def _known_field(where: str, field: str, targets: Mapping[str, PlanColumn]) -> None:
    if field not in targets:
        raise ConfigurationError(
            "{where}: there is no field {field}. Fields go by their target names: {targets}.",
            where=where,
            field=hinted(repr(field), field, targets),
            targets=", ".join(sorted(targets)),
        )
