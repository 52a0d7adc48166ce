"""Stage 1: an extract, page by page and exact, in the order of its key, one page ahead of the work.

A page is taken whole or not at all; that is the source's promise (`protocols.Source`). Here it is decided which page
comes next (`paging`), whether the source honours the order that it was asked for, and whether the rows seen add up to
what the source announced.
"""

from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from itertools import count

import polars as pl

from syncflow.errors import PageError
from syncflow.i18n.texts import Text
from syncflow.oracle_types import OracleType
from syncflow.protocols import RAW_TEXT, UNREADABLE, Filter, Page, PageRequest, Source
from syncflow.stages.paging import Cursor, Extract, Range, Step, request_at, step

Comparable = Callable[[pl.Series], pl.Series | None]
"""Values of the first key column as something that can be ordered like the source does; None where nobody can tell."""

SERVED_WRONG_TIMES = 3
"""So often a page that belongs somewhere else (a page served twice) is asked for again before the order is given up."""


@dataclass(frozen=True)
class Fetched:
    """Rows of a page that count, in the source's order, and the cursor behind them (None: the extract is read).

    `ordered` turns False for good when the source does not honour the sort; `reread` counts the readings before this
    one that may have delivered the same rows. `total_rows` is the whole extract's, as announced first.
    """

    rows: pl.DataFrame
    cursor: Cursor | None
    total_rows: int | None = None
    observed: dict[str, OracleType] = field(default_factory=dict)
    ordered: bool = True
    reread: int = 0
    notes: tuple[str, ...] = ()


def fetch_keyset(
    source: Source, extract: Extract, comparable: Comparable, start: Cursor | None = None
) -> Iterator[Fetched]:
    """Read by the last value seen; ranges whose rows do not add up to what was announced are read a second time. A
    source that does not honour the sort is read again by numbered pages."""
    start = start or Cursor()
    doubt = _Doubt(start.doubts)
    delivered = start != Cursor()
    beginning = None if start.walked else replace(start, doubts=())
    for cursor, page, step_ in _walk(source, extract, comparable, beginning):
        if page is None:
            yield from _fetch_unordered(source, extract, reread=int(delivered))
            return
        doubt.notice(cursor, page, step_)
        delivered = delivered or step_.take > 0
        following = None if step_.following is None else replace(step_.following, doubts=doubt.ranges)
        yield Fetched(page.rows.head(step_.take), following or doubt.rest(), doubt.total, dict(page.observed))
    yield from _fetch_again(source, extract, doubt.rest())


def _fetch_again(source: Source, extract: Extract, rest: Cursor | None) -> Iterator[Fetched]:
    """The ranges in doubt, each read a second time."""
    while rest is not None:
        (low, high), *others = rest.doubts
        bounds = ((">=", low), ("<=", high))
        filters = tuple(Filter(extract.key[0], operator, value) for operator, value in bounds if value is not None)
        after = replace(rest, doubts=tuple(others)) if others else None
        for _, page, step_ in _walk(
            source, replace(extract, filters=(*extract.filters, *filters)), lambda _: None, Cursor()
        ):
            if page is not None:
                cursor = after if step_.following is None else rest
                yield Fetched(page.rows.head(step_.take), cursor, None, dict(page.observed), reread=1)
        rest = after


def _walk(
    source: Source, extract: Extract, comparable: Comparable, start: Cursor | None
) -> Iterator[tuple[Cursor, Page | None, Step]]:
    """The pages from a cursor to the end, the next one asked for while this one is worked on. A page of None ends
    the walk: the source does not sort."""
    if start is None:
        return
    cursor: Cursor | None = start
    with ThreadPoolExecutor(1, thread_name_prefix="fetch") as ahead:
        pending = ahead.submit(_page_in_place, source, extract, start, comparable)
        while cursor is not None:
            page = pending.result()
            if page is None:
                yield cursor, None, Step(0, None)
                return
            more = page.total_rows is not None and page.total_rows > page.rows.height
            step_ = step(extract, cursor, page.rows, more_announced=more)
            if step_.following is not None:
                pending = ahead.submit(_page_in_place, source, extract, step_.following, comparable)
            yield cursor, page, step_
            cursor = step_.following


class _Doubt:
    """Adds up a keyset walk: `ranges` in which fewer or more rows came than the totals say."""

    def __init__(self, ranges: tuple[Range, ...]) -> None:
        self._before: tuple[Cursor, int, int] | None = None
        self._seen = 0
        self._first_end: str | None = None
        self._whole = False
        self.ranges = ranges
        self.total: int | None = None

    def notice(self, cursor: Cursor, page: Page, step_: Step) -> None:
        if cursor == Cursor():
            self._whole = True
            self.total = page.total_rows
            self._first_end = step_.following.lower if step_.following else None
        self._seen += step_.take
        plain = cursor.ranged and cursor.inclusive and not cursor.prefix
        if self._before is not None and plain and page.total_rows is not None:
            earlier, remained, taken = self._before
            if remained - taken != page.total_rows:
                self._add(earlier.lower, cursor.lower if page.rows.height else None)
        known = plain and page.total_rows is not None
        self._before = (cursor, page.total_rows or 0, step_.take) if known else None

    def rest(self) -> Cursor | None:
        """What is left to read behind the walk: a second time. A total that does not fit, with every page in order,
        leaves the first page."""
        ranges = self.ranges
        if not ranges and self._whole and self.total is not None and self.total != self._seen:
            ranges = ((None, self._first_end),)
        return Cursor(doubts=ranges, walked=True) if ranges else None

    def _add(self, low: str | None, high: str | None) -> None:
        """Ranges that touch become one, so that their number stays small where every total is wrong."""
        if self.ranges and self.ranges[-1][1] == low and low is not None:
            low = self.ranges[-1][0]
            self.ranges = self.ranges[:-1]
        self.ranges = (*self.ranges, (low, high))


