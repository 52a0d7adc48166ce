"""JSON bodies into columns without looking at each value, where that is exact.

polars reads JSON fast but not faithfully: it drops members that it was not told of, takes the first of two of the same
name, prints numbers and booleans as text and loses half surrogates. So what was read is written again, and counts only
when that gives the body byte for byte: then the body is the compact JSON of these columns, and nothing else. Bodies in
another style (blanks, members that differ from record to record, bare numbers) are right as well, but are left to the
reader that takes them apart value by value.
"""

import io
import re
from collections.abc import Collection, Mapping

import msgspec
import polars as pl

_FIRST_MEMBER = re.compile(rb'\{"(?:[^"\\]|\\.)+":')


def read_columns(body: bytes, envelope: str, booleans: Collection[str]) -> pl.DataFrame | None:
    """The entries of `{"<envelope>": [..]}`: a String column for each member, Boolean for those in `booleans`, a struct
    for an object. None when that would not say exactly what the body says."""
    head, tail = b'{"%s":[' % envelope.encode(), b"]}"
    if not (body.startswith(head) and body.endswith(tail)):
        return None
    first = _FIRST_MEMBER.match(body, len(head))
    if first is None:
        return None
    listed = body[len(head) : -len(tail)]
    lines = listed.replace(b"}," + first[0], b"}\n" + first[0])
    frame = _read_lines(lines, booleans)
    return frame if frame is not None and _written(frame) == listed else None


def _read_lines(lines: bytes, booleans: Collection[str]) -> pl.DataFrame | None:
    try:
        entry = msgspec.json.decode(lines.partition(b"\n")[0])
        schema = _schema(entry, booleans)
        return None if schema is None else pl.read_ndjson(io.BytesIO(lines), schema=schema)
    except (msgspec.DecodeError, pl.exceptions.PolarsError):
        return None


def _schema(members: Mapping[str, object], booleans: Collection[str]) -> pl.Schema | None:
    types: dict[str, pl.DataType] = {}
    for name, value in members.items():
        if isinstance(value, dict):
            inner = _schema(value, booleans)
            if inner is None or not inner:
                return None
            types[name] = pl.Struct(inner)
        elif value is None or isinstance(value, str | bool):
            types[name] = pl.Boolean() if name in booleans else pl.String()
        else:
            return None
    return pl.Schema(types)


def _written(frame: pl.DataFrame) -> bytes:
    """Line breaks within texts are escaped in JSON, so those that are left stand between two entries."""
    lines = io.BytesIO()
    frame.write_ndjson(lines)
    return lines.getvalue().removesuffix(b"\n").replace(b"\n", b",")
