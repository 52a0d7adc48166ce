"""Arrow streams of APISmith: every type as exact text, and nothing that is broken taken for a page."""

from collections.abc import Sequence
from contextlib import suppress
from datetime import date, datetime, time, timedelta
from decimal import Decimal

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from polars._typing import PolarsDataType

from syncflow.connectors.page_arrow import decode_arrow
from syncflow.errors import PageError
from syncflow.model import Conventions
from syncflow.oracle_types import Kind, parse
from syncflow.rules.datetimes import read_datetimes
from syncflow.rules.numbers import read_numbers
from tests.connectors.arrow_streams import VIEWS, WITHOUT_VIEWS, stream_of

pytestmark = pytest.mark.unit

LAST_DAY = date(9999, 12, 31)
MOST = 2**63 - 1


def read(values: Sequence[object], dtype: PolarsDataType, *, decimal_comma: bool = False) -> list[str | None]:
    """The column as both layouts of texts hand it on."""
    frame = pl.DataFrame({"C": pl.Series(values, dtype=dtype)})
    both = [
        decode_arrow(stream_of(frame, level), ("C",), decimal_comma=decimal_comma).rows["C"].to_list()
        for level in (VIEWS, WITHOUT_VIEWS)
    ]
    assert both[0] == both[1]
    return both[0]


@pytest.mark.parametrize(
    ("dtype", "values", "texts"),
    [
        (pl.String, ["", " a\x00é😀\r\n", None], ["", " a\x00é😀\r\n", None]),
        (pl.Int8, [-128, 0], ["-128", "0"]),
        (pl.UInt64, [2**64 - 1, 2**53 + 1], ["18446744073709551615", "9007199254740993"]),
        (pl.Int128, [10**37 + 1, -1], ["1" + "0" * 36 + "1", "-1"]),
        (pl.Decimal(38, 0), [Decimal("9" * 38), Decimal("-1")], ["9" * 38, "-1"]),
        (pl.Decimal(38, 38), [Decimal("-0." + "0" * 37 + "1")], ["-0." + "0" * 37 + "1"]),
        (pl.Decimal(38, 6), [Decimal("12345678901234567890.123456")], ["12345678901234567890.123456"]),
        (pl.Float64, [0.1, 1e300, -0.0, 123456789012345680.0], ["0.1", "1e+300", "-0.0", "1.2345678901234568e+17"]),
        (pl.Float64, [float("nan"), float("inf"), float("-inf")], ["NaN", "Infinity", "-Infinity"]),
        (pl.Float32, [0.1, 16777216.0], ["0.1", "16777216.0"]),
        (pl.Boolean, [True, False, None], ["true", "false", None]),
        (pl.Null, [None, None], [None, None]),
        (pl.Binary, [b"\x00\xff\x0a", b"", None], ["00FF0A", "", None]),
        (pl.Categorical, ["a", None, "é"], ["a", None, "é"]),
        (pl.Date, [date(1, 1, 1), LAST_DAY, None], ["0001-01-01", "9999-12-31", None]),
        (pl.Time, [time(1, 2, 3), time(23, 59, 59, 999_999)], ["01:02:03", "23:59:59.999999"]),
        (pl.Datetime("ms"), [datetime(1969, 12, 31, 23, 59, 59, 999_000)], ["1969-12-31T23:59:59.999"]),
        (pl.Datetime("us"), [datetime(1, 1, 1), datetime.max], ["0001-01-01T00:00:00", "9999-12-31T23:59:59.999999"]),
        (pl.Datetime("ns"), [MOST, 1], ["2262-04-11T23:47:16.854775807", "1970-01-01T00:00:00.000000001"]),
        (pl.Datetime("us", "UTC"), [0], ["1970-01-01T00:00:00Z"]),
        (pl.Datetime("us", "Europe/Istanbul"), [1], ["1970-01-01T00:00:00.000001Z"]),
        (pl.Datetime("ms", "Europe/Istanbul"), [-62_135_596_800_000], ["0001-01-01T00:00:00Z"]),
        (pl.Duration("us"), [1_500_000], ["PT1.5S"]),
        (pl.List(pl.Decimal(38, 2)), [[Decimal("1.10"), None], [], None], ["[1.10,null]", "[]", None]),
        (pl.Array(pl.UInt64, 2), [[2**64 - 1, 0]], ["[18446744073709551615,0]"]),
        (
            pl.Struct({"a": pl.Int64, 'q"': pl.String, "f": pl.Float64}),
            [{"a": 1, 'q"': 'x"\n\x01', "f": float("nan")}, None],
            ['{"a":1,"q\\"":"x\\"\\n\\u0001","f":"NaN"}', None],
        ),
    ],
    ids=str,
)
def test_every_type_has_exact_text(dtype: PolarsDataType, values: list[object], texts: list[str | None]) -> None:
    assert read(values, dtype) == texts


