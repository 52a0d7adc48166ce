"""The tables that ScheduleHub must have, in the words of its capability `tables`."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import msgspec

from syncflow.model import TargetTable


@dataclass(frozen=True)
class TableColumn:
    """A column of a table; `type` is ScheduleHub's word."""

    name: str
    type: str
    nullable: bool


@dataclass(frozen=True)
class TableRef:
    """A parent reference."""

    name: str
    entity: str


@dataclass(frozen=True)
class TableBody:
    """The body of `PUT /tables/{entity}`."""

    columns: list[TableColumn]
    parent_refs: list[TableRef]


def in_words(tables: Iterable[TargetTable]) -> Mapping[str, TableBody]:
    """The bodies by entity, in the order given."""
    return {table.entity: _body(table) for table in tables}


def tables_json(tables: Iterable[TargetTable]) -> str:
    """The same as a JSON document, two blanks a level."""
    return msgspec.json.format(msgspec.json.encode(in_words(tables)), indent=2).decode()


def _body(table: TargetTable) -> TableBody:
    columns = [TableColumn(column.name, column.type, column.nullable) for column in table.columns]
    return TableBody(columns, [TableRef(name, entity) for name, entity in table.parents])
