"""Hostile values of every Oracle type: a fixed corpus, and hypothesis strategies around it."""

from collections.abc import Mapping
from datetime import datetime, timedelta

from hypothesis import strategies as st

from tests.exactness.reference import Cell
from tests.exactness.reference_values import CHARACTERS, SPELLED_OUT, family

TYPES = (
    "VARCHAR2(4000)", "NVARCHAR2(40)", "ROWID", "UROWID", "INTERVAL DAY(2) TO SECOND(6)",
    "CHAR(6)", "NCHAR(10)",
    "CLOB", "NCLOB", "LONG", "XMLTYPE", "JSON",
    "NUMBER", "NUMBER(38)", "NUMBER(18)", "NUMBER(10,0)", "NUMBER(12,2)", "NUMBER(5,-2)", "NUMBER(*,3)",
    "NUMBER(38,38)", "INTEGER", "SMALLINT", "DECIMAL(9)", "FLOAT", "FLOAT(126)",
    "BINARY_FLOAT", "BINARY_DOUBLE",
    "DATE", "TIMESTAMP", "TIMESTAMP(9)", "TIMESTAMP(6) WITH TIME ZONE", "TIMESTAMP(3) WITH LOCAL TIME ZONE",
    "RAW(16)", "LONG RAW", "BLOB",
    "BOOLEAN",
)  # fmt: skip

DISTINCT_TYPES = (
    "VARCHAR2(4000)", "CHAR(6)", "CLOB", "NUMBER", "NUMBER(18)", "NUMBER(5,-2)", "INTEGER", "FLOAT", "BINARY_DOUBLE",
    "DATE", "TIMESTAMP(9)", "TIMESTAMP(6) WITH TIME ZONE", "RAW(16)", "BOOLEAN",
)  # fmt: skip
"""One of each way in which a type is read or loaded."""

NUMBERS = (
    "0", "-0", "0.0", "-0.0", "-0e5", "0E-130", "1", "-1", "1.0", "1.50", "0.10", "100", "1e5", "1E+5", "1.5e-7",
    "9007199254740992", "9007199254740993", "-9007199254740993", "9223372036854775807", "9223372036854775808",
    "-9223372036854775808", "-9223372036854775809", "18446744073709551615", "18446744073709551616",
    "999999999999999999", "1000000000000000000", "12345678901234567890.123456", "0.30000000000000004",
    "0.1000000000000000055511151231257827", "9" * 38, "-" + "9" * 38, "1" + "0" * 37 + "1", "0." + "0" * 37 + "1",
    "-0." + "9" * 38, "123456789012345678901234567890123456789012345.5", "1E-130", "-1E-130", "1e-130",
    "9." + "9" * 37 + "E125", "-9.9E+125", "1e308", "1.7976931348623157e308", "1.8e308", "5e-324", "2e-324", "1e400",
    "1e-400", "1e999", "1e1000", "-1E-1000", "1e999999999", "4.35", "2.675", "1e23", "8.41E21", "2E-3", "123456.7890",
    "1E00005", "-1.5e-00002",
)  # fmt: skip
"""Tokens of JSON numbers."""

