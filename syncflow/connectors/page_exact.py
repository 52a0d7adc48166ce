"""The exact way to read a page's rows: whatever is legal is read, and what is not is told of its row alone."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from operator import itemgetter
from typing import Any

import msgspec
import numpy as np
import polars as pl

from syncflow.connectors.page_odd import Cell, read_row, split_rows
from syncflow.connectors.page_rows import BOOLEAN, NUMBER, PageRows
from syncflow.connectors.page_scan import scan
from syncflow.errors import PageError
from syncflow.oracle_types import TEXT, OracleType
from syncflow.protocols import RAW_TEXT, UNREADABLE


class Digits(str):
    """A bare decimal as it was sent."""

    __slots__ = ()


_Row = dict[str, object]
_ALL = msgspec.json.Decoder(list[dict[str, Any]], float_hook=Digits)
_RAW = msgspec.json.Decoder(list[msgspec.Raw])
_ROW = msgspec.json.Decoder(dict[str, Any], float_hook=Digits)
_UNDECODABLE = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
_BLANKS_BEFORE_COLON = (b" :", b"\t:", b"\n:", b"\r:")


@dataclass(frozen=True)
class _Unreadable:
    reason: str
    text: str


def read_exactly(array: bytes, columns: Sequence[str], *, decimal_comma: bool = False) -> PageRows:
    """Read a JSON array of row objects.

    Raises PageError when the bytes do not make an array at all.
    """
    rows = _read_at_once(array)
    if rows is None:
        return read_each(_raw_rows(array), columns, decimal_comma=decimal_comma)
    return _in_columns(rows, {}, columns, decimal_comma)


def read_each(raw_rows: Sequence[bytes], columns: Sequence[str], *, decimal_comma: bool = False) -> PageRows:
    """Read row objects one by one; one that cannot be read fails alone."""
    unreadable: dict[int, _Unreadable] = {}
    rows = [_read_one(raw, number, unreadable) for number, raw in enumerate(raw_rows)]
    return _in_columns(rows, unreadable, columns, decimal_comma)


def _in_columns(
    rows: list[_Row], unreadable: dict[int, _Unreadable], columns: Sequence[str], decimal_comma: bool
) -> PageRows:
    if decimal_comma:
        rows = [{key: _with_comma(value) for key, value in row.items()} for row in rows]
    names = list(dict.fromkeys((*columns, *_keys(rows))))
    known = frozenset(columns)
    values = zip(names, _columns(rows, names), strict=True)
    frame = pl.DataFrame({name: _series(name, column) for name, column in values}, height=len(rows))
    observed = {name: _observed_type(rows, name) for name in names if name not in known}
    return PageRows(_with_problems(frame, unreadable), observed)


def _read_at_once(array: bytes) -> list[_Row] | None:
    """All rows in one go; None when one of them needs a closer look: a dictionary takes the last of two equal keys
    and an integer has no minus zero, so the count of keys must agree and no such number may stand there."""
    found = scan(np.frombuffer(array, np.uint8))
    if not found.certain or found.nested or _may_have_minus_zero(array):
        return None
    try:
        rows: list[_Row] = _ALL.decode(array)
    except _UNDECODABLE:
        return None
    return rows if sum(map(len, rows)) == found.keys else None


def _may_have_minus_zero(json_bytes: bytes) -> bool:
    return b":-0" in json_bytes or b": -0" in json_bytes


def _raw_rows(array: bytes) -> Sequence[bytes]:
    try:
        return [bytes(raw) for raw in _RAW.decode(array)]
    except _UNDECODABLE as error:
        rows = split_rows(array)
        if rows is None:
            raise PageError("the rows are not valid JSON ({error})", error=error) from error
        return rows


def _read_one(raw: bytes, number: int, unreadable: dict[int, _Unreadable]) -> _Row:
    """One row; where it cannot be trusted, what could be read of it, and the reason in `unreadable`."""
    try:
        row: _Row = _ROW.decode(raw)
    except _UNDECODABLE:
        row = {}
    if row and _is_exact(row, raw):
        return row
    odd = read_row(raw)
    if odd.problem is not None:
        unreadable[number] = _Unreadable(odd.problem, raw.decode("utf-8", "backslashreplace"))
    return {key: _value(cell) for key, cell in odd.cells.items()}


def _is_exact(row: _Row, raw: bytes) -> bool:
    return (
        raw.count(b'":') == len(row)
        and not any(blank in raw for blank in _BLANKS_BEFORE_COLON)
        and not _may_have_minus_zero(raw)
        and not any(isinstance(value, (dict, list)) for value in row.values())
    )


def _value(cell: Cell) -> object:
    if cell.text is None:
        return None
    if cell.is_boolean:
        return cell.text == "true"
    return Digits(cell.text) if cell.is_number else cell.text


def _keys(rows: Sequence[_Row]) -> Iterable[str]:
    """All keys, in the order in which they are first seen."""
    first = rows[0].keys() if rows else ()
    rest = set().union(*rows).difference(first)
    return (*first, *(key for row in rows if rest for key in row if key in rest)) if rest else first


def _columns(rows: Sequence[_Row], names: Sequence[str]) -> Iterable[Sequence[object]]:
    try:
        return (
            list(zip(*map(itemgetter(*names), rows), strict=True)) if len(names) > 1 and rows else _gather(rows, names)
        )
    except KeyError:
        return _gather(rows, names)


def _gather(rows: Sequence[_Row], names: Sequence[str]) -> Iterable[Sequence[object]]:
    return [[row.get(name) for row in rows] for name in names]


def _series(name: str, values: Sequence[object]) -> pl.Series:
    try:
        return pl.Series(name, values, dtype=pl.String)
    except (TypeError, OverflowError):
        return pl.Series(name, [_text(value) for value in values], dtype=pl.String)


def _with_comma(value: object) -> object:
    return Digits(value.replace(".", ",")) if isinstance(value, Digits) else value


def _text(value: object) -> str | None:
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)


def _observed_type(rows: Iterable[_Row], name: str) -> OracleType:
    """Text unless every value is a bare number, or every one a boolean (pipeline, stage 2)."""
    classes = {type(row.get(name)) for row in rows} - {type(None)}
    if classes and classes <= {int, Digits}:
        return NUMBER
    return BOOLEAN if classes == {bool} else TEXT


def _with_problems(frame: pl.DataFrame, unreadable: dict[int, _Unreadable]) -> pl.DataFrame:
    if not unreadable:
        return frame
    reasons: list[str | None] = [None] * frame.height
    texts: list[str | None] = [None] * frame.height
    for number, problem in unreadable.items():
        reasons[number], texts[number] = problem.reason, problem.text
    return frame.with_columns(
        pl.Series(UNREADABLE, reasons, dtype=pl.String), pl.Series(RAW_TEXT, texts, dtype=pl.String)
    )
