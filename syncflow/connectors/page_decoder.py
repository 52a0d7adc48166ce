"""A page of APISmith, from the bytes of its JSON to columns of text, every value exactly as it was sent.

There are two ways. The fast one hands the rows to polars and is taken only where the page's bytes prove that polars
reads them exactly: it would drop unknown keys, take the first of two equal keys, send decimals through a float and
turn half of a surrogate pair into NUL. Everything else goes the exact way.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import msgspec
import numpy as np
import polars as pl

from syncflow.connectors.page_exact import read_exactly
from syncflow.connectors.page_keys import keys_are_declared
from syncflow.connectors.page_numbers import quote_numbers
from syncflow.connectors.page_scan import Scan, has_half_pair, scan
from syncflow.errors import PageError
from syncflow.protocols import Page

_LONGEST_ERROR = 300


class _Skeleton(msgspec.Struct):
    """The envelope of a page, its rows taken out or left as they are."""

    success: object = None
    data: object = None
    metadata: object = None
    error: object = None


class _Envelope(msgspec.Struct):
    success: object = None
    data: msgspec.Raw = msgspec.Raw(b"null")
    metadata: object = None
    error: object = None


@dataclass(frozen=True)
class _Parts:
    """A page's envelope and the bytes of its rows, a JSON array."""

    success: object
    error: object
    metadata: object
    array: bytes


_SKELETON = msgspec.json.Decoder(_Skeleton)
_ENVELOPE = msgspec.json.Decoder(_Envelope)


def decode_page(body: bytes, columns: Sequence[str], *, decimal_comma: bool = False) -> Page:
    """Read the body of one answer of `execute`; `decimal_comma` as `PageRequest` says.

    Raises PageError when it is not JSON, was cut short, says `success: false` or has no list of rows.
    """
    cut = _cut(body)
    fast = _read_fast(cut.array, columns, decimal_comma) if cut is not None and cut.success is True else None
    if cut is not None and fast is not None:
        return Page(rows=fast, total_rows=_total_rows(cut.metadata))
    parts = _parse(body, cut)
    if parts.success is not True:
        raise PageError(_refusal(parts))
    exact = read_exactly(parts.array, columns, decimal_comma=decimal_comma)
    return Page(rows=exact.rows, total_rows=_total_rows(parts.metadata), observed=exact.observed)


def _cut(body: bytes) -> _Parts | None:
    """Cut the rows out by their brackets; that what was cut is an array is seen when it is read.

    None when the rest is not an envelope with an empty `data`, so that a wrong cut is noticed.
    """
    start = body.find(b'"data":', 0, 4096)
    start = body.find(b"[", start + 7, start + 9) if start >= 0 else -1
    end = body.rfind(b"]") + 1
    if start < 0 or end <= start:
        return None
    try:
        skeleton = _SKELETON.decode(body[:start] + b"[]" + body[end:])
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    if skeleton.data != []:
        return None
    return _Parts(skeleton.success, skeleton.error, skeleton.metadata, body[start:end])


def _parse(body: bytes, cut: _Parts | None) -> _Parts:
    """The whole body parsed; where a row keeps even that from working, the parts as they were cut."""
    try:
        envelope = _ENVELOPE.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        if cut is not None:
            return cut
        raise PageError(f"the body is not valid JSON, or was cut short ({error})") from error
    array = bytes(envelope.data)
    if envelope.success is True and not array.startswith(b"["):
        raise PageError("`data` is not a list of rows")
    return _Parts(envelope.success, envelope.error, envelope.metadata, array)


def _refusal(parts: _Parts) -> str:
    if parts.success is False:
        said = str(parts.error)[:_LONGEST_ERROR] if parts.error else "without a reason"
        return f"it says `success: false`: {said}"
    return "`success` is missing or not a boolean"


def _total_rows(metadata: object) -> int | None:
    """The announced number of rows, where there is a believable one (it may be missing or wrong)."""
    value = metadata.get("total_rows") if isinstance(metadata, dict) else None
    if isinstance(value, str) and value.isascii() and value.isdecimal():
        return int(value[:18])
    return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else None


def _read_fast(array: bytes, columns: Sequence[str], decimal_comma: bool) -> pl.DataFrame | None:
    """The rows by way of polars; None when it is not proven that they come through exactly."""
    if not columns or has_half_pair(array):
        return None
    found = scan(np.frombuffer(array, np.uint8))
    if not found.certain or found.nested:
        return None
    quoted = quote_numbers(array, found.numbers)
    if quoted is None or (decimal_comma and quoted is not array):
        return None
    try:
        rows = pl.read_json(quoted, schema=dict.fromkeys(columns, pl.String))
    except pl.exceptions.PolarsError:
        return None
    return rows if _is_proven(rows, array, found, columns) else None


def _is_proven(rows: pl.DataFrame, array: bytes, found: Scan, columns: Sequence[str]) -> bool:
    """Whether no key was dropped. As many keys as cells, and as many NULLs as `null`s: no key is missing, so none is
    unknown and none stands twice. Otherwise each key is looked at."""
    if rows.height * len(columns) == found.keys and sum(column.null_count() for column in rows) == found.nulls:
        return True
    return keys_are_declared(np.frombuffer(array, np.uint8), found.ends, columns)
