"""Every page is read exactly, whichever way it goes; the reference is Python's own JSON parser, told to keep texts."""

import json
import re
from dataclasses import dataclass
from typing import NoReturn

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from syncflow.connectors.page_cells import ARRAY, LINES
from syncflow.connectors.page_decoder import decode_page
from syncflow.connectors.page_exact import read_exactly
from syncflow.connectors.page_ndjson import decode_ndjson
from syncflow.connectors.page_plain import read_plainly
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
KEYS = st.sampled_from([*COLUMNS, "UNKNOWN", 'x\\"QTY', "ZZITEM_NO", "", "ends:", "a\\\\"])


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
    """As a JSON page and, where a row is a line, as NDJSON."""
    page = decode_page(envelope(render(rows, style)), COLUMNS)
    assert page.total_rows == 7
    check_rows(page.rows, rows)
    if "\n" not in style[0]:
        body = "".join(render([row], style) + "\n" for row in rows).encode("utf-8", "surrogatepass")
        check_rows(decode_ndjson(body, COLUMNS).rows, rows)


def check_rows(got: pl.DataFrame, rows: list[list[tuple[str, Token]]]) -> None:
    assert got.columns[: len(COLUMNS)] == list(COLUMNS)
    for row, wanted in zip(got.to_dicts(), expected(rows), strict=True):
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


TEXT_ROW = '{{"ITEM_NO":"{}","QTY":12.50,"A_COLUMN_OF_THIRTY_CHARACTERS_":null,"N":true}}'
FAST_PAGES = {
    "clean": ",".join(map(TEXT_ROW.format, ("x", ":x", "é😀علی", ""))),
    "escapes": ",".join(map(TEXT_ROW.format, ('3\\"', '3\\": \\\\', "\\u0641\\n", "\\\\"))),
    "blanks": TEXT_ROW.format("x").replace(",", ", ").replace(":", ": "),
    "missing keys": '{"ITEM_NO":"x"},{"QTY":1,"ITEM_NO":"y"},{"N":null}',
    "unknown keys": '{"N":1,"NEW":1},{"N":2,"NEW":2}',
}


@pytest.mark.parametrize("rows", FAST_PAGES.values(), ids=FAST_PAGES)
def test_pages_as_machines_print_them_are_read_the_fast_way(rows: str) -> None:
    exact = read_exactly(f"[{rows}]".encode(), COLUMNS)
    for form, page in ((ARRAY, f"[{rows}]"), (LINES, re.sub("}, ?{", "}\n{", rows))):
        fast = read_plainly(page.encode(), form, COLUMNS)
        assert fast is not None
        assert fast.rows.equals(exact.rows)
        assert fast.observed == exact.observed


@pytest.mark.parametrize(
    "rows",
    [
        '{"N":"a"b"}',
        '{"N":"a"b\\"}',
        '{"N":"x\\"},{"N":","y\\\\"}',
        '{"N":"a\nb"}',
        '{"N":"a\\"}',
        '{"N":1},{"QTY":1,"QTY":2}',
        '{"N":1},{"QTY":1;"N":2}',
        '{"N":1},{"QTY":1,"M":2}',
        '{"N":1};{"N":1}',
        '{"N":,"QTY":1}',
        '{"N":nulx}',
        '{"N":x}',
        '{"N":01}',
        '{"N":truth}',
        '{"N":1},{},{"N":2}',
        '{"N":"\\ud83d"}',
        '{"N":"\\x"}',
        '{"N":[1]}',
        '{"N":{"QTY":1}}',
        '{"N":1}}',
    ],
)
def test_a_page_that_only_looks_regular_is_not_read_the_fast_way(rows: str) -> None:
    for page in (f"[{rows}]", f'[{{"N":0}},{rows}]', f'[{{"N":0,"QTY":0}},{rows}]'):
        assert read_plainly(page.encode(), ARRAY, ("N", "QTY")) is None


SPLICES = ['"', ":", ",", "{", "}", "[", "]", "\\", " ", "\n", "0", "-", ".", "e", "N", '":', '","', "},{", '"},{"',
           '\\"', "\\\\", "null", '"N":', '{"N":1}', ",{}", "\x00", "\xe9"]  # fmt: skip
