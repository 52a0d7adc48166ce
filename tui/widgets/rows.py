"""Where a list's rows come from: a page at a time, read in a thread."""

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

from tui.marks import Tone

R = TypeVar("R")
R_co = TypeVar("R_co", covariant=True)

Cell = str | tuple[str, Tone]
"""What a cell shows; the text may come from anywhere."""


@dataclass(frozen=True)
class Column(Generic[R]):
    """A column of a list. `title` is marked with N_; `width` in cells, 0 for what the others leave over (shared where
    there are several), `most` at the most; `from_width` is the list's width from which on the column is shown. `order`
    makes the list orderable by it."""

    key: str
    title: str
    cell: Callable[[R], Cell]
    width: int = 0
    right: bool = False
    from_width: int = 0
    order: Callable[[R], object] | None = None
    most: int | None = None

    def text(self, row: R) -> str:
        cell = self.cell(row)
        return cell if isinstance(cell, str) else cell[0]


class Rows(Protocol[R_co]):
    """A list as it is now. Both methods may block; they are called in a thread."""

    @property
    def total(self) -> int: ...

    def page(self, start: int, size: int) -> Sequence[R_co]:
        """Rows `start` to `start + size`, fewer at the end."""

    def find(self, key: Hashable) -> int | None:
        """Where the row with this key stands; None when it is not in the list any more."""


class RowList(Generic[R]):
    """Rows that are all in memory."""

    def __init__(self, rows: Sequence[R], key: Callable[[R], Hashable]) -> None:
        self._rows = rows
        self._places = {key(row): place for place, row in enumerate(rows)}

    @property
    def total(self) -> int:
        return len(self._rows)

    def page(self, start: int, size: int) -> Sequence[R]:
        return self._rows[start : start + size]

    def find(self, key: Hashable) -> int | None:
        return self._places.get(key)
