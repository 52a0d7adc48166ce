"""The list of any length, the filter language, and text from outside: for all input."""

import asyncio
from collections.abc import Hashable, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len
from textual.app import App, ComposeResult

from syncflow.errors import UsageError
from tui.filtering import Term, chosen, parse
from tui.plain import fitted, harmless
from tui.widgets.lazy_table import LazyTable
from tui.widgets.rows import Column

pytestmark = pytest.mark.unit


class Numbers:
    """Rows that are their own numbers, from `first` on."""

    def __init__(self, first: int, total: int, step: int = 1) -> None:
        self._first = first
        self._total = total
        self._step = step
        self.read: list[int] = []

    @property
    def total(self) -> int:
        return self._total

    def page(self, start: int, size: int) -> Sequence[int]:
        self.read.append(start)
        return [self._first + place * self._step for place in range(start, min(start + size, self._total))]

    def find(self, key: Hashable) -> int | None:
        assert isinstance(key, int)
        place, rest = divmod(key - self._first, self._step)
        return place if rest == 0 and 0 <= place < self._total else None


class Shown(App[None]):
    def compose(self) -> ComposeResult:
        yield LazyTable([Column("n", "number", str, 12, right=True)], lambda row: row, empty="none")

    @property
    def table(self) -> "LazyTable[int]":
        return self.query_one(LazyTable)


def test_a_million_rows_are_read_only_where_they_are_seen() -> None:
    async def look() -> None:
        rows = Numbers(0, 1_000_000)
        app = Shown()
        async with app.run_test(size=(40, 20)) as pilot:
            app.table.focus()
            app.table.read(lambda: rows)
            await until(pilot, lambda: app.table.row == 0)
            await pilot.press("end")
            await until(pilot, lambda: app.table.row == 999_999)
            await pilot.press("pageup", "up")
            await until(pilot, lambda: app.table.row is not None and app.table.row < 999_990)
            assert len(set(rows.read)) < 8

    asyncio.run(look())


def test_the_cursor_stays_on_its_row_whatever_comes_before_it() -> None:
    async def look() -> None:
        app = Shown()
        async with app.run_test(size=(40, 20)) as pilot:
            app.table.focus()
            app.table.read(lambda: Numbers(1_000, 500))
            await until(pilot, lambda: app.table.row == 1_000)
            await pilot.press(*["down"] * 30, "space")
            await until(pilot, lambda: app.table.row == 1_031)
            on_screen = app.table.cursor - app.table.scroll_offset.y
            app.table.read(lambda: Numbers(500, 1_000))
            await until(pilot, lambda: app.table.total == 1_000 and app.table.row == 1_031)
            assert app.table.cursor - app.table.scroll_offset.y == on_screen
            assert list(app.table.marks) == [1_030]
            app.table.read(lambda: Numbers(0, 10, step=100))
            await until(pilot, lambda: app.table.total == 10 and app.table.row == 900)
            await pilot.press("asterisk")
            assert app.table.all_marked
            app.table.read(lambda: Numbers(0, 0))
            await until(pilot, lambda: app.table.total == 0 and app.table.row is None)

    asyncio.run(look())


async def until(pilot: object, happened: object) -> None:
    for _ in range(400):
        await pilot.pause(0.01)  # type: ignore[attr-defined]
        if happened():  # type: ignore[operator]
            return
    raise AssertionError("it did not come")


FIELDS = ("entity", "field")


@pytest.mark.parametrize(
    ("text", "terms"),
    [
        ("", []),
        ("  N/A  ", [Term("N/A", place=2)]),
        ("entity:orders !open", [Term("orders", "entity"), Term("open", None, True, 14)]),
        ('field:"due date" x', [Term("due date", "field"), Term("x", place=17)]),
        ("'entity:x'", [Term("entity:x")]),
    ],
)
def test_what_a_filter_means(text: str, terms: list[Term]) -> None:
    assert parse(text, FIELDS) == terms


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("x nothing:y", r"'nothing' \(place 3\)"),
        ("entity:", "Nothing stands after"),
        ('a "b', "place 3 that is not closed"),
    ],
)
def test_a_filter_that_cannot_be_meant_is_told_with_its_place(text: str, said: str) -> None:
    with pytest.raises(UsageError, match=said):
        parse(text, FIELDS)


@given(st.text())
def test_no_filter_breaks_the_console(text: str) -> None:
    try:
        terms = parse(text, FIELDS)
    except UsageError:
        return
    rows = chosen(["orders", "items"], terms, lambda row: {"entity": row})
    assert set(rows) <= {"orders", "items"}
    assert not terms or all(term.value for term in terms)


@given(st.text())
def test_nothing_that_a_terminal_would_obey_is_left(text: str) -> None:
    shown = harmless(text)
    assert not any(ord(sign) < 0x20 or 0x7F <= ord(sign) < 0xA0 for sign in shown)
    assert not any(sign in shown for sign in "\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\u200e\u200f")


@given(st.text(), st.integers(1, 40), st.booleans())
def test_a_cell_is_as_wide_as_its_column(text: str, width: int, right: bool) -> None:
    assert cell_len(fitted(text, width, right=right)) == width
