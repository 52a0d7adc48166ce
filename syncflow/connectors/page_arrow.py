"""A page of APISmith from an Arrow IPC stream, its typed values as text."""

from collections.abc import Sequence

import polars as pl

from syncflow.connectors.arrow_layout import column_names
from syncflow.connectors.arrow_text import UnreadTypeError, as_text
from syncflow.connectors.page_rows import BOOLEAN, DOUBLE, NUMBER, PageRows, in_order
from syncflow.errors import PageError
from syncflow.oracle_types import TEXT, OracleType


def decode_arrow(stream: bytes, columns: Sequence[str], *, decimal_comma: bool = False) -> PageRows:
    """Read the body of one answer of `execute`; `decimal_comma` as `PageRequest` says, for typed numbers.

    Raises PageError when it is no Arrow stream, was cut short or is broken.
    """
    names = column_names(stream)
    try:
        frame = pl.read_ipc_stream(stream)
    except (pl.exceptions.PolarsError, pl.exceptions.PanicException, OSError) as error:
        raise PageError("the Arrow stream cannot be read ({error})", error=error) from error
    if frame.columns != names:
        raise PageError("the Arrow stream's columns do not agree with its schema")
    texts = _texts(frame, decimal_comma=decimal_comma)
    return in_order(texts, columns, {name: _observed(dtype) for name, dtype in frame.schema.items()})


def _texts(frame: pl.DataFrame, *, decimal_comma: bool) -> pl.DataFrame:
    if all(isinstance(dtype, pl.String) for dtype in frame.schema.values()):
        return frame
    try:
        return frame.select(
            as_text(pl.col(name), dtype, decimal_comma=decimal_comma).alias(name)
            for name, dtype in frame.schema.items()
        )
    except (pl.exceptions.PolarsError, pl.exceptions.PanicException, UnreadTypeError) as error:
        raise PageError("a value of the Arrow stream has no text ({error})", error=error) from error


def _observed(dtype: pl.DataType) -> OracleType:
    if dtype.is_float():
        return DOUBLE
    if dtype.is_numeric():
        return NUMBER
    return BOOLEAN if isinstance(dtype, pl.Boolean) else TEXT
