"""Parts of a buffer as a column of text, without a Python object for any of them.

polars takes a buffer with offsets in one public form: an Arrow IPC stream (Arrow Columnar Format 1.5). Here a stream of
one LargeUtf8 column is written, which cuts the whole buffer into the spans and what lies between them; polars checks
that all of it is UTF-8 and cut between characters.
"""

import struct
from io import BytesIO

import numpy as np
import polars as pl
from numpy.typing import NDArray

_MARK = b"\xff\xff\xff\xff"
_END = _MARK + bytes(4)
_PREFIX = 8
_NAME = "text"

# A FlatBuffers Message with its RecordBatch as it lies in the bytes: each table behind the table of its members'
# offsets, the vectors last. Numbers are offsets within the tables unless they are said to be something else.
_METADATA = struct.Struct("<I 6H iHBxI4xq 5H6x iIqI Iqq 4xI6q")
_VERSION_5, _RECORD_BATCH = 4, 3
_MESSAGE_MEMBERS = (12, 24, 4, 6, 8, 16)
_BATCH_MEMBERS = (10, 20, 8, 4, 16)


def spans_of(
    buffer: NDArray[np.uint8], starts: NDArray[np.int64], ends: NDArray[np.int64], missing: NDArray[np.bool_]
) -> pl.Series:
    """The texts between `starts` and `ends` (ascending, not overlapping), NULL where `missing`.

    Raises PolarsError where they are not UTF-8.
    """
    offsets = np.empty(2 * starts.size + 2, np.int64)
    offsets[0], offsets[-1] = 0, buffer.size
    offsets[1:-1:2], offsets[2:-1:2] = starts, ends
    valid = np.ones(2 * starts.size + 1, np.bool_)
    valid[1::2] = ~missing
    bitmap = np.packbits(valid, bitorder="little")
    stream = _stream(valid.size, int(np.count_nonzero(missing)), (bitmap, offsets, buffer))
    return pl.read_ipc_stream(stream).to_series().gather_every(2, 1)


def _stream(count: int, missing: int, buffers: tuple[NDArray[np.generic], ...]) -> bytes:
    parts: list[bytes | memoryview] = []
    places: list[int] = []
    size = 0
    for buffer in buffers:
        padding = -buffer.nbytes % _PREFIX
        places += (size, buffer.nbytes)
        parts += (buffer.data, bytes(padding))
        size += buffer.nbytes + padding
    metadata = _METADATA.pack(
        16, *_MESSAGE_MEMBERS, 12, _VERSION_5, _RECORD_BATCH, 32, size,
        *_BATCH_MEMBERS, 16, 16, count, 28, 1, count, missing, len(buffers), *places,
    )  # fmt: skip
    return b"".join((_SCHEMA, _MARK, struct.pack("<i", len(metadata)), metadata, *parts, _END))


def _schema() -> bytes:
    """The first message of any stream of one such column."""
    stream = BytesIO()
    empty = pl.DataFrame(schema={_NAME: pl.String})
    empty.write_ipc_stream(stream, compat_level=pl.CompatLevel.oldest())
    (length,) = struct.unpack_from("<i", stream.getvalue(), len(_MARK))
    return stream.getvalue()[: _PREFIX + length]


_SCHEMA = _schema()
