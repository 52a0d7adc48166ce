"""Stage 2 for one column: what Oracle's type alone says about a text (pipeline, stage 2)."""

import polars as pl

from syncflow.i18n.texts import Text
from syncflow.oracle_types import CHARACTER_KINDS, Kind, OracleType
from syncflow.rules.outcome import VALUE, Outcome, faults, null_where, patch

_BOOLEANS = {"true": "true", "false": "false", "1": "true", "0": "false"}
_BLANK = r"^\s*$"
_LOWER_HEX = r"^(?:[0-9a-f]{2})+$"


def coerce_values(values: pl.Series, type_: OracleType) -> Outcome:
    """`''` is NULL; CHAR loses the blanks at its end, RAW is lower-case hex, a boolean is true or false. For all kinds
    but text a value of blanks is NULL too. Numbers and dates stay as they are until their stage."""
    if type_.kind is Kind.CHAR:
        return Outcome(_empty_is_null(_without_padding(values)))
    if type_.kind in CHARACTER_KINDS:
        return Outcome(_empty_is_null(values))
    given = null_where(values, values.str.contains(_BLANK))
    if type_.kind is Kind.RAW:
        return _read_hex(given, type_)
    if type_.kind is Kind.BOOLEAN:
        return _read_booleans(given, type_)
    return Outcome(given)


def _empty_is_null(values: pl.Series) -> pl.Series:
    return null_where(values, values == "")


def _without_padding(values: pl.Series) -> pl.Series:
    padded = values.str.ends_with(" ").arg_true()
    return patch(values, padded, values.gather(padded).str.strip_chars_end(" "))


def _read_hex(values: pl.Series, type_: OracleType) -> Outcome:
    odd = (~values.str.contains(_LOWER_HEX)).arg_true()
    if odd.is_empty():
        return Outcome(values)
    given = values.gather(odd)
    lower = given.str.strip_chars().str.to_lowercase()
    bad = ~lower.str.contains(_LOWER_HEX)
    text = Text(
        "{value} is not hexadecimal: a {type} column takes pairs of the digits 0-9 and A-F. Correct the value in the "
        "source.",
        value=VALUE,
        type=type_.declared,
    )
    reasons = faults(odd.filter(bad), given.filter(bad), "invalid_hex", text)
    return Outcome(patch(values, odd, null_where(lower, bad)), reasons)


def _read_booleans(values: pl.Series, type_: OracleType) -> Outcome:
    odd = (~values.is_in(["true", "false"])).arg_true()
    if odd.is_empty():
        return Outcome(values)
    given = values.gather(odd)
    read = given.str.strip_chars().str.to_lowercase().replace_strict(_BOOLEANS, default=None, return_dtype=pl.String)
    bad = read.is_null()
    text = Text(
        "{value} is not a boolean: a {type} column takes true, false, 1 or 0. Correct the value in the source, or "
        "declare the column as text.",
        value=VALUE,
        type=type_.declared,
    )
    return Outcome(patch(values, odd, read), faults(odd.filter(bad), given.filter(bad), "not_a_boolean", text))
