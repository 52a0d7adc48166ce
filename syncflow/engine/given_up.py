"""Rows whose parent was looked for often enough: they stand as failed records until it comes."""

import polars as pl

from syncflow.chunk import KEY, PARENT, PARENT_REF, ROW, rejections
from syncflow.model import Plan
from syncflow.queues.pending_children import MAX_ATTEMPTS
from syncflow.stages.s9_load import STAGE, Loaded
from syncflow.store.pending_children import PARENT_MISSING


def without_given_up(loaded: Loaded, plan: Plan, given_up: pl.DataFrame) -> Loaded:
    """What was loaded, with those of the waiting rows rejected that are `given_up` (child_key_hash, parent_bk_hash)."""
    chunk, waiting = loaded.chunk, loaded.waiting
    if given_up.is_empty():
        return loaded
    for parent in plan.parents:
        theirs = waiting.filter(pl.col("field") == parent.name).select(ROW)
        rows = chunk.rows.join(theirs, on=ROW, how="semi", maintain_order="left").join(
            given_up, left_on=[KEY, PARENT + parent.name], right_on=["child_key_hash", "parent_bk_hash"], how="semi"
        )
        if rows.is_empty():
            continue
        message = pl.concat_str(
            pl.lit(f"its parent {parent.entity} "),
            pl.col(PARENT_REF + parent.name),
            pl.lit(
                f" is not in ScheduleHub, and was looked for {MAX_ATTEMPTS} times in vain; the row is loaded when its "
                "parent comes. Look for the parent at the source and among the failed records"
            ),
        )
        chunk = chunk.reject(rejections(rows, STAGE, parent.name, PARENT_MISSING, message))
        waiting = waiting.join(rows.select(ROW), on=ROW, how="anti", maintain_order="left")
    return Loaded(chunk, waiting, loaded.temporary, loaded.parted)
