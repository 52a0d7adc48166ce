"""Stage 4 for one column: plain decimal text, exact to any number of digits (pipeline, stage 4).

Nothing but BINARY_DOUBLE goes through a float. Rows are sorted out from the cheap to the dear: canonical already;
plain digits that need trimming; everything else through the full grammar.
"""

from decimal import Decimal

import polars as pl

from syncflow.i18n.texts import Text
from syncflow.model import NumberFormat
from syncflow.oracle_types import Kind, OracleType
from syncflow.rules.outcome import VALUE, Outcome, faults, null_where, patch

_WHOLE = r"^(?:0|-?[1-9][0-9]*)$"
_CANONICAL = r"^(?:0|-?(?:[1-9][0-9]*(?:\.[0-9]*[1-9])?|0\.[0-9]*[1-9]))$"
_ZEROS_AT_END = r"^-?[1-9][0-9]*\.[0-9]*0$"
_PLAIN = r"^-?(?:[0-9]+\.?[0-9]*|\.[0-9]+)$"

_DIGITS = {chr(zero + digit): str(digit) for zero in (0x0660, 0x06F0) for digit in range(10)}
_MINUS = {"\u2212": "-"}
_GRAMMAR = (
    r"^(?P<open>\(\s*)?(?P<sign1>[+-])?(?P<currency1>\p{{Sc}}\s*)?(?P<sign2>[+-])?"
    r"(?P<whole>[1-9][0-9]{{0,2}}(?:{group}[0-9]{{3}})+|[0-9]*)(?:{point}(?P<fraction>[0-9]*))?"
    r"(?:[eE](?P<exponent>[+-]?[0-9]+))?"
    r"(?P<trail1>-)?(?P<currency2>\s*\p{{Sc}})?(?P<trail2>-)?(?P<close>\s*\))?$"
)
_MARKS = {NumberFormat.POINT: (",", "."), NumberFormat.COMMA: (".", ",")}
_OTHER = {NumberFormat.POINT: NumberFormat.COMMA, NumberFormat.COMMA: NumberFormat.POINT}
_NOT_FINITE = {
    "nan": "NaN",
    **dict.fromkeys(("inf", "infinity", "+inf", "+infinity"), "Infinity"),
    **dict.fromkeys(("-inf", "-infinity"), "-Infinity"),
}
_LARGEST_EXPONENT = 999
"""Beyond Oracle's range (E125 for NUMBER, E308 for BINARY_DOUBLE); a larger one would be a text of gigabytes."""
_EXACT_DOUBLE_CHARACTERS = 15
"""A decimal of up to 15 digits survives float64 and back unchanged (C's DBL_DIG)."""


def read_numbers(values: pl.Series, type_: OracleType, numbers: NumberFormat) -> Outcome:
    """Canonical decimal text, or a reason. `numbers` says which mark groups digits and which begins the fraction."""
    outcome = _read_decimals(values, type_, numbers)
    if type_.kind is Kind.DOUBLE:
        return outcome.then(lambda read: _as_doubles(read, values, type_))
    return outcome.then(lambda read: _as_integers(read, values, type_)) if type_.is_integer else outcome


def _read_decimals(values: pl.Series, type_: OracleType, numbers: NumberFormat) -> Outcome:
    # With a decimal comma `1.234` is grouped, whatever it looks like.
    canonical = _CANONICAL if numbers is NumberFormat.POINT else _WHOLE
    odd = (~values.str.contains(canonical)).arg_true()
    if odd.is_empty():
        return Outcome(values)
    if numbers is NumberFormat.COMMA:
        return _patched(values, odd, _read_odd(values.gather(odd), type_, numbers))
    return _patched(values, odd, _read_plain(values.gather(odd), type_, numbers))


def _patched(values: pl.Series, at: pl.Series, read: Outcome) -> Outcome:
    """The column with a part of it read; the part's faults moved to their places in the column."""
    moved = read.faults.with_columns(at.gather(read.faults["at"]).alias("at"))
    return Outcome(patch(values, at, read.values), moved)


