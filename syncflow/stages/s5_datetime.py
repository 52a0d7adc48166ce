"""Stage 5: dates and times in ISO 8601, naive or in UTC."""

from dataclasses import replace

from syncflow.chunk import Chunk
from syncflow.i18n.texts import Text
from syncflow.model import Plan
from syncflow.oracle_types import DATETIME_KINDS
from syncflow.rules.columns import apply_to_sources
from syncflow.rules.datetimes import finer_than_microseconds, read_datetimes

STAGE = "s5_datetime"


def parse_datetimes(chunk: Chunk, plan: Plan) -> Chunk:
    """Date-time columns only; the rows as they are then are kept as `normalized`. A column whose digits will be cut is
    named in a note."""
    columns = [column for column in plan.columns if column.type.kind in DATETIME_KINDS]
    read = apply_to_sources(
        chunk,
        STAGE,
        columns,
        lambda values, column: read_datetimes(values, column.type, plan.conventions, is_jalali=column.mapping.jalali),
    )
    for column in columns:
        if not column.mapping.keep_nanoseconds and finer_than_microseconds(read.rows[column.source]):
            read = read.with_note(
                Text(
                    "column {column} has fractions finer than a microsecond; loaded with six digits",
                    column=column.source,
                )
            )
    return replace(read, normalized=read.rows)
