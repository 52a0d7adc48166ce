"""Stage 2: from Oracle's types to logical ones, the fields' replacements made before."""

import polars as pl

from syncflow.chunk import ROW, Chunk
from syncflow.model import Plan, PlanColumn
from syncflow.rules.coercion import coerce_values
from syncflow.rules.columns import apply_to_sources
from syncflow.rules.outcome import Outcome
from syncflow.rules.replacements import replaced

STAGE = "s2_coercion"


def coerce(chunk: Chunk, plan: Plan) -> Chunk:
    """The plan's columns and no others, in the plan's order; a column that the source did not send is NULL."""
    present = set(chunk.rows.columns)
    columns = [
        pl.col(column.source) if column.source in present else pl.lit(None, dtype=pl.String).alias(column.source)
        for column in plan.columns
    ]
    planned = chunk.with_rows(chunk.rows.select(ROW, *columns))
    return apply_to_sources(planned, STAGE, plan.columns, _read)


def _read(values: pl.Series, column: PlanColumn) -> Outcome:
    return coerce_values(replaced(values, column.mapping.replacements), column.type)
