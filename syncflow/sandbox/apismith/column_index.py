"""The order of one column, computed once: binary search for comparisons, ready-made row orders for sorting."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt
import polars as pl

from syncflow.sandbox.apismith.definition import Kind
from syncflow.sandbox.apismith.sort_keys import sort_keys

Ints = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class RankRange:
    """Ranks from `low` up to, but without, `high`."""

    low: int
    high: int


class ColumnIndex:
    """`keys` are the distinct sort keys in order; `rank` is each row's place among them, `null_rank` that of NULL."""

    def __init__(self, texts: pl.Series, kind: Kind) -> None:
        keys = sort_keys(texts, kind)
        self._kind = kind
        self.keys = keys.drop_nulls().unique().sort()
        self.null_rank = len(self.keys)
        dense = keys.rank("dense").cast(pl.Int64) - 1
        self.rank: Ints = dense.fill_null(self.null_rank).to_numpy()

    @cached_property
    def ascending(self) -> Ints:
        """Row numbers in ascending order, equal values in the order of the rows, NULLs last."""
        return np.argsort(self.rank, kind="stable")

    @cached_property
    def descending(self) -> Ints:
        """Row numbers in descending order, equal values in the order of the rows, NULLs last."""
        flipped = np.where(self.rank == self.null_rank, self.null_rank, self.null_rank - 1 - self.rank)
        return np.argsort(flipped, kind="stable")

    def slice_of(self, ranks: RankRange) -> Ints:
        """The part of `ascending` whose ranks lie in a range; a view, no copy."""
        low, high = np.searchsorted(self._sorted_ranks, (ranks.low, ranks.high))
        return self.ascending[low:high]

    def mask_of(self, ranks: RankRange) -> Mask:
        return (self.rank >= ranks.low) & (self.rank < ranks.high)

    def mask_of_values(self, values: list[str]) -> Mask:
        """Rows that equal one of the printed values."""
        keys = sort_keys(pl.Series(values, dtype=pl.String), self._kind).drop_nulls()
        wanted = np.zeros(self.null_rank + 1, dtype=np.bool_)
        wanted[: self.null_rank] = self.keys.is_in(keys.implode()).to_numpy()
        return wanted[self.rank]

    def compare(self, operator: str, value: str) -> RankRange:
        """The ranks for which `column operator value` holds; `operator` is one of `= > >= < <=`. Never NULLs."""
        key = sort_keys(pl.Series([value], dtype=pl.String), self._kind)[0]
        if key is None:
            return RankRange(0, 0)
        low = int(self.keys.search_sorted(key))
        high = low + (low < self.null_rank and self.keys[low] == key)
        ranges = {
            "=": (low, high),
            ">": (high, self.null_rank),
            ">=": (low, self.null_rank),
            "<": (0, low),
            "<=": (0, high),
        }
        return RankRange(*ranges[operator])

    @cached_property
    def _sorted_ranks(self) -> Ints:
        return self.rank[self.ascending]
