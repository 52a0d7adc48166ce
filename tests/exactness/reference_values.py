"""What one value of each Oracle type becomes in stages 2 to 5, in plain Python.

Written from the description of the stages, one value at a time, without regard to speed: no polars, nothing of the
product. Where the description is silent (which shapes of dates are known, what an error is called) the golden pairs in
`tests/stages/golden` speak.
"""

import re
import unicodedata
from datetime import datetime, timedelta
from decimal import Decimal
from functools import cache

FAMILIES = {
    "text": "VARCHAR2 NVARCHAR2 VARCHAR ROWID UROWID INTERVAL",
    "char": "CHAR NCHAR",
    "clob": "CLOB NCLOB LONG XMLTYPE JSON",
    "number": "NUMBER NUMERIC DECIMAL INTEGER INT SMALLINT FLOAT",
    "double": "BINARY_FLOAT BINARY_DOUBLE",
    "date": "DATE TIMESTAMP",
    "raw": "RAW BLOB",
    "boolean": "BOOLEAN",
}
CHARACTERS = frozenset({"text", "char", "clob"})

BLANKS = "\t\u00a0\u1680\u202f\u205f\u3000 " + "".join(map(chr, range(0x2000, 0x200B)))
"""What stands between words of one line: the blank, the tab and Unicode's other space separators."""
WHITE = BLANKS + "\n\v\f\r\x85\u2028\u2029"
"""Unicode's White_Space."""
_LINE_ENDS = "\n\u2028\u2029"
_REMOVED = frozenset(
    chr(code)
    for block in (
        [*range(0x00, 0x09), *range(0x0B, 0x20)],  # C0, but for tab and newline
        range(0x7F, 0xA0),  # DEL and C1
        [0x200B, 0xFEFF],  # zero width, BOM
        [0x061C, 0x200E, 0x200F, *range(0x202A, 0x202F)],  # bidi marks and embeddings
        range(0x2060, 0x2070),  # word joiner, invisible operators, isolates
    )
    for code in block
)
_ZWNJ, _ZWJ = "\u200c", "\u200d"
_DIGITS = {zero + digit: str(digit) for zero in (0x0660, 0x06F0) for digit in range(10)}
_FOLDED = {ord("ي"): "ی", ord("ك"): "ک", 0x0640: None, **_DIGITS}


class Fault(Exception):
    """A value that its column does not take; the only argument is the error type."""


@cache
def family(declared: str) -> str:
    name = re.split(r"[ (]", declared.upper(), maxsplit=1)[0]
    if declared.upper() == "LONG RAW":
        return "raw"
    return next(each for each, names in FAMILIES.items() if name in names.split())


def coerce(text: str, declared: str) -> str | None:
    """Stage 2."""
    kind = family(declared)
    if kind == "char":
        return text.rstrip(" ") or None
    if kind in CHARACTERS:
        return text or None
    if not text.strip(WHITE):
        return None
    if kind == "raw":
        return _hexadecimal(text.strip(WHITE).lower())
    return _boolean(text.strip(WHITE).lower()) if kind == "boolean" else text


def _hexadecimal(text: str) -> str:
    if not re.fullmatch("(?:[0-9a-f]{2})+", text):
        raise Fault("invalid_hex")
    return text


def _boolean(text: str) -> str:
    if text not in ("true", "false", "1", "0"):
        raise Fault("not_a_boolean")
    return "true" if text in ("true", "1") else "false"


def clean(text: str, *, is_clob: bool = False, fold: bool = False) -> str | None:
    """Stage 3. What nobody sees goes first, because a joiner is judged by its neighbours."""
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    text = "".join(sign for sign in text if sign not in _REMOVED)
    if fold:
        text = fold_persian(text)
    text = _with_joiners_in_place(nfc(text))
    if not is_clob:
        text = re.sub(f"[{BLANKS}]+", " ", text)
    return text.strip(BLANKS + _LINE_ENDS) or None


def fold_persian(text: str) -> str:
    return nfc(nfc(text).translate(_FOLDED))


def nfc(text: str) -> str:
    return unicodedata.normalize("NFC", text)


def _with_joiners_in_place(text: str) -> str:
    text = re.sub(f"([{_ZWNJ}{_ZWJ}])[{_ZWNJ}{_ZWJ}]+", r"\1", text)
    kept = [sign for at, sign in enumerate(text) if sign not in (_ZWNJ, _ZWJ) or _joins(text, at)]
    return nfc("".join(kept))


