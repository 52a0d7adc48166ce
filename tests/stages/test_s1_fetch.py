"""Whatever the table and whatever the page size, every row comes exactly once; a source that misbehaves is noticed."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from syncflow.model import ApiDefinition
from syncflow.protocols import Filter, Page, PageRequest
from syncflow.stages.paging import Cursor, Extract
from syncflow.stages.s1_fetch import Fetched, fetch_keyset, fetch_pages

pytestmark = pytest.mark.unit

Row = tuple[str | None, str | None, str]
COLUMNS = ("A", "B", "V")


@dataclass
class TableSource:
    """The wire contract's `execute` over a list of rows, in plain Python; `disturb` may change a page's rows."""

    rows: list[Row]
    announce: Callable[[int], int | None] = lambda matching: matching
    disturb: Callable[[int, PageRequest, list[Row]], list[Row]] = lambda call, request, rows: rows
    calls: list[PageRequest] = field(default_factory=list)
    name: str = "table"

    def page(self, request: PageRequest) -> Page:
        matching = [row for row in self.rows if all(_matches(row, f) for f in request.filters)]
        assert request.sort is not None
        at = COLUMNS.index(request.sort.field)
        matching.sort(key=lambda row: (row[at] is None, row[at] or ""))
        start = (request.page - 1) * request.page_size
        taken = self.disturb(len(self.calls), request, matching[start : start + request.page_size])
        self.calls.append(request)
        frame = pl.DataFrame(taken, schema=dict.fromkeys(COLUMNS, pl.String), orient="row")
        return Page(frame, self.announce(len(matching)))

    def definition(self, api: str) -> ApiDefinition:
        return ApiDefinition(api, api)

    def definitions(self):
        return iter(())


def _matches(row: Row, f: Filter) -> bool:
    value = row[COLUMNS.index(f.field)]
    if f.operator == "is_null":
        return (value is None) is f.value
    assert isinstance(f.value, str)
    if value is None:
        return False
    return {"=": value == f.value, ">=": value >= f.value, ">": value > f.value, "<=": value <= f.value}[f.operator]


def extract(page_size: int) -> Extract:
    return Extract("t", COLUMNS, ("A", "B"), page_size)


def by_code_point(values: pl.Series) -> pl.Series:
    return values


def rows_of(fetched: list[Fetched]) -> Counter[Row]:
    return Counter(row for part in fetched for row in part.rows.rows())


key = st.none() | st.sampled_from("abcd")
tables = st.lists(st.tuples(key, key, st.sampled_from("xy")), max_size=40)


@given(tables, st.integers(1, 7), st.booleans())
@settings(deadline=None, max_examples=300)
def test_keyset_delivers_every_row_once(rows: list[Row], page_size: int, announced: bool) -> None:
    source = TableSource(rows, announce=(lambda n: n) if announced else (lambda n: None))
    assert rows_of(list(fetch_keyset(source, extract(page_size), by_code_point))) == Counter(rows)


@given(tables, st.integers(2, 7), st.integers(0, 100))
@settings(deadline=None, max_examples=100)
def test_a_wrong_total_loses_nothing(rows: list[Row], page_size: int, total: int) -> None:
    source = TableSource(rows, announce=lambda n: total)
    fetched = [part for part in fetch_keyset(source, extract(page_size), by_code_point) if not part.reread]
    assert rows_of(fetched) == Counter(rows)


@given(tables, st.integers(1, 7), st.data())
@settings(deadline=None, max_examples=100)
def test_reading_goes_on_at_any_cursor(rows: list[Row], page_size: int, data: st.DataObject) -> None:
    whole = list(fetch_keyset(TableSource(rows), extract(page_size), by_code_point))
    stop = data.draw(st.integers(0, len(whole) - 1))
    cursor = whole[stop].cursor
    head = rows_of(whole[: stop + 1])
    if cursor is not None:
        stored = Cursor.from_json(cursor.to_json())
        head += rows_of(list(fetch_keyset(TableSource(rows), extract(page_size), by_code_point, stored)))
    assert head == Counter(rows)


@given(tables, st.integers(1, 7), st.integers(1, 4))
@settings(deadline=None, max_examples=100)
def test_numbered_pages_deliver_every_row_once(rows: list[Row], page_size: int, in_flight: int) -> None:
    fetched = list(fetch_pages(TableSource(rows), extract(page_size), by_code_point, in_flight))
    assert rows_of(fetched) == Counter(rows)


def test_a_page_served_twice_is_asked_for_again() -> None:
    rows: list[Row] = [(letter, None, "x") for letter in "abcdefgh"]
    first: list[list[Row]] = []

    def serve_first_page_again(call: int, request: PageRequest, page: list[Row]) -> list[Row]:
        first.append(page)
        return first[0] if call == 1 else page

    fetched = list(fetch_keyset(TableSource(rows, disturb=serve_first_page_again), extract(3), by_code_point))
    assert rows_of(fetched) == Counter(rows)


def test_a_source_that_does_not_sort_is_read_by_numbered_pages() -> None:
    rows: list[Row] = [(letter, None, "x") for letter in "abcdefgh"]

    class Unsorted(TableSource):
        def page(self, request: PageRequest) -> Page:
            matching = [row for row in reversed(self.rows) if all(_matches(row, f) for f in request.filters)]
            start = (request.page - 1) * request.page_size
            taken = matching[start : start + request.page_size]
            return Page(pl.DataFrame(taken, schema=dict.fromkeys(COLUMNS, pl.String), orient="row"), len(matching))

    fetched = list(fetch_keyset(Unsorted(rows), extract(3), by_code_point))
    assert rows_of(fetched) == Counter(rows)
    assert not any(part.ordered for part in fetched)


def test_a_page_that_lost_a_row_is_read_a_second_time() -> None:
    rows: list[Row] = [(letter, None, "x") for letter in "abcdefghijkl"]

    def lose_one(call: int, request: PageRequest, page: list[Row]) -> list[Row]:
        return page[:1] + page[2:] if call == 1 else page

    fetched = list(fetch_keyset(TableSource(rows, disturb=lose_one), extract(4), by_code_point))
    assert set(rows_of(fetched)) == set(rows)
    assert any(part.reread for part in fetched)
