"""The last settled rowversion: read as the source's maximum before the first page, kept when the batch balances."""

from dataclasses import replace

import polars as pl

from syncflow.chunk import ROWVERSION, Chunk
from syncflow.engine.extract import rowversion_column
from syncflow.engine.pipeline import Timings, transform
from syncflow.model import NumberFormat, Plan
from syncflow.protocols import PageRequest, Sort, Source
from syncflow.stages.s8_delta import sortable

LOOKED_AT = 100
"""Rows from the top that are looked at, in case the highest values cannot be read."""


def read_maximum(source: Source, plan: Plan) -> str | None:
    """The highest rowversion at the source, canonical; None when there is none, or none that can be read."""
    column = rowversion_column(plan)
    request = PageRequest(
        plan.api,
        LOOKED_AT,
        sort=Sort(column.source, descending=True),
        columns=(column.source,),
        decimal_comma=plan.conventions.numbers is NumberFormat.COMMA,
    )
    values = source.page(request).rows.select(column.source)
    as_key = replace(
        plan,
        columns=(column,),
        business_key=(column.target,),
        parents=(),
        hash_exclude=(),
        rowversion_field=column.target,
    )
    readable = transform(Chunk.of(0, values), as_key, Timings()).rows[ROWVERSION].drop_nulls()
    return highest(readable, plan)


def highest(rowversions: pl.Series, plan: Plan) -> str | None:
    """The highest of canonical rowversions by the declared type."""
    if rowversions.is_empty():
        return None
    at = sortable(rowversions, plan).arg_max()
    return None if at is None else str(rowversions[at])


def further(old: str | None, new: str | None, plan: Plan) -> str | None:
    """The higher of two watermarks: one never goes back."""
    return highest(pl.Series([value for value in (old, new) if value is not None], dtype=pl.String), plan)
