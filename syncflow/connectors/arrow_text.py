"""Arrow's typed values as text, each such that the stages read the same value from it.

Numbers stay digit for digit (no integer or decimal goes through a float), a float is the shortest text that reads back
as the same float, date-times are ISO 8601 with as many digits of the fraction as they need, bytes are upper-case hex
as Oracle prints RAW, nested values are JSON.
"""

import polars as pl
from polars.datatypes import DataTypeClass

_YEAR_1 = -62_135_596_800
_YEAR_10000 = 253_402_300_800
"""Seconds of 0001-01-01 and of 10000-01-01 from 1970 on."""
_IN_A_SECOND = {"ms": 1_000, "us": 1_000_000, "ns": 1_000_000_000}
_IN_A_DAY = 86_400
_ESCAPES = {
    "\\": "\\\\",
    '"': '\\"',
    **{chr(code): f"\\u{code:04x}" for code in range(0x20)},
    "\n": "\\n",
    "\r": "\\r",
    "\t": "\\t",
}


class UnreadTypeError(TypeError):
    """A type that has no text."""


def as_text(value: pl.Expr, dtype: pl.DataType, *, decimal_comma: bool = False) -> pl.Expr:
    """The text of a column of this type; with `decimal_comma` numbers have a comma for their point.

    Raises UnreadTypeError for a type that is not known.
    """
    if dtype.is_nested():
        return _json(value, dtype)
    text = _scalar(value, dtype)
    return text.str.replace(".", ",", literal=True) if decimal_comma and dtype.is_numeric() else text


def _scalar(value: pl.Expr, dtype: pl.DataType) -> pl.Expr:
    if isinstance(dtype, pl.String):
        return value
    if dtype.is_float():
        return value.cast(pl.String).str.replace("inf", "Infinity", literal=True)
    if dtype.is_numeric() or isinstance(dtype, pl.Boolean | pl.Null | pl.Categorical | pl.Enum):
        return value.cast(pl.String)
    if isinstance(dtype, pl.Binary):
        return value.bin.encode("hex").str.to_uppercase()
    if isinstance(dtype, pl.Time):
        return value.dt.strftime("%H:%M:%S%.f")
    if isinstance(dtype, pl.Duration):
        return value.dt.to_string("iso")
    if isinstance(dtype, pl.Date):
        return _within(value, 1, _IN_A_DAY, "days", "%Y-%m-%d")
    if isinstance(dtype, pl.Datetime):
        return _datetime(value, dtype)
    raise UnreadTypeError(f"the type {dtype} is not read")


def _datetime(value: pl.Expr, dtype: pl.Datetime) -> pl.Expr:
    """In UTC where there is a zone: offsets of long ago have seconds, which ISO 8601 cannot say."""
    form = "%Y-%m-%dT%H:%M:%S%.f"
    if dtype.time_zone is not None:
        value, form = value.dt.convert_time_zone("UTC"), f"{form}Z"
    return _within(value, _IN_A_SECOND[dtype.time_unit], 1, dtype.time_unit, form)


def _within(value: pl.Expr, units: int, seconds: int, unit: str, form: str) -> pl.Expr:
    """The text of a date-time; where its year is not one of 0001 to 9999, a text that is no date, so that its row
    alone fails. `units` make up `seconds`."""
    number = value.to_physical().cast(pl.Int64)
    low, high = _YEAR_1 * units // seconds, _YEAR_10000 * units // seconds - 1
    inside = number.is_between(max(low, -(2**63)), min(high, 2**63 - 1))
    told = pl.concat_str(number.cast(pl.String), pl.lit(f" {unit} from 1970-01-01"))
    return pl.when(inside).then(pl.when(inside).then(value).dt.strftime(form)).otherwise(told)


def _json(value: pl.Expr, dtype: pl.DataType) -> pl.Expr:
    """JSON text of a nested value; NULL for NULL."""
    if isinstance(dtype, pl.Struct):
        members = [
            part
            for position, field in enumerate(dtype.fields)
            for part in (
                pl.lit(f"{',' if position else ''}{_quoted(field.name)}:"),
                _member(value.struct.field(field.name), _instance(field.dtype)),
            )
        ]
        text = pl.concat_str(pl.lit("{"), *members, pl.lit("}"))
        return pl.when(value.is_not_null()).then(text)
    if isinstance(dtype, pl.Array):
        return _json(value.arr.to_list(), pl.List(dtype.inner))
    if isinstance(dtype, pl.List):
        inner = value.list.eval(_member(pl.element(), _instance(dtype.inner)))
        return pl.concat_str(pl.lit("["), inner.list.join(","), pl.lit("]"))
    raise UnreadTypeError(f"the type {dtype} is not read")


def _member(value: pl.Expr, dtype: pl.DataType) -> pl.Expr:
    """A value within JSON: bare where JSON has such values."""
    if dtype.is_nested():
        text = _json(value, dtype)
    elif dtype.is_integer() or dtype.is_decimal() or isinstance(dtype, pl.Boolean):
        text = _scalar(value, dtype)
    elif dtype.is_float():
        text = pl.when(value.is_finite()).then(_scalar(value, dtype)).otherwise(_in_quotes(_scalar(value, dtype)))
    else:
        text = _in_quotes(_scalar(value, dtype))
    return text.fill_null("null")


def _in_quotes(text: pl.Expr) -> pl.Expr:
    return pl.concat_str(pl.lit('"'), text.str.replace_many(_ESCAPES), pl.lit('"'))


def _quoted(name: str) -> str:
    return '"' + "".join(_ESCAPES.get(sign, sign) for sign in name) + '"'


def _instance(dtype: DataTypeClass | pl.DataType) -> pl.DataType:
    return dtype if isinstance(dtype, pl.DataType) else dtype()
