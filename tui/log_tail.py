"""The last lines of this process's log, kept in memory for the console; a stream that logging writes to."""

import io
import threading
from collections import deque
from dataclasses import dataclass

import structlog

from syncflow.events import (
    ActDone,
    AlertBegan,
    AlertEnded,
    BatchEnded,
    BatchStarted,
    ChunkSettled,
    Disconnected,
    News,
    Reconnected,
)
from syncflow.model import BatchStatus

KEPT = 5_000
LEVELS = ("debug", "info", "warning", "error", "critical")


@dataclass(frozen=True)
class LogLine:
    """A line as it was written; `number` grows by one with each, `level` is one of LEVELS. `record` is the number of
    the first line that was written with it, such as that above a traceback."""

    number: int
    level: str
    text: str
    record: int


class LogTail(io.TextIOBase):
    """Written by all threads; cheap, and bounded to the newest KEPT lines."""

    def __init__(self) -> None:
        self._lines: deque[LogLine] = deque(maxlen=KEPT)
        self._lock = threading.Lock()
        self._number = 0

    def write(self, text: str) -> int:
        """Logging writes a record at once: the lines below its first, such as a traceback, are of its level."""
        lines = [line for line in text.splitlines() if line.strip()]
        level = _level(lines[0]) if lines else ""
        with self._lock:
            record = self._number + 1
            for line in lines:
                self._number += 1
                self._lines.append(LogLine(self._number, level, line, record))
        return len(text)

    def isatty(self) -> bool:
        return False

    @property
    def written(self) -> int:
        """How many lines were ever written."""
        return self._number

    def lines(self) -> list[LogLine]:
        """The oldest first."""
        with self._lock:
            return list(self._lines)


def _level(line: str) -> str:
    """The level as structlog's renderer writes it (`2026-.. [warning  ] ..`); `info` where none stands."""
    _before, bracket, rest = line.partition("[")
    word = rest.partition("]")[0].strip().lower()
    return word if bracket and word in LEVELS else "info"


def log_news(news: News) -> None:
    """A line for what happens to batches and for what people do, in this process or in another. Thread-safe."""
    log = structlog.get_logger("news")
    match news:
        case BatchStarted():
            log.info("a batch begins", entity=news.entity, batch=str(news.batch), resumed_rows=news.resumed_rows)
        case ChunkSettled():
            log.debug("a chunk is settled", entity=news.entity, chunk=news.number, rows=news.counters.fetched)
        case BatchEnded():
            _log_end(log, news)
        case ActDone():
            log.info("an act", actor=news.actor, act=news.act, entity=news.entity, subject=news.subject)
        case AlertBegan():
            log.warning("an alert", about=news.kind, subject=news.subject, text=news.text)
        case AlertEnded():
            log.info("an alert is over", about=news.kind, subject=news.subject)
        case Disconnected():
            log.warning("other processes are not heard", error=news.message)
        case Reconnected():
            log.info("other processes are heard again")


def _log_end(log: structlog.stdlib.BoundLogger, ended: BatchEnded) -> None:
    told: dict[str, object] = {"entity": ended.entity, "batch": str(ended.batch), "status": str(ended.status)}
    told |= {"rows": ended.counters.fetched, "failed": ended.counters.failed}
    if ended.error_message is not None:
        told["error"] = ended.error_message
    if ended.status is BatchStatus.FAILED:
        log.error("a batch ended", **told)
    elif ended.status in (BatchStatus.COMPLETED, BatchStatus.CANCELLED):
        log.info("a batch ended", **told)
    else:
        log.warning("a batch ended", **told)
