"""Is all well? One look at the batches, the queues and what needs a person."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from uuid import UUID

from syncflow.clock import Clock
from syncflow.model import Batch, BatchStatus
from syncflow.service.approvals import ApprovalService
from syncflow.service.batches import BatchService, Overview
from syncflow.store import audit_log, sync_batches
from syncflow.store import overview as figures
from syncflow.store.audit_log import AuditLine as AuditLine  # what a snapshot is made of
from syncflow.store.database import Database
from syncflow.store.overview import Bucket as Bucket
from syncflow.store.overview import QueueFigures as QueueFigures
from syncflow.store.overview import Queues as Queues
from syncflow.store.queue_counts import QueueCounts
from syncflow.store.withheld_deletes import WithheldSet

SERIES = timedelta(hours=24)
SLICE_SECONDS = 900
LATEST = 8


class Need(StrEnum):
    """Why something needs a person, the most urgent first."""

    FAILED_BATCH = "failed_batch"
    WITHHELD = "withheld"
    INTERRUPTED = "interrupted"
    FAILED_RECORDS = "failed_records"
    NEVER_SYNCED = "never_synced"


@dataclass(frozen=True)
class Attention:
    """Something that needs a person: `rows` is what it is about, `message` what a batch said, `command` what helps."""

    need: Need
    entity: str
    command: str
    rows: int = 0
    batch: UUID | None = None
    message: str | None = None


@dataclass(frozen=True)
class Happening:
    """A batch that began or ended, or an act of a person, at `at` (UTC)."""

    at: datetime
    batch: Batch | None = None
    act: AuditLine | None = None


@dataclass(frozen=True)
class Snapshot:
    """How everything stands. `series` holds the last 24 hours in quarters; `database_ms` is one round trip; `latest`
    are the LATEST newest happenings, the newest first."""

    taken_at: datetime
    database_ms: float
    entities: tuple[Overview, ...]
    running: tuple[Overview, ...]
    queues: Queues
    series: tuple[Bucket, ...]
    attention: tuple[Attention, ...]
    latest: tuple[Happening, ...] = ()


class OverviewService:
    """Cheap enough to be asked every few seconds."""

    def __init__(
        self, database: Database, batches: BatchService, approvals: ApprovalService, counts: QueueCounts, clock: Clock
    ) -> None:
        self._database = database
        self._batches = batches
        self._approvals = approvals
        self._counts = counts
        self._clock = clock

    def snapshot(self) -> Snapshot:
        now = self._clock.now()
        began = time.monotonic()
        with self._database.begin() as connection:
            milliseconds = (time.monotonic() - began) * 1000
            series = figures.series(connection, now - SERIES, SLICE_SECONDS)
            latest = _latest(sync_batches.recent(connection, None, LATEST), audit_log.lines(connection, LATEST))
        entities = self._batches.overview()
        queues = self._counts.latest()
        return Snapshot(
            taken_at=now,
            database_ms=milliseconds,
            entities=tuple(entities),
            running=tuple(each for each in entities if each.alive),
            queues=queues,
            series=tuple(series),
            attention=tuple(_attention(entities, self._approvals.waiting(), queues)),
            latest=tuple(latest),
        )


def _latest(batches: Sequence[Batch], acts: Sequence[AuditLine]) -> list[Happening]:
    found = [Happening(each.completed_at or each.started_at or each.requested_at, batch=each) for each in batches]
    found += [Happening(each.at, act=each) for each in acts]
    return sorted(found, key=lambda each: each.at, reverse=True)[:LATEST]


def _attention(entities: Sequence[Overview], withheld: Sequence[WithheldSet], queues: Queues) -> list[Attention]:
    found = [need for each in entities if each.batch is not None for need in _of_batch(each.batch, alive=each.alive)]
    found += [
        Attention(Need.WITHHELD, each.entity, f"syncflow withheld {each.batch}", each.rows, each.batch)
        for each in withheld
    ]
    found += [
        Attention(Need.FAILED_RECORDS, name, f"syncflow remedies groups --entity {name}", rows)
        for name, rows in queues.failed_by_entity.items()
    ]
    found += [
        Attention(Need.NEVER_SYNCED, each.entity.name, f"syncflow sync {each.entity.name}")
        for each in entities
        if each.batch is None and each.entity.sync_enabled
    ]
    order = list(Need)
    return sorted(found, key=lambda each: (order.index(each.need), -each.rows, each.entity))


def _of_batch(batch: Batch, *, alive: bool) -> list[Attention]:
    if batch.status is BatchStatus.FAILED:
        command = f"syncflow status {batch.uid}"
        return [Attention(Need.FAILED_BATCH, batch.entity_name, command, batch=batch.uid, message=batch.error_message)]
    left = batch.status in (BatchStatus.RUNNING, BatchStatus.CANCELLING) and not alive
    if batch.status is BatchStatus.INTERRUPTED or left:
        command = f"syncflow resume {batch.uid}"
        return [Attention(Need.INTERRUPTED, batch.entity_name, command, batch=batch.uid, message=batch.error_message)]
    return []
