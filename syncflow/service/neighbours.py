"""Whether the neighbours answer: asked once, briefly, on connections of its own."""

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from syncflow.clock import Clock
from syncflow.errors import ConfigurationError, SyncFlowError


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
    said: str
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

    def check(self, name: str) -> Health:
        """One or two small requests; a few seconds at most."""
        began = time.monotonic()
        try:
            with closing(self._opens[name]()) as connector:
                state, said = State.OK, connector.check()
        except ConfigurationError as error:
            state, said = State.REFUSED, str(error)
        except SyncFlowError as error:
            state, said = State.DOWN, str(error)
        return Health(name, state, said, (time.monotonic() - began) * 1000, self._clock.now())

    def check_all(self) -> list[Health]:
        """All at once, in the order of the data's way."""
        with ThreadPoolExecutor(len(self._opens)) as pool:
            return list(pool.map(self.check, self._opens))
