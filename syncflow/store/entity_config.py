"""`entity_config` and `field_mappings`: what is configured, one entity at a time."""

from collections.abc import Mapping
from datetime import datetime

import msgspec
import sqlalchemy as sa
from sqlalchemy import Connection, RowMapping

from syncflow.model import Entity, FieldMapping
from syncflow.store.tables import entity_config as table
from syncflow.store.tables import field_mappings

_OPTIONS = ("fold", "jalali", "keep_nanoseconds", "mask")


def load_all(connection: Connection) -> dict[str, Entity]:
    """All entities by name, in the order of names."""
    mappings: dict[str, list[FieldMapping]] = {}
    query = sa.select(field_mappings).order_by(field_mappings.c.entity_name, field_mappings.c.position)
    for row in connection.execute(query).mappings():
        mappings.setdefault(row["entity_name"], []).append(_mapping(row))
    rows = connection.execute(sa.select(table).order_by(table.c.entity_name)).mappings()
    return {row["entity_name"]: _entity(row, tuple(mappings.get(row["entity_name"], ()))) for row in rows}


def create(connection: Connection, entity: Entity, now: datetime) -> None:
    connection.execute(table.insert().values(version=1, created_at=now, updated_at=now, **_values(entity)))
    _put_mappings(connection, entity)


def replace(connection: Connection, entity: Entity, now: datetime) -> bool:
    """Write an entity over the version that it was read at; False when it has changed, or is gone, since then."""
    statement = table.update().where(table.c.entity_name == entity.name, table.c.version == entity.version)
    changed = connection.execute(statement.values(version=entity.version + 1, updated_at=now, **_values(entity)))
    if changed.rowcount == 0:
        return False
    connection.execute(field_mappings.delete().where(field_mappings.c.entity_name == entity.name))
    _put_mappings(connection, entity)
    return True


def delete(connection: Connection, name: str) -> bool:
    connection.execute(field_mappings.delete().where(field_mappings.c.entity_name == name))
    return connection.execute(table.delete().where(table.c.entity_name == name)).rowcount > 0


def keep_types(connection: Connection, name: str, types: Mapping[str, str]) -> None:
    """Add column types that were observed; the entity's version stays, for nobody has edited it."""
    merged = table.c.column_types.op("||")(sa.cast(dict(types), table.c.column_types.type))
    connection.execute(table.update().where(table.c.entity_name == name).values(column_types=merged))


def _put_mappings(connection: Connection, entity: Entity) -> None:
    rows = [
        {
            "entity_name": entity.name,
            "position": position,
            "source": mapping.source,
            "target": mapping.target,
            "transformation": mapping.transformation,
            "default_value": mapping.default,
            "is_required": mapping.required,
            "validation_rule": mapping.validation_rule,
            "options": _options(mapping),
        }
        for position, mapping in enumerate(entity.mappings)
    ]
    if rows:
        connection.execute(field_mappings.insert(), rows)


def _options(mapping: FieldMapping) -> dict[str, object]:
    options: dict[str, object] = {name: True for name in _OPTIONS if getattr(mapping, name)}
    return {**options, "replacements": msgspec.to_builtins(mapping.replacements)} if mapping.replacements else options


def _values(entity: Entity) -> dict[str, object]:
    return {
        "entity_name": entity.name,
        "api_slug": entity.api,
        "business_key_fields": list(entity.business_key),
        "parent_refs_config": msgspec.to_builtins(entity.parent_refs),
        "delta_strategy": entity.delta_strategy,
        "rowversion_field": entity.rowversion_field,
        "lookback": entity.lookback,
        "paging": entity.paging,
        "delete_mode": entity.delete_mode,
        "drift_mode": entity.drift_mode,
        "conventions": msgspec.to_builtins(entity.conventions),
        "column_types": dict(entity.column_types),
        "hash_exclude": list(entity.hash_exclude),
        "sync_enabled": entity.sync_enabled,
        "sync_schedule": entity.sync_schedule,
    }


def _entity(row: RowMapping, mappings: tuple[FieldMapping, ...]) -> Entity:
    fields = {
        "name": row["entity_name"],
        "api": row["api_slug"],
        "business_key": row["business_key_fields"],
        "parent_refs": row["parent_refs_config"],
        "conventions": row["conventions"],
        "mappings": mappings,
    }
    same = ("delta_strategy", "rowversion_field", "lookback", "paging", "delete_mode", "drift_mode", "column_types",
            "hash_exclude", "sync_enabled", "sync_schedule", "version")  # fmt: skip
    return msgspec.convert({**fields, **{name: row[name] for name in same}}, Entity)


def _mapping(row: RowMapping) -> FieldMapping:
    return msgspec.convert(
        {
            "source": row["source"],
            "target": row["target"],
            "transformation": row["transformation"],
            "default": row["default_value"],
            "required": row["is_required"],
            "validation_rule": row["validation_rule"],
            **row["options"],
        },
        FieldMapping,
    )
