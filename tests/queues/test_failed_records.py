"""When a failed record is tried again, which raw row is the same one, and what shape a value has."""

from datetime import UTC, datetime, timedelta
from random import Random

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from syncflow.chunk import ROW
from syncflow.engine.failed_attempt import raw_rows
from syncflow.engine.rejected import as_json
from syncflow.queues.failed_records import RetryRule, raw_hash
from syncflow.queues.signature import shape, shown_value
from syncflow.store.failed_attempts import Record
from syncflow.uuid7 import uuid7

pytestmark = pytest.mark.unit

NOW = datetime(2026, 7, 1, 22, tzinfo=UTC)
TEXTS = st.one_of(st.none(), st.text(max_size=8), st.sampled_from(["|", "=", "\\", "A=1|B=2", "\0", "NULL", '"', "\n"]))


def test_each_wait_is_twice_as_long_at_most_until_the_attempts_are_used_up() -> None:
    rule, rng = RetryRule(attempts=6, first_delay=1.0, longest_delay=8.0), Random(1)
    for failed, longest in enumerate((1, 2, 4, 8, 8, 8)):
        times = [rule.next_attempt(failed, True, NOW, rng) for _ in range(200)]
        waits = [(time - NOW).total_seconds() for time in times if time is not None]
        assert len(waits) == 200
        assert 0 <= min(waits) < 0.1 * longest
        assert 0.9 * longest < max(waits) <= longest
    assert rule.next_attempt(6, True, NOW, rng) is None
    assert RetryRule(attempts=0).next_attempt(0, True, NOW, rng) is None


def test_what_must_fail_again_is_not_tried_by_itself() -> None:
    assert RetryRule().next_attempt(0, False, NOW, Random(1)) is None


def test_a_retry_that_broke_off_waits_long_and_costs_no_attempt() -> None:
    rule, rng = RetryRule(longest_delay=60.0), Random(1)
    waits = [rule.after_breakdown(NOW, rng) - NOW for _ in range(100)]
    assert timedelta(seconds=30) <= min(waits) < max(waits) <= timedelta(seconds=60)


@given(st.lists(st.tuples(TEXTS, TEXTS), min_size=1, max_size=6))
def test_a_raw_row_has_the_same_hash_read_back_and_among_other_columns(
    rows: list[tuple[str | None, str | None]],
) -> None:
    raw = pl.DataFrame(rows, schema={"A": pl.String, "B|=": pl.String}, orient="row").with_row_index(ROW)
    hashes = raw_hash(raw, (ROW,))
    wider = raw.select("B|=", pl.lit(None, dtype=pl.String).alias("C"), "A")
    assert raw_hash(wider).to_list() == hashes.to_list()
    stored = as_json(raw, raw[ROW], "raw")["raw"]
    records = [Record(uuid7(), None, "", text, "s4_numeric", "", 0, uuid7()) for text in stored]
    assert raw_hash(raw_rows(records)).to_list() == hashes.to_list()
    assert len(set(hashes)) == len(set(rows))


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("N/A", "A/A"),
        ("1,234.50", "9,999.99"),
        ("heavy heavyweight", "AAA AAA"),
        ("  x\t\n y", "  A   A"),
        ("۱۲۳۴ کیلو", "999 AAA"),
        ("-------", "---"),
        ("a-" * 60, "A-" * 20),
        ("\0\0", "␀␀"),
        ("", ""),
        (None, ""),
    ],
)
def test_the_shape_of_a_value(value: str | None, expected: str) -> None:
    assert shape(pl.Series([value], dtype=pl.String)).to_list() == [expected]


@given(st.lists(TEXTS, max_size=20))
def test_shapes_stand_beside_their_values_and_are_short(values: list[str | None]) -> None:
    series = pl.Series(values, dtype=pl.String)
    shapes = shape(series).to_list()
    assert shapes == [shape(pl.Series([value], dtype=pl.String)).item() for value in values]
    assert all(len(each) <= 40 and "\0" not in each for each in shapes)
    assert all("\0" not in each for each in shown_value(series).drop_nulls())
