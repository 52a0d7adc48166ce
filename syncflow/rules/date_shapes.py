"""The commonest shapes of dates that are not ISO, rewritten to its shape by cutting the text at fixed places.

Whether the date exists is seen afterwards; what has no such shape is left as it is, for `date_parts`.
"""

import polars as pl

from syncflow.model import DateOrder

_TIME = "(?:[ T][0-9][0-9:.]*Z?)?$"
_MONTH_NAME_LONG = "^[0-9]{2}-[A-Za-z]{3}-[0-9]{4}" + _TIME
_MONTH_NAME_SHORT = "^[0-9]{2}-[A-Za-z]{3}-[0-9]{2}" + _TIME
_DIGITS = "^(?:[0-9]{2}/[0-9]{2}/|[0-9]{2}-[0-9]{2}-|[0-9]{2}[.][0-9]{2}[.])[0-9]{4}" + _TIME
_MONTHS = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")
_NUMBER_OF_MONTH = {name: f"{number:02d}" for number, name in enumerate(_MONTHS, 1)}


def with_iso_shape(values: pl.Series, order: DateOrder) -> pl.Series:
    """`02-JAN-2026 03:04:05`, `02-JAN-26` (Oracle's RR) and, unless the year comes first in `order`, `02/01/2026` as
    `2026-01-02T03:04:05`. A column of the same length, without a judgement."""
    shapes = [(_MONTH_NAME_LONG, _long()), (_MONTH_NAME_SHORT, _short())]
    if order is not DateOrder.YMD:
        shapes.append((_DIGITS, _digits(order)))
    for shape, iso in shapes:
        fitting = values.str.contains(shape).fill_null(False)
        text = values.alias("text").to_frame()
        if fitting.all():
            return text.select(iso).to_series()
        if fitting.any():
            values = text.select(pl.when(fitting).then(iso).otherwise("text")).to_series()
    return values


def _long() -> pl.Expr:
    text = pl.col("text")
    return pl.concat_str(text.str.slice(7, 4), *_month_and_day(), _time(11))


def _short() -> pl.Expr:
    text = pl.col("text")
    year = text.str.slice(7, 2)
    century = pl.when(year < "50").then(pl.lit("20")).otherwise(pl.lit("19"))
    return pl.concat_str(century, year, *_month_and_day(), _time(9))


def _month_and_day() -> tuple[pl.Expr, ...]:
    month = pl.col("text").str.slice(3, 3).str.to_uppercase().str.replace_many(_NUMBER_OF_MONTH)
    return pl.lit("-"), month, pl.lit("-"), pl.col("text").str.slice(0, 2)


def _time(start: int) -> pl.Expr:
    """What follows the date, and a T before it."""
    rest = pl.col("text").str.slice(start + 1)
    return pl.when(rest == "").then(rest).otherwise(pl.lit("T") + rest)


def _digits(order: DateOrder) -> pl.Expr:
    text = pl.col("text")
    first, second = text.str.slice(0, 2), text.str.slice(3, 2)
    month, day = (second, first) if order is DateOrder.DMY else (first, second)
    return pl.concat_str(text.str.slice(6, 4), pl.lit("-"), month, pl.lit("-"), day, _time(10))
