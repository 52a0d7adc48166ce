"""Dates and date-times as fixed-width ISO text with nine digits of fraction, so that text order is time order.

An offset is converted to UTC; a naive time counts as UTC in comparisons.
"""

import re
from datetime import UTC, datetime

import polars as pl

_MONTHS = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")
_TIME = r"(?:[ T](?P<time>\d{1,2}:\d\d(?::\d\d)?)(?:\.(?P<fraction>\d{1,9}))?)?"
_OFFSET = r" ?(?P<offset>Z|[+-]\d\d:?\d\d)?"
_ISO = re.compile(rf"^(?P<year>\d{{4}})-(?P<month>\d\d)-(?P<day>\d\d){_TIME}{_OFFSET}$", re.ASCII)
_NAMED = re.compile(rf"^(?P<day>\d{{1,2}})-(?P<month>[A-Za-z]{{3}})-(?P<year>\d{{4}}|\d\d){_TIME}{_OFFSET}$", re.ASCII)
_SECONDS_LENGTH = 19


def date_keys(texts: pl.Series) -> pl.Series:
    """Sort keys of date-times in ISO form, `DD-MON-YYYY HH24:MI:SS` or `DD-MON-RR`; NULL where a text is no date."""
    heads = texts.str.slice(0, _SECONDS_LENGTH).str.replace("T", " ", literal=True)
    tails = texts.str.slice(_SECONDS_LENGTH)
    parsed = heads.str.to_datetime("%Y-%m-%d %H:%M:%S", strict=False)
    plain = parsed.is_not_null() & tails.str.contains(r"^(\.[0-9]{1,9})?$") & (heads.str.len_bytes() == _SECONDS_LENGTH)
    iso = heads.str.replace(" ", "T", literal=True) + "." + tails.str.slice(1).str.pad_end(9, "0")
    keys = pl.select(pl.when(pl.lit(plain)).then(pl.lit(iso))).to_series()
    odd = texts.filter((~plain).fill_null(texts.is_not_null())).unique().drop_nulls()
    if odd.is_empty():
        return keys
    found = pl.Series([odd_date_key(text) for text in odd], dtype=pl.String)
    return keys.fill_null(texts.replace_strict(odd, found, default=None, return_dtype=pl.String))


def odd_date_key(text: str) -> str | None:
    """The key of one date-time in any known form; RR years: 00-49 are 20xx, 50-99 are 19xx (Oracle)."""
    found = _ISO.match(text.strip()) or _NAMED.match(text.strip())
    if found is None:
        return None
    hour, minute, second = (int(part) for part in f"{found['time'] or '0:0'}:0".split(":")[:3])
    try:
        moment = datetime(_year(found["year"]), _month(found["month"]), int(found["day"]), hour, minute, second)
        if found["offset"]:
            zoned = datetime.fromisoformat(f"{moment.isoformat()}{found['offset']}")
            moment = zoned.astimezone(UTC).replace(tzinfo=None)
    except (ValueError, OverflowError):
        return None
    return f"{moment.isoformat()}.{(found['fraction'] or '').ljust(9, '0')}"


def _year(text: str) -> int:
    year = int(text)
    if len(text) == 4:
        return year
    return year + (2000 if year < 50 else 1900)


def _month(text: str) -> int:
    if text.isdigit():
        return int(text)
    return _MONTHS.index(text.upper()) + 1 if text.upper() in _MONTHS else 0
