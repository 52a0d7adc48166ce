"""What a process that died had sent without seeing the outcome: read back by key, so that the counters stay true."""

from collections.abc import Sequence

import polars as pl

from syncflow.chunk import DATA, KEY, OPERATION, UNKNOWN_HASH, Operation
from syncflow.engine.books import DELETE, unpack_intent
from syncflow.model import TargetTable
from syncflow.protocols import Target

APPLIED_SCHEMA = pl.Schema({KEY: pl.String, DATA: pl.String, OPERATION: pl.String})
"""What an earlier process of the batch did and did not book, a key once: see `applied`."""


def applied(intents: Sequence[bytes], table: TargetTable, target: Target) -> pl.DataFrame:
    """APPLIED_SCHEMA of what was carried out: rows that the target holds just as they were intended, new ones that it
    holds without the reference that closes a ring (see `stages.rings`), and rows to be deleted that it no longer holds.
    """
    if not intents:
        return pl.DataFrame(schema=APPLIED_SCHEMA)
    intended = pl.concat([unpack_intent(intent) for intent in intents])
    held = target.find(table, intended[KEY].unique()).select(KEY, DATA)
    to_delete = pl.col(OPERATION) == DELETE
    written = intended.filter(~to_delete).join(held, on=[KEY, DATA], how="semi", maintain_order="left")
    parted = held.filter(pl.col(DATA) == UNKNOWN_HASH)
    opened = intended.filter(pl.col(OPERATION) == Operation.INSERT).join(parted, on=KEY, how="semi")
    deleted = intended.filter(to_delete).join(held, on=KEY, how="anti", maintain_order="left")
    done = pl.concat([written, opened, deleted]).unique(KEY, keep="first", maintain_order=True)
    return done.select(APPLIED_SCHEMA.names())


def intended(rows: pl.DataFrame, done_before: pl.DataFrame) -> pl.DataFrame:
    """What the intent of a chunk says: the rows to be written, as they will count, and everything that an earlier
    process did, which has to be known also if this one dies."""
    to_write = rows.filter(pl.col(OPERATION).is_in([Operation.INSERT, Operation.UPDATE]))
    to_write = to_write.select(KEY, DATA, operations_done(to_write, done_before))
    return pl.concat([to_write, done_before])


def operations_done(rows: pl.DataFrame, done_before: pl.DataFrame) -> pl.Series:
    """The operations as they count: a row that an earlier process of this batch had written counts as what that one
    did, whether it is found unchanged now or is written again."""
    if done_before.is_empty() or rows.is_empty():
        return rows[OPERATION]
    earlier = done_before.filter(pl.col(OPERATION) != DELETE).select(KEY, pl.col(OPERATION).alias("@done"))
    joined = rows.select(KEY, OPERATION).join(earlier, on=KEY, how="left", maintain_order="left")
    written = pl.col(OPERATION).is_in([Operation.UNCHANGED, Operation.UPDATE])
    counted = pl.when(written).then(pl.coalesce("@done", OPERATION)).otherwise(OPERATION)
    return joined.select(counted.alias(OPERATION)).to_series()


def not_met(done_before: pl.DataFrame, rows: pl.DataFrame) -> pl.DataFrame:
    """What an earlier process did with other rows than these: it is still to be counted."""
    return done_before if done_before.is_empty() else done_before.join(rows, on=KEY, how="anti", maintain_order="left")
