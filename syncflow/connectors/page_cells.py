"""Where the values of a page stand in its bytes, proven without parsing.

Pages are printed by machines that do not vary: no blank or one behind commas and colons, nothing nested. In such a page
the bytes `":` tell where the keys end, and between two keys stands one value. Every key is compared, byte for byte,
with its name and with what must stand around it, and quotes and control characters are counted, so that a page that is
anything else is noticed: `find_cells` then says None, and the page has to be read another way.
"""

import json
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from syncflow.connectors.page_words import Mask, Positions, Words

_QUOTE, _COLON, _BLANK, _BACKSLASH, _BRACE = b'": \\{'
_FIRST_PRINTABLE = 0x20
_FIRST_ROW_SIZES = (16_384, 4_194_304)
"""Bytes in which the end of the first row is looked for."""
_NAMES = json.JSONDecoder(object_pairs_hook=lambda pairs: tuple(name for name, _ in pairs))


@dataclass(frozen=True)
class Form:
    """What stands before the first row's brace, between two rows (None: what stands between two members) and behind
    the last row's brace."""

    opening: bytes
    between: bytes | None
    closing: bytes


ARRAY = Form(b"[", None, b"]")
LINES = Form(b"", b"\n", b"")
LINES_OF_WINDOWS = Form(b"", b"\r\n", b"")


@dataclass(frozen=True)
class Cells:
    """`starts` and `ends` bound the values, in the order of the bytes. `column` and `row` say where each belongs, as a
    position in `names` and the number of its row; without them every row has all values, in this order. `quoted` are
    the values that are strings, `escaped` the numbers of those with a backslash."""

    names: tuple[str, ...]
    height: int
    starts: Positions
    ends: Positions
    column: Positions | None = None
    row: Positions | None = None
    quoted: Mask = field(default_factory=lambda: np.empty(0, np.bool_))
    escaped: Positions = field(default_factory=lambda: np.empty(0, np.int64))


@dataclass(frozen=True)
class _Style:
    """The marks of a page: behind a member, behind a row, behind a key's closing quote."""

    comma: bytes
    between: bytes
    colon: bytes

    def inner(self, name: str) -> bytes:
        """What stands between the values of two members of a row."""
        return self.comma + self.key(name)

    def first(self, name: str) -> bytes:
        """What stands between the last value of a row and the first one of the next."""
        return b"}" + self.between + b"{" + self.key(name)

    def key(self, name: str) -> bytes:
        return f'"{name}"'.encode() + self.colon


def find_cells(page: bytes, form: Form, columns: Sequence[str]) -> Cells | None:
    """The values of a page's rows, None where the bytes leave a doubt; `columns` are the names that rows may have which
    do not all have the same."""
    names = _names_of_first_row(page, form)
    if not names or len(page) < Words.SIZE:
        return None
    found = np.frombuffer(page, np.uint8)
    keys = _ends_of_keys(found)
    if keys.size == 0:
        return None
    style = _style(page, form, names, keys)
    starts = keys + len(b'"' + style.colon)
    if not page.startswith(form.opening + b"{" + style.key(names[0])) or not page.endswith(b"}" + form.closing):
        return None
    end = len(page) - len(b"}" + form.closing)
    words = Words(found)
    cells = _grid(words, style, names, starts, end) or _scattered(found, words, style, columns, starts, end)
    return None if cells is None else _marked(page, found, style, cells)


def _names_of_first_row(page: bytes, form: Form) -> tuple[str, ...] | None:
    """The names of the first row's members in their order; None when they are not such that can be searched for."""
    names: object = None
    for size in _FIRST_ROW_SIZES:
        with suppress(ValueError, RecursionError):
            names, _ = _NAMES.raw_decode(page[len(form.opening) : size].decode("utf-8", "ignore"))
            break
    if not isinstance(names, tuple) or len(set(names)) < len(names):
        return None
    return names if all(map(_is_plain, names)) else None


def _is_plain(name: str) -> bool:
    """Whether a name can stand in JSON in one way only (but for `\\u`) and does not end like something else."""
    return name.isprintable() and not any(sign in name for sign in '"\\/') and not name.endswith((":", " "))


def _ends_of_keys(found: NDArray[np.uint8]) -> Positions:
    """The offsets of the quotes that may close keys: with a colon behind, and neither escaped nor opening a text that
    begins with a colon."""
    ends = np.flatnonzero((found[:-1] == _QUOTE) & (found[1:] == _COLON))
    before = np.take(found, ends - 1, mode="clip")
    doubtful = (before == _BACKSLASH) | (before == _COLON) | (before == _BLANK)
    return ends[~doubtful] if doubtful.any() else ends


