"""The outline of an Arrow IPC stream, read from its metadata alone (Arrow Columnar Format 1.5, "IPC Streaming Format").

A decoder takes a stream for whole that ends between two messages, and believes the sizes that a broken one states. So
the messages are walked through first: how they follow each other, that the end is marked, the names and types of the
columns, and that every stated size lies within the message that it belongs to.
"""

import struct
from collections.abc import Iterator
from dataclasses import dataclass

from syncflow.errors import PageError
from syncflow.i18n.catalog import N_

_MARK = b"\xff\xff\xff\xff"
_PREFIX = 8
_MOST_ROWS = 10_000_000
_MOST_BUFFER_BYTES = 2**31
_DEEPEST = 16
_SCHEMA, _DICTIONARY, _BATCH = 1, 2, 3
_TYPES = (
    "none", "Null", "Int", "FloatingPoint", "Binary", "Utf8", "Bool", "Decimal", "Date", "Time", "Timestamp",
    "Interval", "List", "Struct", "Union", "FixedSizeBinary", "FixedSizeList", "Map", "Duration", "LargeBinary",
    "LargeUtf8", "LargeList", "RunEndEncoded", "BinaryView", "Utf8View", "ListView", "LargeListView",
)  # fmt: skip
_UNREAD = frozenset({"none", "Interval", "Union", "Map", "RunEndEncoded", "ListView", "LargeListView"})


@dataclass(frozen=True)
class _Table:
    """A FlatBuffers table within a message; `at` is its offset. Its members are told by their number in the schema."""

    data: memoryview
    at: int

    def member(self, number: int) -> int | None:
        """The offset of a member; None where it has its default."""
        (back,) = _unpack("<i", self.data, self.at)
        vtable = self.at - back
        (size,) = _unpack("<H", self.data, vtable)
        if 4 + 2 * number >= size:
            return None
        (offset,) = _unpack("<H", self.data, vtable + 4 + 2 * number)
        return self.at + offset if offset else None

    def number(self, number: int, form: str) -> int:
        at = self.member(number)
        return 0 if at is None else _unpack("<" + form, self.data, at)[0]

    def table(self, number: int) -> "_Table | None":
        at = self.member(number)
        return None if at is None else _Table(self.data, at + _unpack("<I", self.data, at)[0])

    def vector(self, number: int) -> tuple[int, int]:
        """The offset of a vector's first element and how many it has."""
        at = self.member(number)
        if at is None:
            return 0, 0
        start = at + _unpack("<I", self.data, at)[0]
        (count,) = _unpack("<I", self.data, start)
        return start + 4, count

    def numbers(self, number: int, form: str) -> list[tuple[int, ...]]:
        """A vector of structs or scalars."""
        start, count = self.vector(number)
        size = struct.calcsize("<" + form)
        if start + count * size > len(self.data):
            raise PageError(_BROKEN)
        return list(struct.iter_unpack("<" + form, self.data[start : start + count * size]))

    def text(self, number: int) -> str:
        start, count = self.vector(number)
        if start + count > len(self.data):
            raise PageError(_BROKEN)
        return bytes(self.data[start : start + count]).decode("utf-8")

    def tables(self, number: int) -> "list[_Table]":
        start, count = self.vector(number)
        if start + 4 * count > len(self.data):
            raise PageError(_BROKEN)
        places = range(start, start + 4 * count, 4)
        return [_Table(self.data, at + _unpack("<I", self.data, at)[0]) for at in places]


@dataclass(frozen=True)
class _Message:
    kind: int
    header: _Table
    body: memoryview


_BROKEN = N_("the Arrow stream is broken: a size or an offset leads out of its message")
_CUT = N_("the Arrow stream was cut short: the mark at its end is missing")


