"""Whether the neighbours answer: asked briefly, on connections of its own."""

import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from syncflow.clock import Clock
from syncflow.errors import ConfigurationError, SyncFlowError
from syncflow.i18n.texts import Text


class State(StrEnum):
    OK = "ok"
    REFUSED = "refused"
    """It answers, and does not take the login or a setting."""
    DOWN = "down"


@dataclass(frozen=True)
class Health:
    """`said` is what the neighbour says of itself, or the sentence that tells what is wrong and what helps;
    `checked_at` in UTC."""

    name: str
    state: State
    said: Text
    milliseconds: float
    checked_at: datetime


class Checkable(Protocol):
    def check(self) -> str:
        """Whether it answers and takes the login; what it says of itself. Raises SyncFlowError."""

    def close(self) -> None: ...


class NeighbourService:
    """`opens` gives a connector with short time-outs and without retries, by the neighbour's name."""

    def __init__(self, opens: dict[str, Callable[[], Checkable]], clock: Clock) -> None:
        self._opens = opens
        self._clock = clock

    @property
    def names(self) -> tuple[str, ...]:
        """In the order of the data's way."""
        return tuple(self._opens)

    def check(self, name: str) -> Health:
        """One or two small requests; a few seconds at most."""
        began = time.monotonic()
        try:
            with closing(self._opens[name]()) as connector:
                state, said = State.OK, Text(connector.check())
        except ConfigurationError as error:
            state, said = State.REFUSED, error.text
        except SyncFlowError as error:
            state, said = State.DOWN, error.text
        return Health(name, state, said, (time.monotonic() - began) * 1000, self._clock.now())

    def check_all(self) -> list[Health]:
        """All at once, in the order of the data's way."""
        return self.check_some(self.names)

    def check_some(self, names: Sequence[str]) -> list[Health]:
        if not names:
            return []
        with ThreadPoolExecutor(len(names)) as pool:
            return list(pool.map(self.check, names))


CHECK_SECONDS = 30.0
REFUSED_SECONDS = 300.0
"""A login that is refused is not tried again and again: accounts get locked by that."""


@dataclass(frozen=True)
class Watched:
    """The last answer of a neighbour; `since` (UTC) it answers, or does not."""

    health: Health
    since: datetime

    @property
    def well(self) -> bool:
        return self.health.state is State.OK


class NeighbourWatch:
    """The neighbours' last answers, for who must not wait for them: somebody else calls `look`. Thread-safe."""

    def __init__(self, service: NeighbourService) -> None:
        self._service = service
        self._lock = threading.Lock()
        self._watched: dict[str, Watched] = {}
        self._due: dict[str, float] = {}

    def look(self) -> None:
        """Ask those whose last answer is old."""
        now = time.monotonic()
        due = [name for name in self._service.names if self._due.get(name, now) <= now]
        for health in self._service.check_some(due):
            refused = health.state is State.REFUSED
            self._due[health.name] = now + (REFUSED_SECONDS if refused else CHECK_SECONDS)
            with self._lock:
                before = self._watched.get(health.name)
                changed = before is None or before.well is not (health.state is State.OK)
                since = health.checked_at if before is None or changed else before.since
                self._watched[health.name] = Watched(health, since)

    def latest(self) -> list[Watched]:
        """In the order of the data's way; none who was not asked yet."""
        with self._lock:
            return [self._watched[name] for name in self._service.names if name in self._watched]
