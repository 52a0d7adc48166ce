"""Rows that wait for each other, as numbers: which of them can be loaded at all, and which have to come first, without
the references that close a ring."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Numbers = NDArray[np.int64]
Flags = NDArray[np.bool_]

NOBODY = -1


@dataclass(frozen=True)
class Waits:
    """Of rows numbered 0 to `rows` - 1, row `child[i]` waits for row `parent[i]`; `required[i]`: it may not even for a
    moment be in the target without that reference."""

    rows: int
    child: Numbers
    parent: Numbers
    required: Flags

    def among(self, rows: Flags, *, required: bool = False) -> "Waits":
        """Only what these rows wait for among each other; `required`: only what they must not be without."""
        chosen = rows[self.child] & rows[self.parent]
        chosen = chosen & self.required if required else chosen
        return Waits(self.rows, self.child[chosen], self.parent[chosen], self.required[chosen])


@dataclass(frozen=True)
class Verdict:
    """`loadable` rows wait for nothing but each other; `impossible` ones too, but each way round needs a row that is
    required to be there before."""

    loadable: Flags
    impossible: Flags


def judge(waits: Waits, alive: Flags) -> Verdict:
    """The largest sets; `alive` are the rows that wait for nothing outside."""
    impossible = np.zeros(waits.rows, np.bool_)
    alive = _without_followers(waits, alive)
    while True:
        possible = _in_turn(waits.among(alive, required=True), alive)
        lost = alive & ~possible
        if not lost.any():
            return Verdict(alive, impossible)
        impossible |= lost
        alive = _without_followers(waits, possible)


def openings(waits: Waits, loadable: Flags) -> Iterator[Numbers]:
    """Rows that are to be loaded first, without their references to rows that still wait; when all is loaded that these
    let in, the next ones; and so on, until every loadable row is there."""
    remaining = loadable.copy()
    while True:
        left = waits.among(remaining)
        remaining &= ~_in_turn(left, remaining)
        if not remaining.any():
            return
        left = waits.among(remaining)
        first = _one_of_each_ring(left, remaining)
        yield first
        remaining[first] = False


def rings(pointer: Numbers) -> tuple[Flags, Flags]:
    """Each row points to one other row or to NOBODY: which rows stand on a ring, and which ones lead to one."""
    count = len(pointer)
    ends = np.append(np.where(pointer == NOBODY, count, pointer), count)
    for _ in range(max(count, 1).bit_length()):
        ends = ends[ends]
    leads = ends[:count] != count
    on_ring = np.zeros(count, np.bool_)
    on_ring[ends[:count][leads]] = True
    return on_ring, leads


def _one_of_each_ring(left: Waits, remaining: Flags) -> Numbers:
    """Of each ring one row that waits for nothing that it is required to have. There is one: no ring consists of
    required references alone, and a row that has one is followed along it."""
    pointer = np.full(left.rows, NOBODY, np.int64)
    pointer[left.child] = left.parent
    pointer[left.child[left.required]] = left.parent[left.required]
    bound = np.zeros(left.rows, np.bool_)
    bound[left.child[left.required]] = True
    on_ring, _ = rings(pointer)
    members = np.flatnonzero(on_ring & remaining & ~bound)
    _, first = np.unique(smallest_on_ring(pointer)[members], return_index=True)
    return members[first]


def smallest_on_ring(pointer: Numbers) -> Numbers:
    """For rows on a ring, the smallest number on it; for others something else."""
    count = len(pointer)
    step = np.append(np.where(pointer == NOBODY, count, pointer), count)
    smallest = np.arange(count + 1)
    for _ in range(max(count, 1).bit_length()):
        smallest = np.minimum(smallest, smallest[step])
        step = step[step]
    return smallest[:count]


def _without_followers(waits: Waits, alive: Flags) -> Flags:
    """The alive rows, less those that wait for a row that is not alive, directly or through others."""
    kept = alive.copy()
    followers = _Followers(waits)
    gone = np.flatnonzero(~alive)
    while gone.size:
        lost = followers.of(gone)
        gone = np.unique(lost[kept[lost]])
        kept[gone] = False
    return kept


def _in_turn(left: Waits, rows: Flags) -> Flags:
    """Those of the rows that can be loaded one after the other, each when all that it waits for is there."""
    waiting = np.bincount(left.child, minlength=left.rows)
    followers = _Followers(left)
    there: Flags = rows & (waiting == 0)
    ready = np.flatnonzero(there)
    while ready.size:
        served, times = np.unique(followers.of(ready), return_counts=True)
        waiting[served] -= times
        ready = served[waiting[served] == 0]
        there[ready] = True
    return there


class _Followers:
    """Who waits for a row."""

    def __init__(self, waits: Waits) -> None:
        order = np.argsort(waits.parent, kind="stable")
        self._children = waits.child[order]
        self._starts = np.searchsorted(waits.parent[order], np.arange(waits.rows + 1))

    def of(self, rows: Numbers) -> Numbers:
        starts, counts = self._starts[rows], self._starts[rows + 1] - self._starts[rows]
        before = np.cumsum(counts) - counts
        return self._children[np.repeat(starts - before, counts) + np.arange(int(counts.sum()))]
