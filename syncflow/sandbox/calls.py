"""Counters of calls, so that a test can say "one login attempt" or "never more than four at once"."""

import re
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

_UID = re.compile(r"/[0-9a-fA-F]{8}-[0-9a-fA-F-]{27}(?=/|$)")


class CallCounter:
    """Counts calls by `METHOD /path` (a uid in a path stands as `{uid}`). Thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.reset()

    def reset(self) -> None:
        with self._lock:
            self._calls: Counter[str] = Counter()
            self._statuses: Counter[str] = Counter()
            self._in_flight: Counter[str] = Counter()
            self._most: Counter[str] = Counter()
            self._most_at_once = 0

    @contextmanager
    def count(self, method: str, path: str) -> Iterator[str]:
        """Count one call while it is open; gives the name under which it is counted."""
        name = f"{method} {_UID.sub('/{uid}', path)}"
        with self._lock:
            self._calls[name] += 1
            self._in_flight[name] += 1
            self._most[name] = max(self._most[name], self._in_flight[name])
            self._most_at_once = max(self._most_at_once, self._in_flight.total())
        try:
            yield name
        finally:
            with self._lock:
                self._in_flight[name] = max(0, self._in_flight[name] - 1)

    def answered(self, name: str, status: int) -> None:
        with self._lock:
            self._statuses[f"{name} {status}"] += 1

    def snapshot(self) -> dict[str, object]:
        """`calls`, `statuses` (by call and status), `max_concurrency` in all and `max_concurrency_by_call`."""
        with self._lock:
            return {
                "calls": dict(self._calls),
                "statuses": dict(self._statuses),
                "max_concurrency": self._most_at_once,
                "max_concurrency_by_call": dict(self._most),
            }