def fetch_pages(
    source: Source, extract: Extract, comparable: Comparable, in_flight: int, *, reread: int = 0
) -> Iterator[Fetched]:
    """Read numbered pages, several at once (a slow source). Rows that shift between pages are noticed by the totals
    and by the order across pages; then everything is read once more, and what is known already does not count twice."""
    shifted = False
    first_total: int | None = None
    seen = 0
    last: pl.Series | None = None
    for number, page in _numbered(source, extract, in_flight):
        order = _order(page, extract, comparable)
        if not shifted and not _follows(last, order):
            page = _page_number(source, extract, number)  # perhaps another one was served twice
            order = _order(page, extract, comparable)
        if number == 1:
            first_total = page.total_rows
        shifted |= page.total_rows != first_total or not _follows(last, order)
        last = order if order is not None else last
        seen += page.rows.height
        yield Fetched(
            page.rows, Cursor(page=number + 1), first_total, dict(page.observed), ordered=False, reread=reread
        )
    if shifted or (first_total is not None and seen != first_total):
        note = str(
            Text(
                "{api}: rows moved between the pages while they were read, so the extract was read a second time",
                api=extract.api,
            )
        )
        yield Fetched(page.rows.clear(), Cursor(), first_total, ordered=False, notes=(note,), reread=reread + 1)
        yield from _fetch_unordered(source, extract, reread=reread + 1)


def _order(page: Page, extract: Extract, comparable: Comparable) -> pl.Series | None:
    return comparable(page.rows[extract.key[0]]) if page.rows.height else None


def fetch_matching(source: Source, extract: Extract, column: str, values: tuple[str, ...]) -> Iterator[pl.DataFrame]:
    """All rows whose `column` equals one of `values` (up to 1,000): the question before a deletion."""
    asked = replace(extract, filters=(Filter(column, "in", values),))
    for _, page in _numbered(source, asked, 1):
        yield page.rows


def unreadable_rows(rows: pl.DataFrame) -> pl.DataFrame:
    """Those rows of a delivery that could not be decoded."""
    return rows.filter(pl.col(UNREADABLE).is_not_null()) if UNREADABLE in rows.columns else rows.clear()


def without_marks(rows: pl.DataFrame) -> pl.DataFrame:
    return rows.drop(UNREADABLE, RAW_TEXT, strict=False)


def _page_in_place(source: Source, extract: Extract, cursor: Cursor, comparable: Comparable) -> Page | None:
    """The page at a cursor; None when the source does not sort. A page that starts below what was asked for is
    another one, served twice: it is asked for again, and so is one that lacks even the rows that it begins with."""
    request = request_at(extract, cursor)
    for _ in range(SERVED_WRONG_TIMES):
        page = _complete_page(source, request)
        for _ in range(SERVED_WRONG_TIMES - 1):
            if page.rows.height or not cursor.holds_rows:
                break
            page = _complete_page(source, request)
        if cursor.prefix or cursor.nulls or page.rows.is_empty():
            return page
        bound = pl.Series([cursor.lower], dtype=pl.String) if cursor.lower is not None else None
        order = comparable(page.rows[extract.key[0]])
        if order is None:
            return page
        if not order.drop_nulls().is_sorted():
            return None
        if bound is None or _follows(comparable(bound), order):
            return page
    return None


def _page_number(source: Source, extract: Extract, number: int) -> Page:
    return _complete_page(source, replace(request_at(extract, Cursor()), page=number))


def _complete_page(source: Source, request: PageRequest) -> Page:
    """A page; a first one without rows is asked for once more before it is believed, unless only rows with a NULL
    were asked for, which hardly any table has."""
    page = source.page(request)
    rare = any(each.operator == "is_null" for each in request.filters)
    if page.rows.is_empty() and request.page == 1 and (page.total_rows or not rare):
        page = source.page(request)
    if page.rows.height > request.page_size:
        raise PageError(
            "{api}: asked for {page_size} rows, APISmith sent {rows}; "
            "the page is not taken. Check the page_size limits of this APISmith.",
            api=request.api,
            page_size=request.page_size,
            rows=page.rows.height,
        )
    return page


def _follows(earlier: pl.Series | None, later: pl.Series | None) -> bool:
    """Whether the first value of `later` does not stand before the last one of `earlier`."""
    if earlier is None or later is None:
        return True
    low, high = earlier.drop_nulls(), later.drop_nulls()
    return low.is_empty() or high.is_empty() or bool(high[0] >= low[-1])


def _fetch_unordered(source: Source, extract: Extract, *, reread: int) -> Iterator[Fetched]:
    """Numbered pages of a source whose order cannot be relied on; keys that come again are found by the caller."""
    total: int | None = None
    for number, page in _numbered(source, extract, 1):
        total = page.total_rows if total is None else total
        yield Fetched(page.rows, Cursor(page=number + 1), total, dict(page.observed), ordered=False, reread=reread)


def _numbered(source: Source, extract: Extract, in_flight: int) -> Iterator[tuple[int, Page]]:
    """Pages 1, 2, .. until one is short, `in_flight` of them asked for at once."""

    with ThreadPoolExecutor(in_flight, thread_name_prefix="fetch") as pool:
        numbers = count(1)
        waiting: deque[tuple[int, Future[Page]]] = deque()
        while True:
            while len(waiting) < in_flight:
                number = next(numbers)
                waiting.append((number, pool.submit(_page_number, source, extract, number)))
            number, future = waiting.popleft()
            page = future.result()
            yield number, page
            if page.rows.height < extract.page_size:
                for _, unused in waiting:
                    unused.cancel()
                return