EDITS = st.lists(
    st.tuples(st.floats(0, 1, exclude_max=True), st.sampled_from(SPLICES) | st.just(""), st.integers(0, 3)), max_size=3
)


@settings(max_examples=400)
@given(st.lists(CLEAN_ROW | SPARSE_ROW, min_size=1, max_size=3), STYLES, EDITS)
def test_what_the_fast_way_takes_is_valid_json_and_read_as_such(
    rows: list[list[tuple[str, Token]]], style: tuple[str, str], edits: list[tuple[float, str, int]]
) -> None:
    page = f"[{render(rows, style)}]".encode("utf-8", "surrogatepass")
    for place, splice, gone in edits:
        at = int(place * len(page))
        page = page[:at] + splice.encode("latin-1") + page[at + gone :]
    fast = read_plainly(page, ARRAY, COLUMNS)
    if fast is None:
        return
    read = json.loads(
        page.decode(), parse_float=Token, parse_int=Token, parse_constant=_refuse, object_pairs_hook=Pairs
    )
    assert fast.rows.height == len(read)
    for row, pairs in zip(fast.rows.to_dicts(), read, strict=True):
        assert isinstance(pairs, Pairs)
        assert len(dict(pairs)) == len(pairs)
        given_ = {key: _printed(value) for key, value in pairs if value is not None}
        assert {key: value for key, value in row.items() if value is not None} == given_


def _printed(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return value.json if isinstance(value, Token) else str(value)


@pytest.mark.parametrize("end", ["", "\n", "\r\n", "\n\n \n"])
def test_lines_may_end_as_they_like_and_blank_ones_are_skipped(end: str) -> None:
    for between in ("\n", "\r\n", "\n\n"):
        body = between.join(['{"N":1.50}', '{"N":"x"}', '{"N":null}']) + end
        assert decode_ndjson(body.encode(), ("N",)).rows["N"].to_list() == ["1.50", "x", None]
    assert decode_ndjson(end.encode(), ("N",)).rows.shape == (0, 1)


def test_a_line_that_is_no_row_fails_alone() -> None:
    bad = ["5", '{"N":"a"},{"N":"b"}', '{"N":1}x', '{"N":1', '"}', '{"N":"\\ud83d"}', "[]"]
    rows = decode_ndjson("\n".join(['{"N":"first"}', *bad, '{"N":"last"}']).encode(), ("N",)).rows
    assert rows["N"].to_list()[0] == "first"
    assert rows["N"].to_list()[-1] == "last"
    assert rows[UNREADABLE].is_null().to_list() == [True, *[False] * len(bad), True]
    assert rows[RAW_TEXT].to_list()[1:-1] == bad


def test_lines_that_were_cut_off_are_no_page_but_at_the_end_of_a_line() -> None:
    lines = ['{"N":"é","QTY":1.5}', '{"N":"a\\"}","QTY":-0}', '{"N":"x","N":"y"}', '{"QTY":12}']
    body = "\n".join(lines).encode() + b"\n"
    whole = decode_ndjson(body, ("N", "QTY")).rows
    ends = [len("\n".join(lines[:count]).encode()) for count in range(len(lines) + 1)]
    for length in range(len(body) + 1):
        rows = sum(end <= length for end in ends) - 1
        if length in ends or length - 1 in ends[1:]:
            got = decode_ndjson(body[:length], ("N", "QTY")).rows
            assert got.select("N", "QTY").equals(whole.select("N", "QTY").head(rows))
        else:
            with pytest.raises(PageError, match="cut short"):
                decode_ndjson(body[:length], ("N", "QTY"))


def test_a_page_that_says_it_is_another_one_is_not_taken() -> None:
    assert decode_page(envelope('{"N":1}'), ("N",), page=1).rows.height == 1
    assert decode_page(envelope('{"N":1}', "{}"), ("N",), page=2).rows.height == 1
    with pytest.raises(PageError, match="it is page 1, but page 2 was asked for"):
        decode_page(envelope('{"N":1}'), ("N",), page=2)
