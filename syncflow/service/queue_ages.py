"""How long the queues are, and how long their oldest rows have stood there."""

from dataclasses import dataclass
from datetime import datetime

from syncflow.store.overview import Queues


@dataclass(frozen=True)
class QueueAge:
    """Open rows of a queue, and for how long the oldest has stood there."""

    queue: str
    rows: int
    oldest: datetime | None
    oldest_seconds: float


def queue_ages(queues: Queues, now: datetime) -> tuple[QueueAge, ...]:
    named = (("failed", queues.failed), ("pending", queues.pending), ("withheld", queues.withheld))
    return tuple(QueueAge(name, each.rows, each.oldest, _age(each.oldest, now)) for name, each in named)


def _age(oldest: datetime | None, now: datetime) -> float:
    return 0.0 if oldest is None else round(max(0.0, (now - oldest).total_seconds()), 1)
