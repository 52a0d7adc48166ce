"""The fast way to read a page's rows: its values cut out of its bytes, column by column.

Nothing is converted on the way, so that a number keeps its digits. Every value is held against the grammar of JSON
(RFC 8259); where one is not certain, or nested, the page is left to the exact way.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import msgspec
import numpy as np
import polars as pl
from numpy.typing import NDArray

from syncflow.connectors.page_cells import Cells, Form, find_cells
from syncflow.connectors.page_rows import BOOLEAN, NUMBER, PageRows, in_order
from syncflow.connectors.page_spans import spans_of
from syncflow.connectors.page_words import Positions, Words
from syncflow.oracle_types import TEXT, OracleType

_NUMBER = r"^-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?$"
_TEXTS = msgspec.json.Decoder(list[str])
_BOOLEANS = ["true", "false"]
_BEGINS_NUMBER = np.zeros(256, np.bool_)
_BEGINS_NUMBER[list(b"-0123456789")] = True


def read_plainly(page: bytes, form: Form, columns: Sequence[str], *, decimal_comma: bool = False) -> PageRows | None:
    """The rows of a page; None where it is not certain that this reads them exactly."""
    cells = find_cells(page, form, columns)
    if cells is None:
        return None
    try:
        return _read(page, cells, columns, decimal_comma)
    except (pl.exceptions.PolarsError, msgspec.DecodeError, UnicodeDecodeError):
        return None


@dataclass(frozen=True)
class _Bare:
    """The numbers of the values that are not strings, by what their first byte says that they are."""

    nulls: Positions
    booleans: Positions
    numbers: Positions


def _read(page: bytes, cells: Cells, columns: Sequence[str], decimal_comma: bool) -> PageRows | None:
    found = np.frombuffer(page, np.uint8)
    bare = _bare(found, cells)
    if bare is None:
        return None
    missing = np.zeros(cells.quoted.size, np.bool_)
    missing[bare.nulls] = True
    values = spans_of(found, cells.starts + cells.quoted, cells.ends - cells.quoted, missing)
    numbers = values.gather(bare.numbers)
    if not (numbers.str.contains(_NUMBER).all() and values.gather(bare.booleans).is_in(_BOOLEANS).all()):
        return None
    if decimal_comma and bare.numbers.size:
        values = values.scatter(bare.numbers, numbers.str.replace(".", ",", literal=True))
    if cells.escaped.size:
        values = values.scatter(cells.escaped, _unescaped(page, cells))
    unknown = [name for name in cells.names if name not in columns]
    observed = _observed(cells, bare) if unknown else {}
    return in_order(_in_columns(values, cells), columns, observed)


def _bare(found: NDArray[np.uint8], cells: Cells) -> _Bare | None:
    """None when a value is none of the three; the digits of numbers and the letters of booleans are not looked at."""
    bare = np.flatnonzero(~cells.quoted)
    first = found[cells.starts[bare]]
    nulls = bare[first == ord("n")]
    booleans = bare[(first == ord("t")) | (first == ord("f"))]
    numbers = bare[_BEGINS_NUMBER[first]]
    if nulls.size + booleans.size + numbers.size < bare.size:
        return None
    is_null = Words(found).all_behind(b"null", cells.ends[nulls])
    return (
        _Bare(nulls, booleans, numbers)
        if is_null and bool((cells.ends[nulls] - cells.starts[nulls] == len(b"null")).all())
        else None
    )


def _unescaped(page: bytes, cells: Cells) -> pl.Series:
    """The strings with a backslash, read by a decoder that refuses half of a surrogate pair."""
    bounds = zip(cells.starts[cells.escaped].tolist(), cells.ends[cells.escaped].tolist(), strict=True)
    texts = _TEXTS.decode(b"[" + b",".join([page[start:end] for start, end in bounds]) + b"]")
    return pl.Series(texts, dtype=pl.String)


def _in_columns(values: pl.Series, cells: Cells) -> pl.DataFrame:
    width = len(cells.names)
    if cells.column is None or cells.row is None:
        return pl.DataFrame({name: values.gather_every(width, number) for number, name in enumerate(cells.names)})
    place = np.full(cells.height * width, len(values), np.int64)
    place[cells.row * width + cells.column] = np.arange(len(values))
    with_null = values.extend_constant(None, 1)
    return pl.DataFrame({name: with_null.gather(place[number::width]) for number, name in enumerate(cells.names)})


def _observed(cells: Cells, bare: _Bare) -> dict[str, OracleType]:
    """Text unless every value is a bare number, or every one a boolean (pipeline, stage 2), for rows that have all
    values."""
    width = len(cells.names)
    of_strings, of_numbers, of_booleans = (
        np.bincount(which % width, minlength=width) > 0
        for which in (np.flatnonzero(cells.quoted), bare.numbers, bare.booleans)
    )
    return {
        name: NUMBER if number and not (string or boolean) else BOOLEAN if boolean and not (string or number) else TEXT
        for name, string, number, boolean in zip(cells.names, of_strings, of_numbers, of_booleans, strict=True)
    }
