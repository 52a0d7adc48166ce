"""The rows of a page as columns of text, whichever way they were read."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import polars as pl

from syncflow.oracle_types import Kind, OracleType

NUMBER = OracleType("NUMBER", Kind.NUMBER)
DOUBLE = OracleType("BINARY_DOUBLE", Kind.DOUBLE)
BOOLEAN = OracleType("BOOLEAN", Kind.BOOLEAN)
"""What an undeclared column is taken for whose values are bare numbers, floats of a typed wire, or booleans."""


@dataclass(frozen=True)
class PageRows:
    """The columns asked for come first, then the unknown ones, whose types are in `observed`."""

    rows: pl.DataFrame
    observed: Mapping[str, OracleType]


def in_order(frame: pl.DataFrame, columns: Sequence[str], observed: Mapping[str, OracleType]) -> PageRows:
    """The columns as `PageRows` says; one that was asked for and is not in the frame is NULL. `observed` may name
    more than the unknown columns."""
    unknown = [name for name in frame.columns if name not in columns]
    if frame.columns != [*columns, *unknown]:
        missing = {
            name: pl.repeat(None, frame.height, dtype=pl.String).alias(name)
            for name in columns
            if name not in frame.columns
        }
        frame = frame.select(*(missing.get(name, pl.col(name)) for name in columns), *unknown)
    return PageRows(frame, {name: observed[name] for name in unknown})
