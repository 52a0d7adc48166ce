"""The names in ScheduleHub's tables: bridge columns, data columns, references; and what the catalog says of them."""

from dataclasses import dataclass

from psycopg import sql

from syncflow.connectors.postgres import Connection
from syncflow.errors import ConfigurationError
from syncflow.model import TargetTable

BRIDGE_UID = "_bridge_uid"
BRIDGE_CREATED_AT = "_bridge_created_at"
BRIDGE_UPDATED_AT = "_bridge_updated_at"
BRIDGE_KEY = "_bridge_erp_key_hash"
BRIDGE_DATA = "_bridge_erp_data_hash"
BRIDGE_ROWVERSION = "_bridge_erp_rowversion"
BRIDGE_REF = "_bridge_erp_ref_str"
BRIDGE_DELETED_AT = "_bridge_deleted_at"

BRIDGE_COLUMNS = {
    BRIDGE_UID: "uuid NOT NULL",
    BRIDGE_CREATED_AT: "timestamptz NOT NULL DEFAULT now()",
    BRIDGE_UPDATED_AT: "timestamptz NOT NULL DEFAULT now()",
    BRIDGE_KEY: "text NOT NULL",
    BRIDGE_DATA: "text",
    BRIDGE_ROWVERSION: "text",
    BRIDGE_REF: "text",
    BRIDGE_DELETED_AT: "timestamptz",
}

LONGEST_NAME = 63
"""Bytes of an identifier in PostgreSQL; what is longer it would cut off silently."""

_COLUMNS = """
    SELECT a.attname, format_type(a.atttypid, a.atttypmod), a.attnotnull,
           a.atthasdef OR a.attidentity <> '' OR a.attgenerated <> ''
    FROM pg_attribute a
    WHERE a.attrelid = to_regclass(%s) AND a.attnum > 0 AND NOT a.attisdropped
    ORDER BY a.attnum
"""


@dataclass(frozen=True)
class Column:
    """A column as the catalog has it; `type` is what `format_type` writes."""

    name: str
    type: str
    required: bool
    has_default: bool


def uid_column(ref: str) -> str:
    """The column with the parent's uid."""
    return f"{ref}_uid"


def check_names(table: TargetTable) -> None:
    """Raises ConfigurationError for names that PostgreSQL would cut off, or that stand twice."""
    names = [*BRIDGE_COLUMNS, *(column.name for column in table.columns), *(uid_column(n) for n, _ in table.parents)]
    for name in (table.entity, *names):
        if len(name.encode()) > LONGEST_NAME:
            raise ConfigurationError(
                "{entity}: the name {name} has more than {most} bytes, which is more than a name in "
                "PostgreSQL may have. Map the field to a shorter one.",
                entity=table.entity,
                name=name,
                most=str(LONGEST_NAME),
            )
    twice = {name for name in names if names.count(name) > 1}
    if twice:
        raise ConfigurationError(
            "{entity}: the column {columns} would stand twice in its table, with the columns "
            "that SyncFlow adds (_bridge_*, and <reference>_uid). Map the field to another name.",
            entity=table.entity,
            columns=", ".join(sorted(twice)),
        )


def catalog(connection: Connection, schema: str, entity: str) -> dict[str, Column]:
    """The columns of a table by name; empty where there is no such table."""
    name = qualified(schema, entity).as_string(connection)
    rows = connection.execute(_COLUMNS, (name,)).fetchall()
    return {str(n): Column(str(n), str(t), bool(r), bool(d)) for n, t, r, d in rows}


def qualified(schema: str, entity: str) -> sql.Identifier:
    return sql.Identifier(schema, entity)
