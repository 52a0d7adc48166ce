"""What a process that died had sent without seeing the outcome: read back by key, so that the counters stay true."""

from collections.abc import Sequence

import polars as pl

from syncflow.chunk import DATA, KEY, OPERATION, Operation
from syncflow.engine.books import unpack_intent
from syncflow.model import TargetTable
from syncflow.protocols import Target

APPLIED_SCHEMA = pl.Schema({KEY: pl.String, DATA: pl.String, OPERATION: pl.String})


def applied(intents: Sequence[bytes], table: TargetTable, target: Target) -> pl.DataFrame:
    """APPLIED_SCHEMA of those intended rows that the target holds just as they were intended."""
    if not intents:
        return pl.DataFrame(schema=APPLIED_SCHEMA)
    intended = pl.concat([unpack_intent(intent) for intent in intents]).unique(KEY, keep="last")
    held = target.find(table, intended[KEY]).select(KEY, DATA)
    return intended.join(held, on=[KEY, DATA], how="semi").select(APPLIED_SCHEMA.names())


def operations_done(rows: pl.DataFrame, done_before: pl.DataFrame) -> pl.Series:
    """The operations as they count: a row found unchanged that an earlier process of this batch had written counts as
    what that one did."""
    if done_before.is_empty():
        return rows[OPERATION]
    earlier = done_before.select(KEY, DATA, pl.col(OPERATION).alias("@done"))
    joined = rows.select(KEY, DATA, OPERATION).join(earlier, on=[KEY, DATA], how="left", maintain_order="left")
    counted = (
        pl.when(pl.col(OPERATION) == Operation.UNCHANGED).then(pl.coalesce("@done", OPERATION)).otherwise(OPERATION)
    )
    return joined.select(counted.alias(OPERATION)).to_series()
