"""How a rule for one column is applied to the columns of a chunk."""

from collections.abc import Callable, Iterable

import polars as pl

from syncflow.chunk import REJECTED_SCHEMA, ROW, Chunk
from syncflow.model import PlanColumn
from syncflow.rules.outcome import Outcome

ColumnRule = Callable[[pl.Series, PlanColumn], Outcome]


def apply_to_sources(chunk: Chunk, stage: str, columns: Iterable[PlanColumn], rule: ColumnRule) -> Chunk:
    """Run a rule on source columns (stages 2 to 5): values are replaced, rows at fault leave the chunk."""
    read, rejected = [], []
    for column in columns:
        given = chunk.rows[column.source]
        outcome = rule(given, column)
        if outcome.values is not given:
            read.append(outcome.values.alias(column.source))
        if outcome.faults.height:
            rejected.append(as_rejections(outcome.faults, chunk.rows[ROW], stage, column.source))
    changed = chunk.with_rows(chunk.rows.with_columns(read)) if read else chunk
    return changed.reject(pl.concat(rejected)) if rejected else changed


def as_rejections(faults: pl.DataFrame, rows: pl.Series, stage: str, field: str) -> pl.DataFrame:
    """Faults of one field in REJECTED_SCHEMA; `rows` are the chunk's row numbers, which `at` points into."""
    return faults.select(
        rows.gather(faults["at"]).alias(ROW),
        pl.lit(stage).alias("stage"),
        pl.lit(field).alias("field"),
        "error_type",
        "message",
        pl.lit(None, dtype=pl.String).alias("stack_trace"),
    ).cast(REJECTED_SCHEMA)
