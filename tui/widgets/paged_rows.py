"""A list in the database, read a page at a time: by key behind a page that is known, otherwise by its place."""

from collections.abc import Callable, Hashable, Sequence
from threading import Lock
from typing import Generic, Protocol, TypeVar
from uuid import UUID


class HasUid(Protocol):
    @property
    def uid(self) -> UUID: ...


R = TypeVar("R", bound=HasUid)


class PagedRows(Generic[R]):
    """`read` gives a page by (uid of the row before it or None, size, rows to skip), `rank` a row's place. `is_whole`:
    there are not more rows than `total`, as far as it was counted."""

    def __init__(
        self,
        total: int,
        read: Callable[[UUID | None, int, int], Sequence[R]],
        rank: Callable[[UUID], int | None],
        *,
        is_whole: bool = True,
    ) -> None:
        self.is_whole = is_whole
        self._total = total
        self._read = read
        self._rank = rank
        self._ends: dict[int, UUID] = {}
        self._lock = Lock()

    @property
    def total(self) -> int:
        return self._total

    def page(self, start: int, size: int) -> Sequence[R]:
        with self._lock:
            before = self._ends.get(start)
        rows = self._read(before, size, start if before is None else 0)
        if rows:
            with self._lock:
                self._ends[start + len(rows)] = rows[-1].uid
        return rows

    def find(self, key: Hashable) -> int | None:
        return self._rank(key) if isinstance(key, UUID) else None
