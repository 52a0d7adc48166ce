"""Ctrl-C and SIGTERM: batches are asked to stop first, everything else ends in good order."""

import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import NoReturn

from syncflow.cli.output import note
from syncflow.i18n.catalog import N_, _

FINISHING = N_("Finishing the chunk in flight; the next sync goes on from there. Once more ends at once.")
_SHOW_CURSOR = "\x1b[?25h"
Handler = Callable[[int, FrameType | None], None]


@contextmanager
def graceful(
    stopping: threading.Event, at_once: Callable[[], None] | None = None, said: str = FINISHING
) -> Iterator[None]:
    """While batches run in the block, the first signal sets `stopping` and says `said`; the second does `at_once` and
    ends the process. That is safe too: what was sent but not booked is settled by the next sync."""

    def ask(number: int, _frame: FrameType | None) -> None:
        if stopping.is_set():
            _leave(number, at_once)
        stopping.set()
        note(_(said))

    with _handling(ask, signal.SIGINT, signal.SIGTERM):
        yield


@contextmanager
def terminable() -> Iterator[None]:
    """In the block SIGTERM is as Ctrl-C: what was begun is put away."""

    def interrupt(_number: int, _frame: FrameType | None) -> NoReturn:
        raise KeyboardInterrupt

    with _handling(interrupt, signal.SIGTERM):
        yield


@contextmanager
def _handling(handler: Handler, *signals: signal.Signals) -> Iterator[None]:
    """Signals reach the main thread only, and only there can they be handled."""
    before = {number: signal.signal(number, handler) for number in signals}
    try:
        yield
    finally:
        for number, previous in before.items():
            signal.signal(number, previous)


def _leave(number: int, at_once: Callable[[], None] | None) -> NoReturn:
    """End without waiting for threads, with the code that shells give to this signal."""
    if sys.stderr.isatty():
        sys.stderr.write(_SHOW_CURSOR)
    sys.stderr.write(_("Ended at once.") + "\n")
    sys.stderr.flush()
    try:
        if at_once is not None:
            at_once()
    finally:
        os._exit(128 + number)
