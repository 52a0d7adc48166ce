"""ScheduleHub's capability `arrow`: the answers to batch calls, and the identities, out of Arrow IPC streams.

A write is answered with a row for each entry that failed (`position` counted from 0 in the request, `uid`,
`erp_key_hash`, `error`, `code`, `ref`) and with the headers X-Success-Count and X-Failure-Count; a query with a row for
each record. Identities come in any number of record batches.
"""

import io
import struct
from collections.abc import Iterator
from typing import IO

import polars as pl

from syncflow.connectors.arrow_layout import column_names
from syncflow.connectors.exchange import Answer
from syncflow.connectors.schedulehub_wire import (
    FAILED_AT,
    accounted,
    failure_frame,
    found_columns,
    identity_columns,
)
from syncflow.errors import PageError
from syncflow.i18n.texts import Text

MEDIA_TYPE = "application/vnd.apache.arrow.stream"
ACCEPT = f"{MEDIA_TYPE}, application/json;q=0.9"
_WITHOUT_VIEWS = pl.CompatLevel.oldest()
"""Text as LargeUtf8, which every reader of Arrow knows."""
_END = b"\xff\xff\xff\xff\x00\x00\x00\x00"
_PREFIX = 8
_BATCH = 3
_LONGEST_METADATA = 16 * 1024 * 1024
_FAILURE_TEXTS = ("error", "code", "ref")


def write_stream(frame: pl.DataFrame) -> bytes:
    stream = io.BytesIO()
    frame.write_ipc_stream(stream, compat_level=_WITHOUT_VIEWS)
    return stream.getvalue()


def read_failures(answer: Answer, sent: int) -> pl.DataFrame:
    """The failed entries of a write, as `failure_frame` has them, by FAILED_AT. Raises PageError."""
    written, failed = (_count(answer, f"X-{kind}-Count") for kind in ("Success", "Failure"))
    frame = _read(answer)
    accounted(answer, sent, written, failed, frame.height)
    missing = [name for name in ("position", "error", "code", "ref") if name not in frame.columns]
    if missing:
        raise PageError(answer.error(Text("tells of failed records without {missing}", missing=", ".join(missing))))
    try:
        position = frame["position"].cast(pl.UInt32).alias(FAILED_AT)
        texts = frame.select(pl.col(_FAILURE_TEXTS).cast(pl.String))
    except pl.exceptions.PolarsError as error:
        raise PageError(
            answer.error(Text("tells of failed records in columns of wrong types ({error})", error=error))
        ) from error
    if position.has_nulls() or position.n_unique() < frame.height or any(position >= sent):
        raise PageError(answer.error(Text("names failed records that were not sent")))
    return failure_frame(texts.with_columns(position))


def read_found(answer: Answer) -> pl.DataFrame:
    """The records of a query, as `found_columns` has them. Raises PageError."""
    return found_columns(answer, _read(answer))


def identity_frames(spool: IO[bytes]) -> Iterator[pl.DataFrame]:
    """A stream of identities in parts, in IDENTITY_SCHEMA, without softly deleted records. Raises PageError."""
    head = b""
    for kind, message in _messages(spool):
        if kind == _BATCH:
            yield identity_columns(_frame(b"".join((head, message, _END))))
        else:
            head += message


def _read(answer: Answer) -> pl.DataFrame:
    try:
        return _frame(answer.body)
    except PageError as error:
        raise PageError(answer.error(Text("sent no readable answer: {error}", error=error))) from error


def _frame(stream: bytes) -> pl.DataFrame:
    column_names(stream)
    try:
        return pl.read_ipc_stream(stream)
    except (pl.exceptions.PolarsError, pl.exceptions.PanicException, OSError) as error:
        raise PageError("the Arrow stream cannot be read ({error})", error=error) from error


def _count(answer: Answer, header: str) -> int:
    text = answer.headers.get(header, "")
    if not (text.isascii() and text.isdigit()):
        raise PageError(answer.error(Text("has no number in the header {header}", header=header)))
    return int(text)


def _messages(spool: IO[bytes]) -> Iterator[tuple[int, bytes]]:
    """The messages of a stream, each with its kind and all of its bytes (Arrow Columnar Format, "Encapsulated message
    format")."""
    while (prefix := spool.read(_PREFIX)) != _END:
        if len(prefix) < _PREFIX or prefix[:4] != _END[:4]:
            raise PageError("the Arrow stream of identities was cut short")
        (length,) = struct.unpack_from("<i", prefix, 4)
        metadata = spool.read(min(max(length, 0), _LONGEST_METADATA))
        kind, body_bytes = _kind_and_size(metadata)
        body = spool.read(body_bytes)
        if len(metadata) != length or len(body) != body_bytes:
            raise PageError("the Arrow stream of identities was cut short")
        yield kind, b"".join((prefix, metadata, body))


def _kind_and_size(metadata: bytes) -> tuple[int, int]:
    """The members `header_type` (1) and `bodyLength` (3) of the FlatBuffers table `Message`."""
    try:
        kind, size = _member(metadata, 1, "<B"), _member(metadata, 3, "<q")
    except struct.error as error:
        raise PageError("the Arrow stream of identities is broken ({error})", error=error) from error
    if size < 0:
        raise PageError("the Arrow stream of identities is broken: it states a size below zero")
    return kind, size


def _member(metadata: bytes, number: int, form: str) -> int:
    """A number of the root table; 0, its default, where its vtable does not point to it."""
    (table,) = struct.unpack_from("<I", metadata, 0)
    (back,) = struct.unpack_from("<i", metadata, table)
    (vtable_bytes,) = struct.unpack_from("<H", metadata, table - back)
    entry = 4 + 2 * number
    (at,) = struct.unpack_from("<H", metadata, table - back + entry) if entry < vtable_bytes else (0,)
    return int(struct.unpack_from(form, metadata, table + at)[0]) if at else 0