def _read_plain(values: pl.Series, type_: OracleType, numbers: NumberFormat) -> Outcome:
    """Digits with a point: first the commonest case, zeros at the end of an otherwise canonical number."""
    long = values.str.contains(_ZEROS_AT_END)
    at = long.arg_true()
    read = patch(values, at, values.gather(at).str.strip_chars_end("0").str.strip_chars_end("."))
    rest = (~long).arg_true()
    if rest.is_empty():
        return Outcome(read)
    plain = values.gather(rest).str.contains(_PLAIN)
    at = rest.filter(plain)
    read = patch(read, at, _trimmed(values.gather(at)))
    at = rest.filter(~plain)
    return _patched(read, at, _read_odd(values.gather(at), type_, numbers)) if at.len() else Outcome(read)


def _trimmed(plain: pl.Series) -> pl.Series:
    """Plain decimal text without needless zeros, sign of zero or a bare point."""
    text = pl.col("text")
    digits = text.str.strip_prefix("-").str.strip_chars_start("0")
    without_zeros = digits.str.strip_chars_end("0").str.strip_chars_end(".")
    body = pl.when(digits.str.contains(".", literal=True)).then(without_zeros).otherwise(digits)
    zero = pl.when((body == "") | body.str.starts_with(".")).then(pl.lit("0")).otherwise(pl.lit(""))
    sign = pl.when(text.str.starts_with("-") & (body != "")).then(pl.lit("-")).otherwise(pl.lit(""))
    return plain.alias("text").to_frame().select(pl.concat_str(sign, zero, body)).to_series()


def _read_odd(values: pl.Series, type_: OracleType, numbers: NumberFormat) -> Outcome:
    """The full grammar; values that it does not know are faults."""
    read = _parse(values, numbers)
    if type_.kind is Kind.DOUBLE:
        special = values.str.strip_chars().str.to_lowercase()
        read = read.fill_null(special.replace_strict(_NOT_FINITE, default=None, return_dtype=pl.String))
    bad = values.is_not_null() & read.is_null()
    if not bad.any():
        return Outcome(read)
    return Outcome(read, _reasons(values, bad.arg_true(), type_, numbers))


def _parse(values: pl.Series, numbers: NumberFormat) -> pl.Series:
    """Canonical text of what fits the grammar, NULL for the rest."""
    group, point = _MARKS[numbers]
    marks = {**_DIGITS, **_MINUS, "\u066c": group, "\u066b": point}
    pattern = _GRAMMAR.format(group=f"[{group}]", point=f"[{point}]")
    parts = values.str.replace_many(marks).str.strip_chars().str.extract_groups(pattern).struct.unnest()
    whole = pl.col("whole").str.replace_all(group, "", literal=True)
    fraction = pl.col("fraction").fill_null("")
    signs = ("sign1", "sign2", "trail1", "trail2")
    marked = pl.sum_horizontal(pl.col(name).is_not_null() for name in (*signs, "open"))
    fits = (
        pl.col("whole").is_not_null()
        & (pl.concat_str(whole, fraction) != "")
        & (marked <= 1)
        & (pl.col("open").is_null() == pl.col("close").is_null())
        & (pl.col("currency1").is_null() | pl.col("currency2").is_null())
    )
    negative = pl.col("open").is_not_null() | pl.any_horizontal(pl.col(name) == "-" for name in signs).fill_null(False)
    sign = pl.when(negative).then(pl.lit("-")).otherwise(pl.lit(""))
    plain = pl.when(fits).then(pl.concat_str(sign, whole, pl.lit("."), fraction))
    read = parts.select(plain.alias("plain"), pl.col("exponent"))
    scaled = (read["plain"].is_not_null() & read["exponent"].is_not_null()).arg_true()
    return patch(_trimmed(read["plain"]), scaled, _shifted(read.select(pl.all().gather(scaled))))


def _shifted(numbers: pl.DataFrame) -> pl.Series:
    """`plain` times ten to the power of `exponent`, exactly; NULL for an exponent beyond any Oracle number."""
    distinct = numbers.unique(maintain_order=True)
    texts = [_shift(plain, exponent) for plain, exponent in distinct.iter_rows()]
    known = distinct.with_columns(pl.Series("shifted", texts, dtype=pl.String))
    joined = numbers.join(known, on=["plain", "exponent"], how="left", maintain_order="left")
    return _trimmed(joined["shifted"])


