"""Several chunks on their way into the target at once, and into the books one by one in their order."""

from collections import deque
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from types import TracebackType
from typing import Generic, TypeVar

T = TypeVar("T")
L = TypeVar("L")

AT_ONCE = 2
"""More bring nothing: one connection's text is made while the other's is taken in."""
UNDER_WAY = AT_ONCE + 1
"""One more waits, or is being settled, so that no connection does."""


class Broken(Exception):
    """A chunk before this one was not settled, so that this one is not either."""


class Loading(Generic[T, L]):
    """`load` runs for up to AT_ONCE chunks at the same time, `settle` for one chunk after the other. After an error
    nothing that follows is settled: it stays intended, and is found again by who resumes the batch.

    One thread submits and waits. Leaving the context waits for what is under way.
    """

    def __init__(
        self, load: Callable[[T], L], settle: Callable[[T, L], None], name: str, most_under_way: int = UNDER_WAY
    ) -> None:
        self._most_under_way = most_under_way
        self._load = load
        self._settle = settle
        self._loaders = ThreadPoolExecutor(AT_ONCE, thread_name_prefix=f"load-{name}")
        self._bookkeeper = ThreadPoolExecutor(1, thread_name_prefix=f"books-{name}")
        self._under_way: deque[Future[None]] = deque()
        self._is_broken = False

    def __enter__(self) -> "Loading[T, L]":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._loaders.shutdown()
        self._bookkeeper.shutdown()

    def submit(self, chunk: T) -> None:
        """Waits while the most chunks are under way; raises what went wrong with one of them."""
        while len(self._under_way) >= self._most_under_way:
            self._under_way.popleft().result()
        loaded = self._loaders.submit(self._load, chunk)
        self._under_way.append(self._bookkeeper.submit(self._settle_next, chunk, loaded))

    def wait(self) -> None:
        """Until everything that was submitted is in the target and in the books; raises what went wrong with it."""
        while self._under_way:
            self._under_way.popleft().result()

    def _settle_next(self, chunk: T, loaded: "Future[L]") -> None:
        if self._is_broken:
            raise Broken
        try:
            self._settle(chunk, loaded.result())
        except BaseException:
            self._is_broken = True
            raise
