"""What became of the rows: counted chunk by chunk, and checked at the end (pipeline, the conservation law)."""

import polars as pl

from syncflow.chunk import OPERATION, ROW, Chunk, Operation
from syncflow.errors import LawBroken
from syncflow.model import Counters

_AFTER = {
    "normalized": ("s6_mapping", "s7_identity", "s8_delta", "s9_load"),
    "validated": ("s7_identity", "s8_delta", "s9_load"),
    "mapped": ("s8_delta", "s9_load"),
}
"""A row rejected in one of these stages had come as far as the counter says."""


def count_rows(chunk: Chunk, waiting: pl.DataFrame, ignored: pl.DataFrame) -> Counters:
    """The counters of one settled chunk, by OPERATION; `waiting` rows (ROW) are pending whatever theirs is; of
    the rejected ones, those that are `ignored` (ROW) were left out as somebody has decided."""
    there = chunk.rows.select(ROW, OPERATION)
    if waiting.height:
        there = there.join(waiting.select(ROW), on=ROW, how="anti")
    counts = dict(there[OPERATION].value_counts().iter_rows()) if there.height else {}
    came_far = {name: int(chunk.rejected["stage"].is_in(stages).sum()) for name, stages in _AFTER.items()}
    return Counters(
        fetched=chunk.raw.height,
        **{name: chunk.rows.height + count for name, count in came_far.items()},
        inserted=counts.get(Operation.INSERT, 0),
        updated=counts.get(Operation.UPDATE, 0),
        unchanged=counts.get(Operation.UNCHANGED, 0),
        duplicate=counts.get(Operation.DUPLICATE, 0),
        pending=waiting.height,
        failed=chunk.rejected.height,
        ignored=chunk.rejected.join(ignored, on=ROW, how="semi").height if ignored.height else 0,
    )


def check_laws(entity: str, total: Counters) -> None:
    """The conservation law (pipeline): raises LawBroken with the missing count named."""
    if total.settled != total.fetched:
        raise LawBroken(
            "{entity}: {fetched} rows were fetched, but {settled} are accounted for; "
            "{missing} are missing. The watermark stays where it was.",
            entity=entity,
            fetched=total.fetched,
            settled=total.settled,
            missing=total.fetched - total.settled,
        )
    if total.deletes_settled != total.delete_candidates:
        raise LawBroken(
            "{entity}: of {rows} rows to delete {settled} are accounted for; "
            "{missing} are missing. The watermark stays where it was.",
            entity=entity,
            rows=total.delete_candidates,
            settled=total.deletes_settled,
            missing=total.delete_candidates - total.deletes_settled,
        )
