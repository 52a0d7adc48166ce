"""Rows of one chunk that wait for nothing but each other: a row that is its own parent, two that manage each other.

They are inserted without the references that close the ring and given them at once afterwards (pipeline, stage 9).
"""

from dataclasses import dataclass

import polars as pl

from syncflow.chunk import KEY, OPERATION, PARENT, REF, ROW, Operation
from syncflow.model import TargetTable
from syncflow.protocols import WriteState


@dataclass(frozen=True)
class Ring:
    """`opened` are the rows without their references to each other, `closed` the same rows with them, as updates.
    `references` are the names of those references."""

    opened: pl.DataFrame
    closed: pl.DataFrame
    references: tuple[str, ...]

    @property
    def told(self) -> str:
        """The ring's rows, readable, for a message."""
        keys = self.closed[REF].head(5).to_list()
        return " -> ".join(keys) + (" -> .." if self.closed.height > len(keys) else "")


def find_ring(sent: pl.DataFrame, outcome: pl.DataFrame, table: TargetTable) -> Ring | None:
    """The inserts among `sent` that found a parent missing (OUTCOME_SCHEMA) and wait for rows of this set alone."""
    own = [name for name, entity in table.parents if entity == table.entity]
    missing = outcome.filter((pl.col("state") == WriteState.PARENT_MISSING) & pl.col("field").is_in(own)).select(ROW)
    waiting = sent.filter(pl.col(OPERATION) == Operation.INSERT).join(
        missing, on=ROW, how="semi", maintain_order="left"
    )
    done = sent.join(outcome.filter(pl.col("state") == WriteState.DONE), on=ROW, how="semi")
    while not waiting.is_empty():
        there = pl.concat([waiting[KEY], done[KEY]])
        stays = waiting.filter(
            pl.all_horizontal(
                pl.col(PARENT + ref).is_null() | pl.col(PARENT + ref).is_in(there.implode()) for ref in own
            )
        )
        if stays.height == waiting.height:
            return _ring(waiting, own)
        waiting = stays
    return None


def _ring(rows: pl.DataFrame, own: list[str]) -> Ring:
    inside = {ref: pl.col(PARENT + ref).is_in(rows[KEY].implode()) for ref in own}
    opened = rows.with_columns(
        pl.when(~closes.fill_null(False)).then(pl.col(PARENT + ref)).alias(PARENT + ref)
        for ref, closes in inside.items()
    )
    used = tuple(ref for ref, closes in inside.items() if rows.select(closes.any()).item())
    return Ring(opened, rows.with_columns(pl.lit(Operation.UPDATE).alias(OPERATION)), used)