_NUMBER_TEXTS = (
    "00123", "-007", "+5", ".5", "-.5", "5.", " 12 ", "12.5-", "(12.5)", "( 12.5 )", "(0)", "\u221212.5", "$5", "-$5",
    "$-5", "€ 5", "5 €", "5₺", "($5.00)", "۱۲۳", "۱۲۳٫۵", "١٢٬٣٤٥٫٥", "-۱۲", "1,234.50", "1.234,50", "1,234,567",
    "1.234.567", "1,5", "1.5", "1,234", "1.234", "12,34", "1,,234", "1 234", "1'234", "1_000", "1.2.3", "--5", "-5-",
    "(-5)", "(5", "5)", "()", "-", ".", ",", "e5", "1e", "$5€", "5 USD", "abc", "½", "0x1F", "10%", "1\n2", "\u00a012",
    "1,5E3", "1,234.5e2", "NaN", "nan", "Infinity", "-Infinity", "Inf", "+inf", "N/A", "12\u200b", "\x00",
)  # fmt: skip
_TEXTS = (
    "a", "00123", "021-555-1234", "1E5", "NULL", "null", "true", "Hex   bolt", "  Hex\tbolt ", "a\u00a0\u2003b",
    "\u3000x\u00a0", "Cafe\u0301", "Å", "\u212b", "\u1100\u1161\u11a8", "I\u0307", "e\u200b\u0301", "q\u0323\u0307",
    "q\u0307\u0323", "\u0344", "\u0958", "\u2126", "\ufb1d", "\u2adc", "\U0001d15e", "\u0340", "\ufeffx", "\x00",
    "a\x00b",
    "a\x1c\x1f\x7f\x85b", "\u200fشیر\u200e", "\u202bx\u202c", "\u2067x\u2069", "\u061cx", "a\r\nb", "a\rb\r\r\nc",
    "first  line \n second", "\n\n", "a\u2028b\u2029", "می\u200cخواهم", "\u200cمی\u200c", "ک\u200c\u200d\u200cل",
    "a\u200db\u200cc\u200dd", "👨\u200d👩\u200d👧", "👩🏽\u200d🔬", "❤\ufe0f\u200d🔥", "👩\u200c🔬",
    "👩\u200d", "\u200d👩", "😀\U0010fffd",
    "كيلو ٣", "مـتر", "ي\u0654", "ا\u0640\u0653", "ا\u200c\u0640", "straße ﬁ", "ﬁ² e\u0301", "ΑΣ ΌΣΟΣ", "ŉ", "Ǆ", "ѐ",
    "a|b=c\\d", "\\N", "\\.", "\\", "|", "=", '"', '":', ':"', '","QTY":', "},{", "]}", '"data":[', " : ",
    "\u0001\u0002", "{}", "x" * 5000, "2021-01-02", "0.10", "&lt;", "'; DROP", "-", "A,B",
)  # fmt: skip
_DATES = (
    "2026-01-02", "2026-1-2", "2026/01/02", "2021-01-02 03:04", "2026-01-02T03:04:05", "2026-01-02 03:04:05.000",
    "0001-01-01T00:00:00", "9999-12-31T23:59:59.999999", "2024-02-29T12:00:00",
    "2026-01-02T03:04:05.5", "2026-01-02T03:04:05.123456", "2026-01-02T03:04:05.123456789", "2026-01-02T03:04:05,25",
    "2026-01-02T03:04:05.000000001", "2026-01-02T03:04:05.1234567891", "2026-01-02T03:04:05.9999999", "0001-01-01",
    "9999-12-31T23:59:59.999999999", "0000-01-01", "10000-01-01", "2024-02-29", "2026-02-29", "1900-02-29",
    "2000-02-29", "2021-04-31", "2021-13-01", "2021-00-10", "2021-01-00", "2026-01-02T24:00:00", "2026-01-02T23:59:60",
    "2026-01-02T03:04:05Z", "2026-01-02T03:04:05.100Z", "2026-01-02T03:04:05+03:30", "2026-01-02 03:04:05 -08:00",
    "2026-01-02 03:04:05.123456789 -15:59", "2026-01-02T03:04:05+16:00", "2026-01-02T03:04:05+03:75",
    "2026-01-02T03:04:05+0330", "2026-01-02T03:04:05+03", "2026-01-02 03:04:05 UTC", "0001-01-01T00:00:00+05:00",
    "9999-12-31T23:59:59-00:01", "02-JAN-26", "02-Jan-00", "02-jan-49", "02-JAN-50", "02-JAN-2026 13:04:05",
    "02-JAN-26 01.04.05.123456789 PM", "02-JAN-26 12.00.00.000000 AM", "02-JAN-26 13.00.00 PM", "31-FEB-26",
    "02-JAN-26 03.04.05.000000 PM +03:30", "2 January 2026", "02-XYZ-26", "01/02/2026", "31/12/2026", "31.12.2026",
    "12/31/2026", "1/2/2026 03:04", "01/02/26", "01/02/50", "۰۱/۰۲/۲۰۲۶", "20260102", "20260102030405",
    "20260102T030405Z", "20261301", "2026-01-02\u200f", " 2026-01-02 ", "2026-01-02 03:04:05 Europe/Berlin",
    "Jan 2026", "Monday", "10:30", "2026", "abc", "N/A", *SPELLED_OUT,
)  # fmt: skip
_BYTES = ("0AFF", "0aff", "00", "FF" * 2000, " 0AFF ", "0AF", "0AFG", "0x0A", "\u0660\u0660", "0a 0b", "ÀÀ", "DEADBEEF")
_BOOLEANS = ("true", "false", "TRUE", "False", " true ", "1", "0", "Y", "2", "1.0", "t", "yes")
_EMPTY = ("", " ", "   ", "\t", "\u00a0", "\n")
_SURROGATES = ("\ud83d", "x\ude00", "\ude00\ud83d", "\ud83d\ud83d\ude00")
_NESTED = ("{}", "[]", '{"a":[1,2.50,{"b":null}]}', '["\\":",1E-130]', '{"a":1,"a":2}', '"\\ud83d"'.join("[]"))

NULL = Cell(None)
_SHARED = (
    NULL,
    *map(Cell, _EMPTY),
    *map(Cell, _SURROGATES),
    *(Cell(text, "boolean") for text in ("true", "false")),
    *(Cell(text, "nested") for text in _NESTED),
)
"""What may stand in a column of any type."""


