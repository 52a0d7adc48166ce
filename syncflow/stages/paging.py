"""The order in which an extract is asked for, as pure decisions: which page next, and which of its rows count.

Keyset (pipeline, stage 1): pages sorted by the first column of the business key and filtered `>= last value seen`. The
last group of equal values of a full page is left to the next page, so that a page ends where a group ends and nothing
has to be remembered of it. Where one value fills a page, the same is done one key column deeper under `= value`;
at each depth one `is_null` pass comes last, because a comparison never returns a NULL.
"""

from dataclasses import asdict, dataclass, replace

import polars as pl

from syncflow.protocols import UNREADABLE, Filter, PageRequest, Sort

Range = tuple[str | None, str | None]
"""From a value to a value, both included; None is without an end."""


@dataclass(frozen=True)
class Extract:
    """What is to be read: `key` holds the source names of the business key, `filters` narrows it (a rowversion)."""

    api: str
    columns: tuple[str, ...]
    key: tuple[str, ...]
    page_size: int
    filters: tuple[Filter, ...] = ()
    decimal_comma: bool = False


@dataclass(frozen=True)
class Cursor:
    """Where the reading of an extract stands; JSON by `to_json`. `prefix` fixes the first key columns to a value each,
    `lower` bounds the next one, `nulls` asks for its NULLs; `page` counts where only numbered pages are left.

    `doubts` are ranges of the first key column that have to be read a second time, `walked` that only they are left.
    """

    prefix: tuple[str, ...] = ()
    lower: str | None = None
    inclusive: bool = True
    nulls: bool = False
    page: int = 1
    doubts: tuple[Range, ...] = ()
    walked: bool = False

    def to_json(self) -> dict[str, object]:
        return asdict(self)

    @classmethod
    def from_json(cls, stored: dict[str, object]) -> "Cursor":
        cursor = cls(**stored)  # type: ignore[arg-type]
        doubts = tuple((low, high) for low, high in cursor.doubts)
        return replace(cursor, prefix=tuple(cursor.prefix), doubts=doubts)

    @property
    def ranged(self) -> bool:
        """Whether this page is bounded from below, so that it can hold no NULLs of its column."""
        return self.lower is not None

    @property
    def holds_rows(self) -> bool:
        """Whether this page begins with a value that was seen, so that it is hardly ever empty."""
        return not self.nulls and (self.inclusive if self.ranged else bool(self.prefix))


def request_at(extract: Extract, cursor: Cursor) -> PageRequest:
    """The page that stands at a cursor."""
    equal = tuple(Filter(name, "=", value) for name, value in zip(extract.key, cursor.prefix, strict=False))
    column = _column(extract, cursor)
    bound: tuple[Filter, ...] = ()
    if column is not None and cursor.nulls:
        bound = (Filter(column, "is_null", True),)
    elif column is not None and cursor.lower is not None:
        bound = (Filter(column, ">=" if cursor.inclusive else ">", cursor.lower),)
    return PageRequest(
        api=extract.api,
        page_size=extract.page_size,
        page=cursor.page,
        filters=(*extract.filters, *equal, *bound),
        sort=Sort(column or extract.key[0]),
        columns=extract.columns,
        decimal_comma=extract.decimal_comma,
    )


@dataclass(frozen=True)
class Step:
    """What a page means: its first `take` rows count, and reading goes on at `following` (None: the end)."""

    take: int
    following: Cursor | None


def step(extract: Extract, cursor: Cursor, rows: pl.DataFrame, *, more_announced: bool = False) -> Step:
    """Read the meaning of a page. `more_announced`: it is short, but `total_rows` says that more rows match."""
    column = _column(extract, cursor)
    full = rows.height >= extract.page_size
    if column is None or cursor.nulls:
        return Step(
            rows.height, replace(cursor, page=cursor.page + 1) if full else _leave(cursor, done_with_nulls=True)
        )
    values = _readable(rows, column)
    filled = values.height > 0 and values["value"][0] == values["value"][-1]
    if not full and not (more_announced and values.height > 0 and not filled):
        return Step(rows.height, _leave(cursor, done_with_nulls=not cursor.ranged))
    return _step_of_full_page(cursor, rows, values, filled=filled)


def _step_of_full_page(cursor: Cursor, rows: pl.DataFrame, values: pl.DataFrame, *, filled: bool) -> Step:
    if values.height == 0:
        return Step(0, replace(cursor, lower=None, nulls=True))
    last = values["value"][-1]
    end = int(values["at"][-1]) + 1
    if end < rows.height and not cursor.ranged:
        return Step(end, replace(cursor, lower=None, nulls=True))
    if filled:
        return Step(0, Cursor(prefix=(*cursor.prefix, last)))
    first_of_last = values.filter(pl.col("value") == last)["at"][0]
    return Step(int(first_of_last), replace(cursor, lower=last, inclusive=True))


def _readable(rows: pl.DataFrame, column: str) -> pl.DataFrame:
    """The column's values that are there and can be trusted, as `value`, with their place in the page as `at`."""
    frame = rows.select(pl.col(column).alias("value"), *([pl.col(UNREADABLE)] if UNREADABLE in rows.columns else []))
    frame = frame.with_row_index("at")
    if UNREADABLE in frame.columns:
        frame = frame.filter(pl.col(UNREADABLE).is_null())
    return frame.filter(pl.col("value").is_not_null() & (pl.col("value") != ""))


def _leave(cursor: Cursor, *, done_with_nulls: bool) -> Cursor | None:
    """A range is read to its end: its NULLs come next, then the values behind the one that was fixed."""
    if not done_with_nulls:
        return replace(cursor, lower=None, nulls=True, page=1)
    if not cursor.prefix:
        return None
    return Cursor(prefix=cursor.prefix[:-1], lower=cursor.prefix[-1], inclusive=False)


def _column(extract: Extract, cursor: Cursor) -> str | None:
    """The key column that orders this page; None when the prefix fixes them all."""
    depth = len(cursor.prefix)
    return extract.key[depth] if depth < len(extract.key) else None
