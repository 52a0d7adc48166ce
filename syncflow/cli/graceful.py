"""Ctrl-C and SIGTERM: batches are asked to stop first, everything else ends in good order."""

import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import NoReturn

from syncflow.i18n.catalog import N_, _

FINISHING = N_("Finishing the chunk in flight; the next sync goes on from there. Once more ends at once.")
_SHOW_CURSOR = "\x1b[?25h"
_ENDING = (signal.SIGINT, signal.SIGTERM)
_PATIENCE_SECONDS = 1.0
"""So long the main thread has to do what it is asked for itself."""
Handler = Callable[[int, FrameType | None], None]


@contextmanager
def graceful(
    stopping: threading.Event, at_once: Callable[[], None] | None = None, said: str = FINISHING
) -> Iterator[None]:
    """While batches run in the block, the first signal sets `stopping` and says `said`; the second does `at_once` and
    ends the process. That is safe too: what was sent but not booked is settled by the next sync."""

    leaving = threading.Event()

    def ask(number: int, _frame: FrameType | None) -> None:
        if stopping.is_set():
            leave(number)
        stopping.set()
        _say(_(said))

    def leave(number: int) -> None:
        leaving.set()
        _leave(number, at_once)

    def insist(number: int) -> None:
        if not leaving.wait(_PATIENCE_SECONDS):
            leave(number)

    with _handling(ask, *_ENDING), _second_heard(insist):
        yield


@contextmanager
def terminable() -> Iterator[None]:
    """In the block SIGTERM is as Ctrl-C: what was begun is put away."""

    def interrupt(_number: int, _frame: FrameType | None) -> NoReturn:
        raise KeyboardInterrupt

    with _handling(interrupt, signal.SIGTERM):
        yield


@contextmanager
def _second_heard(then: Callable[[int], None]) -> Iterator[None]:
    """Call `then` in a thread for the second of the signals that end. A handler is run by the main thread alone, and
    not before it wakes up: one that comes right before the thread begins to wait for another is not seen by it."""
    read, write = os.pipe()
    os.set_blocking(write, False)

    def listen() -> None:
        heard = 0
        while numbers := os.read(read, 64):
            for number in numbers:
                heard += number in _ENDING
                if heard > 1:
                    then(number)
        os.close(read)

    before = signal.set_wakeup_fd(write, warn_on_full_buffer=False)
    threading.Thread(target=listen, name="signals", daemon=True).start()
    try:
        yield
    finally:
        signal.set_wakeup_fd(before)
        os.close(write)


@contextmanager
def _handling(handler: Handler, *signals: signal.Signals) -> Iterator[None]:
    """Signals reach the main thread only, and only there can they be handled."""
    before = {number: signal.signal(number, handler) for number in signals}
    try:
        yield
    finally:
        for number, previous in before.items():
            signal.signal(number, previous)


def _say(line: str) -> None:
    """Past the buffer of standard error: the main thread may be in the midst of writing to it, and it takes nobody else
    then (RuntimeError: reentrant call)."""
    os.write(sys.stderr.fileno(), f"{line}\n".encode())


def _leave(number: int, at_once: Callable[[], None] | None) -> NoReturn:
    """End without waiting for threads, with the code that shells give to this signal."""
    try:
        _say((_SHOW_CURSOR if sys.stderr.isatty() else "") + _("Ended at once."))
        if at_once is not None:
            at_once()
    finally:
        os._exit(128 + number)
