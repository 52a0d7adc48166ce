"""The last lines of this process's log, kept in memory for the console; a stream that logging writes to."""

import io
import threading
from collections import deque
from dataclasses import dataclass

KEPT = 5_000
LEVELS = ("debug", "info", "warning", "error", "critical")


@dataclass(frozen=True)
class LogLine:
    """A line as it was written; `number` grows by one with each, `level` is one of LEVELS."""

    number: int
    level: str
    text: str


class LogTail(io.TextIOBase):
    """Written by all threads; cheap, and bounded to the newest KEPT lines."""

    def __init__(self) -> None:
        self._lines: deque[LogLine] = deque(maxlen=KEPT)
        self._lock = threading.Lock()
        self._number = 0

    def write(self, text: str) -> int:
        with self._lock:
            for line in text.splitlines():
                if line.strip():
                    self._number += 1
                    self._lines.append(LogLine(self._number, _level(line), line))
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
