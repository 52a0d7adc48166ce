"""What happens in all processes on one metadata database, told to one listener."""

import os
import threading
import time
from collections.abc import Callable, Mapping
from uuid import UUID

import msgspec
import structlog

from syncflow.errors import SyncFlowError
from syncflow.events import (
    ActDone,
    AlertBegan,
    AlertEnded,
    BatchChanged,
    BatchEnded,
    BatchStarted,
    ChunkSettled,
    Disconnected,
    Event,
    Listener,
    News,
    Reconnected,
)
from syncflow.store import notices
from syncflow.store.database import Database

AGAIN_SECONDS = 1.0
_LOOK_SECONDS = 10.0
"""A connection that is gone without a word is noticed after so long."""
_PAUSE_SECONDS = 0.5
"""The least time between two notices about one batch's chunks."""
_log = structlog.get_logger()
_ENGINE: dict[str, type[Event]] = {kind.__name__: kind for kind in (BatchStarted, ChunkSettled, BatchEnded)}


class Relay:
    """A listener that passes the engine's events on to the other processes as well; a chunk's at most twice a second.
    That they arrive is not promised: the books say what is true."""

    def __init__(self, database: Database, listener: Listener) -> None:
        self._database = database
        self._listener = listener
        self._told_at: dict[UUID, float] = {}

    def __call__(self, event: Event) -> None:
        self._listener(event)
        now = time.monotonic()
        if isinstance(event, ChunkSettled):
            if now - self._told_at.get(event.batch, 0.0) < _PAUSE_SECONDS:
                return
            self._told_at[event.batch] = now
        elif isinstance(event, BatchEnded):
            self._told_at.pop(event.batch, None)
        self._tell(event)

    def _tell(self, event: Event) -> None:
        told = msgspec.to_builtins(event)
        if isinstance(event, BatchEnded):
            told |= {"notes": [], "error_message": (event.error_message or "")[:500] or None}
        try:
            with self._database.begin() as connection:
                origin = self._database.application
                notices.notify(connection, notices.EVENT, origin=origin, type=type(event).__name__, event=told)
        except SyncFlowError as error:
            _log.debug("an event was not passed on", error=str(error))


class Watch:
    """Listens in a thread of its own until it is stopped. `listener` is called in that thread with everything but the
    engine events of this process, which it hears itself."""

    def __init__(self, database: Database, listener: Callable[[News], None]) -> None:
        self._database = database
        self._listener = listener
        self._ended = threading.Event()
        self._wake_read, self._wake_write = os.pipe()
        self._thread = threading.Thread(target=self._listen, name="watch", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._ended.set()
        os.write(self._wake_write, b".")
        if self._thread.is_alive():
            self._thread.join()
        for end in (self._wake_read, self._wake_write):
            os.close(end)

    def _listen(self) -> None:
        lost = False
        while not self._ended.is_set():
            try:
                for notice in notices.listen(self._database, _LOOK_SECONDS, self._wake_read):
                    if self._ended.is_set():
                        return
                    if lost:
                        lost = False
                        self._tell(Reconnected())
                    self._hear(notice)
            except SyncFlowError as error:
                if not lost:
                    self._tell(Disconnected(str(error)))
                lost = True
                self._ended.wait(AGAIN_SECONDS)

    def _hear(self, notice: Mapping[str, object] | None) -> None:
        news = None if notice is None else _news(notice, self._database.application)
        if news is not None:
            self._tell(news)

    def _tell(self, news: News) -> None:
        try:
            self._listener(news)
        except Exception as error:  # noqa: BLE001 - whatever goes wrong with one notice, the next one is heard
            _log.error("what was heard could not be taken in", news=type(news).__name__, exc_info=error)


def _news(notice: Mapping[str, object], own: str) -> News | None:
    """What a notice says; None for one of our own, and for one that this SyncFlow does not understand."""
    try:
        if notice.get("kind") == notices.BATCH:
            return msgspec.convert(notice, BatchChanged, strict=False)
        if notice.get("kind") == notices.ACT:
            return msgspec.convert(notice, ActDone, strict=False)
        if notice.get("kind") == notices.ALERT:
            alert: type[AlertBegan | AlertEnded] = AlertBegan if notice.get("began") else AlertEnded
            return msgspec.convert({**notice, "kind": notice["about"]}, alert, strict=False)
        kind = _ENGINE.get(str(notice.get("type")))
        if kind is None or notice.get("origin") == own:
            return None
        return msgspec.convert(notice["event"], kind, strict=False)
    except (msgspec.ValidationError, KeyError) as error:
        _log.debug("a notice is not understood", notice=str(notice)[:200], error=str(error))
        return None
