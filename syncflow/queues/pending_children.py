"""Decisions about rows that wait for their parents: how long until they are looked after again, who can wait in a ring,
and whom most of them wait for."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import polars as pl

from syncflow.backoff import ceiling
from syncflow.identities import Words, hexadecimal
from syncflow.model import Entity
from syncflow.queues.failed_records import RetryRule
from syncflow.stages.ring_graph import NOBODY, Flags, Numbers, rings, smallest_on_ring

MAX_ATTEMPTS = 5
"""So often a row's parent is looked for in vain, each time after it had a chance to arrive; then the row is a failed
record (reliability)."""


def longest_waits(rule: RetryRule) -> tuple[float, ...]:
    """Seconds that a row waits at most after its first, second, .. attempt."""
    return tuple(ceiling(attempt, rule.first_delay, rule.longest_delay) for attempt in range(1, MAX_ATTEMPTS + 1))


def entities_in_rings(entities: Iterable[Entity]) -> list[str]:
    """Entities whose references lead back to themselves, directly or through others: only their rows can wait for
    each other."""
    parents = {entity.name: {ref.entity for ref in entity.parent_refs} for entity in entities}
    return [name for name in parents if name in _reached(parents, name)]


def _reached(parents: dict[str, set[str]], start: str) -> set[str]:
    reached: set[str] = set()
    ahead = [start]
    while ahead:
        new = parents.get(ahead.pop(), set()) - reached
        reached |= new
        ahead.extend(new)
    return reached


@dataclass(frozen=True)
class Awaited:
    """A missing parent. `children` wait for it directly, `descendants` are these, those that wait for them, and so on,
    each counted once; on a ring that is every row that leads to it, its own included."""

    parent_bk_hash: str
    children: int
    descendants: int


def most_awaited(waits: Words, limit: int) -> list[Awaited]:
    """The missing parents with the most descendants first. `waits` of shape (rows, 4) has the key hash of each waiting
    row and that of the parent it waits for."""
    if len(waits) == 0:
        return []
    keys, child, parent = _numbered(waits)
    pointer = np.full(len(keys), NOBODY, np.int64)
    pointer[child] = parent
    children = np.bincount(parent, minlength=len(keys))
    descendants = _descendants(pointer)
    order = np.lexsort((keys[:, 0], -children, -descendants))
    first = [int(place) for place in order[:limit] if children[place]]
    names = hexadecimal(keys[first])
    return [
        Awaited(name, int(children[place]), int(descendants[place])) for name, place in zip(names, first, strict=True)
    ]


def _numbered(waits: Words) -> tuple[Words, Numbers, Numbers]:
    """All keys, each once, and the numbers of child and parent of each line among them."""
    pairs = pl.DataFrame(waits, schema=["a", "b", "c", "d"])
    ends = [pairs.select("a", "b"), pairs.select(pl.col("c").alias("a"), pl.col("d").alias("b"))]
    known = pl.concat(ends).unique(maintain_order=True).with_row_index("number")
    child, parent = (
        end.join(known, on=["a", "b"], how="left", maintain_order="left")["number"].cast(pl.Int64).to_numpy()
        for end in ends
    )
    return known.select("a", "b").to_numpy(), child, parent


def _descendants(pointer: Numbers) -> Numbers:
    """How many rows lead to each row, in as many steps as the logarithm of the longest way. A ring counts as one row
    with the weight of all."""
    on_ring, _ = rings(pointer)
    waiting = pointer != NOBODY
    itself = np.arange(len(pointer))
    whole = np.where(on_ring, smallest_on_ring(pointer), itself)
    weight = np.bincount(whole[waiting], minlength=len(pointer)).astype(np.int64)
    ahead = np.where(waiting & ~on_ring, whole[pointer], NOBODY)
    reaching = _summed(weight, ahead)
    own = np.where(on_ring, 0, weight)
    result: Numbers = reaching[whole] - own
    return result


def _summed(weight: Numbers, ahead: Numbers) -> Numbers:
    """The weight of each row and of all that lead to it, where nothing leads in a ring."""
    total = weight
    moving: Flags = ahead != NOBODY
    while moving.any():
        arriving = np.bincount(ahead[moving], weights=total[moving], minlength=len(total))
        total = total + arriving.astype(np.int64)
        ahead = np.where(moving, ahead[ahead], NOBODY)
        moving = ahead != NOBODY
    return total
