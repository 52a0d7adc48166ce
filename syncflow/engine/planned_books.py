"""The books of a dry run: they read the real ones, write nothing, and remember what there would be to say."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import NamedTuple, TypeVar

import polars as pl

from syncflow.chunk import PARENT_REF, ROW
from syncflow.clock import Clock
from syncflow.engine.books import Books, Settled
from syncflow.engine.deletions import NOTHING, Judgement
from syncflow.model import Batch, BatchStatus, Plan
from syncflow.protocols import UNREADABLE
from syncflow.store import erp_sync_state
from syncflow.store.database import Connection, Database

T = TypeVar("T")

SAMPLES_A_GROUP = 3
PARENTS_KEPT = 1_000
"""Missing parents that are told apart; the children of all others are counted together."""


@dataclass(frozen=True)
class FailureSample:
    """`raw` is the row as the source sent it."""

    message: str
    raw: Mapping[str, str | None]


@dataclass(frozen=True)
class FailureGroup:
    """Rows that would fail in the same way."""

    stage: str
    field: str | None
    error_type: str
    rows: int
    samples: tuple[FailureSample, ...]


@dataclass(frozen=True)
class MissingParent:
    """A parent that would be waited for; `key` is None for all those that are not told apart."""

    ref: str
    entity: str
    key: str | None
    children: int


class _Kind(NamedTuple):
    stage: str
    field: str | None
    error_type: str


class PlannedBooks(Books):
    """The books of one batch that does not take place."""

    def __init__(self, database: Database, clock: Clock, batch: Batch, epoch: int) -> None:
        super().__init__(database, clock, batch, epoch)
        self.plan: Plan | None = None
        self.judged = NOTHING
        self._failures: dict[_Kind, FailureGroup] = {}
        self._parents: dict[tuple[str, str, str | None], int] = {}

    @property
    def failures(self) -> tuple[FailureGroup, ...]:
        """The most rows first."""
        return tuple(sorted(self._failures.values(), key=lambda group: -group.rows))

    @property
    def missing_parents(self) -> tuple[MissingParent, ...]:
        """The most children first."""
        counted = sorted(self._parents.items(), key=lambda item: (-item[1], str(item[0])))
        return tuple(MissingParent(ref, entity, key, rows) for (ref, entity, key), rows in counted)

    def _write(self, work: Callable[[Connection], T]) -> T:
        raise NotImplementedError(f"a dry run writes nothing, and was asked for {work.__qualname__}")

    def begin(self, plan: Plan, watermarks: tuple[str | None, str | None], ledger_of: str | None) -> None:  # noqa: ARG002
        self._ledger_of = ledger_of
        self.plan = plan

    def beat(self) -> BatchStatus:
        return BatchStatus.RUNNING

    def intend(self, number: int, rows: pl.DataFrame) -> None:
        pass

    def intend_alone(self, number: int, rows: pl.DataFrame) -> None:
        pass

    def recovered(self, rows: pl.DataFrame) -> None:
        pass

    def keep_types(self, types: Mapping[str, str]) -> None:
        pass

    def end(
        self,
        ended: Batch,
        state: erp_sync_state.SyncState | None,
        end_night: Callable[[Connection], None] | None = None,
    ) -> None:
        pass

    def settle(self, settled: Settled, in_doubt: pl.DataFrame) -> BatchStatus:  # noqa: ARG002
        self.plan = settled.plan
        self._take_failures(settled)
        self._take_waiting(settled)
        self.total = self.total + settled.counters
        return BatchStatus.RUNNING

    def inserted_are_updated(self, rows: int) -> None:
        self.total = replace(self.total, inserted=self.total.inserted - rows, updated=self.total.updated + rows)

    def deletions(self, done: Judgement, *, complete: bool) -> None:  # noqa: ARG002
        self.total = self.total.without_deletions() + done.counters
        self.judged = done

    def ledger_size(self) -> int:
        """As it would be by now: with the rows that this batch would have inserted."""
        return super().ledger_size() + self.total.inserted

    def _take_failures(self, settled: Settled) -> None:
        chunk = settled.chunk
        for kind, rows in chunk.rejected.group_by("stage", "field", "error_type", maintain_order=True):
            stage, field, error_type = _Kind(*kind)
            known = self._failures.get(_Kind(*kind)) or FailureGroup(stage, field, error_type, 0, ())
            lacking = rows.head(SAMPLES_A_GROUP - len(known.samples))
            samples = (*known.samples, *_samples(lacking, chunk.raw))
            self._failures[_Kind(*kind)] = replace(known, rows=known.rows + rows.height, samples=samples)

    def _take_waiting(self, settled: Settled) -> None:
        entity_of = {parent.name: parent.entity for parent in settled.plan.parents}
        for (ref,), waiting in settled.waiting.group_by("field"):
            name = str(ref)
            rows = settled.chunk.rows.join(waiting.select(ROW), on=ROW, how="semi")
            for key, count in rows[PARENT_REF + name].value_counts().iter_rows():
                place = (name, entity_of[name], key)
                if place not in self._parents and len(self._parents) >= PARENTS_KEPT:
                    place = (name, entity_of[name], None)
                self._parents[place] = self._parents.get(place, 0) + count


def _samples(rejected: pl.DataFrame, raw: pl.DataFrame) -> list[FailureSample]:
    rows = rejected.select(ROW, "message").join(raw.drop(UNREADABLE, strict=False), on=ROW, maintain_order="left")
    return [FailureSample(row.pop("message"), row) for row in rows.drop(ROW).iter_rows(named=True)]
