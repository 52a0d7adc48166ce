"""How fast running batches go, as their events tell: the model behind the live track."""

import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from uuid import UUID

from syncflow.events import BatchEnded, BatchStarted, ChunkSettled, Event
from syncflow.model import Counters

WINDOW_SECONDS = 10.0
"""The rate is that of the last so many seconds."""
_KEPT_SECONDS = 4.0
"""How long a batch that has ended stays on the track."""

STAGES = (
    ("fetch", ("fetch",)),
    ("coercion", ("coercion",)),
    ("string", ("string",)),
    ("numeric", ("numeric",)),
    ("datetime", ("datetime",)),
    ("mapping", ("mapping",)),
    ("identity", ("identity",)),
    ("delta", ("identities", "delta")),
    ("load", ("load", "indexes", "delete", "books")),
)
"""The nine stages, and the timings that belong to each."""


@dataclass
class Track:
    """One running batch. `rows` counts what is settled; `expected` is what the source announced, None if it did not."""

    batch: UUID
    entity: str
    rows: int = 0
    expected: int | None = None
    counters: Counters = field(default_factory=Counters)
    stage_seconds: Mapping[str, float] = field(default_factory=dict)
    ended: BatchEnded | None = None
    ended_at: float = 0.0
    _seen: deque[tuple[float, int]] = field(default_factory=deque)

    def take(self, event: ChunkSettled, now: float) -> None:
        self.counters = event.counters
        self.rows = event.counters.fetched
        announced = event.expected_rows
        self.expected = announced if announced is not None and announced >= self.rows else None
        self.stage_seconds = event.stage_seconds or self.stage_seconds
        self.see(self.rows, now)

    def see(self, rows: int, now: float) -> None:
        self._seen.append((now, rows))
        while len(self._seen) > 2 and now - self._seen[0][0] > WINDOW_SECONDS:
            self._seen.popleft()

    @property
    def rate(self) -> float:
        """Rows a second of late; 0 before two chunks are settled."""
        if len(self._seen) < 2:
            return 0.0
        (first, before), (last, now) = self._seen[0], self._seen[-1]
        return (now - before) / (last - first) if last > first else 0.0

    @property
    def seconds_left(self) -> float | None:
        """As far as it can be told."""
        if self.expected is None or self.rate <= 0:
            return None
        return (self.expected - self.rows) / self.rate

    def shares(self) -> list[tuple[str, float]]:
        """The nine stages with their share of the work time, 0 to 1."""
        times = [(name, sum(self.stage_seconds.get(part, 0.0) for part in parts)) for name, parts in STAGES]
        whole = sum(seconds for _name, seconds in times)
        return [(name, seconds / whole if whole else 0.0) for name, seconds in times]


class Tracks:
    """All running batches that this console has heard of. Used in the console's own loop only."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        """`clock` gives seconds that never go back."""
        self._clock = clock
        self._tracks: dict[UUID, Track] = {}

    def take(self, event: Event) -> None:
        now = self._clock()
        if isinstance(event, BatchStarted):
            track = self._of(event.batch, event.entity)
            track.ended, track.rows = None, event.resumed_rows
            track.see(event.resumed_rows, now)
        elif isinstance(event, ChunkSettled):
            self._of(event.batch, event.entity).take(event, now)
        elif isinstance(event, BatchEnded):
            track = self._of(event.batch, event.entity)
            track.counters, track.rows, track.ended, track.ended_at = event.counters, event.counters.fetched, event, now

    def _of(self, batch: UUID, entity: str) -> Track:
        return self._tracks.setdefault(batch, Track(batch, entity))

    def __iter__(self) -> Iterator[Track]:
        """The oldest first; those that ended a while ago are gone."""
        now = self._clock()
        for uid in [uid for uid, track in self._tracks.items() if track.ended and now - track.ended_at > _KEPT_SECONDS]:
            del self._tracks[uid]
        return iter(list(self._tracks.values()))

    def forget(self, running: set[UUID]) -> None:
        """Keep only these, and those that have just ended: what the database says is running."""
        for uid in [uid for uid, track in self._tracks.items() if track.ended is None and uid not in running]:
            del self._tracks[uid]
