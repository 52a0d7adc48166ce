"""What this process has done since it started, counted from the engine's events: counters only grow, and those of
several daemons may be added up."""

import threading
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from uuid import UUID

from syncflow.events import BatchEnded, BatchStarted, ChunkSettled, Event
from syncflow.model import Counters
from syncflow.observe.exposition import Family, Sample, counter

OUTCOMES = ("inserted", "updated", "deleted", "unchanged", "duplicate", "pending", "failed", "withheld", "refused")


@dataclass(frozen=True)
class _Seen:
    """What is counted of a batch already."""

    counters: Counters
    stage_seconds: Mapping[str, float]


class EventCounts:
    """A listener. Thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._seen: dict[UUID, _Seen] = {}
        self._fetched: defaultdict[str, int] = defaultdict(int)
        self._outcomes: defaultdict[tuple[str, str], int] = defaultdict(int)
        self._stages: defaultdict[tuple[str, str], float] = defaultdict(float)
        self._ended: defaultdict[tuple[str, str], int] = defaultdict(int)
        self._seconds: defaultdict[str, float] = defaultdict(float)

    def __call__(self, event: Event) -> None:
        with self._lock:
            if isinstance(event, BatchStarted):
                self._seen[event.batch] = _Seen(event.counters, {})
            elif isinstance(event, ChunkSettled):
                self._count(event)
            else:
                self._count(event)
                del self._seen[event.batch]
                self._ended[event.entity, event.status] += 1
                self._seconds[event.entity] += event.seconds

    def _count(self, event: ChunkSettled | BatchEnded) -> None:
        """A batch that never began here has done nothing here, whatever others did before."""
        before = self._seen.get(event.batch, _Seen(event.counters, event.stage_seconds))
        self._fetched[event.entity] += max(0, event.counters.fetched - before.counters.fetched)
        for outcome in OUTCOMES:
            more = getattr(event.counters, outcome) - getattr(before.counters, outcome)
            self._outcomes[event.entity, outcome] += max(0, more)
        for stage, seconds in event.stage_seconds.items():
            self._stages[event.entity, stage] += max(0.0, seconds - before.stage_seconds.get(stage, 0.0))
        self._seen[event.batch] = _Seen(event.counters, {**before.stage_seconds, **event.stage_seconds})

    def families(self) -> Iterator[Family]:
        with self._lock:
            fetched, outcomes, stages = dict(self._fetched), dict(self._outcomes), dict(self._stages)
            ended, seconds = dict(self._ended), dict(self._seconds)
        yield counter("syncflow_rows_fetched_total", "Rows read from APISmith.", *_by_entity(fetched))
        yield counter("syncflow_rows_total", "Rows by what became of them.", *_by("outcome", outcomes))
        yield counter("syncflow_batches_ended_total", "Batches that ended, by status.", *_by("status", ended))
        yield counter("syncflow_batch_seconds_total", "Seconds worked on batches.", *_by_entity(seconds))
        yield counter(
            "syncflow_stage_seconds_total", "Thread seconds of batches by stage of the pipeline.", *_by("stage", stages)
        )


def _by_entity(values: Mapping[str, float]) -> Iterator[Sample]:
    return (Sample(value, {"entity": entity}) for entity, value in sorted(values.items()))


def _by(label: str, values: Mapping[tuple[str, str], float]) -> Iterator[Sample]:
    return (Sample(value, {"entity": entity, label: word}) for (entity, word), value in sorted(values.items()))
