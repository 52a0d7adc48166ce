"""Stage 8: what is to be done with each row, by comparing it with what the target holds now.

The identities of the target come as data (`identities.Known`); so do the rows whose key this batch has seen before.
"""

from collections.abc import Callable
from enum import Enum

import numpy as np
import numpy.typing as npt
import polars as pl

from syncflow.chunk import DATA, KEY, OPERATION, REF, ROW, ROWVERSION, UID, Chunk, Operation, rejections
from syncflow.i18n.texts import Text
from syncflow.identities import ABSENT, Known, words
from syncflow.model import Plan
from syncflow.oracle_types import NUMERIC_KINDS
from syncflow.rules.outcome import VALUE, with_value

STAGE = "s8_delta"


class Compare(Enum):
    """How rows that the target knows are judged."""

    NOTHING = "nothing"
    """Strategy `full`: every row is written."""
    HASH = "hash"
    """A different DATA_HASH is an update; so is every whole comparison, whatever the strategy."""
    ROWVERSION = "rowversion"
    """A newer rowversion is an update; where either side has none, the DATA_HASH decides."""


def classify(
    chunk: Chunk, plan: Plan, compare: Compare, known: Known, again: pl.Series, recall: Callable[[pl.Series], Known]
) -> Chunk:
    """Give every row its OPERATION and UID. `again` are the rows (by ROW) whose key an earlier chunk of this batch had;
    `recall` asks the target for the rows of such keys, which hardly ever come."""
    chunk = _settle_repeated_keys(chunk, plan)
    chunk = chunk.with_rows(_compare(chunk.rows, plan, compare, known, words(chunk.rows[KEY], 2)))
    if again.is_empty():
        return chunk
    met = chunk.rows[ROW].is_in(again.implode())
    return _settle_seen_keys(chunk, plan, met, recall) if bool(met.any()) else chunk


def _settle_repeated_keys(chunk: Chunk, plan: Plan) -> Chunk:
    """One key twice in a chunk: equal rows are duplicates, of different ones the highest rowversion wins, and without
    one, all are rejected (pipeline, stage 8). Losers are marked DUPLICATE in OPERATION; everything else has NULL."""
    rows = chunk.rows.with_columns(pl.lit(None, dtype=pl.String).alias(OPERATION))
    if rows[KEY].n_unique() == rows.height:
        return chunk.with_rows(rows)
    repeated = rows.filter(pl.col(KEY).is_duplicated()).select(ROW, KEY, DATA, ROWVERSION, REF)
    order = sortable(repeated[ROWVERSION], plan).rank("dense").fill_null(0)
    repeated = repeated.with_columns(order.alias("order"))
    at_top = repeated.filter(pl.col("order") == pl.col("order").max().over(KEY))
    unclear = at_top.filter(pl.col(DATA).n_unique().over(KEY) > 1).select(KEY).unique()
    winners = at_top.unique(KEY, keep="first", maintain_order=True).select(ROW)
    rejected = repeated.join(unclear, on=KEY, how="semi", maintain_order="left")
    losers = repeated.join(winners, on=ROW, how="anti").join(unclear, on=KEY, how="anti").select(ROW)
    rows = rows.with_columns(
        pl.when(pl.col(ROW).is_in(losers[ROW].implode())).then(pl.lit(Operation.DUPLICATE)).alias(OPERATION)
    )
    return chunk.with_rows(rows).reject(_unclear(rejected))


def _unclear(rejected: pl.DataFrame) -> pl.DataFrame:
    reason = Text(
        "the key {key} stands more than once in this extract with different values, and no rowversion says which row "
        "is newer; mend the rows in the ERP, or add a column to the business key",
        key=VALUE,
    )
    return rejections(rejected, STAGE, None, "ambiguous_key", with_value(reason, pl.col(REF)))


def _compare(
    rows: pl.DataFrame, plan: Plan, compare: Compare, known: Known, keys: npt.NDArray[np.uint64]
) -> pl.DataFrame:
    places = known.places(keys)
    there = places != ABSENT
    changed = np.ones(rows.height, dtype=np.bool_)
    if compare is not Compare.NOTHING and bool(there.any()):
        at = np.maximum(places, 0)
        changed = (known.data[at] != words(rows[DATA], 4)).any(axis=1)
        if compare is Compare.ROWVERSION:
            changed = _newer(rows[ROWVERSION], known, at, plan, changed)
    operation = (
        pl.when(pl.col(OPERATION).is_not_null())
        .then(OPERATION)
        .when(~pl.lit(pl.Series(there)))
        .then(pl.lit(Operation.INSERT))
        .when(pl.lit(pl.Series(changed)))
        .then(pl.lit(Operation.UPDATE))
        .otherwise(pl.lit(Operation.UNCHANGED))
    )
    return rows.with_columns(operation.alias(OPERATION), known.uids(places).alias(UID))