def _own(declared: str) -> tuple[Cell, ...]:
    kind = family(declared)
    numbers = tuple(Cell(token, "number") for token in NUMBERS)
    if kind in ("number", "double"):
        return (*numbers, *(Cell(token) for token in NUMBERS), *map(Cell, _NUMBER_TEXTS))
    if kind == "date":
        return (*map(Cell, _DATES), Cell("20260102", "number"), Cell("-0", "number"))
    if kind == "raw":
        return (*map(Cell, _BYTES), Cell("10", "number"), Cell("1E-130", "number"))
    if kind == "boolean":
        return (*map(Cell, _BOOLEANS), *(Cell(token, "number") for token in ("1", "0", "-0", "1.0", "2")))
    return (*map(Cell, _TEXTS), *numbers)


CORPUS: Mapping[str, tuple[Cell, ...]] = {declared: (*_own(declared), *_SHARED) for declared in TYPES}
"""Every hostile value of every type."""

_SIGNS = st.characters(
    exclude_categories=["C", "S"],
    # Emoji that are no symbols; letters whose capitals are younger than Python's tables.
    exclude_characters="\u200c\u200d‼⁉ℹ〰\u019b\u0264",
)
_PIECES = st.sampled_from(_TEXTS) | st.sampled_from(
    ("\u200c", "\u200d", " ", "\r", "\n", "\u0301", "\u0640", "\\", '"')
)
_FREE_TEXTS = st.lists(_PIECES | st.text(_SIGNS, max_size=4), min_size=1, max_size=4).map("".join)
_FREE_NUMBERS = st.from_regex(r"-?(0|[1-9][0-9]{0,44})(\.[0-9]{1,40})?([eE][+-]?[0-9]{1,3})?", fullmatch=True)
_GROUPED = st.builds(
    "{}{:,}{}{}".format,
    st.sampled_from(("", "-", "$", "(")),
    st.integers(0, 10**30),
    st.from_regex(r"(\.[0-9]{0,12})?", fullmatch=True),
    st.sampled_from(("", "-", ")", " €")),
)
_OTHER_MARKS = str.maketrans(".,", ",.")
_FREE_NUMBER_TEXTS = _GROUPED | _GROUPED.map(lambda text: text.translate(_OTHER_MARKS)) | _FREE_NUMBERS
_SHAPES = (
    "%Y-%m-%dT%H:%M:%S", "%Y-%m-%d %H:%M:%S.%f", "%d-%b-%Y %H:%M:%S", "%d-%b-%y", "%d-%b-%y %I.%M.%S.%f %p",
    "%d/%m/%Y %H:%M", "%d.%m.%Y", "%Y%m%d%H%M%S", "%Y-%m-%dT%H:%M:%S.%f+03:30", "%Y-%m-%d %H:%M:%SZ",
    "%d-%b-%y %I.%M.%S %p -11:00", "%Y-%m-%d",
)  # fmt: skip
_YEAR_1000 = datetime(1000, 1, 1)
"""Python prints earlier years with fewer than four digits."""
_MICROSECONDS = (datetime.max - _YEAR_1000) // timedelta(microseconds=1)
_FREE_DATES = st.builds(
    lambda microseconds, shape: (_YEAR_1000 + timedelta(microseconds=microseconds)).strftime(shape),
    st.integers(0, _MICROSECONDS),
    st.sampled_from(_SHAPES),
)
_FREE_BYTES = st.binary(min_size=1, max_size=20).map(bytes.hex)
_BARE = _FREE_NUMBERS.map(lambda token: Cell(token, "number"))


def _free(declared: str) -> st.SearchStrategy[Cell]:
    kind = family(declared)
    if kind in CHARACTERS:
        return _FREE_TEXTS.map(Cell) | _BARE
    if kind in ("number", "double"):
        return _BARE | _FREE_NUMBER_TEXTS.map(Cell)
    if kind == "date":
        return _FREE_DATES.map(Cell)
    return _FREE_BYTES.map(Cell) if kind == "raw" else st.sampled_from(CORPUS[declared])


_GOOD: Mapping[str, tuple[Cell, ...]] = {
    "number": tuple(Cell(token, "number") for token in ("1", "2.50", "1E-130", "9" * 38, "-0")),
    "double": tuple(Cell(token, "number") for token in ("1", "0.1", "-0.0", "1e300", "5e-324")),
    "date": tuple(map(Cell, ("2026-01-02T03:04:05", "0001-01-01T00:00:00", "9999-12-31T23:59:59.999999"))),
    "raw": (Cell("0AFF"), Cell("00")),
    "boolean": (Cell("true", "boolean"), Cell("false", "boolean")),
}
"""Values that a wire may bring typed, where a column has no others."""


def columns_of_cells(declared: str, height: int) -> st.SearchStrategy[list[Cell]]:
    """The values of one column: anything that its type may meet, mixed, or such as a typed wire brings."""
    mixed = st.sampled_from(CORPUS[declared]) | _free(declared)
    tame = st.sampled_from((NULL, *_GOOD.get(family(declared), tuple(map(Cell, _TEXTS)))))
    return st.lists(mixed, min_size=height, max_size=height) | st.lists(tame, min_size=height, max_size=height)
