"""Rows on their way into a table: COPY, also by way of a temporary table; one bad row found by halving."""

import io
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import polars as pl
import psycopg
from psycopg import sql

from syncflow.sandbox.schedulehub.tables import Db

STAGE = sql.Identifier("pg_temp", "_stage")
POSITION = "_bridge_position"
"""UInt32: where the record of a row stands in its request. No column of a table begins with `_bridge_` and is not one
of ScheduleHub's own."""
_ROW_ERRORS = ("22", "23", "54")
"""SQLSTATE classes that speak of the values: data exception, constraint violation, program limit exceeded."""


@dataclass(frozen=True)
class Failure:
    """Why the record at `position` of a request was not written."""

    position: int
    error: str
    code: str | None = None
    ref: str | None = None


def copy_rows(db: Db, table: sql.Composable, rows: pl.DataFrame) -> None:
    """COPY all columns of `rows`, which are text, into the columns of these names."""
    lines = io.BytesIO()
    rows.write_csv(lines, include_header=False)
    names = sql.SQL(", ").join(map(sql.Identifier, rows.columns))
    with db.cursor().copy(sql.SQL("COPY {} ({}) FROM STDIN (FORMAT csv)").format(table, names)) as copy:
        copy.write(lines.getbuffer())


def fill_stage(db: Db, types: Mapping[str, str], rows: pl.DataFrame) -> None:
    """Make the temporary table `STAGE` with these columns (name, SQL type) and fill it."""
    db.execute(sql.SQL("DROP TABLE IF EXISTS {}").format(STAGE))
    typed = sql.SQL(", ").join(sql.SQL("{} " + kind).format(sql.Identifier(name)) for name, kind in types.items())
    db.execute(sql.SQL("CREATE TEMPORARY TABLE {} ({}) ON COMMIT DROP").format(sql.Identifier("_stage"), typed))
    copy_rows(db, STAGE, rows.select(list(types)))


def is_row_error(error: psycopg.Error) -> bool:
    """Whether the database means the rows, and not itself."""
    return (error.sqlstate or "")[:2] in _ROW_ERRORS


def write_halving(db: Db, rows: pl.DataFrame, write: Callable[[pl.DataFrame], list[Failure]]) -> list[Failure]:
    """Write rows (with POSITION) in one statement; where the database refuses them, halve until the row that it means
    stands alone."""
    try:
        with db.transaction():
            return write(rows)
    except psycopg.Error as error:
        if not is_row_error(error):
            raise
        if rows.height == 1:
            return [Failure(rows[POSITION][0], error.diag.message_primary or str(error), _code(error))]
    middle = rows.height // 2
    return write_halving(db, rows[:middle], write) + write_halving(db, rows[middle:], write)


def failures_of(rows: pl.DataFrame, error: Sequence[str], code: str, ref: str | None = None) -> list[Failure]:
    """The same failure for each of these rows, each with a sentence of its own."""
    return [Failure(position, told, code, ref) for position, told in zip(rows[POSITION], error, strict=True)]


def _code(error: psycopg.Error) -> str:
    if isinstance(error, psycopg.errors.UniqueViolation):
        return "duplicate_key"
    return "not_null" if isinstance(error, psycopg.errors.NotNullViolation) else "value"
