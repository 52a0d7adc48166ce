"""The Jalali calendar, columns at once, with integers only.

A leap year every four years, after seven of them one after five: 33 years with 8 leap days. That is what the official
calendar (the equinox at Tehran) gives for the years 1178 to 1633; beyond them it strays, so they are refused.
"""

import datetime

import polars as pl

FIRST_YEAR = 1178
LAST_YEAR = 1633

_ANCHOR_YEAR = 1403
_ANCHOR = datetime.date(2024, 3, 20)
"""1403-01-01."""


def is_leap(year: pl.Expr) -> pl.Expr:
    return (year * 25 + 11) % 33 < 8


def exists(year: pl.Expr, month: pl.Expr, day: pl.Expr) -> pl.Expr:
    """Whether the date exists: six months of 31 days, five of 30, and Esfand with 29 or 30."""
    esfand = pl.when(is_leap(year)).then(30).otherwise(29)
    length = pl.when(month <= 6).then(31).when(month <= 11).then(30).otherwise(esfand)
    return year.is_between(FIRST_YEAR, LAST_YEAR) & month.is_between(1, 12) & (day >= 1) & (day <= length)


def to_gregorian(year: pl.Expr, month: pl.Expr, day: pl.Expr) -> pl.Expr:
    """The Date (pl.Date) of a Jalali date that exists."""
    return pl.lit(_ANCHOR) + pl.duration(days=_day_number(year, month, day) - _first_of_anchor())


def _day_number(year: pl.Expr, month: pl.Expr, day: pl.Expr) -> pl.Expr:
    return _days_before(year) + (month - 1) * 30 + pl.min_horizontal(month - 1, 6) + day


def _days_before(year: pl.Expr) -> pl.Expr:
    """Days of the years before, up to a constant: leap years are counted as in every cycle of 33."""
    return year * 365 + (year * 8 + 21) // 33


def _first_of_anchor() -> int:
    return _ANCHOR_YEAR * 365 + (_ANCHOR_YEAR * 8 + 21) // 33 + 1
