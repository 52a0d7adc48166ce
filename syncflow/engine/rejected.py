"""The rejected rows of a chunk with all that is known of each, as the queue of failed records takes them."""

from dataclasses import replace
from datetime import datetime
from random import Random

import polars as pl

from syncflow.chunk import KEY, ROW, Chunk
from syncflow.engine.plan import identity_hash
from syncflow.model import Plan
from syncflow.protocols import UNREADABLE
from syncflow.queues.failed_records import RetryRule, raw_hash
from syncflow.queues.signature import shape, shown_value
from syncflow.store.failed_records import FailedRow

NAMED_BY_SOURCE = ("s1_fetch", "s2_coercion", "s3_string", "s4_numeric", "s5_datetime")
"""In these stages `field` is a source name, from stage 6 on a target name (see `chunk`)."""


def failed_rows(
    chunk: Chunk, plan: Plan, rejected_keys: pl.DataFrame, ignored: pl.DataFrame, temporary: pl.DataFrame
) -> list[FailedRow]:
    """`rejected_keys` (ROW, KEY) are the keys as far as they could be made, `ignored` (ROW) the rows that somebody has
    decided to leave out, `temporary` (ROW) those that may pass later unchanged."""
    rejected = chunk.rejected
    if ignored.height:
        rejected = rejected.join(ignored, on=ROW, how="anti", maintain_order="left")
    if rejected.is_empty():
        return []
    # A message shows the value at fault, and PostgreSQL's text holds no NUL.
    told = rejected.with_columns(pl.col("message", "stack_trace").str.replace_all("\0", "\u2400", literal=True))
    rows = told.join(rejected_keys, on=ROW, how="left", maintain_order="left")
    for name, frame in (("raw", chunk.raw), ("normalized", chunk.normalized), ("mapped", chunk.mapped)):
        rows = rows.join(as_json(frame, rows[ROW], name), on=ROW, how="left", maintain_order="left")
    rows = rows.join(hashed(chunk.raw, rows[ROW]), on=ROW, how="left", maintain_order="left")
    rows = rows.join(_values(chunk.raw, rejected, plan), on=ROW, how="left", maintain_order="left")
    rows = rows.with_columns(
        pl.col(ROW).is_in(temporary[ROW].implode()).alias("temporary"), shape(rows["value"]).alias("value_shape")
    )
    return _as_failed(rows, identity_hash(plan))


def scheduled(rows: list[FailedRow], rule: RetryRule, now: datetime, rng: Random) -> list[FailedRow]:
    """Rows that failed in a batch of their own: nothing was tried yet to mend them."""
    return [
        replace(row, max_retries=rule.attempts, next_retry_at=rule.next_attempt(0, row.temporary, now, rng))
        for row in rows
    ]


def hashed(raw: pl.DataFrame, numbers: pl.Series) -> pl.DataFrame:
    """ROW and `raw_hash` of these rows."""
    wanted = raw.join(pl.DataFrame({ROW: numbers}), on=ROW, how="semi", maintain_order="left")
    return wanted.select(ROW).with_columns(raw_hash(wanted, (ROW, UNREADABLE)))


def as_json(frame: pl.DataFrame | None, numbers: pl.Series, name: str) -> pl.DataFrame:
    """ROW and, as `name`, the row's values as the JSON text of one object."""
    if frame is None:
        return pl.DataFrame(schema={ROW: pl.UInt32, name: pl.String})
    wanted = frame.join(numbers.to_frame(), on=ROW, how="semi")
    values = wanted.drop(ROW, UNREADABLE, strict=False)
    return wanted.select(ROW, values.select(pl.struct(pl.all()).struct.json_encode().alias(name)).to_series())


def _values(raw: pl.DataFrame, rejected: pl.DataFrame, plan: Plan) -> pl.DataFrame:
    """ROW and `value`: what the source sent in the field at fault."""
    sources = {column.target: column.source for column in plan.columns}
    found = [pl.DataFrame(schema={ROW: pl.UInt32, "value": pl.String})]
    for (stage, field), rows in rejected.group_by("stage", "field"):
        source = field if stage in NAMED_BY_SOURCE else sources.get(str(field))
        if source in raw.columns:
            at_fault = raw.join(rows.select(ROW), on=ROW, how="semi")
            found.append(at_fault.select(ROW, shown_value(at_fault[str(source)]).alias("value")))
    return pl.concat(found)


def _as_failed(rows: pl.DataFrame, plan_hash: str) -> list[FailedRow]:
    return [
        FailedRow(
            key_hash=row[KEY],
            raw_hash=row["raw_hash"],
            raw_data=row["raw"],
            normalized_data=row["normalized"],
            mapped_data=row["mapped"],
            stage_failed=row["stage"],
            field=row["field"],
            error_type=row["error_type"],
            error_message=row["message"],
            stack_trace=row["stack_trace"],
            value=row["value"],
            value_shape=row["value_shape"],
            temporary=row["temporary"],
            plan_hash=plan_hash,
        )
        for row in rows.iter_rows(named=True)
    ]
