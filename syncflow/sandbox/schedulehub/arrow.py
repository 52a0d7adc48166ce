"""The capability `arrow`: the batch calls in Arrow IPC streams, and the identities.

A stream has the Content-Type `application/vnd.apache.arrow.stream` in both directions; an answer is one where Accept
likes it better than JSON. The columns say what the members of the JSON forms say, one row an entry:

- insert, upsert: a column for each member of the records, `parent_refs` a struct of key hashes. A NULL is a null.
- update: `uid`, and the struct `data` with the members to change, the same ones in every row of a request.
- delete: `uid`. query: `erp_key_hash`.
- the answer to a write: a row for each entry that failed, with `position` (UInt32, counted from 0 in the request),
  `uid`, `erp_key_hash`, `error`, `code` and `ref` (text or null); the headers X-Success-Count and X-Failure-Count,
  after an upsert also X-Inserted-Count and X-Updated-Count.
- the answer to a query: a row for each record found. Identities: `uid`, `erp_key_hash`, `erp_data_hash`,
  `erp_rowversion`, `deleted_at`, in as many record batches as it takes.

Values are text as in JSON; booleans are Bool. Numbers that are sent may be of an integer or a decimal type as well;
those that are answered are text, digit for digit.
"""

import io
import struct
from collections.abc import Iterable, Iterator

import polars as pl

from syncflow.sandbox.errors import ApiError
from syncflow.sandbox.schedulehub.batches import Columns, check_size

MEDIA_TYPE = "application/vnd.apache.arrow.stream"
_END = b"\xff\xff\xff\xff\x00\x00\x00\x00"
_WITHOUT_VIEWS = pl.CompatLevel.oldest()
"""Text as LargeUtf8, which every reader of Arrow knows."""


def read_records(body: bytes) -> Columns:
    """The records of an insert or upsert. Raises ApiError 400 or 413, as all that follow."""
    return Columns(_read(body))


def read_updates(body: bytes) -> Columns:
    frame = _read(body, "uid", "data")
    if not isinstance(frame.schema["data"], pl.Struct):
        raise ApiError(400, "The column 'data' must be a struct of the members to change.", code="envelope")
    return Columns(frame["data"].struct.unnest(), frame["uid"])


def read_texts(body: bytes, name: str) -> list[str]:
    """The values of a stream of one column. Raises ApiError 422 where they are not text."""
    values = _read(body, name)[name]
    if not values.is_empty() and (not isinstance(values.dtype, pl.String) or values.has_nulls()):
        raise ApiError(422, f"The column '{name}' must be text without nulls.", code="value")
    return values.to_list()


def _read(body: bytes, *columns: str) -> pl.DataFrame:
    if not body.endswith(_END):
        raise ApiError(400, "The body is no Arrow stream, or its end is missing.", code="not_arrow")
    try:
        frame = pl.read_ipc_stream(body)
    except (pl.exceptions.PolarsError, pl.exceptions.PanicException, OSError) as error:
        raise ApiError(400, f"The body is no Arrow stream that can be read: {error}.", code="not_arrow") from error
    if columns and sorted(frame.columns) != sorted(columns):
        told = ", ".join(columns)
        raise ApiError(400, f"The stream must have these columns and no others: {told}.", code="envelope")
    check_size(frame.height)
    return frame


def write_stream(frame: pl.DataFrame) -> bytes:
    stream = io.BytesIO()
    frame.write_ipc_stream(stream, compat_level=_WITHOUT_VIEWS)
    return stream.getvalue()


def write_in_pieces(frames: Iterable[pl.DataFrame], schema: pl.Schema) -> Iterator[bytes]:
    """One stream of many frames of the same schema: its schema message, each frame's record batches, its end."""
    head = write_stream(pl.DataFrame(schema=schema))
    yield head[: _schema_length(head)]
    for frame in frames:
        stream = write_stream(frame)
        yield stream[_schema_length(stream) : -len(_END)]
    yield _END


def _schema_length(stream: bytes) -> int:
    """The first message's length: a mark and the length of the metadata, four bytes each; a schema has no body."""
    (metadata,) = struct.unpack_from("<i", stream, 4)
    return 8 + int(metadata)
