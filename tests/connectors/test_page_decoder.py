"""Every page is read exactly, whichever way it goes; the reference is Python's own JSON parser, told to keep texts."""

import json
import re
from dataclasses import dataclass
from typing import NoReturn

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from syncflow.connectors.page_decoder import decode_page
from syncflow.connectors.page_exact import read_exactly
from syncflow.errors import PageError
from syncflow.oracle_types import Kind
from syncflow.protocols import RAW_TEXT, UNREADABLE

pytestmark = pytest.mark.unit

COLUMNS = ("ITEM_NO", "QTY", "A_COLUMN_OF_THIRTY_CHARACTERS_", "N")


def envelope(rows: str, metadata: str = '{"total_rows":7,"page":1}') -> bytes:
    return f'{{"success":true,"data":[{rows}],"metadata":{metadata}}}'.encode("utf-8", "surrogatepass")


def cells(body: bytes, columns: tuple[str, ...] = COLUMNS) -> list[dict[str, str | None]]:
    return decode_page(body, columns).rows.to_dicts()


@dataclass(frozen=True)
class Token:
    """A value as it stands in a page."""

    json: str


_HOSTILE = r'": :" \": ","QTY":" ":null :null, a\ {"ITEM_NO":"x"} },{ ] "]} "data":[ \ud83d 12.50 :1.5, null é😀علی'
HOSTILE = st.sampled_from([*_HOSTILE.split(), " : ", '" :', "  :", "\x00", "\x1f", "\x7f", "\u2028", ""])
TEXTS = st.lists(HOSTILE | st.text(max_size=4), max_size=3).map("".join)
NUMBERS = st.from_regex(
    r"-?(0|[1-9][0-9]{0,44})(\.[0-9]{1,25})?([eE][+-]?[0-9]{1,3})?", fullmatch=True
) | st.sampled_from(
    [
        "-0",
        "0",
        "1.50",
        "1e3",
        "-0.0",
        "123456789012345678",
        "12345678901234567890.123456",
        "9" * 60,
        "18446744073709551616",
    ]
)
ESCAPED = TEXTS.map(lambda text: json.dumps(text, ensure_ascii=True))
SURROGATES = st.sampled_from(
    ['"\\ud83d"', '"x\\uDE00"', '"\\uD83D\\uDE00"', '"\\\\ud83d\\ude00"', '"\\ud83d\\ud83d\\ude00"']
)
VALUES = (
    TEXTS.map(lambda text: json.dumps(text, ensure_ascii=False))
    | ESCAPED
    | SURROGATES
    | NUMBERS
    | st.sampled_from(["null", "true", "false"])
).map(Token)
NESTED = st.sampled_from(['{"a":[1,2.50,{"b":null}]}', "[]", "{}", '["":"]'.replace('"":', '":')]).map(Token)
KEYS = st.sampled_from([*COLUMNS, "UNKNOWN", 'x\\"QTY', "ZZITEM_NO"])


def members(
    keys: st.SearchStrategy[str], values: st.SearchStrategy[Token]
) -> st.SearchStrategy[list[tuple[str, Token]]]:
    return st.lists(st.tuples(keys, values), max_size=6)


CLEAN_ROW = st.tuples(*[VALUES] * len(COLUMNS)).map(lambda values: list(zip(COLUMNS, values, strict=True)))
SPARSE_ROW = st.lists(st.sampled_from(COLUMNS), unique=True).flatmap(
    lambda keys: st.tuples(*[VALUES] * len(keys)).map(lambda values: list(zip(keys, values, strict=True)))
)
WILD_ROW = members(KEYS, VALUES | NESTED)
STYLES = st.sampled_from([(",", ":"), (", ", ": "), (",\n ", " : "), (" ,", "  :")])


def render(rows: list[list[tuple[str, Token]]], style: tuple[str, str]) -> str:
    comma, colon = style
    return comma.join("{" + comma.join(f'"{k}"{colon}{v.json}' for k, v in row) + "}" for row in rows)


class Pairs(list[tuple[str, object]]):
    """An object as its pairs, so that a key that stands twice is seen."""


def expected(rows: list[list[tuple[str, Token]]]) -> list[dict[str, str | None] | None]:
    """None for a row that must be unreadable."""
    return [_expected_row(row) for row in rows]


def _expected_row(row: list[tuple[str, Token]]) -> dict[str, str | None] | None:
    keys = [json.loads(f'"{key}"') for key, _ in row]
    if len(set(keys)) < len(keys):
        return None
    read: dict[str, str | None] = {}
    for key, (_, token) in zip(keys, row, strict=True):
        value = json.loads(token.json, parse_float=str, parse_int=str, parse_constant=_refuse)
        if value is None:
            continue
        read[key] = value if isinstance(value, str) else token.json
        if re.search("[\ud800-\udfff]", read[key] or ""):
            return None
    return read


def _refuse(name: str) -> NoReturn:
    raise AssertionError(name)


def check(rows: list[list[tuple[str, Token]]], style: tuple[str, str]) -> None:
    body = envelope(render(rows, style))
    page = decode_page(body, COLUMNS)
    assert page.rows.columns[: len(COLUMNS)] == list(COLUMNS)
    assert page.total_rows == 7
    got = page.rows.to_dicts()
    for row, wanted in zip(got, expected(rows), strict=True):
        problem, _ = row.pop(UNREADABLE, None), row.pop(RAW_TEXT, None)
        if wanted is None:
            assert problem is not None
        else:
            assert problem is None
            assert {key: value for key, value in row.items() if value is not None} == wanted


