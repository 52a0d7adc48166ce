"""How typed values are printed: digit for digit, date-times in ISO's order, bytes as Oracle prints RAW."""

import polars as pl

from syncflow.sandbox.errors import SandboxError

_FRACTIONS = {"ms": "%.3f", "us": "%.6f", "ns": "%.9f"}


def printed(name: str, dtype: pl.DataType) -> pl.Expr:
    """A column as text: `YYYY-MM-DD HH:MM:SS.ffffff` (with its offset where it has a zone; nine digits of the fraction
    where it has nanoseconds), decimals and integers as they are, `true` and `false`, upper-case hex.

    Raises SandboxError for a type that is not served.
    """
    column = pl.col(name)
    if isinstance(dtype, pl.Datetime):
        offset = "" if dtype.time_zone is None else "%:z"
        return column.dt.strftime(f"%Y-%m-%d %H:%M:%S{_FRACTIONS[dtype.time_unit]}{offset}")
    if isinstance(dtype, pl.Binary):
        return column.bin.encode("hex").str.to_uppercase()
    if dtype.is_nested() or isinstance(dtype, pl.Duration | pl.Time | pl.Object):
        raise SandboxError(f"the column {name} has the type {dtype}, which is not served; make it text.")
    return column.cast(pl.String)
