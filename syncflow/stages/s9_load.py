"""Stage 9: inserts and updates into the target, idempotent by key; whatever came of a row is known before this returns.

An outcome that nobody told (a time-out, a connection lost at COMMIT) is settled by reading the row back by its key
before anything is sent again (reliability). Rows that are refused stand alone; the others of the chunk are written.
"""

from collections.abc import Collection
from dataclasses import dataclass

import polars as pl

from syncflow.chunk import DATA, KEY, OPERATION, ROW, UID, Chunk, Operation, rejections
from syncflow.errors import RetriableError
from syncflow.model import TargetTable
from syncflow.protocols import OUTCOME_SCHEMA, Target, WriteState
from syncflow.stages.rings import Ring, find_ring

STAGE = "s9_load"

ROUNDS = 6
"""So often rows whose outcome is in doubt are read back and sent again before the batch is given up for now."""


@dataclass(frozen=True)
class Loaded:
    """`chunk` has the rejected rows taken out; `waiting` are the rows whose parent is missing, with the reference's
    name in `field`: they are not in the target and still in `chunk.rows`."""

    chunk: Chunk
    waiting: pl.DataFrame
    temporary: pl.DataFrame


def load(chunk: Chunk, table: TargetTable, target: Target, required: Collection[str] = ()) -> Loaded:
    """Write the chunk's inserts and updates. `required` names the references that a row may not even for a moment be
    without. Raises RetriableError when the target is not to be had."""
    to_write = chunk.rows.filter(pl.col(OPERATION).is_in([Operation.INSERT, Operation.UPDATE]))
    outcome = _write(to_write, table, target)
    ring = find_ring(to_write, outcome, table)
    if ring is not None:
        outcome = _replaced(outcome, _close_ring(ring, table, target, required))
    return _loaded(chunk, outcome)


def _write(rows: pl.DataFrame, table: TargetTable, target: Target) -> pl.DataFrame:
    """OUTCOME_SCHEMA of every row, none of them in doubt any more."""
    to_write, final = rows, pl.DataFrame(schema=OUTCOME_SCHEMA)
    for _ in range(ROUNDS):
        if to_write.is_empty():
            return final
        outcome = target.write(table, to_write)
        final, to_write = _settle(final, outcome, to_write, table, target)
    if to_write.is_empty():
        return final
    raise RetriableError(
        f"{target.name} gave no clear answer for {to_write.height} rows of {table.entity}, asked {ROUNDS} times; "
        "nothing is lost, the batch can be resumed when the target answers."
    )


def _close_ring(ring: Ring, table: TargetTable, target: Target, required: Collection[str]) -> pl.DataFrame:
    """Insert the rows of a ring without the references that close it, then give them these references."""
    fixed = [reference for reference in ring.references if reference in required]
    if fixed:
        message = (
            f"rows that refer to each other cannot be loaded, because the reference {fixed[0]} is required: {ring.told}"
        )
        return (
            ring.closed.select(ROW)
            .with_columns(
                pl.lit(WriteState.REJECTED).alias("state"),
                pl.lit(fixed[0]).alias("field"),
                pl.lit("ring").alias("error_type"),
                pl.lit(message).alias("message"),
                pl.lit(False).alias("temporary"),
            )
            .match_to_schema(OUTCOME_SCHEMA)
        )
    opened = _write(ring.opened, table, target)
    there = opened.filter(pl.col("state") == WriteState.DONE).select(ROW)
    closed = _write(ring.closed.join(there, on=ROW, how="semi", maintain_order="left"), table, target)
    return _replaced(opened, closed)


def _replaced(outcome: pl.DataFrame, newer: pl.DataFrame) -> pl.DataFrame:
    return pl.concat([outcome.join(newer, on=ROW, how="anti", maintain_order="left"), newer])


def _settle(
    final: pl.DataFrame, outcome: pl.DataFrame, sent: pl.DataFrame, table: TargetTable, target: Target
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Split an outcome into what is final and what has to be sent (again), after reading back what is in doubt."""
    doubtful = outcome.filter(pl.col("state").is_in([WriteState.UNKNOWN, WriteState.KEY_EXISTS, WriteState.KEY_GONE]))
    settled = outcome.join(doubtful, on=ROW, how="anti")
    if doubtful.is_empty():
        return pl.concat([final, settled]), sent.clear()
    rows = sent.join(doubtful.select(ROW), on=ROW, how="semi", maintain_order="left")
    held = target.find(table, rows[KEY]).select(KEY, pl.col(DATA).alias("@held"), pl.col(UID).alias("@held_uid"))
    rows = rows.join(held, on=KEY, how="left", maintain_order="left")
    as_sent = pl.col("@held") == pl.col(DATA)
    done = rows.filter(as_sent).select(ROW, pl.lit(WriteState.DONE).alias("state"))
    again = rows.filter(~as_sent.fill_null(False)).with_columns(
        pl.when(pl.col("@held").is_null())
        .then(pl.lit(Operation.INSERT))
        .otherwise(pl.lit(Operation.UPDATE))
        .alias(OPERATION),
        pl.col("@held_uid").alias(UID),
    )
    return pl.concat([final, settled, done], how="diagonal").cast(OUTCOME_SCHEMA), again.select(sent.columns)


def _loaded(chunk: Chunk, outcome: pl.DataFrame) -> Loaded:
    refused = outcome.filter(pl.col("state") == WriteState.REJECTED)
    reasons = rejections(refused, STAGE, None, "rejected_by_target", pl.col("message")).with_columns(
        refused["field"], refused["error_type"].fill_null("rejected_by_target")
    )
    waiting = outcome.filter(pl.col("state") == WriteState.PARENT_MISSING).select(ROW, "field", "message")
    return Loaded(chunk.reject(reasons), waiting, refused.filter("temporary").select(ROW))
