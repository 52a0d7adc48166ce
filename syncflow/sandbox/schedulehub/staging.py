"""Rows on their way into a table: COPY into a temporary table of the same types, one bad row found by halving."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import TypeVar

import psycopg
from psycopg import sql

from syncflow.sandbox.schedulehub.tables import Db

STAGE = sql.Identifier("pg_temp", "_stage")
_ROW_ERRORS = ("22", "23", "54")
"""SQLSTATE classes that speak of the values: data exception, constraint violation, program limit exceeded."""

T = TypeVar("T")


@dataclass(frozen=True)
class Failure:
    """Why the record at `position` of a request was not written."""

    position: int
    error: str
    code: str | None = None
    ref: str | None = None


def fill_stage(db: Db, columns: Sequence[tuple[str, str]], rows: Iterable[Sequence[str | None]]) -> None:
    """Make the temporary table `STAGE` with these columns (name, SQL type) and fill it."""
    db.execute(sql.SQL("DROP TABLE IF EXISTS {}").format(STAGE))
    typed = sql.SQL(", ").join(sql.SQL("{} " + sql_type).format(sql.Identifier(name)) for name, sql_type in columns)
    db.execute(sql.SQL("CREATE TEMPORARY TABLE {} ({}) ON COMMIT DROP").format(sql.Identifier("_stage"), typed))
    with db.cursor().copy(sql.SQL("COPY {} FROM STDIN").format(STAGE)) as copy:
        for row in rows:
            copy.write_row(row)


def write_halving(
    db: Db, rows: Sequence[T], write: Callable[[Sequence[T]], list[Failure]], fail: Callable[[T, str, str], Failure]
) -> list[Failure]:
    """Write rows in one statement; where the database refuses them, halve until the row that it means stands alone.

    `fail` makes the failure of one row from the database's message and a code.
    """
    try:
        with db.transaction():
            return write(rows)
    except psycopg.Error as error:
        if (error.sqlstate or "")[:2] not in _ROW_ERRORS:
            raise
        if len(rows) == 1:
            return [fail(rows[0], _message(error), _code(error))]
    middle = len(rows) // 2
    return write_halving(db, rows[:middle], write, fail) + write_halving(db, rows[middle:], write, fail)


def _message(error: psycopg.Error) -> str:
    return error.diag.message_primary or str(error)


def _code(error: psycopg.Error) -> str:
    if isinstance(error, psycopg.errors.UniqueViolation):
        return "duplicate_key"
    return "not_null" if isinstance(error, psycopg.errors.NotNullViolation) else "value"