def _style(page: bytes, form: Form, names: tuple[str, ...], keys: Positions) -> _Style:
    """Going by the first row and what follows it; whether all of the page is like it is seen later."""
    colon = b": " if page[keys[0] + 2 : keys[0] + 3] == b" " else b":"
    comma = b","
    if keys.size > 1:
        name = names[1 % len(names)].encode()
        brace = len(names) == 1
        at = int(keys[1]) - len(name) - 2 - brace
        comma = b", " if page[at : at + 1] == b" " else b","
    return _Style(comma, comma if form.between is None else form.between, colon)


def _grid(words: Words, style: _Style, names: tuple[str, ...], starts: Positions, end: int) -> Cells | None:
    """Rows that all have the same keys in the same order; `end` is the offset of the last row's closing brace."""
    height, rest = divmod(starts.size, len(names))
    if rest:
        return None
    by_row = starts.reshape(height, len(names))
    between = [style.first(names[0]), *map(style.inner, names[1:])]
    for number, text in enumerate(between):
        if not words.all_behind(text, by_row[1:, 0] if number == 0 else by_row[:, number]):
            return None
    ends = np.empty_like(by_row)
    ends[:, :-1] = by_row[:, 1:] - np.array([len(text) for text in between[1:]], np.int64)
    ends[:-1, -1] = by_row[1:, 0] - len(between[0])
    ends[-1, -1] = end
    return Cells(names, height, starts, ends.ravel())


def _scattered(
    found: NDArray[np.uint8], words: Words, style: _Style, columns: Sequence[str], starts: Positions, end: int
) -> Cells | None:
    """Rows that leave keys out or have them in several orders, none twice, none but `columns`."""
    if not columns or not all(map(_is_plain, columns)):
        return None
    column = words.behind([style.key(name) for name in columns], starts)
    if bool((column < 0).any()):
        return None
    keys = starts - np.array([len(style.key(name)) for name in columns], np.int64)[column]
    begins = found[keys - 1] == _BRACE
    row = np.cumsum(begins) - 1
    rest = keys[1:]
    if not (
        words.all_behind(style.first("")[: -len(style.key(""))], rest[begins[1:]])
        and words.all_behind(style.comma, rest[~begins[1:]])
        and np.bincount(row * len(columns) + column).max() == 1
    ):
        return None
    ends = np.append(rest - np.where(begins[1:], len(style.between) + 2, len(style.comma)), end)
    return Cells(tuple(columns), int(row[-1]) + 1, starts, ends, column, row)


def _marked(page: bytes, found: NDArray[np.uint8], style: _Style, cells: Cells) -> Cells | None:
    """The cells with their marks; None unless every quote and control character of the page is accounted for: a key has
    two quotes, a string two, and control characters stand between rows alone."""
    starts, ends = cells.starts, cells.ends
    if bool((starts >= ends).any()):
        return None
    quoted = (found[starts] == _QUOTE) & (found[ends - 1] == _QUOTE) & (ends - starts > 1)
    controls = sum(sign < _FIRST_PRINTABLE for sign in style.between) * (cells.height - 1)
    if np.count_nonzero(found < _FIRST_PRINTABLE) != controls:
        return None
    quotes = np.count_nonzero(found == _QUOTE)
    escaped = np.empty(0, np.int64)
    if b"\\" in page:
        backslashes = np.flatnonzero(found == _BACKSLASH)
        behind = _escaped(backslashes)
        quotes -= np.count_nonzero(np.take(found, behind, mode="clip") == _QUOTE)
        escaped = np.unique(np.searchsorted(starts, backslashes, "right") - 1)
        if escaped[0] < 0 or bool(np.isin(ends[escaped] - 1, behind).any()):
            return None
    if quotes != 2 * starts.size + 2 * np.count_nonzero(quoted):
        return None
    return replace(cells, quoted=quoted, escaped=escaped)


def _escaped(backslashes: Positions) -> Positions:
    """The offsets behind those backslashes that escape what follows: every other one of a run."""
    number = np.arange(backslashes.size)
    first = np.append(True, np.diff(backslashes) != 1)
    place = number - np.maximum.accumulate(np.where(first, number, 0))
    escaping: Positions = backslashes[place % 2 == 0]
    return escaping + 1