def test_a_date_that_nobody_can_print_fails_its_row_alone() -> None:
    days = pl.Series([2**31 - 1, 0, -(2**31)], dtype=pl.Int32).cast(pl.Date)
    moments = pl.Series([2**62, 0, 253_402_300_800_000]).cast(pl.Datetime("ms"))
    rows = decode_arrow(stream_of(pl.DataFrame({"D": days, "T": moments})), ()).rows
    for name in rows.columns:
        outcome = read_datetimes(rows[name], parse("TIMESTAMP(6)"), Conventions())
        assert outcome.values.to_list() == [None, "1970-01-01T00:00:00", None]
        assert outcome.faults["at"].to_list() == [0, 2]


def test_typed_numbers_get_the_decimal_mark_of_the_texts_around_them() -> None:
    assert read([Decimal("1234.50")], pl.Decimal(38, 2), decimal_comma=True) == ["1234,50"]
    assert read([1.5], pl.Float64, decimal_comma=True) == ["1,5"]
    assert read(["1.234,50"], pl.String, decimal_comma=True) == ["1.234,50"]
    assert read([b"\x01"], pl.Binary, decimal_comma=True) == ["01"]


@given(st.integers(0, 38).flatmap(lambda scale: st.tuples(st.just(scale), st.integers(-(10**38) + 1, 10**38 - 1))))
def test_the_stages_read_the_same_number(drawn: tuple[int, int]) -> None:
    scale, digits = drawn
    number = Decimal(f"{digits}e-{scale}")
    (text,) = read([number], pl.Decimal(38, scale))
    outcome = read_numbers(pl.Series([text]), parse("NUMBER"), Conventions().numbers)
    assert Decimal(outcome.values[0]) == number


