"""A page of APISmith, from the bytes of its JSON to columns of text, every value exactly as it was sent.

There are two ways. The fast one cuts the values out of the bytes and is taken only where these prove that it reads them
exactly. Everything else goes the exact way.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import msgspec

from syncflow.connectors.page_cells import ARRAY
from syncflow.connectors.page_exact import read_exactly
from syncflow.connectors.page_metadata import check_page, total_rows
from syncflow.connectors.page_plain import read_plainly
from syncflow.connectors.page_rows import PageRows
from syncflow.errors import PageError
from syncflow.i18n.texts import Text
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


def decode_page(body: bytes, columns: Sequence[str], *, page: int | None = None, decimal_comma: bool = False) -> Page:
    """Read the body of one answer of `execute`; `decimal_comma` as `PageRequest` says, `page` is the one asked for.

    Raises PageError when it is not JSON, was cut short, says `success: false`, has no list of rows or is another page.
    """
    parts = _cut(body)
    read = _read_fast(parts, columns, decimal_comma) if parts is not None else None
    if parts is None or read is None:
        parts = _parse(body, parts)
        if parts.success is not True:
            raise PageError(_refusal(parts))
        read = read_exactly(parts.array, columns, decimal_comma=decimal_comma)
    metadata = parts.metadata if isinstance(parts.metadata, dict) else {}
    if page is not None:
        check_page(metadata.get("page"), page)
    return Page(read.rows, total_rows(metadata.get("total_rows")), read.observed)


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
        raise PageError("the body is not valid JSON, or was cut short ({error})", error=error) from error
    array = bytes(envelope.data)
    if envelope.success is True and not array.startswith(b"["):
        raise PageError("`data` is not a list of rows")
    return _Parts(envelope.success, envelope.error, envelope.metadata, array)


def _refusal(parts: _Parts) -> Text:
    if parts.success is False:
        said = str(parts.error)[:_LONGEST_ERROR] if parts.error else Text("without a reason")
        return Text("it says `success: false`: {said}", said=said)
    return Text("`success` is missing or not a boolean")


def _read_fast(parts: _Parts, columns: Sequence[str], decimal_comma: bool) -> PageRows | None:
    if parts.success is not True:
        return None
    return read_plainly(parts.array, ARRAY, columns, decimal_comma=decimal_comma)
