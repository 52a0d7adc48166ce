"""Numbers as text whose code-point order is their numeric order, exact for any number of digits.

A key is `1`, the count of integer digits (three places), the digits: `1003123` is 123, `10012345` is 2.345. Negative
numbers start with `0`, have everything complemented and end with `~`, so that the longer one is the smaller one.
"""

import re
from decimal import Decimal, InvalidOperation

import polars as pl

_PLAIN = r"^[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)$"
_DIGITS = list("0123456789")
_COMPLEMENTS = list("9876543210")
_COMPLEMENT_TABLE = str.maketrans("0123456789", "9876543210")
_EASTERN = str.maketrans({"٫": ".", "٬": ",", "−": "-"})
_GROUPED = re.compile(r"^[+-]?[0-9]{1,3}(,[0-9]{3})+(\.[0-9]*)?$")
_ZERO_KEY = "1000"


def number_keys(texts: pl.Series) -> pl.Series:
    """Sort keys of numbers as an ERP prints them; NULL where a text is no number (or NULL)."""
    stripped = texts.str.strip_chars(" ")
    plain = stripped.str.contains(_PLAIN)
    keys = pl.select(pl.when(pl.lit(plain)).then(pl.lit(_plain_keys(stripped)))).to_series()
    odd = texts.filter((~plain).fill_null(False)).unique()
    if odd.is_empty():
        return keys
    found = pl.Series([odd_number_key(text) for text in odd], dtype=pl.String)
    return keys.fill_null(texts.replace_strict(odd, found, default=None, return_dtype=pl.String))


def odd_number_key(text: str) -> str | None:
    """The key of a number with group marks, a trailing minus, parentheses, an exponent or other digits."""
    bare = text.strip().translate(_EASTERN)
    if bare.startswith("(") and bare.endswith(")"):
        bare = f"-{bare[1:-1]}"
    if bare.endswith("-"):
        bare = f"-{bare[:-1]}"
    western = "".join(str(int(c)) if c.isdecimal() else c for c in bare)
    if _GROUPED.match(western):
        western = western.replace(",", "")
    try:
        number = Decimal(western)
    except InvalidOperation:
        return None
    return _decimal_key(number) if number.is_finite() and abs(number.adjusted()) < 990 else None


def _decimal_key(number: Decimal) -> str:
    whole, _, fraction = f"{number.copy_abs():f}".partition(".")
    whole, fraction = whole.lstrip("0"), fraction.rstrip("0")
    if not whole and not fraction:
        return _ZERO_KEY
    if number > 0:
        return f"1{len(whole):03d}{whole}{fraction}"
    return f"0{999 - len(whole):03d}{(whole + fraction).translate(_COMPLEMENT_TABLE)}~"


def _plain_keys(texts: pl.Series) -> pl.Series:
    negative = texts.str.starts_with("-")
    unsigned = texts.str.strip_chars_start("+-")
    whole = unsigned.str.extract(r"^([0-9]*)").str.strip_chars_start("0")
    fraction = unsigned.str.extract(r"\.([0-9]*)$").fill_null("").str.strip_chars_end("0")
    keys = _joined("1", whole.str.len_bytes(), whole + fraction, "")
    if not negative.any():
        return keys
    complemented = (whole + fraction).str.replace_many(_DIGITS, _COMPLEMENTS)
    below_zero = _joined("0", 999 - whole.str.len_bytes().cast(pl.Int64), complemented, "~")
    return pl.select(
        pl.when(pl.lit(negative) & pl.lit(keys != _ZERO_KEY)).then(pl.lit(below_zero)).otherwise(pl.lit(keys))
    ).to_series()


def _joined(sign: str, size: pl.Series, digits: pl.Series, end: str) -> pl.Series:
    return sign + size.cast(pl.String).str.zfill(3) + digits + end
