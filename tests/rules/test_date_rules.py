"""Stage 5's rule against the standard library, and the Jalali calendar against known days."""

import datetime

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from syncflow.model import Conventions, DateOrder
from syncflow.oracle_types import parse
from syncflow.rules import jalali
from syncflow.rules.datetimes import read_datetimes
from syncflow.rules.outcome import CANONICAL, Outcome

pytestmark = pytest.mark.unit

properties = settings(deadline=None, max_examples=50)

ZONES = st.integers(-15 * 60, 15 * 60).map(lambda minutes: datetime.timezone(datetime.timedelta(minutes=minutes)))
NAIVE = st.datetimes(min_value=datetime.datetime(2, 1, 1), max_value=datetime.datetime(9998, 12, 31))
INSTANTS = NAIVE | st.builds(lambda naive, zone: naive.replace(tzinfo=zone), NAIVE, ZONES)
FORMS = ["%d/%m/%Y %H:%M:%S.%f", "%d-%b-%Y %I.%M.%S.%f %p", "%Y%m%d %H:%M:%S.%f", "%B %d, %Y %H:%M:%S.%f"]


def read(values: list[str], conventions: Conventions = CANONICAL, *, is_jalali: bool = False) -> Outcome:
    return read_datetimes(pl.Series(values, dtype=pl.String), parse("DATE"), conventions, is_jalali=is_jalali)


def reference(instant: datetime.datetime) -> str:
    """Canonical text by the standard library."""
    utc = instant.astimezone(datetime.UTC).replace(tzinfo=None) if instant.tzinfo else instant
    whole = utc.isoformat(timespec="microseconds").rstrip("0").rstrip(".") if utc.microsecond else utc.isoformat()
    return whole + ("Z" if instant.tzinfo else "")


@properties
@given(st.lists(INSTANTS, min_size=1, max_size=8), st.sampled_from(["T", " "]))
def test_iso_text_is_read_as_the_standard_library_reads_it(values: list[datetime.datetime], mark: str) -> None:
    result = read([value.isoformat(mark) for value in values]).values.to_list()
    assert result == [reference(value) for value in values]
    assert read(result).values.to_list() == result


@properties
@given(
    st.lists(
        st.datetimes(min_value=datetime.datetime(1000, 1, 1), max_value=datetime.datetime(9999, 12, 31)),
        min_size=1,
        max_size=4,
    ),
    st.sampled_from(FORMS),
)
def test_other_forms_are_read_as_they_were_written(values: list[datetime.datetime], form: str) -> None:
    outcome = read([value.strftime(form) for value in values], Conventions(dates=DateOrder.DMY))
    assert outcome.values.to_list() == [reference(value) for value in values]


SHAPES = ["%d-%b-%Y", "%d-%b-%y", "%d/%m/%Y", "%d-%m-%Y", "%d.%m.%Y", "%d/%m/%y", "%m/%d/%Y"]
CLOCKS = ["", " %H:%M:%S", " %H:%M:%S.%f", "T%H:%M:%S", " %H:%M:%SZ", " 24:00:00", " %H:%M", " 1:02:03", " %H.%M.%S"]


@properties
@given(
    st.lists(
        st.tuples(NAIVE, st.sampled_from(SHAPES), st.sampled_from(CLOCKS))
        | st.tuples(NAIVE, st.just("31-%b-%Y"), st.just("")),
        min_size=1,
        max_size=6,
    ),
    st.sampled_from(DateOrder),
)
def test_common_shapes_are_read_as_the_slower_way_reads_them(
    dates: list[tuple[datetime.datetime, str, str]], order: DateOrder
) -> None:
    """A blank before the text keeps it from having a known shape."""
    values = [date.strftime(shape + clock).upper() for date, shape, clock in dates]
    conventions = Conventions(dates=order)
    fast, slow = read(values, conventions), read([f" {value}" for value in values], conventions)
    assert fast.values.to_list() == slow.values.to_list()
    assert fast.faults.select("at", "error_type").equals(slow.faults.select("at", "error_type"))


@properties
@given(st.lists(st.text(max_size=12) | st.text("0123456789-/.: TZ+JANPM", max_size=20), min_size=1, max_size=6))
def test_every_text_is_read_or_rejected(values: list[str]) -> None:
    for is_jalali in (False, True):
        outcome = read(values, Conventions(), is_jalali=is_jalali)
        rejected = set(outcome.faults["at"])
        assert rejected == {at for at, value in enumerate(outcome.values) if value is None}


def test_all_days_of_the_gregorian_calendar_that_have_doubtful_months() -> None:
    """29 February of all years, by the fast way and by the slow one (a time with an offset)."""
    years = [f"{year:04}" for year in range(1, 10_000)]
    exists = [y % 4 == 0 and (y % 100 != 0 or y % 400 == 0) for y in range(1, 10_000)]
    for suffix in ("", "T00:00:00+00:00"):
        result = read([f"{year}-02-29{suffix}" for year in years]).values.is_not_null().to_list()
        assert result == exists


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1300-01-01", "1921-03-21"),
        ("1343-12-30", None),
        ("1342-12-30", "1964-03-20"),
        ("1357-11-22", "1979-02-11"),
        ("1370-12-30", "1992-03-20"),
        ("1375-12-30", "1997-03-20"),
        ("1379-12-30", "2001-03-20"),
        ("1383-12-30", "2005-03-20"),
        ("1387-12-30", "2009-03-20"),
        ("1391-12-30", "2013-03-20"),
        ("1395-12-30", "2017-03-20"),
        ("1399-12-30", "2021-03-20"),
        ("1400-01-01", "2021-03-21"),
        ("1403-12-30", "2025-03-20"),
        ("1404-12-30", None),
        ("1408-12-30", "2030-03-20"),
    ],
)
def test_known_days_of_the_jalali_calendar(text: str, expected: str | None) -> None:
    value = read([text], is_jalali=True).values[0]
    assert value == (None if expected is None else f"{expected}T00:00:00")


def test_jalali_days_follow_each_other_without_a_gap() -> None:
    days = [
        f"{year}-{month:02}-{day:02}"
        for year in range(jalali.FIRST_YEAR, jalali.LAST_YEAR + 1)
        for month in range(1, 13)
        for day in range(1, 32)
    ]
    dates = read(days, is_jalali=True).values.drop_nulls().str.head(10).str.to_date()
    assert (dates.diff().drop_nulls() == datetime.timedelta(days=1)).all()
    assert dates.len() == 456 * 365 + sum((year * 25 + 11) % 33 < 8 for year in range(1178, 1634))
