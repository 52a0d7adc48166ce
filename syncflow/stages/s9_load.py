"""Stage 9: inserts and updates into the target, idempotent by key; whatever came of a row is known before this returns.

An outcome that nobody told (a time-out, a connection lost at COMMIT) is settled by reading the row back by its key
before anything is sent again (reliability). Rows that are refused stand alone; the others of the chunk are written.
"""

from collections.abc import Collection
from dataclasses import dataclass, field

import polars as pl

from syncflow.chunk import DATA, KEY, OPERATION, REF, ROW, UID, UNKNOWN_HASH, Chunk, Operation, rejections
from syncflow.errors import ConfigurationError, RetriableError
from syncflow.model import TargetTable
from syncflow.protocols import OUTCOME_SCHEMA, Target, WriteState
from syncflow.stages.rings import Parting, Ring, find_ring, refused, told_ring, without_parents

STAGE = "s9_load"

ROUNDS = 6
"""So often rows whose outcome is in doubt are read back and sent again before the batch is given up for now."""
_PARTED = "parted"
"""Written without a reference, whose parent is not there yet."""


@dataclass(frozen=True)
class Loaded:
    """`chunk` has the rejected rows taken out; `waiting` are the rows whose parent is missing, with the reference's
    name in `field`: they are not in the target and still in `chunk.rows`. `parted` (ROW, field) are in the target, but
    without a reference that they have to be given yet: they go on waiting."""

    chunk: Chunk
    waiting: pl.DataFrame
    temporary: pl.DataFrame
    parted: pl.DataFrame = field(default_factory=lambda: pl.DataFrame(schema={ROW: pl.UInt32, "field": pl.String}))


def load(
    chunk: Chunk,
    table: TargetTable,
    target: Target,
    required: Collection[str] = (),
    parting: Parting | None = None,
) -> Loaded:
    """Write the chunk's inserts and updates. `required` names the references that a row may not even for a moment be
    without; `parting` is for rows of rings that this chunk alone cannot close. Raises RetriableError when the target
    is not to be had."""
    wanted = chunk.rows[OPERATION].is_in([Operation.INSERT, Operation.UPDATE])
    to_write = chunk.rows if wanted.all() else chunk.rows.filter(wanted)
    outcome = _write(to_write, table, target)
    ring = find_ring(to_write, outcome, table, required, lambda entity, keys: held(target, entity, keys))
    if ring is not None:
        outcome = _replaced(outcome, _close_ring(ring, table, target))
    if parting is not None:
        outcome = _replaced(outcome, _part(to_write, outcome, parting, table, target, required))
    return _loaded(chunk, outcome)


def held(target: Target, entity: str, keys: pl.Series) -> pl.Series:
    """Those of the keys that the target holds; none where it does not even have the table."""
    try:
        return target.find(TargetTable(entity, ()), keys)[KEY]
    except ConfigurationError:
        return keys.clear()


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
        "{target} gave no clear answer for {rows} rows of {entity}, asked {rounds} times; "
        "nothing is lost, the batch can be resumed when the target answers.",
        target=target.name,
        rows=to_write.height,
        entity=table.entity,
        rounds=ROUNDS,
    )


def _close_ring(ring: Ring, table: TargetTable, target: Target) -> pl.DataFrame:
    """Insert the rows of a ring, some without the references that close it, then give them these references."""
    told = told_ring(ring.impossible[REF].to_list())
    message = (
        f"rows that refer to each other cannot be loaded, because the reference {ring.required} is required: {told}"
    )
    lost = refused(ring.impossible, ring.required, pl.lit(message))
    opened = _write(ring.opened, table, target)
    there = opened.filter(pl.col("state") == WriteState.DONE).select(ROW)
    closed = _write(ring.closed.join(there, on=ROW, how="semi", maintain_order="left"), table, target)
    return pl.concat([lost, _replaced(opened, _as_parted(closed))])


def _part(
    sent: pl.DataFrame,
    outcome: pl.DataFrame,
    parting: Parting,
    table: TargetTable,
    target: Target,
    required: Collection[str],
) -> pl.DataFrame:
    """The rows that still miss a parent, loaded without their references to rows that wait in turn."""
    missing = outcome.filter(pl.col("state") == WriteState.PARENT_MISSING)
    rows = sent.join(missing.select(ROW, "field"), on=ROW, how="inner", maintain_order="left")
    impossible = rows.join(parting.impossible, on=KEY, how="inner", maintain_order="left")
    rows = rows.join(impossible.select(ROW), on=ROW, how="anti", maintain_order="left")
    optional = [ref for ref, _ in table.parents if ref not in required]
    alone = without_parents(rows, optional, parting.inside).filter(pl.col(DATA) == UNKNOWN_HASH)
    written = _write(alone.drop("field"), table, target)
    done = written.filter(pl.col("state") == WriteState.DONE).select(ROW)
    lost = refused(impossible, None, pl.col("message")).with_columns(impossible["field"])
    return pl.concat([lost, _replaced(written, _as_parted(missing.join(done, on=ROW, how="semi")))])


def _as_parted(outcome: pl.DataFrame) -> pl.DataFrame:
    """Rows that are in the target already, and whose parent is still missing."""
    missing = pl.col("state") == WriteState.PARENT_MISSING
    return outcome.with_columns(pl.when(missing).then(pl.lit(_PARTED)).otherwise("state").alias("state"))


def _replaced(outcome: pl.DataFrame, newer: pl.DataFrame) -> pl.DataFrame:
    return pl.concat([outcome.join(newer, on=ROW, how="anti", maintain_order="left"), newer])


def _settle(
    final: pl.DataFrame, outcome: pl.DataFrame, sent: pl.DataFrame, table: TargetTable, target: Target
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Split an outcome into what is final and what has to be sent (again), after reading back what is in doubt."""
    doubtful = outcome.filter(pl.col("state").is_in([WriteState.UNKNOWN, WriteState.KEY_EXISTS, WriteState.KEY_GONE]))
    if doubtful.is_empty():
        return (pl.concat([final, outcome]) if final.height else outcome), sent.clear()
    settled = outcome.join(doubtful, on=ROW, how="anti")
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
    parted = outcome.filter(pl.col("state") == _PARTED).select(ROW, "field")
    return Loaded(chunk.reject(reasons), waiting, refused.filter("temporary").select(ROW), parted)
