"""Time as a part that is handed in: the wall clock in UTC, and a monotonic one for durations."""

import threading
import time
from datetime import UTC, datetime, timedelta
from typing import Protocol


class Clock(Protocol):
    """`now` is an aware datetime in UTC and may jump; `monotonic` counts seconds from anywhere and never goes back."""

    def now(self) -> datetime: ...

    def monotonic(self) -> float: ...


class SystemClock:
    """The machine's clocks."""

    def now(self) -> datetime:
        return datetime.now(UTC)

    def monotonic(self) -> float:
        return time.monotonic()


class ManualClock:
    """A clock that stands until somebody moves it; for tests and simulations. Safe to share among threads."""

    def __init__(self, start: datetime) -> None:
        if start.tzinfo is None:
            raise ValueError("A clock starts at an aware datetime; this one has no time zone.")
        self._now = start.astimezone(UTC)
        self._monotonic = 0.0
        self._lock = threading.Lock()

    def now(self) -> datetime:
        with self._lock:
            return self._now

    def monotonic(self) -> float:
        with self._lock:
            return self._monotonic

    def advance(self, seconds: float) -> None:
        """Let `seconds` (0 or more) pass on both clocks."""
        if seconds < 0:
            raise ValueError("Time does not go back; use `step` to set the wall clock.")
        with self._lock:
            self._now += timedelta(seconds=seconds)
            self._monotonic += seconds

    def step(self, now: datetime) -> None:
        """Set the wall clock as an administrator or NTP would; the monotonic clock does not notice."""
        with self._lock:
            self._now = now.astimezone(UTC)