def _shift(plain: str, exponent: str) -> str | None:
    digits = exponent.lstrip("+-0")
    if len(digits) > len(str(_LARGEST_EXPONENT)) or int(digits or 0) > _LARGEST_EXPONENT:
        return None
    return format(Decimal(f"{plain}e{exponent}"), "f")


def _reasons(values: pl.Series, at: pl.Series, type_: OracleType, numbers: NumberFormat) -> pl.DataFrame:
    """Why values are no numbers: written in the other format, out of range, or no numbers at all."""
    given = values.gather(at)
    other = _parse(given, _OTHER[numbers]).is_not_null()
    huge = ~other & given.str.contains(r"^[0-9.,+-]+[eE][+-]?[0-9]{3,}$")
    neither = ~(other | huge)
    return pl.concat(
        [
            faults(
                at.filter(other),
                given.filter(other),
                "ambiguous_number_format",
                Text(
                    "{value} is not a number of the format {format}, but fits {other}. Correct the value in the "
                    "source, or change the entity's conventions.numbers.",
                    value=VALUE,
                    format=numbers,
                    other=_OTHER[numbers],
                ),
            ),
            faults(at.filter(huge), given.filter(huge), "number_out_of_range", _too_large_for(type_)),
            faults(
                at.filter(neither),
                given.filter(neither),
                "not_a_number",
                Text(
                    "{value} is not a number of the format {format} (the column is {type}). Correct the value in the "
                    "source, or declare the column as text.",
                    value=VALUE,
                    format=numbers,
                    type=type_.declared,
                ),
            ),
        ]
    )


def _too_large_for(type_: OracleType) -> Text:
    return Text(
        "{value} is beyond the range of a {type} column. Correct the value in the source.",
        value=VALUE,
        type=type_.declared,
    )


def _as_integers(values: pl.Series, given: pl.Series, type_: OracleType) -> Outcome:
    """A column that is loaded as a 64-bit integer takes neither fractions nor more; messages show what was `given`."""
    fractional = values.str.contains(".", literal=True)
    large = (values.str.len_bytes() > type_.precision) if type_.precision else fractional
    if not (fractional.any() or large.any()):
        return Outcome(values)
    large = large & ~fractional & values.cast(pl.Int64, strict=False).is_null()
    reasons = [
        faults(
            fractional.arg_true(),
            given.filter(fractional),
            "not_an_integer",
            Text(
                "{value} has a fraction, but a {type} column is loaded as an integer. Correct the value in the source, "
                "or declare the column with its scale.",
                value=VALUE,
                type=type_.declared,
            ),
        ),
        faults(
            large.arg_true(),
            given.filter(large),
            "number_out_of_range",
            Text(
                "{value} is too large for a {type} column, which is loaded as a 64-bit integer. Correct the value in "
                "the source, or declare the column as NUMBER.",
                value=VALUE,
                type=type_.declared,
            ),
        ),
    ]
    return Outcome(null_where(values, fractional | large), pl.concat(reasons))


def _as_doubles(values: pl.Series, given: pl.Series, type_: OracleType) -> Outcome:
    """The shortest decimal that means the same float64."""
    at = (values.str.len_bytes() > _EXACT_DOUBLE_CHARACTERS).arg_true()
    if at.is_empty():
        return Outcome(values)
    floats = values.gather(at).cast(pl.Float64, strict=False)
    # NaN and the infinities are shorter than this: here only what a double cannot hold becomes infinite or zero.
    bad = floats.is_infinite() | (floats == 0)
    reasons = faults(at.filter(bad), given.gather(at).filter(bad), "number_out_of_range", _too_large_for(type_))
    return Outcome(patch(values, at, null_where(_shortest(floats), bad)), reasons)


def _shortest(floats: pl.Series) -> pl.Series:
    text = floats.cast(pl.String)
    scientific = text.str.contains("e", literal=True).arg_true()
    plain = [format(Decimal(value), "f") for value in text.gather(scientific)]
    decimals = patch(text, scientific, pl.Series(plain, dtype=pl.String))
    return null_where(_trimmed(decimals), floats.is_infinite())
