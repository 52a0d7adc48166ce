"""Rows as Arrow IPC streams: a column of text for each source column, or columns of the types that a table brings."""

import io
import json
from typing import IO, cast

import numpy as np
import numpy.typing as npt
import polars as pl

from syncflow.sandbox.apismith.table import BARE, Table

_WITHOUT_VIEWS = pl.CompatLevel.oldest()
"""Texts as LargeUtf8: every reader of Arrow knows it, and it is quicker to write."""
_DECIMAL = r"^-?([0-9]+)(?:\.([0-9]+))?$"
_MOST_DIGITS = 38


class ArrowRows:
    """The rows of a table, ready to be sent."""

    def __init__(self, table: Table) -> None:
        self._frame = table.typed if table.typed is not None else _columns(table)

    def page(self, rows: npt.NDArray[np.int64]) -> bytes:
        """The stream of the rows with these numbers, in this order."""
        sink = _Pieces()
        self._taken(rows).write_ipc_stream(cast(IO[bytes], sink), compat_level=_WITHOUT_VIEWS)
        return b"".join(sink.pieces)

    def _taken(self, rows: npt.NDArray[np.int64]) -> pl.DataFrame:
        if len(rows) == 0:
            return self._frame.clear()
        if bool((np.diff(rows) == 1).all()):
            return self._frame.slice(int(rows[0]), len(rows))
        return self._frame[rows]


class _Pieces(io.RawIOBase):
    """Keeps what is written in pieces: a buffer that grows would be copied again and again."""

    def __init__(self) -> None:
        self.pieces: list[bytes] = []

    def writable(self) -> bool:
        return True

    def write(self, data: object) -> int:
        piece = bytes(cast(bytes, data))
        self.pieces.append(piece)
        return len(piece)


def _columns(table: Table) -> pl.DataFrame:
    """Text; but a column whose type nobody declared, and whose values all stand bare, has the type that they show."""
    return pl.DataFrame(
        [
            text if name in table.definition.types else _shown_type(text, table.forms[name])
            for name in table.texts.columns
            for text in [_printable(table.texts[name], table.forms[name])]
        ],
        height=table.texts.height,
    )


def _printable(texts: pl.Series, forms: pl.Series) -> pl.Series:
    """Text with half of a surrogate pair, which stands bare as a JSON token, with a `?` for it: Arrow's texts are
    UTF-8."""
    odd = ((forms == BARE) & texts.str.starts_with('"').fill_null(False)).arg_true()
    if odd.is_empty():
        return texts
    return texts.scatter(odd, [json.loads(token).encode("utf-8", "replace").decode() for token in texts.gather(odd)])


def _shown_type(texts: pl.Series, forms: pl.Series) -> pl.Series:
    present = texts.drop_nulls()
    if present.is_empty() or bool(((forms != BARE) & texts.is_not_null()).any()):
        return texts
    if present.is_in(["true", "false"]).all():
        return texts == "true"
    if not present.str.contains(_DECIMAL).all():
        return texts
    whole, places = (present.str.extract(_DECIMAL, part).fill_null("").str.len_chars().max() for part in (1, 2))
    fits = int(cast(int, whole)) + int(cast(int, places)) <= _MOST_DIGITS
    return texts.cast(pl.Decimal(_MOST_DIGITS, int(cast(int, places)))) if fits else texts
