"""Stage 4's rule against `decimal.Decimal`, which knows no rounding here."""

from decimal import Decimal

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from syncflow.model import NumberFormat
from syncflow.oracle_types import parse
from syncflow.rules.numbers import read_numbers
from syncflow.rules.outcome import Outcome

pytestmark = pytest.mark.unit

properties = settings(deadline=None, max_examples=50)

DIGITS = st.text("0123456789", min_size=1, max_size=45)
PLAIN = st.builds(
    lambda sign, whole, rest: f"{sign}{whole}{rest}", st.sampled_from(["", "-", "+"]), DIGITS, st.just("")
)
DECIMAL = st.builds(lambda whole, digits: f"{whole}.{digits}", PLAIN, DIGITS)
SCIENTIFIC = st.builds(lambda number, exponent: f"{number}e{exponent}", DECIMAL | PLAIN, st.integers(-60, 60))
NUMBERS = st.lists(PLAIN | DECIMAL | SCIENTIFIC, min_size=1, max_size=12)


def read(values: list[str], declared: str = "NUMBER", numbers: NumberFormat = NumberFormat.POINT) -> Outcome:
    return read_numbers(pl.Series(values, dtype=pl.String), parse(declared), numbers)


def reference(text: str) -> str:
    """Canonical text by the standard library."""
    value = Decimal(text)
    plain = format(value, "f")
    plain = plain.rstrip("0").rstrip(".") if "." in plain else plain
    return "0" if value == 0 else plain


@properties
@given(NUMBERS)
def test_numbers_are_exact(values: list[str]) -> None:
    assert read(values).values.to_list() == [reference(value) for value in values]


@properties
@given(NUMBERS)
def test_canonical_numbers_stay_as_they_are(values: list[str]) -> None:
    once = read(values).values
    assert read(once.to_list()).values.to_list() == once.to_list()


@properties
@given(st.lists(st.decimals(allow_nan=False, allow_infinity=False, places=3), min_size=1, max_size=8))
def test_both_formats_mean_the_same(values: list[Decimal]) -> None:
    texts = [f"{value:,.3f}" for value in values]
    swapped = [text.translate(str.maketrans(",.", ".,")) for text in texts]
    assert read(texts).values.to_list() == read(swapped, numbers=NumberFormat.COMMA).values.to_list()


@properties
@given(st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=1, max_size=8))
def test_doubles_mean_the_same_float_in_the_fewest_digits(values: list[float]) -> None:
    result = read([repr(value) for value in values], "BINARY_DOUBLE").values.to_list()
    assert [float(text) for text in result] == values
    assert result == [reference(repr(value)) for value in values]


@properties
@given(st.lists(st.text(max_size=10) | st.text("0123456789.,-+()eE$ ٫۱", max_size=8), min_size=1, max_size=8))
def test_every_text_is_read_or_rejected(values: list[str]) -> None:
    outcome = read(values)
    rejected = set(outcome.faults["at"])
    assert rejected == {at for at, value in enumerate(outcome.values) if value is None}
    assert outcome.values.to_list() == [read([value]).values[0] for value in values]


def test_messages_name_the_value_the_format_and_the_remedy() -> None:
    messages = read(["N/A", "1,5", "x" * 100]).faults.sort("at")["message"]
    assert messages[0] == (
        "'N/A' is not a number of the format 1,234.50 (the column is NUMBER). Correct the value in the source, or "
        "declare the column as text."
    )
    assert "fits 1.234,50" in messages[1]
    assert f"'{'x' * 60}…'" in messages[2]
