"""Work on the next items while the results of the last are used."""

import threading
from collections.abc import Callable, Generator, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from queue import Empty, Full, Queue
from typing import Generic, TypeVar

T = TypeVar("T")
R = TypeVar("R")

_LOOK_UP = 0.1
"""Seconds after which a thread that waits looks up whether it is still wanted."""


def worked_ahead(
    items: Iterator[T], work: Callable[[T], R], *, workers: int, ahead: int, name: str
) -> Generator[R, None, None]:
    """`work` of every item, in the items' order. One thread takes the items, `workers` threads work on them, and at
    most `ahead` results, ready or not, wait to be used.

    What `items` or `work` raises is raised at its place. Who closes this generator waits for what is under way.
    """
    line: _Line[R] = _Line(ahead)
    with ThreadPoolExecutor(workers, thread_name_prefix=f"work-{name}") as pool:
        taking = threading.Thread(
            target=_take, args=(items, line, lambda item: pool.submit(work, item)), name=f"read-{name}", daemon=True
        )
        taking.start()
        try:
            while (future := line.next()) is not None:
                yield future.result()
        finally:
            line.leave()
            taking.join()


class _Line(Generic[R]):
    """Results in order, between the thread that orders them and the one that uses them."""

    def __init__(self, length: int) -> None:
        self._waiting: Queue[Future[R] | None] = Queue(length)
        self._left = threading.Event()

    def put(self, future: "Future[R] | None") -> bool:
        """False when nobody waits for more."""
        while not self._left.is_set():
            try:
                self._waiting.put(future, timeout=_LOOK_UP)
            except Full:
                continue
            return True
        return False

    def next(self) -> "Future[R] | None":
        return self._waiting.get()

    def leave(self) -> None:
        """Cancel what waits and is not begun."""
        self._left.set()
        while True:
            try:
                future = self._waiting.get_nowait()
            except Empty:
                return
            if future is not None:
                future.cancel()


def _take(items: Iterator[T], line: "_Line[R]", order: Callable[[T], "Future[R]"]) -> None:
    try:
        for item in items:
            if not line.put(order(item)):
                break
    except BaseException as error:  # noqa: BLE001 - it is raised where the results are used
        failed: Future[R] = Future()
        failed.set_exception(error)
        line.put(failed)
    finally:
        close = getattr(items, "close", None)
        if close is not None:
            close()
        line.put(None)