@given(st.lists(CLEAN_ROW, max_size=4), STYLES)
def test_a_clean_page_is_read_digit_for_digit(rows: list[list[tuple[str, Token]]], style: tuple[str, str]) -> None:
    check(rows, style)


@given(st.lists(SPARSE_ROW, max_size=4), STYLES)
def test_a_missing_key_is_null(rows: list[list[tuple[str, Token]]], style: tuple[str, str]) -> None:
    check(rows, style)


@settings(max_examples=200)
@given(st.lists(WILD_ROW, max_size=4), STYLES)
def test_unknown_equal_and_nested_keys_are_noticed(rows: list[list[tuple[str, Token]]], style: tuple[str, str]) -> None:
    check(rows, style)


@given(st.lists(CLEAN_ROW, min_size=1, max_size=4))
def test_both_ways_agree(rows: list[list[tuple[str, Token]]]) -> None:
    array = render(rows, (",", ":"))
    exact = read_exactly(f"[{array}]".encode(), COLUMNS)
    assert decode_page(envelope(array), COLUMNS).rows.equals(exact.rows)


def test_one_undecodable_row_fails_alone() -> None:
    bad = ['{"N":"\\ud83d half"}', '{"N":"a","N":"b"}', '{"N":' + "[" * 100_000 + "]" * 100_000 + "}", "5", '{"N":NaN}']
    rows = decode_page(envelope(",".join(['{"N":"first"}', *bad, '{"N":"last"}'])), COLUMNS).rows
    assert rows["N"].drop_nulls().to_list() == ["first", "last"]
    assert rows[UNREADABLE].is_null().to_list() == [True, *[False] * len(bad), True]
    assert rows[RAW_TEXT][1] == bad[0]
    assert "stands twice" in rows[UNREADABLE][2]
    assert "nested too deeply" in rows[UNREADABLE][3]


def test_a_byte_that_is_not_utf8_fails_its_row_alone() -> None:
    body = envelope('{"N":"a"},{"N":"@"},{"N":"c"}').replace(b"@", b"\xff")
    rows = decode_page(body, ("N",)).rows
    assert rows["N"].to_list() == ["a", None, "c"]
    assert rows[RAW_TEXT][1] == '{"N":"\\xff"}'


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"", "not valid JSON"),
        (b"<html>502</html>", "not valid JSON"),
        (envelope('{"N":1}')[:-5], "not valid JSON"),
        (b'{"success":true,"data":[{"N":1},{"N"', "not valid JSON"),
        (b'{"success":false,"error":"ORA-01555: snapshot too old"}', "ORA-01555"),
        (b'{"success":false,"data":[]}', "success: false"),
        (b'{"data":[]}', "`success` is missing"),
        (b'{"success":true}', "not a list"),
        (b'{"success":true,"data":null}', "not a list"),
        (b'{"success":true,"data":{"N":1}}', "not a list"),
        (b'{"success":true,"data":[{"N":1} {"N":2}]}', "not valid JSON"),
        (b'{"success":true,"data":[]}{"success":true,"data":[]}', "not valid JSON"),
        (b"[1]", "not valid JSON"),
    ],
)
def test_a_page_that_is_no_page_is_never_an_empty_one(body: bytes, reason: str) -> None:
    with pytest.raises(PageError, match=re.escape(reason)):
        decode_page(body, ("N",))


def test_metadata_may_stand_first_and_may_hold_lists() -> None:
    body = b'{"metadata":{"data":[9],"total_rows":"12"},"success":true,"data":[{"N":"x"}],"more":["]"]}'
    page = decode_page(body, ("N",))
    assert (page.rows["N"].to_list(), page.total_rows) == (["x"], 12)


@pytest.mark.parametrize("total", ["null", "-1", "true", '"many"', "1.5"])
def test_an_unbelievable_total_is_no_total(total: str) -> None:
    assert decode_page(envelope('{"N":1}', f'{{"total_rows":{total}}}'), ("N",)).total_rows is None
    assert decode_page(b'{"success":true,"data":[]}', ("N",)).total_rows is None


def test_unknown_columns_follow_with_the_type_that_was_seen() -> None:
    page = decode_page(envelope('{"N":1,"F":1.5,"B":true,"M":1},{"B":null,"M":"x","F":2,"E":null}'), ("N",))
    assert page.rows.columns == ["N", "F", "B", "M", "E"]
    kinds = {name: declared.kind for name, declared in page.observed.items()}
    assert kinds == {"F": Kind.NUMBER, "B": Kind.BOOLEAN, "M": Kind.TEXT, "E": Kind.TEXT}


def test_an_empty_page_has_the_columns_asked_for() -> None:
    assert decode_page(envelope(""), COLUMNS).rows.schema == pl.Schema(dict.fromkeys(COLUMNS, pl.String))


def test_a_bare_number_gets_the_decimal_mark_of_the_texts_around_it() -> None:
    body = b'{"success": true, "data": [{"A": 1.234, "B": "1.234,50", "C": 12e-1, "D": 5, "E": "x.y"}], "metadata": {}}'
    for columns in (("A", "B", "C", "D", "E"), ()):
        rows = decode_page(body, columns, decimal_comma=True).rows
        assert rows.row(0) == ("1,234", "1.234,50", "12e-1", "5", "x.y")
        assert decode_page(body, columns).rows.row(0)[0] == "1.234"
