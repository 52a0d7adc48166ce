"""The order in which the rows of one call are written when some are the parents of others, in a table that refers to
itself."""

from collections.abc import Iterator, Sequence

import numpy as np
import polars as pl
from numpy.typing import NDArray

from syncflow.chunk import KEY, OPERATION, PARENT, Operation
from syncflow.model import TargetTable

_INDEX = "@index"
_NOBODY = np.empty(0, np.int64)


def waves(table: TargetTable, rows: pl.DataFrame) -> Iterator[pl.DataFrame]:
    """The rows in parts: each row comes after all of its parents that this call inserts. Rows that wait for each
    other in a ring come last."""
    refs = [name for name, entity in table.parents if entity == table.entity]
    children, parents = _edges(rows, refs) if refs else (_NOBODY, _NOBODY)
    if children.size == 0:
        yield rows
        return
    level = _levels(rows.height, children, parents)
    for number in range(int(level.max()) + 1):
        yield rows.filter(pl.Series(level == number))


def _edges(rows: pl.DataFrame, refs: Sequence[str]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Pairs of row numbers (child, parent) where the parent is inserted by the same call."""
    indexed = rows.with_row_index(_INDEX)
    inserted = indexed.filter(pl.col(OPERATION) == Operation.INSERT).select(KEY, pl.col(_INDEX).alias("parent"))
    edges = [
        indexed.select(pl.col(_INDEX).alias("child"), pl.col(PARENT + ref).alias(KEY))
        .join(inserted, on=KEY)
        .select(pl.col("child", "parent").cast(pl.Int64))
        for ref in refs
    ]
    both = pl.concat([pl.DataFrame(schema={"child": pl.Int64, "parent": pl.Int64}), *edges])
    return both["child"].to_numpy(), both["parent"].to_numpy()


def _levels(count: int, children: NDArray[np.int64], parents: NDArray[np.int64]) -> NDArray[np.int64]:
    level = np.full(count, -1, np.int64)
    number = 0
    while True:
        blocked = np.zeros(count, np.bool_)
        blocked[children] = True
        ready = ~blocked & (level < 0)
        if not ready.any():
            level[level < 0] = number
            return level
        level[ready] = number
        number += 1
        waiting = level[parents] < 0
        children, parents = children[waiting], parents[waiting]
