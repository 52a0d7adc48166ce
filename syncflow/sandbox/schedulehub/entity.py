"""An entity's table: its columns, its references, and how a PUT /tables body describes them."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Literal, cast, get_args

from syncflow.sandbox.errors import ApiError
from syncflow.sandbox.web import take_members

ColumnType = Literal["text", "integer", "numeric", "boolean", "date", "timestamp", "timestamptz", "bytes", "json"]
COLUMN_TYPES: tuple[str, ...] = get_args(ColumnType)
ERP_MEMBERS = ("erp_key_hash", "erp_data_hash", "erp_rowversion", "erp_ref_str")
RESERVED_MEMBERS = frozenset({*ERP_MEMBERS, "uid", "parent_refs", "created_at", "updated_at", "deleted_at"})
RESERVED_ENTITIES = frozenset({"auth", "health", "tables"})
_ENTITY = re.compile(r"^[a-z][a-z0-9_]{0,62}$")
_MAX_NAME_BYTES = 63


@dataclass(frozen=True)
class Column:
    name: str
    type: ColumnType
    nullable: bool = True


@dataclass(frozen=True)
class ParentRef:
    """`name` is the member of `parent_refs`; the parent's uid stands in the column `<name>_uid`."""

    name: str
    entity: str

    @property
    def column(self) -> str:
        return f"{self.name}_uid"


@dataclass(frozen=True)
class Entity:
    name: str
    columns: tuple[Column, ...]
    parents: tuple[ParentRef, ...] = ()

    @cached_property
    def by_name(self) -> Mapping[str, Column]:
        return {column.name: column for column in self.columns}


def check_entity_name(name: str) -> str:
    """The name when it can be an entity's; ApiError 422 otherwise."""
    if not _ENTITY.match(name) or name in RESERVED_ENTITIES or name.startswith("pg_"):
        raise ApiError(422, f"'{name}' cannot be an entity's name: a-z, 0-9 and _ only, and none of the calls' own.")
    return name


def parse_entity(name: str, body: object) -> Entity:
    """Read the body of PUT /tables/{entity}. Raises ApiError 400 (form) or 422 (values)."""
    members = take_members(body, ("columns",), ("parent_refs",))
    columns = tuple(_parse_column(one) for one in _list(members, "columns"))
    parents = tuple(_parse_parent(one) for one in _list(members, "parent_refs"))
    taken: set[str] = set()
    for column in (*(c.name for c in columns), *(p.column for p in parents)):
        if column in taken:
            raise _wrong(f"The column '{column}' is named twice.")
        taken.add(column)
    return Entity(check_entity_name(name), columns, parents)


def _parse_column(body: object) -> Column:
    members = take_members(body, ("name", "type"), ("nullable",))
    name, column_type, nullable = members["name"], members["type"], members.get("nullable", True)
    if not isinstance(name, str) or not 0 < len(name.encode("utf-8", "replace")) <= _MAX_NAME_BYTES or "\0" in name:
        raise _wrong(f"{name!r} cannot be a column's name.")
    if name in RESERVED_MEMBERS or name.startswith("_bridge_"):
        raise _wrong(f"The column name '{name}' is ScheduleHub's own.")
    if column_type not in COLUMN_TYPES:
        raise _wrong(f"Column '{name}' has the unknown type {column_type!r}; known are: {', '.join(COLUMN_TYPES)}.")
    if not isinstance(nullable, bool):
        raise _wrong(f"Column '{name}': 'nullable' must be true or false.")
    return Column(name, cast(ColumnType, column_type), nullable)


def _parse_parent(body: object) -> ParentRef:
    members = take_members(body, ("name", "entity"))
    name, entity = members["name"], members["entity"]
    if not isinstance(name, str) or not _ENTITY.match(name) or not isinstance(entity, str):
        raise _wrong(f"A parent reference needs a 'name' and an 'entity', both names: {body!r}.")
    return ParentRef(name, check_entity_name(entity))


def _list(members: dict[str, object], name: str) -> list[object]:
    value = members.get(name, [])
    if not isinstance(value, list):
        raise _wrong(f"'{name}' must be a list.")
    return value


def _wrong(sentence: str) -> ApiError:
    return ApiError(422, sentence, code="value")
