"""Stage 5 for one column: ISO 8601 text, naive or in UTC (pipeline, stage 5).

Rows are sorted out from the cheap to the dear: canonical already; ISO with a blank, without a time, with zeros at the
end, and the commonest other shapes rewritten to that; then distinct values by the known forms; what is left by
python-dateutil.
"""

import polars as pl

from syncflow.i18n.texts import Text
from syncflow.model import Conventions, DateOrder
from syncflow.oracle_types import OracleType
from syncflow.rules import jalali
from syncflow.rules.date_parts import AMBIGUOUS, PARTS, parts_of
from syncflow.rules.date_shapes import with_iso_shape
from syncflow.rules.date_text import IMPOSSIBLE, MOST_DIGITS, TOO_FINE, texts_of
from syncflow.rules.odd_dates import OddDate, read_odd
from syncflow.rules.outcome import VALUE, Outcome, faults, patch
from syncflow.rules.text import clean

_YEAR = "(?:[0-9]{3}[1-9]|[0-9]{2}[1-9]0|[0-9][1-9]00|[1-9]000)"
_MONTH_DAY = "(?:(?:0[1-9]|1[0-2])-(?:0[1-9]|1[0-9]|2[0-8])|(?:0[13-9]|1[0-2])-(?:29|30)|(?:0[13578]|1[02])-31)"
_CLOCK = "(?:[01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9]"
_LEAP_YEAR = "(?:[0-9]{2}(?:0[48]|[2468][048]|[13579][26])|(?:0[48]|[2468][048]|[13579][26])00)"
_DATE = f"(?:{_YEAR}-{_MONTH_DAY}|{_LEAP_YEAR}-02-29)"
"""Dates that exist."""
_CANONICAL = rf"^{_DATE}T{_CLOCK}(?:\.[0-9]{{0,8}}[1-9])?Z?$"
_ISO = rf"^{_DATE}(?:[T ]{_CLOCK}(?:\.[0-9]{{1,9}})?Z?)?$"

_DIGITS = {chr(zero + digit): str(digit) for zero in (0x0660, 0x06F0) for digit in range(10)}
_MINUS = {"\u2212": "-"}
_LOADED_LENGTH = len("2026-01-02T03:04:05.123456")
_FINER_THAN_MICROSECONDS = r"\.[0-9]{7,}"
_ORDER_NAMES = {DateOrder.DMY: "D-M-Y", DateOrder.MDY: "M-D-Y", DateOrder.YMD: "Y-M-D"}


def read_datetimes(
    values: pl.Series, type_: OracleType, conventions: Conventions, *, is_jalali: bool = False
) -> Outcome:
    """Canonical text, or a reason. `is_jalali` reads all dates of digits in the Jalali calendar."""
    if is_jalali:
        return _patch_odd(values, values.is_not_null().arg_true(), type_, conventions.dates, is_jalali)
    rest = (~values.str.contains(_CANONICAL)).arg_true()
    if rest.is_empty():
        return Outcome(values)
    shaped = with_iso_shape(values.gather(rest), conventions.dates)
    if shaped.str.contains(_CANONICAL).all():
        return Outcome(patch(values, rest, shaped))
    iso = shaped.str.contains(_ISO)
    read = patch(values, rest.filter(iso), _canonical_iso(shaped.filter(iso)))
    return _patch_odd(read, rest.filter(~iso), type_, conventions.dates, is_jalali)


def finer_than_microseconds(values: pl.Series) -> bool:
    """Whether a column of canonical text holds fractions that PostgreSQL cannot hold."""
    long = values.filter(values.str.len_bytes() > _LOADED_LENGTH)
    return bool(long.str.contains(_FINER_THAN_MICROSECONDS).any())


def _canonical_iso(values: pl.Series) -> pl.Series:
    text = pl.col("text")
    zone = pl.when(text.str.ends_with("Z")).then(pl.lit("Z")).otherwise(pl.lit(""))
    time = text.str.slice(11).str.strip_suffix("Z")
    short = time.str.strip_chars_end("0").str.strip_chars_end(".")
    midnight = pl.lit("00:00:00")
    clock = pl.when(time == "").then(midnight).when(time.str.len_bytes() > len("00:00:00")).then(short).otherwise(time)
    return (
        values.alias("text").to_frame().select(pl.concat_str(text.str.head(10), pl.lit("T"), clock, zone)).to_series()
    )


