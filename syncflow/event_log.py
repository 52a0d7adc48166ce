"""The engine's events as lines of the log: two a batch."""

import structlog

from syncflow.events import BatchEnded, BatchStarted, ChunkSettled, Event
from syncflow.model import BatchStatus

_WELL = (BatchStatus.COMPLETED, BatchStatus.CANCELLED)


def log_event(event: Event) -> None:
    """A listener. Thread-safe."""
    log = structlog.get_logger("syncflow.events")
    told: dict[str, object] = {"entity": event.entity, "batch": str(event.batch)}
    if isinstance(event, BatchStarted):
        log.info("a batch begins", **told, resumed_rows=event.resumed_rows)
    elif isinstance(event, ChunkSettled):
        log.debug("a chunk is settled", **told, chunk=event.number, rows=event.counters.fetched)
    else:
        _log_end(log, event, told)


def _log_end(log: structlog.stdlib.BoundLogger, ended: BatchEnded, told: dict[str, object]) -> None:
    counters = ended.counters
    told |= {
        "sync_type": str(ended.sync_type),
        "status": str(ended.status),
        "rows": counters.fetched,
        "inserted": counters.inserted,
        "updated": counters.updated,
        "deleted": counters.deleted,
        "pending": counters.pending,
        "failed": counters.failed,
        "seconds": round(ended.seconds, 1),
    }
    if ended.notes:
        told["notes"] = list(ended.notes)
    if ended.error_message is not None:
        told["error"] = ended.error_message
    if ended.status is BatchStatus.FAILED:
        log.error("a batch ended", **told)
    elif ended.status in _WELL:
        log.info("a batch ended", **told)
    else:
        log.warning("a batch ended", **told)
