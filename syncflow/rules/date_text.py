"""From the parts of a date to canonical text: whether it exists, half days, fractions, offsets to UTC."""

import polars as pl

from syncflow.rules import jalali
from syncflow.rules.outcome import patch

MOST_DIGITS = 9
"""Digits of a fraction that are read; Oracle has no more."""
IMPOSSIBLE = "impossible_date"
TOO_FINE = "fraction_too_fine"

_WIDEST_OFFSET = 15 * 60 + 59
"""Minutes; Oracle's offsets end at -15:59 and +15:59."""


def texts_of(parts: pl.DataFrame, *, is_jalali: bool) -> pl.DataFrame:
    """`text` and `error_type` for every row of parts (see `date_parts`); both are NULL for a row without a day."""
    complete = parts.with_columns(
        _hour_of_day().alias("hour"),
        pl.col("minute", "second").fill_null(0),
        pl.col("fraction").fill_null(""),
        _offset().alias("offset"),
    )
    date = (pl.col("year"), pl.col("month"), pl.col("day"))
    possible = (jalali.exists(*date) if is_jalali else _exists(*date)) & _is_time()
    checked = complete.with_columns(
        pl.when(pl.col("day").is_null())
        .then(None)
        .when(~possible)
        .then(pl.lit(IMPOSSIBLE))
        .when(pl.col("fraction").str.len_bytes() > MOST_DIGITS)
        .then(pl.lit(TOO_FINE))
        .alias("error_type")
    )
    at = (checked["error_type"].is_null() & checked["day"].is_not_null()).arg_true()
    text = patch(_nothing(parts.height), at, _text(checked.select(pl.all().gather(at)), is_jalali))
    out = checked["day"].is_not_null() & checked["error_type"].is_null() & text.is_null()
    error_type = pl.when(out).then(pl.lit(IMPOSSIBLE)).otherwise(pl.col("error_type")).alias("error_type")
    return checked.select(text.alias("text"), error_type)


def _hour_of_day() -> pl.Expr:
    """Of 24 hours; 99, which no day has, for an hour that no half day has."""
    hour = pl.col("hour").fill_null(0)
    afternoon = pl.col("half").str.to_lowercase() == "p"
    of_half = pl.when(afternoon).then(hour % 12 + 12).otherwise(hour % 12)
    return pl.when(pl.col("half").is_null()).then(hour).when(hour.is_between(1, 12)).then(of_half).otherwise(99)


def _offset() -> pl.Expr:
    """Minutes east of Greenwich: 0 for Z, UTC and GMT, NULL for a naive value."""
    zone = pl.col("zone")
    digits = zone.str.slice(1).str.replace(":", "", literal=True)
    whole_hours = digits.str.len_bytes() <= 2
    hours = pl.when(whole_hours).then(digits).otherwise(digits.str.head(-2)).cast(pl.Int64, strict=False)
    minutes = pl.when(whole_hours).then(0).otherwise(digits.str.tail(2).cast(pl.Int64, strict=False))
    total = pl.when(minutes < 60).then(hours * 60 + minutes).otherwise(_WIDEST_OFFSET + 1)
    east = pl.when(zone.str.starts_with("-")).then(-total).otherwise(total)
    return pl.when(zone.str.contains("^[+-]")).then(east).when(zone.is_not_null()).then(0)


def _exists(year: pl.Expr, month: pl.Expr, day: pl.Expr) -> pl.Expr:
    leap = (year % 4 == 0) & ((year % 100 != 0) | (year % 400 == 0))
    february = pl.when(leap).then(29).otherwise(28)
    length = pl.when(month == 2).then(february).when(month.is_in([4, 6, 9, 11])).then(30).otherwise(31)
    return year.is_between(1, 9999) & month.is_between(1, 12) & (day >= 1) & (day <= length)


def _is_time() -> pl.Expr:
    clock = pl.col("hour").is_between(0, 23) & pl.col("minute").is_between(0, 59) & pl.col("second").is_between(0, 59)
    return clock & (pl.col("offset").is_null() | pl.col("offset").is_between(-_WIDEST_OFFSET, _WIDEST_OFFSET))


def _text(parts: pl.DataFrame, is_jalali: bool) -> pl.Series:
    """Canonical text of parts that exist; NULL where UTC lies outside the years 1 to 9999."""
    date = (pl.col("year"), pl.col("month"), pl.col("day"))
    midnight = jalali.to_gregorian(*date).cast(pl.Datetime("us")) if is_jalali else pl.datetime(*date)
    clock = pl.duration(hours=pl.col("hour"), minutes=pl.col("minute"), seconds=pl.col("second"))
    instant = midnight + clock - pl.duration(minutes=pl.col("offset").fill_null(0))
    fraction = pl.col("fraction").str.strip_chars_end("0")
    point = pl.when(fraction == "").then(pl.lit("")).otherwise(pl.lit("."))
    zone = pl.when(pl.col("offset").is_null()).then(pl.lit("")).otherwise(pl.lit("Z"))
    known = parts.with_columns(instant.alias("instant"))
    whole = pl.when(pl.col("instant").dt.year().is_between(1, 9999)).then(pl.col("instant"))
    seconds = whole.dt.strftime("%Y-%m-%dT%H:%M:%S")
    return known.select(pl.concat_str(seconds, point, fraction, zone)).to_series()


def _nothing(height: int) -> pl.Series:
    return pl.repeat(None, height, dtype=pl.String, eager=True)