@given(st.datetimes(), st.sampled_from([None, "UTC", "Asia/Tehran", "America/New_York"]))
def test_the_stages_read_the_same_moment(moment: datetime, zone: str | None) -> None:
    (text,) = read([(moment - datetime(1970, 1, 1)) // timedelta(microseconds=1)], pl.Datetime("us", zone))
    outcome = read_datetimes(pl.Series([text]), parse("TIMESTAMP(6)"), Conventions())
    assert outcome.faults.is_empty()
    assert datetime.fromisoformat(outcome.values[0].removesuffix("Z")) == moment
    assert outcome.values[0].endswith("Z") == (zone is not None)


def test_columns_come_as_asked_for_and_unknown_ones_follow() -> None:
    frame = pl.DataFrame({"N": [1], "B": [True], "F": [1.5], "T": ["x"], "A": ["a"]})
    read_ = decode_arrow(stream_of(frame), ("A", "GONE", "T"))
    assert read_.rows.row(0, named=True) == {"A": "a", "GONE": None, "T": "x", "N": "1", "B": "true", "F": "1.5"}
    assert set(read_.rows.dtypes) == {pl.String}
    kinds = {name: type_.kind for name, type_ in read_.observed.items()}
    assert kinds == {"N": Kind.NUMBER, "B": Kind.BOOLEAN, "F": Kind.DOUBLE}
    empty = decode_arrow(stream_of(frame.clear()), ("A", "GONE")).rows
    assert (empty.columns[:2], empty.height) == (["A", "GONE"], 0)
    assert decode_arrow(stream_of(pl.DataFrame()), ("A",)).rows.columns == ["A"]


def test_several_batches_are_one_page() -> None:
    first, second = (stream_of(pl.DataFrame({"A": [text]})) for text in ("x", "y"))
    schema = 8 + int.from_bytes(second[4:8], "little")
    assert decode_arrow(first[:-8] + second[schema:], ("A",)).rows["A"].to_list() == ["x", "y"]


FRAME = pl.DataFrame(
    {
        "A": ["x", "é" * 20, None, "a text that is longer than a view"],
        "N": pl.Series([1, None, 3, 4]),
        "D": pl.Series(["1.1", None, "2", "3"]).cast(pl.Decimal(20, 3)),
        "C": pl.Series(["a", "b", "a", None]).cast(pl.Categorical),
        "L": [[1], None, [2, 3], []],
    }
)
STREAMS = {
    "views": stream_of(FRAME, VIEWS),
    "offsets": stream_of(FRAME, WITHOUT_VIEWS),
    "lz4": stream_of(FRAME, VIEWS, "lz4"),
    "zstd": stream_of(FRAME, WITHOUT_VIEWS, "zstd"),
}


@pytest.mark.parametrize("stream", STREAMS.values(), ids=STREAMS)
def test_a_stream_that_was_cut_anywhere_is_no_page(stream: bytes) -> None:
    assert decode_arrow(stream, ("A",)).rows["A"].to_list() == FRAME["A"].to_list()
    for length in range(len(stream)):
        with pytest.raises(PageError):
            decode_arrow(stream[:length], ("A",))
    with pytest.raises(PageError, match="more bytes follow"):
        decode_arrow(stream + b"\0", ("A",))


@pytest.mark.parametrize("level", [VIEWS, WITHOUT_VIEWS], ids=["views", "offsets"])
def test_a_broken_byte_never_makes_a_text_that_is_none(level: pl.CompatLevel) -> None:
    stream = stream_of(FRAME.select("A", "N"), level)
    for at in range(len(stream)):
        for byte in (0xFF, stream[at] ^ 0x80):
            with suppress(PageError):
                rows = decode_arrow(stream[:at] + bytes([byte]) + stream[at + 1 :], ("A",)).rows
                for text in rows.to_series(0).cast(pl.Binary).drop_nulls():
                    text.decode()


def test_a_size_that_no_memory_holds_is_not_believed() -> None:
    stream = stream_of(FRAME.select("A"), VIEWS)
    for at in range(0, len(stream) - 8, 8):
        with suppress(PageError):
            decode_arrow(stream[:at] + (2**62).to_bytes(8, "little") + stream[at + 8 :], ("A",))


@pytest.mark.parametrize(
    ("stream", "reason"),
    [
        (b"", "cut short"),
        (b'{"success":true,"data":[]}', "not an Arrow stream"),
        (b"ARROW1\0\0\xff\xff\xff\xff", "not an Arrow stream"),
        (stream_of(pl.DataFrame({"AAA": ["x"], "AAB": ["y"]})).replace(b"AAB", b"AAA"), "'AAA' stands twice"),
        (stream_of(pl.DataFrame({"A": ["ab"]})).replace(b"ab", b"a\xff"), "cannot be read .invalid utf8"),
        (STREAMS["offsets"][:-8] + STREAMS["offsets"], "a message of the kind 1"),
    ],
    ids=["empty", "json", "file", "twice", "utf8", "schema again"],
)
def test_what_is_no_page_is_told(stream: bytes, reason: str) -> None:
    with pytest.raises(PageError, match=reason):
        decode_arrow(stream, ("A",))