def _joins(text: str, at: int) -> bool:
    before, after = text[at - 1 : at], text[at + 1 : at + 2]
    if not before or not after:
        return False
    if unicodedata.category(before)[0] in "LM" and unicodedata.category(after)[0] == "L":
        return True
    return text[at] == _ZWJ and _is_emoji(after) and (_is_emoji(before) or before in "\ufe0f🏻🏼🏽🏾🏿")


def _is_emoji(sign: str) -> bool:
    """For the emoji that the hostile values use."""
    return (0x2600 <= ord(sign) <= 0x27BF or 0x1F300 <= ord(sign) <= 0x1FAFF) and not 0x1F3FB <= ord(sign) <= 0x1F3FF


def number(text: str, declared: str, *, comma: bool) -> str:
    """Stage 4. BINARY_FLOAT goes the way of BINARY_DOUBLE, as the product's types say: it may be NaN too."""
    if family(declared) == "double" and (name := _not_finite(text)):
        return name
    value = _decimal(text, comma=comma)
    if value is None:
        other = _decimal(text, comma=not comma)
        raise Fault("not_a_number" if other is None else "ambiguous_number_format")
    if family(declared) == "double":
        return _double(value)
    if _is_integer(declared):
        return _integer(value)
    return plain(value)


def _not_finite(text: str) -> str | None:
    word = text.strip(WHITE).lower()
    if word == "nan":
        return "NaN"
    if re.fullmatch(r"[+-]?inf(inity)?", word):
        return "-Infinity" if word.startswith("-") else "Infinity"
    return None


_CURRENCY = "".join(chr(code) for code in range(0x10000) if unicodedata.category(chr(code)) == "Sc")
_SHAPE = re.compile(
    rf"(?P<sign>[+-]?)(?P<money>(?:[{_CURRENCY}][{WHITE}]*)?)(?P<sign2>[+-]?)"
    rf"(?P<digits>[0-9.,]+)(?:[eE](?P<exponent>[+-]?[0-9]+))?"
    rf"(?P<sign3>-?)(?P<money2>(?:[{WHITE}]*[{_CURRENCY}])?)(?P<sign4>-?)"
)


def _decimal(text: str, *, comma: bool) -> Decimal | None:
    """None where the text is no number of this format. Raises Fault for one beyond any Oracle number."""
    group, point = (".", ",") if comma else (",", ".")
    text = text.translate({**_DIGITS, ord("\u2212"): "-", ord("٬"): group, ord("٫"): point}).strip(WHITE)
    in_brackets = text.startswith("(") and text.endswith(")")
    shape = _SHAPE.fullmatch(text[1:-1].strip(WHITE) if in_brackets else text)
    if shape is None:
        return None
    signs = "-" * in_brackets + "".join(shape[name] for name in ("sign", "sign2", "sign3", "sign4"))
    whole, _, fraction = shape["digits"].partition(point)
    grouped = re.fullmatch(rf"[1-9][0-9]{{0,2}}(?:[{group}][0-9]{{3}})+", whole)
    whole = whole.replace(group, "") if grouped else whole
    if not re.fullmatch("[0-9]+", whole + fraction) or len(signs) > 1 or (shape["money"] and shape["money2"]):
        return None
    if abs(int(shape["exponent"] or 0)) > 999:
        raise Fault("number_out_of_range")
    return Decimal(f"{signs}{whole or 0}.{fraction or 0}E{shape['exponent'] or 0}")


def _is_integer(declared: str) -> bool:
    """NUMBER(p) and NUMBER(p, 0) of up to 18 digits are loaded into 64-bit integers."""
    found = re.fullmatch(r"(?:NUMBER|NUMERIC|DECIMAL)\((\d+)(?:, *0)?\)", declared.upper())
    return found is not None and int(found[1]) <= 18


def _integer(value: Decimal) -> str:
    if "." in plain(value):
        raise Fault("not_an_integer")
    if not -(2**63) <= int(plain(value)) < 2**63:
        raise Fault("number_out_of_range")
    return plain(value)


def _double(value: Decimal) -> str:
    nearest = float(plain(value))
    if nearest in (float("inf"), float("-inf")) or (nearest == 0 and value != 0):
        raise Fault("number_out_of_range")
    return plain(Decimal(repr(nearest)))


def plain(value: Decimal) -> str:
    """Without exponent, sign of zero or trailing zeros."""
    text = format(value, "f")
    text = text.rstrip("0").rstrip(".") if "." in text else text
    return "0" if not text.strip("-0") else text


