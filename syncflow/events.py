"""What the engine tells those who watch. Frozen; emitted by worker threads, so a listener is quick and thread-safe."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from uuid import UUID

from syncflow.model import BatchStatus, Counters, SyncType


@dataclass(frozen=True)
class BatchStarted:
    """`resumed_rows` are the rows settled before, when a batch goes on at its checkpoint, and `counters` its totals."""

    batch: UUID
    entity: str
    resumed_rows: int = 0
    counters: Counters = Counters()


@dataclass(frozen=True)
class ChunkSettled:
    """One chunk is in the target and in the books. `counters` are the batch's totals so far; `expected_rows` is what
    the source announced, if it did; `stage_seconds` are the batch's thread seconds by stage so far."""

    batch: UUID
    entity: str
    number: int
    counters: Counters
    expected_rows: int | None = None
    stage_seconds: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class BatchEnded:
    """`seconds` is the wall time that was worked on the batch here; while others are loaded before its deletions, it
    does not count."""

    batch: UUID
    entity: str
    status: BatchStatus
    counters: Counters
    seconds: float
    error_message: str | None = None
    notes: tuple[str, ...] = ()
    stage_seconds: Mapping[str, float] = field(default_factory=dict)
    sync_type: SyncType = SyncType.INCREMENTAL
    error_exit_code: int | None = None
    """The exit code that fits what ended the batch early (see `errors`); None when nothing did."""


@dataclass(frozen=True)
class BatchChanged:
    """A batch was queued, taken, stopped or ended, by whatever process; the books say how it stands."""

    batch: UUID
    entity: str


@dataclass(frozen=True)
class ActDone:
    """Somebody did something that the audit log knows, in whatever process."""

    actor: str
    act: str
    subject: str
    entity: str | None = None


@dataclass(frozen=True)
class AlertBegan:
    """Something is wrong that a person should know of; told once, by whatever process found it."""

    kind: str
    subject: str
    text: str


@dataclass(frozen=True)
class AlertEnded:
    """What an alert was about is well again."""

    kind: str
    subject: str
    text: str


@dataclass(frozen=True)
class Disconnected:
    """Nothing is heard of other processes until `Reconnected`."""

    message: str


@dataclass(frozen=True)
class Reconnected:
    """What happened meanwhile was not heard: everything is to be read again."""


Event = BatchStarted | ChunkSettled | BatchEnded
News = Event | BatchChanged | ActDone | AlertBegan | AlertEnded | Disconnected | Reconnected
"""What is told by the engine, and what else there is to hear."""
Listener = Callable[[Event], None]
