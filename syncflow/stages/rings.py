"""Rows that wait for nothing but each other: a row that is its own parent, two that manage each other.

They are inserted without the references that close the ring and given them at once afterwards (pipeline, stage 9). In
between the target holds them under a data hash that no row has and without a rowversion: whoever compares them then
writes them again, so that none stays without its reference when a process dies in between.
"""

from collections.abc import Callable, Collection
from dataclasses import dataclass

import numpy as np
import polars as pl

from syncflow.chunk import DATA, KEY, OPERATION, PARENT, ROW, ROWVERSION, UNKNOWN_HASH, Operation
from syncflow.model import TargetTable
from syncflow.protocols import OUTCOME_SCHEMA, WriteState
from syncflow.stages.ring_graph import Flags, Waits, judge, openings

RING = "ring"
"""The error type of rows that no order can load."""
_TOLD = 5
Held = Callable[[str, pl.Series], pl.Series]
"""Which keys of an entity the target holds."""


@dataclass(frozen=True)
class Ring:
    """`opened` are the rows that can be loaded, some without their references to each other; `closed` are the latter
    with their references, as updates; `impossible` are rows that no order can load, for `required` is not to be left
    out."""

    opened: pl.DataFrame
    closed: pl.DataFrame
    impossible: pl.DataFrame
    required: str | None


@dataclass(frozen=True)
class Parting:
    """How rows of a ring that goes through several chunks or entities are loaded: one of it without its references to
    `inside` (key hashes of rows that wait in turn), the others when it is there. `impossible` has KEY and `message` of
    rows that no order can load."""

    inside: pl.Series
    impossible: pl.DataFrame


def told_ring(refs: Collection[str]) -> str:
    """A ring for a message."""
    shown = list(refs)[:_TOLD]
    return " -> ".join(shown) + (" -> .." if len(refs) > len(shown) else "")


def find_ring(
    sent: pl.DataFrame, outcome: pl.DataFrame, table: TargetTable, required: Collection[str], held: Held
) -> Ring | None:
    """The inserts among `sent` that found a parent missing (OUTCOME_SCHEMA) and wait for rows of this set alone.
    `required` references are never left out."""
    own = [name for name, entity in table.parents if entity == table.entity]
    if not own:
        return None
    missing = outcome.filter((pl.col("state") == WriteState.PARENT_MISSING) & pl.col("field").is_in(own)).select(ROW)
    waiting = sent.filter(pl.col(OPERATION) == Operation.INSERT).join(
        missing, on=ROW, how="semi", maintain_order="left"
    )
    if waiting.is_empty():
        return None
    waits = _waits(waiting, own, required)
    if len(waits.child) == 0:
        return None
    verdict = judge(waits, _waits_for_nobody_else(waiting, table, held))
    if not (verdict.loadable.any() or verdict.impossible.any()):
        return None
    return _ring(waiting, waits, verdict.loadable, verdict.impossible, own, required)


def without_parents(rows: pl.DataFrame, refs: Collection[str], inside: pl.Series) -> pl.DataFrame:
    """The rows without those of the references that lead inside, and marked as not to be relied on where one is left
    out."""
    leads = {ref: pl.col(PARENT + ref).is_in(inside.implode()).fill_null(False) for ref in refs}
    opened = pl.any_horizontal(False, *leads.values())
    return rows.with_columns(
        *(pl.when(~inside_).then(pl.col(PARENT + ref)).alias(PARENT + ref) for ref, inside_ in leads.items()),
        pl.when(opened).then(pl.lit(UNKNOWN_HASH)).otherwise(DATA).alias(DATA),
        pl.when(~opened).then(ROWVERSION).alias(ROWVERSION),
    )


def refused(rows: pl.DataFrame, field: str | None, message: pl.Expr) -> pl.DataFrame:
    """OUTCOME_SCHEMA of rows that no order can load."""
    return rows.select(
        pl.col(ROW).cast(pl.UInt32),
        pl.lit(WriteState.REJECTED).alias("state"),
        pl.lit(field, dtype=pl.String).alias("field"),
        pl.lit(RING).alias("error_type"),
        message.alias("message"),
        pl.lit(False).alias("temporary"),
    ).match_to_schema(OUTCOME_SCHEMA)


def _waits(waiting: pl.DataFrame, own: list[str], required: Collection[str]) -> Waits:
    places = waiting.select(KEY).with_row_index("parent")
    edges = [pl.DataFrame(schema={"child": pl.Int64, "parent": pl.Int64, "required": pl.Boolean})]
    for ref in own:
        met = waiting.select(pl.col(PARENT + ref).alias(KEY)).with_row_index("child").join(places, on=KEY)
        edges.append(met.select(pl.col("child", "parent").cast(pl.Int64), pl.lit(ref in required).alias("required")))
    found = pl.concat(edges)
    return Waits(waiting.height, found["child"].to_numpy(), found["parent"].to_numpy(), found["required"].to_numpy())


def _waits_for_nobody_else(waiting: pl.DataFrame, table: TargetTable, held: Held) -> Flags:
    """Whether all parents of a row are in the target or among the rows themselves."""
    complete = pl.lit(True)
    for ref, entity in table.parents:
        parents = waiting[PARENT + ref].drop_nulls().unique()
        if entity == table.entity:
            parents = parents.filter(~parents.is_in(waiting[KEY].implode()))
            inside = pl.col(PARENT + ref).is_in(waiting[KEY].implode())
        else:
            inside = pl.lit(False)
        there = held(entity, parents) if len(parents) else parents
        complete &= pl.col(PARENT + ref).is_null() | inside | pl.col(PARENT + ref).is_in(there.implode())
    return waiting.select(complete.fill_null(True)).to_series().to_numpy()


def _ring(
    waiting: pl.DataFrame,
    waits: Waits,
    loadable: Flags,
    impossible: Flags,
    own: list[str],
    required: Collection[str],
) -> Ring:
    rows = waiting.filter(pl.Series(loadable))
    first = np.zeros(waits.rows, np.bool_)
    for opening in openings(waits, loadable):
        first[opening] = True
    optional = [ref for ref in own if ref not in required]
    alone = waiting.filter(pl.Series(first))
    opened = without_parents(alone, optional, rows[KEY])
    rest = rows.join(alone.select(ROW), on=ROW, how="anti", maintain_order="left")
    closed = alone.with_columns(pl.lit(Operation.UPDATE).alias(OPERATION))
    lost = waiting.filter(pl.Series(impossible))
    fixed = next((ref for ref in own if ref in required), None)
    return Ring(pl.concat([opened, rest]), closed, lost, fixed)
