"""What a process that died had sent without seeing the outcome: read back by key, so that the counters stay true."""

from collections.abc import Sequence

import polars as pl

from syncflow.chunk import DATA, KEY, OPERATION, ROW, UNKNOWN_HASH, Operation
from syncflow.engine.books import DELETE, unpack_intent
from syncflow.model import Counters, TargetTable
from syncflow.protocols import Target

APPLIED_SCHEMA = pl.Schema({KEY: pl.String, DATA: pl.String, OPERATION: pl.String})
"""What an earlier process of the batch did and did not book: see `applied`. A key stands once among what was written
and once among what was deleted."""


def applied(intents: Sequence[bytes], table: TargetTable, target: Target) -> pl.DataFrame:
    """APPLIED_SCHEMA of what was carried out: rows that the target holds just as they were intended, new ones that it
    holds without the reference that closes a ring (see `stages.rings`), and rows to be deleted that it no longer holds.
    Rows are deleted when all are loaded, so that those which were to be written as well had been written before.
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
    before = intended.filter(~to_delete).join(deleted, on=KEY, how="semi", maintain_order="left")
    done = pl.concat([written, opened, before]).unique(KEY, keep="first", maintain_order=True)
    return pl.concat([done, deleted.unique(KEY, keep="first", maintain_order=True)]).select(APPLIED_SCHEMA.names())


def still_held(done_before: pl.DataFrame) -> pl.DataFrame:
    """What was written and not deleted since."""
    deleted = pl.col(OPERATION) == DELETE
    return done_before.filter(~deleted).join(done_before.filter(deleted), on=KEY, how="anti", maintain_order="left")


def unmet(done_before: pl.DataFrame) -> Counters:
    """Rows that an earlier process read and wrote, and that were gone or bad at the source when it was read again: what
    they say was in the target, whatever became of their keys since."""
    inserted = int((done_before[OPERATION] == Operation.INSERT).sum())
    updated = int((done_before[OPERATION] == Operation.UPDATE).sum())
    rows = inserted + updated
    return Counters(
        fetched=rows, normalized=rows, validated=rows, mapped=rows, inserted=inserted, updated=updated,
    )  # fmt: skip


def intended(rows: pl.DataFrame, done_before: pl.DataFrame) -> pl.DataFrame:
    """What the intent of a chunk says: the rows to be written, as they will count, and everything that an earlier
    process did, which has to be known also if this one dies."""
    written = pl.col(OPERATION).is_in([Operation.INSERT, Operation.UPDATE])
    to_write = rows.select(KEY, DATA, OPERATION).filter(written)
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


def not_met(done_before: pl.DataFrame, rows: pl.DataFrame, waiting: pl.DataFrame) -> pl.DataFrame:
    """What an earlier process did with other rows than those of a chunk that count as that; `waiting` (ROW) are those
    of its `rows` that wait for a parent. It is still to be counted."""
    if done_before.is_empty():
        return done_before
    counted = rows.filter(pl.col(OPERATION) != Operation.DUPLICATE).join(waiting.select(ROW), on=ROW, how="anti")
    return done_before.join(counted, on=KEY, how="anti", maintain_order="left")
