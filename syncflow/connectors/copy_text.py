"""Columns as the text format of PostgreSQL's COPY: one line a row, tabs between values, `\\N` for NULL."""

import io
from collections.abc import Collection, Sequence

import numpy as np
import polars as pl

_SPECIAL = r"[\\\t\n\r]"
_ESCAPES = {"\\": "\\\\", "\t": "\\t", "\n": "\\n", "\r": "\\r"}


def copy_text(rows: pl.DataFrame, plain: Collection[str]) -> memoryview:
    """The lines of a frame of String columns. `plain` are columns that cannot hold a character to escape (hashes,
    numbers, dates), which saves looking."""
    lines = _lines([_with_nulls(rows[name]) for name in rows.columns])
    if _is_whole(lines, rows):
        return lines
    return _lines([_with_nulls(rows[name] if name in plain else _escaped(rows[name])) for name in rows.columns])


def _lines(values: Sequence[pl.Series]) -> memoryview:
    lines = io.BytesIO()
    line = pl.concat_str(values, separator="\t").alias("line")
    pl.select(line).write_csv(lines, include_header=False, quote_style="never")
    return lines.getbuffer()


def _is_whole(lines: memoryview, rows: pl.DataFrame) -> bool:
    """Whether the special characters in the lines are those that separate values and stand for NULL, and no others:
    counting them is many times cheaper than looking at each value."""
    text = np.frombuffer(lines, dtype=np.uint8)
    expected = {
        b"\t": rows.height * (rows.width - 1),
        b"\n": rows.height,
        b"\r": 0,
        b"\\": sum(rows.null_count().row(0)),
    }
    return all(np.count_nonzero(text == ord(mark)) == count for mark, count in expected.items())


def _with_nulls(values: pl.Series) -> pl.Series:
    return values.fill_null("\\N") if values.has_nulls() else values


def _escaped(values: pl.Series) -> pl.Series:
    return values.str.replace_many(_ESCAPES) if values.str.contains(_SPECIAL).any() else values
