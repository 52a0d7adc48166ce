"""Named points of a sync at which a process can be killed: functions, before they begin and after they end.

The process under test runs unchanged: Python itself tells of every call (`sys.setprofile`).
"""

import os
import signal
import sys
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import count
from types import CodeType, FrameType

import httpx
import psycopg
from sqlalchemy.engine.default import DefaultDialect

from syncflow.connectors.apismith import ApiSmith
from syncflow.connectors.schedulehub import ScheduleHub
from syncflow.connectors.schedulehub_pg import ScheduleHubPostgres
from syncflow.engine.books import Books
from syncflow.engine.pipeline import STAGES
from syncflow.engine.recovery import applied
from syncflow.engine.retries import wake
from syncflow.stages.s8_delta import classify
from syncflow.stages.s9_load import load
from syncflow.store import sync_batches

Function = Callable[..., object]


@dataclass(frozen=True)
class Point:
    """`argument` limits it to calls whose argument of this name has this value; `ways` to these ways to the target."""

    function: Function
    argument: tuple[str, object] | None = None
    ways: tuple[str, ...] = ("database", "http", "http-v1")

    def is_met(self, frame: FrameType) -> bool:
        return self.argument is None or frame.f_locals.get(self.argument[0]) == self.argument[1]


_OVER_HTTP = ("http", "http-v1")
_STAGES = {f"stage {name}": Point(stage) for name, stage in STAGES}
POINTS: Mapping[str, Point] = {
    "stage fetch": Point(ApiSmith.page),
    **_STAGES,
    "stage delta": Point(classify),
    "stage load": Point(load),
    "a claim": Point(sync_batches.claim),
    "the plan": Point(Books.begin),
    "an intent": Point(Books.intend),
    "the books of a chunk": Point(Books.settle),
    "the deletions' books": Point(Books.deletions),
    "the end of a batch": Point(Books.end),
    "reading back": Point(applied),
    "waking children": Point(wake),
    "a commit of the books": Point(DefaultDialect.do_commit),
    "a write over the database": Point(ScheduleHubPostgres.write, ways=("database",)),
    "a deletion over the database": Point(ScheduleHubPostgres.delete, ways=("database",)),
    "a commit of the target": Point(psycopg.Connection.execute, ("query", "COMMIT"), ("database",)),
    "a write over HTTP": Point(ScheduleHub.write, ways=_OVER_HTTP),
    "a deletion over HTTP": Point(ScheduleHub.delete, ways=_OVER_HTTP),
    "an exchange over HTTP": Point(httpx.Client.send),
}
EDGES = {"before": "call", "after": "return"}


def named_points(way: str) -> list[str]:
    """`before stage delta`, .. of this way to the target."""
    return [f"{edge} {name}" for name, point in POINTS.items() if way in point.ways for edge in EDGES]


def kill_at(named: str, times: int) -> None:
    """Kill this process when the point is reached for the `times`-th time from now on, in whatever thread."""
    edge, _, name = named.partition(" ")
    point, event = POINTS[name], EDGES[edge]
    code: CodeType = point.function.__code__  # type: ignore[attr-defined]
    reached = count(1)

    def look(frame: FrameType, what: str, _: object) -> None:
        if frame.f_code is code and what == event and point.is_met(frame) and next(reached) == times:
            os.kill(os.getpid(), signal.SIGKILL)

    threading.setprofile(look)
    sys.setprofile(look)