def column_names(stream: bytes) -> list[str]:
    """The names of the columns of a stream that is whole and sound in its outline.

    Raises PageError where it was cut short, states a size that leads out of its bounds, names a column twice or holds
    a type that is not read.
    """
    try:
        messages = list(_messages(memoryview(stream)))
        if not messages or messages[0].kind != _SCHEMA:
            raise PageError("the Arrow stream does not begin with a schema")
        names = _names(messages[0].header)
        for message in messages[1:]:
            _check_message(message)
    except (struct.error, UnicodeDecodeError) as error:
        raise PageError(
            "the Arrow stream is broken: a size or an offset leads out of its message ({error})", error=error
        ) from error
    return names


def _messages(stream: memoryview) -> Iterator[_Message]:
    at = 0
    while True:
        if len(stream) < at + _PREFIX:
            raise PageError(_CUT)
        if stream[at : at + 4] != _MARK:
            raise PageError("the body is not an Arrow stream")
        (length,) = _unpack("<i", stream, at + 4)
        at += _PREFIX
        if length == 0:
            break
        message, at = _message(stream, at, length)
        yield message
    if at != len(stream):
        raise PageError("more bytes follow behind the end of the Arrow stream")


def _message(stream: memoryview, at: int, length: int) -> tuple[_Message, int]:
    if length < 0 or at + length > len(stream):
        raise PageError(_CUT)
    metadata = stream[at : at + length]
    table = _Table(metadata, _unpack("<I", metadata, 0)[0])
    header, size = table.table(2), table.number(3, "q")
    if header is None or size < 0:
        raise PageError(_BROKEN)
    end = at + length + size
    if end > len(stream):
        raise PageError(_CUT)
    return _Message(table.number(1, "B"), header, stream[at + length : end]), end


def _names(schema: _Table) -> list[str]:
    if schema.number(0, "h") != 0:
        raise PageError("the Arrow stream is big-endian, which is not read")
    names: list[str] = []
    for column in schema.tables(1):
        name = column.text(0)
        if name in names:
            raise PageError("the column {name} stands twice in the Arrow stream", name=repr(name))
        _check_type(column, name, 0)
        names.append(name)
    return names


def _check_type(column: _Table, name: str, depth: int) -> None:
    number = column.number(2, "B")
    type_ = _TYPES[number] if number < len(_TYPES) else f"number {number}"
    if type_ in _UNREAD or type_ not in _TYPES or depth > _DEEPEST:
        raise PageError(
            "the column {name} of the Arrow stream has the type {type}, which is not read", name=repr(name), type=type_
        )
    for child in column.tables(5):
        _check_type(child, name, depth + 1)


def _check_message(message: _Message) -> None:
    batch = message.header.table(1) if message.kind == _DICTIONARY else message.header
    if message.kind not in (_DICTIONARY, _BATCH) or batch is None:
        raise PageError(
            "the Arrow stream holds a message of the kind {kind}, which is not read", kind=str(message.kind)
        )
    length = batch.number(0, "q")
    nodes, buffers = batch.numbers(1, "qq"), batch.numbers(2, "qq")
    sizes = [length, *(size for node in nodes for size in node)]
    if any(not 0 <= size <= _MOST_ROWS for size in sizes) or any(
        offset < 0 or size < 0 or offset + size > len(message.body) for offset, size in buffers
    ):
        raise PageError(_BROKEN)
    if batch.member(3) is not None:
        _check_unpacked_sizes(message.body, [at for at, size in buffers if size >= _PREFIX])


def _check_unpacked_sizes(body: memoryview, starts: list[int]) -> None:
    """Each buffer of a compressed batch begins with its size when unpacked; -1 says that it is not compressed."""
    sizes = [_unpack("<q", body, at)[0] for at in starts]
    if any(size < -1 for size in sizes) or sum(sizes) > _MOST_BUFFER_BYTES:
        raise PageError(_BROKEN)


def _unpack(form: str, data: memoryview, at: int) -> tuple[int, ...]:
    if at < 0:
        raise PageError(_BROKEN)
    return struct.unpack_from(form, data, at)
