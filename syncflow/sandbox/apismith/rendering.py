"""Rows as JSON, rendered once for a whole table, so that a page is a few slices of one buffer."""

import numpy as np
import numpy.typing as npt
import polars as pl

from syncflow.sandbox.apismith.table import ABSENT, BARE, Table
from syncflow.sandbox.web import encode_json

_SLICE = 200_000
_ESCAPED = ["\\", '"', *(chr(code) for code in range(32))]
_ESCAPES = ["\\\\", '\\"', *(f"\\u{code:04x}" for code in range(32))]
_NEEDS_ESCAPE = r'["\\\x00-\x1f]'


class RenderedRows:
    """All rows of a table as JSON objects, each followed by a comma, in one buffer."""

    def __init__(self, table: Table) -> None:
        names = table.texts.columns
        both = pl.concat([table.texts, table.forms.rename(lambda name: f"@{name}")], how="horizontal")
        parts: list[bytes] = []
        sizes: list[pl.Series] = []
        for at in range(0, both.height, _SLICE):
            rows = _render(both.slice(at, _SLICE), names)
            sizes.append(rows.str.len_bytes())
            parts.append(rows.str.join("").cast(pl.Binary).item())
        self._buffer = memoryview(b"".join(parts))
        self._ends = np.concatenate([[0], *(part.to_numpy() for part in sizes)]).cumsum(dtype=np.int64)

    def page(self, rows: npt.NDArray[np.int64]) -> bytes:
        """The JSON array of the rows with these numbers, in this order."""
        return b"[" + self._joined(rows)[:-1] + b"]"

    def lines(self, rows: npt.NDArray[np.int64]) -> bytes:
        """The same rows as NDJSON."""
        joined = bytearray(self._joined(rows))
        ends = (self._ends[rows + 1] - self._ends[rows]).cumsum()
        np.frombuffer(joined, np.uint8)[ends - 1] = ord("\n")
        return bytes(joined)

    def _joined(self, rows: npt.NDArray[np.int64]) -> bytes:
        """The rows, each followed by a comma."""
        if len(rows) == 0:
            return b""
        breaks = np.flatnonzero(np.diff(rows) != 1) + 1
        firsts = rows[np.concatenate([[0], breaks])]
        lasts = rows[np.concatenate([breaks - 1, [len(rows) - 1]])]
        runs = zip(self._ends[firsts].tolist(), self._ends[lasts + 1].tolist(), strict=True)
        return b"".join([self._buffer[start:end] for start, end in runs])


def _render(rows: pl.DataFrame, names: list[str]) -> pl.Series:
    members = [_member(rows, name) for name in names]
    inner = pl.concat_str(members, separator=",", ignore_nulls=True) if members else pl.repeat("", pl.len())
    return rows.select(("{" + inner + "},").alias("json")).to_series()


def _member(rows: pl.DataFrame, name: str) -> pl.Expr:
    """`"NAME":value`, or NULL where the key is missing."""
    text, form = pl.col(name), pl.col(f"@{name}")
    escaped = text.str.replace_many(_ESCAPED, _ESCAPES) if rows[name].str.contains(_NEEDS_ESCAPE).any() else text
    quoted = pl.format('"{}"', escaped)
    forms = rows[f"@{name}"]
    if (forms == BARE).any():
        quoted = pl.when(form == BARE).then(text).otherwise(quoted)
    member = pl.lit(f"{encode_json(name).decode()}:") + quoted.fill_null("null")
    return pl.when(form != ABSENT).then(member) if (forms == ABSENT).any() else member