def _newer(
    given: pl.Series, known: Known, at: npt.NDArray[np.int64], plan: Plan, changed: npt.NDArray[np.bool_]
) -> npt.NDArray[np.bool_]:
    if known.rowversion is None:
        return changed
    both = sortable(pl.concat([given, known.rowversion.gather(at)]), plan)
    newer = pl.DataFrame({"ours": both.head(len(given)), "held": both.tail(len(given)), "changed": changed}).select(
        pl.when(pl.col("ours").is_null() | pl.col("held").is_null())
        .then("changed")
        .otherwise(pl.col("ours") > pl.col("held"))
    )
    return newer.to_series().to_numpy()


def _settle_seen_keys(chunk: Chunk, plan: Plan, met: pl.Series, recall: Callable[[pl.Series], Known]) -> Chunk:
    """Keys of an earlier chunk: judged against what that chunk has loaded, read back from the target."""
    rows = chunk.rows
    repeated = rows.filter(met)
    held = recall(repeated[KEY])
    places = held.places(words(repeated[KEY], 2))
    at = np.maximum(places, 0)
    equal = (places != ABSENT) & (len(held) > 0)
    if len(held):
        equal &= ~(held.data[at] != words(repeated[DATA], 4)).any(axis=1)
    newer = np.zeros(repeated.height, dtype=np.bool_)
    if plan.rowversion_field and len(held):
        newer = _newer(repeated[ROWVERSION], held, at, plan, newer) & (places != ABSENT) & ~equal
    verdict = repeated.select(ROW, REF).with_columns(
        pl.Series("equal", equal), pl.Series("newer", newer), held.uids(places).alias("held_uid")
    )
    clear = bool(plan.rowversion_field)
    unclear = verdict.filter(~pl.col("equal") & ~pl.col("newer")) if not clear else verdict.clear()
    rows = rows.join(verdict.drop(REF), on=ROW, how="left", maintain_order="left")
    rows = rows.with_columns(
        pl.when("newer")
        .then(pl.lit(Operation.UPDATE))
        .when(pl.col("equal").is_not_null())
        .then(pl.lit(Operation.DUPLICATE))
        .otherwise(OPERATION)
        .alias(OPERATION),
        pl.coalesce("held_uid", UID).alias(UID),
    )
    return chunk.with_rows(rows.drop("equal", "newer", "held_uid")).reject(_unclear(unclear))


def sortable(rowversions: pl.Series, plan: Plan) -> pl.Series:
    """Canonical rowversions as values that order by the declared type: integers and decimals by value, never as a
    float; timestamps and text by their characters, which for ISO is by time. NULL stays NULL."""
    kind = plan.column(plan.rowversion_field).type.kind if plan.rowversion_field else None
    if kind not in NUMERIC_KINDS:
        return rowversions.str.strip_suffix("Z")
    numbers = rowversions.cast(pl.Int64, strict=False)
    if numbers.null_count() == rowversions.null_count():
        return numbers
    return _decimal_sort_key(rowversions)


def _decimal_sort_key(numbers: pl.Series) -> pl.Series:
    """Canonical decimals of any length as text that orders as the numbers do: sign, length of the whole part, digits;
    for negative numbers every digit is complemented."""
    parts = pl.DataFrame({"n": numbers}).with_columns(
        pl.col("n").str.starts_with("-").alias("negative"), pl.col("n").str.strip_prefix("-").alias("digits")
    )
    parts = parts.with_columns(
        pl.col("digits").str.split_exact(".", 1).struct.rename_fields(["whole", "fraction"]).alias("split")
    ).unnest("split")
    parts = parts.with_columns(
        pl.concat_str(
            pl.col("whole").str.len_chars().cast(pl.String).str.zfill(4), "whole", pl.col("fraction").fill_null("")
        ).alias("key")
    )
    complement = pl.col("key").str.replace_many(list("0123456789"), list("9876543210"))
    return parts.select(
        pl.when(pl.col("n").is_null())
        .then(None)
        .when("negative")
        .then(pl.concat_str(pl.lit("0"), complement, pl.lit("~")))
        .otherwise(pl.concat_str(pl.lit("1"), "key"))
    ).to_series()