def _patch_odd(values: pl.Series, at: pl.Series, type_: OracleType, order: DateOrder, is_jalali: bool) -> Outcome:
    """Read the odd values, each distinct one once."""
    if at.is_empty():
        return Outcome(values)
    given = values.gather(at)
    distinct = given.unique(maintain_order=True).alias("given")
    known = _read_distinct(distinct, order, is_jalali).with_columns(distinct)
    joined = given.alias("given").to_frame().join(known, on="given", how="left", maintain_order="left")
    reasons = [
        faults(at.filter(mask), given.filter(mask), error_type, _explanation(error_type, type_, order, is_jalali))
        for error_type in joined["error_type"].drop_nulls().unique(maintain_order=True)
        for mask in [joined["error_type"] == error_type]
    ]
    return Outcome(patch(values, at, joined["text"]), pl.concat(reasons) if reasons else Outcome(values).faults)


def _read_distinct(distinct: pl.Series, order: DateOrder, is_jalali: bool) -> pl.DataFrame:
    """`text` and `error_type` of every value; one of them is set."""
    cleaned = clean(distinct).fill_null("").str.replace_many({**_DIGITS, **_MINUS})
    parts = parts_of(cleaned, order)
    read = texts_of(parts.select(PARTS), is_jalali=is_jalali)
    if is_jalali:
        # Nobody knows the century of a Jalali year of two digits, and dateutil does not know the calendar.
        unknown = pl.lit("not_a_date")
    else:
        read = _with_dateutil(read, parts, cleaned, order)
        unknown = pl.when(parts[AMBIGUOUS]).then(pl.lit("ambiguous_date")).otherwise(pl.lit("not_a_date"))
    missing = pl.col("text").is_null() & pl.col("error_type").is_null()
    return read.with_columns(pl.when(missing).then(unknown).otherwise(pl.col("error_type")).alias("error_type"))


def _with_dateutil(read: pl.DataFrame, parts: pl.DataFrame, cleaned: pl.Series, order: DateOrder) -> pl.DataFrame:
    left = (parts["day"].is_null() & ~parts[AMBIGUOUS]).arg_true()
    if left.is_empty():
        return read
    odd = [read_odd(text, order) for text in cleaned.gather(left)]
    at = left.filter(pl.Series([found is not None for found in odd], dtype=pl.Boolean))
    texts = texts_of(_as_parts([found for found in odd if found is not None]), is_jalali=False)
    return pl.DataFrame([patch(read[name], at, texts[name]) for name in ("text", "error_type")])


def _as_parts(found: list[OddDate]) -> pl.DataFrame:
    numbers = dict.fromkeys(("year", "month", "day", "hour", "minute", "second"), pl.Int64)
    schema = pl.Schema({**numbers, "fraction": pl.String, "zone": pl.String})
    frame = pl.DataFrame(found, schema=schema, orient="row")
    return frame.with_columns(pl.lit(None, dtype=pl.String).alias("half")).select(PARTS)


def _explanation(error_type: str, type_: OracleType, order: DateOrder, is_jalali: bool) -> Text:
    if error_type == TOO_FINE:
        return Text(
            "{value} has a fraction of more than {digits} digits. Correct the value in the source.",
            value=VALUE,
            digits=MOST_DIGITS,
        )
    if error_type == "ambiguous_date":
        return Text(
            "{value} does not follow the declared order {order}. Correct the value in the source, or change the "
            "entity's conventions.dates.",
            value=VALUE,
            order=_ORDER_NAMES[order],
        )
    if error_type == IMPOSSIBLE and is_jalali:
        return Text(
            "{value} is no Jalali date that exists (years {first} to {last}, order {order} where the year is not "
            "first). Correct the value in the source.",
            value=VALUE,
            first=str(jalali.FIRST_YEAR),
            last=str(jalali.LAST_YEAR),
            order=_ORDER_NAMES[order],
        )
    if error_type == IMPOSSIBLE:
        return Text(
            "{value} is no date or time that exists (order {order} where the year is not first, years 0001 to 9999). "
            "Correct the value in the source, or change the entity's conventions.dates.",
            value=VALUE,
            order=_ORDER_NAMES[order],
        )
    return Text(
        "{value} is not a complete date of a known form (column type {type}; for example 2026-01-02T03:04:05, "
        "02-JAN-26, or digits in the order {order}). Correct the value in the source, or declare the column as text.",
        value=VALUE,
        type=type_.declared,
        order=_ORDER_NAMES[order],
    )