_MONTHS = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"]
_CLOCK = (
    r"(?P<hour>\d{1,2})[:.](?P<minute>\d\d)(?:[:.](?P<second>\d\d)(?:[.,](?P<fraction>\d+))?)?"
    r"(?: ?(?P<half>[ap])\.?m\.?)?(?: ?(?P<zone>z|utc|gmt|[+-]\d{1,2}(?::?\d\d)?))?"
)
_TIME = rf"(?:(?:t|,? ){_CLOCK})?"
_MARK = r"(?P<mark>[-/. ])"
_FORMS = {
    "ymd": rf"(?P<y>\d{{4}}){_MARK}(?P<m>\d{{1,2}})(?P=mark)(?P<d>\d{{1,2}})" + _TIME,
    "dmy": rf"(?P<d>\d{{1,2}}){_MARK}(?P<m>\d{{1,2}})(?P=mark)(?P<y>\d\d|\d{{4}})" + _TIME,
    "mdy": rf"(?P<m>\d{{1,2}}){_MARK}(?P<d>\d{{1,2}})(?P=mark)(?P<y>\d\d|\d{{4}})" + _TIME,
    "named": rf"(?P<d>\d{{1,2}})[-/. ](?P<m>{'|'.join(_MONTHS)})[a-z]*[-/. ](?P<y>\d\d|\d{{4}})" + _TIME,
    "compact": r"(?P<y>\d{4})(?P<m>\d\d)(?P<d>\d\d)"
    r"(?:[t ]?(?P<hour>\d\d)(?P<minute>\d\d)(?:(?P<second>\d\d)(?:[.,](?P<fraction>\d+))?)?(?P<half>)(?P<zone>z?))?",
}
SPELLED_OUT = {
    "January 2, 2026": "2026-01-02T00:00:00",
    "Jan 2nd, 2026 10:00:00.1234567": "2026-01-02T10:00:00.1234567",
    "Fri, 02 Jan 2026 10:00:00 +0330": "2026-01-02T06:30:00Z",
}
"""Dates of no known form, which python-dateutil reads without inventing anything."""


def moment(text: str, *, order: str) -> str:
    """Stage 5. `order` is `DMY` or `MDY`."""
    text = (clean(text) or "").translate({**_DIGITS, ord("\u2212"): "-"})
    for form in ("ymd", order.lower(), "named", "compact"):
        found = re.fullmatch(_FORMS[form], text, re.IGNORECASE | re.ASCII)
        if found is not None:
            return _moment(found)
    if text in SPELLED_OUT:
        return SPELLED_OUT[text]
    raise Fault("not_a_date")


def _moment(found: re.Match[str]) -> str:
    fraction = found["fraction"] or ""
    try:
        naive = datetime(_year(found["y"]), _month(found["m"]), int(found["d"])) + _time_of_day(found)
        offset = _offset(found["zone"])
        instant = naive if offset is None else naive - offset
    except (ValueError, OverflowError) as error:
        raise Fault("impossible_date") from error
    if len(fraction) > 9:
        raise Fault("fraction_too_fine")
    digits = fraction.rstrip("0")
    return instant.isoformat() + ("." + digits if digits else "") + ("" if offset is None else "Z")


def _year(text: str) -> int:
    """Of two digits: 00-49 is 20xx, 50-99 is 19xx (Oracle's RR)."""
    year = int(text)
    return year if len(text) == 4 else year + (2000 if year < 50 else 1900)


def _month(text: str) -> int:
    return int(text) if text.isdigit() else _MONTHS.index(text.lower()) + 1


def _time_of_day(found: re.Match[str]) -> timedelta:
    hour, minute, second = (int(found[name] or 0) for name in ("hour", "minute", "second"))
    if found["half"]:
        if not 1 <= hour <= 12:
            raise ValueError("no such hour of a half day")
        hour = hour % 12 + (12 if found["half"].lower() == "p" else 0)
    if hour > 23 or minute > 59 or second > 59:
        raise ValueError("no such time")
    return timedelta(hours=hour, minutes=minute, seconds=second)


def _offset(zone: str | None) -> timedelta | None:
    """None for a naive value; Oracle's offsets end at 15:59."""
    if not zone:
        return None
    if zone[0] not in "+-":
        return timedelta()
    digits = zone[1:].replace(":", "")
    hours, minutes = (digits, "0") if len(digits) <= 2 else (digits[:-2], digits[-2:])
    if int(hours) > 15 or int(minutes) > 59:
        raise ValueError("no such offset")
    east = timedelta(hours=int(hours), minutes=int(minutes))
    return -east if zone[0] == "-" else east
