"""The forms of dates and times that are known column-wise, taken apart into numbers.

Every form yields the same frame, one row a value: `year month day hour minute second` Int64, `fraction` (digits as
given), `half` (a or p) and `zone` String; NULL where the form has no such part, all NULL where it does not fit.
"""

import polars as pl

from syncflow.model import DateOrder

NUMBERS = ("year", "month", "day", "hour", "minute", "second")
TEXTS = ("fraction", "half", "zone")
PARTS = (*NUMBERS, *TEXTS)
AMBIGUOUS = "ambiguous"
"""Boolean column beside the parts: day, month and year are there, but their order is not the declared one."""

_ZONE = r"(?:\s*(?P<zone>[Zz]|UTC|GMT|[+-][0-9]{1,2}(?::?[0-9]{2})?))?"
_CLOCK = (
    r"(?P<hour>[0-9]{1,2})[:.](?P<minute>[0-9]{2})(?:[:.](?P<second>[0-9]{2})(?:[.,](?P<fraction>[0-9]+))?)?"
    r"(?:\s*(?P<half>[AaPp])\.?[Mm]\.?)?"
)
_TIME = rf"(?:(?:[Tt]|,?\s+){_CLOCK}{_ZONE})?$"
_THREE_NUMBERS = (
    r"^(?P<first>[0-9]{1,4})(?P<mark>[-/. ])(?P<second_number>[0-9]{1,2})(?P<mark2>[-/. ])(?P<third>[0-9]{1,4})" + _TIME
)
_MONTH_NAME = r"^(?P<first>[0-9]{1,2})[-/. ](?P<name>[A-Za-z]{3,9})[-/. ](?P<third>[0-9]{2}|[0-9]{4})" + _TIME
_COMPACT_CLOCK = (
    r"(?P<hour2>[0-9]{2})(?P<minute2>[0-9]{2})(?:(?P<second2>[0-9]{2})(?:[.,](?P<fraction2>[0-9]+))?)?"
    r"(?:\s*(?P<zone2>[Zz]|UTC|GMT|[+-][0-9]{2}(?::?[0-9]{2})?))?"
)
_COMPACT = (
    r"^(?P<year>[0-9]{4})(?P<month>[0-9]{2})(?P<day>[0-9]{2})"
    rf"(?:(?:[Tt]|\s)?{_COMPACT_CLOCK}|(?:[Tt]|\s+){_CLOCK}{_ZONE})?$"
)
_MONTHS = (
    "january",
    "february",
    "march",
    "april",
    "may",
    "june",
    "july",
    "august",
    "september",
    "october",
    "november",
    "december",
)
_MONTH_NUMBERS = {
    **{name: number for number, name in enumerate(_MONTHS, 1)},
    **{name[:3]: number for number, name in enumerate(_MONTHS, 1)},
    "sept": 9,
}
_PLACES = {DateOrder.DMY: ("third", "second_number", "first"), DateOrder.MDY: ("third", "first", "second_number")}
_YEAR_FIRST = ("first", "second_number", "third")


def parts_of(values: pl.Series, order: DateOrder) -> pl.DataFrame:
    """PARTS and AMBIGUOUS of every value; of the forms the first that fits."""
    forms = (_three_numbers(values, order), _month_name(values), _compact(values))
    ambiguous = forms[0][AMBIGUOUS]
    fitting = [form["day"].is_not_null() for form in forms]
    return pl.select(
        *(
            pl.when(fitting[0])
            .then(forms[0][part])
            .when(fitting[1])
            .then(forms[1][part])
            .otherwise(forms[2][part])
            .alias(part)
            for part in PARTS
        ),
        ambiguous.alias(AMBIGUOUS),
    )


def _three_numbers(values: pl.Series, order: DateOrder) -> pl.DataFrame:
    """Dates of digits: a year of four digits stands first or last, one of two digits where the order says."""
    groups = _groups(values, _THREE_NUMBERS)
    first, third = (pl.col(name).str.len_bytes() for name in ("first", "third"))
    same_mark = pl.col("mark") == pl.col("mark2")
    year_first = same_mark & (first == 4) & (third <= 2)
    year_last = same_mark & (first <= 2) & (third == 4)
    years = "first" if order is DateOrder.YMD else "third"
    short = same_mark & (first <= 2) & (third <= 2) & (pl.col(years).str.len_bytes() == 2)
    by_order = short if order is DateOrder.YMD else short | year_last
    places = _PLACES.get(order, _YEAR_FIRST)
    date = [
        pl.when(year_first).then(_number(natural)).when(by_order).then(_number(declared)).alias(part)
        for part, natural, declared in zip(("year", "month", "day"), _YEAR_FIRST, places, strict=True)
    ]
    ambiguous = year_last.fill_null(False) if order is DateOrder.YMD else pl.lit(False)
    parts = groups.select(*date, *_time(), ambiguous.alias(AMBIGUOUS), short.alias("short"))
    return _with_centuries(parts)


def _month_name(values: pl.Series) -> pl.DataFrame:
    """`02-JAN-26`, `2 January 2026`; English names in any case."""
    groups = _groups(values, _MONTH_NAME)
    name = pl.col("name").str.to_lowercase()
    month = name.replace_strict(_MONTH_NUMBERS, default=None, return_dtype=pl.Int64)
    parts = groups.select(
        pl.when(month.is_not_null()).then(_number("third")).alias("year"),
        month.alias("month"),
        pl.when(month.is_not_null()).then(_number("first")).alias("day"),
        *_time(),
        (pl.col("third").str.len_bytes() == 2).alias("short"),
    )
    return _with_centuries(parts)


def _compact(values: pl.Series) -> pl.DataFrame:
    """`20260102`, `20260102030405`, `20260102T030405.5Z`, `20260102 03:04:05`."""
    return _groups(values, _COMPACT).select(
        *(_number(part).alias(part) for part in ("year", "month", "day")),
        *(pl.coalesce(_number(part), _number(f"{part}2")).alias(part) for part in ("hour", "minute", "second")),
        pl.coalesce("fraction", "fraction2").alias("fraction"),
        "half",
        pl.coalesce("zone", "zone2").alias("zone"),
    )


def _groups(values: pl.Series, pattern: str) -> pl.DataFrame:
    return values.str.extract_groups(pattern).struct.unnest()


def _number(name: str) -> pl.Expr:
    return pl.col(name).cast(pl.Int64)


def _time() -> list[pl.Expr]:
    clock = [_number(part).alias(part) for part in ("hour", "minute", "second")]
    return [*clock, *(pl.col(part) for part in TEXTS)]


def _with_centuries(parts: pl.DataFrame) -> pl.DataFrame:
    """Years of two digits by Oracle's RR: 00-49 is 20xx, 50-99 is 19xx."""
    year = pl.col("year")
    century = pl.when(year < 50).then(2000).otherwise(1900)
    return parts.with_columns(pl.when(pl.col("short")).then(year + century).otherwise(year).alias("year"))
