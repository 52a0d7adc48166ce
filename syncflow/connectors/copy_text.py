"""Columns as the text format of PostgreSQL's COPY: one line a row, tabs between values, `\\N` for NULL."""

import io
from collections.abc import Collection

import polars as pl

_SPECIAL = r"[\\\t\n\r]"
_ESCAPES = {"\\": "\\\\", "\t": "\\t", "\n": "\\n", "\r": "\\r"}


def copy_text(rows: pl.DataFrame, plain: Collection[str]) -> memoryview:
    """The lines of a frame of String columns. `plain` are columns that cannot hold a character to escape (hashes,
    numbers, dates), which saves looking."""
    values = [_escaped(rows[name], name in plain) for name in rows.columns]
    lines = io.BytesIO()
    line = pl.concat_str(values, separator="\t").alias("line")
    pl.select(line).write_csv(lines, include_header=False, quote_style="never")
    return lines.getbuffer()


def _escaped(values: pl.Series, is_plain: bool) -> pl.Series:
    if not is_plain and values.str.contains(_SPECIAL).any():
        values = values.str.replace_many(_ESCAPES)
    return values.fill_null("\\N") if values.has_nulls() else values
