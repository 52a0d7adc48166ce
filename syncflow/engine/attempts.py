"""Whether the rows of a batch are read for the first time or were in the queue of failed records: what differs."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from random import Random
from typing import Protocol

import polars as pl

from syncflow.chunk import Chunk
from syncflow.clock import Clock
from syncflow.engine.rejected import scheduled
from syncflow.identities import Known
from syncflow.model import Plan
from syncflow.queues.failed_records import RetryRule
from syncflow.stages.s8_delta import Compare
from syncflow.store.database import Connection
from syncflow.store.failed_decisions import Override
from syncflow.store.failed_records import FailedRow

Close = Callable[[Connection, datetime], None]
"""What is done with the queue in the transaction that settles a chunk; may be called again after a lost connection."""


def close_nothing(_connection: Connection, _now: datetime) -> None:
    """A row read for the first time closes records by its key alone."""


class Attempt(Protocol):
    """`given` are edits that are tried (by raw hash); `compare` is how known rows are judged, None as the batch's
    strategy says."""

    @property
    def given(self) -> Mapping[str, Override]: ...

    @property
    def compare(self) -> Compare | None: ...

    def spare(self, chunk: Chunk, plan: Plan, held: Known) -> Chunk:
        """The chunk after stage 8, without operations on rows of the target that must not be overwritten."""
        ...

    def failed(self, rows: list[FailedRow]) -> list[FailedRow]:
        """The rows as they go into the queue, with their next attempt."""
        ...

    def closing(self, chunk: Chunk, ignored: pl.DataFrame) -> Close:
        """What the chunk, loaded, means for the records that its rows came from; `ignored` (ROW) are left out."""
        ...


@dataclass(frozen=True)
class FirstAttempt:
    """Rows that come from the source, or that had only waited for a parent."""

    rule: RetryRule
    clock: Clock
    rng: Random
    given: Mapping[str, Override] = field(default_factory=dict)
    compare: Compare | None = None

    def spare(self, chunk: Chunk, _plan: Plan, _held: Known) -> Chunk:
        return chunk

    def failed(self, rows: list[FailedRow]) -> list[FailedRow]:
        return scheduled(rows, self.rule, self.clock.now(), self.rng)

    def closing(self, _chunk: Chunk, _ignored: pl.DataFrame) -> Close:
        return close_nothing
