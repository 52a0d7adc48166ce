"""What became of rows that were sent, in OUTCOME_SCHEMA."""

from collections.abc import Iterable

import polars as pl

from syncflow.chunk import ROW
from syncflow.chunk import UNKNOWN_HASH as UNKNOWN_HASH  # for the connectors, which make outcomes
from syncflow.i18n.texts import Text
from syncflow.protocols import OUTCOME_SCHEMA, WriteState


def outcome(
    rows: pl.DataFrame,
    state: str,
    message: str | None = None,
    *,
    field: str | None = None,
    error_type: str | None = None,
    temporary: bool = False,
) -> pl.DataFrame:
    """The same outcome for every one of `rows` (which has ROW)."""
    return rows.select(
        pl.col(ROW).cast(pl.UInt32),
        pl.lit(state).alias("state"),
        pl.lit(field, dtype=pl.String).alias("field"),
        pl.lit(error_type, dtype=pl.String).alias("error_type"),
        pl.lit(message, dtype=pl.String).alias("message"),
        pl.lit(temporary).alias("temporary"),
    )


def done(rows: pl.DataFrame) -> pl.DataFrame:
    return outcome(rows, WriteState.DONE)


def parent_missing(rows: pl.DataFrame, ref: str, parent: str) -> pl.DataFrame:
    return outcome(
        rows,
        WriteState.PARENT_MISSING,
        str(Text("{parent} does not hold the record that the reference {ref} names", parent=parent, ref=ref)),
        field=ref,
        error_type="parent_not_found",
    )


def together(outcomes: Iterable[pl.DataFrame]) -> pl.DataFrame:
    """One frame in the order of ROW, one line a row."""
    found = [each for each in outcomes if each.height]
    return pl.concat(found).sort(ROW) if found else pl.DataFrame(schema=OUTCOME_SCHEMA)


def in_doubt(outcomes: pl.DataFrame, message: str) -> pl.DataFrame:
    """The same outcomes where nobody knows whether what was done has stayed."""
    was_done = pl.col("state") == WriteState.DONE
    return outcomes.with_columns(
        pl.when(was_done).then(pl.lit(WriteState.UNKNOWN)).otherwise("state").alias("state"),
        pl.when(was_done).then(pl.lit(message)).otherwise("message").alias("message"),
    )
