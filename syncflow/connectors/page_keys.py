"""The proof that a page has no key but the declared ones, and none twice in a row, when rows leave keys out.

Every key's last bytes are compared, as machine words, with those of the declared names; the byte before a key's
opening quote tells where a row begins.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from syncflow.connectors.page_scan import Positions

_WORD = 8
_LONGEST = 4 * _WORD
"""Bytes of a key with its opening quote that are compared; columns with longer names are left to the exact way."""


@dataclass(frozen=True)
class _Pattern:
    """What the words that end where a key ends must be, from the last word to the first, under their masks."""

    length: int
    words: tuple[tuple[int, int], ...]


def keys_are_declared(rows: NDArray[np.uint8], ends: Positions, columns: Sequence[str]) -> bool:
    """Whether each key that ends (with its quote) at one of `ends` is a declared one, and no row has one twice.

    False is the answer also where the bytes leave a doubt.
    """
    patterns = [_pattern(name) for name in columns]
    if any(pattern is None for pattern in patterns) or ends.size == 0 or int(ends[0]) < _WORD:
        return False
    column = np.full(ends.size, -1, np.int64)
    lengths = np.zeros(ends.size, np.int64)
    for number, pattern in enumerate(patterns):
        if pattern is not None:
            hit = _matches(rows, ends, pattern)
            column[hit] = number
            lengths[hit] = pattern.length
    if bool((column < 0).any()):
        return False
    return _no_key_twice(rows, ends - lengths - 1, column, len(patterns))


def _pattern(name: str) -> _Pattern | None:
    """The pattern of `"name`; None for a name that is too long, or that JSON may write in several ways."""
    key = f'"{name}'.encode()
    if len(key) > _LONGEST or not name.isascii() or '"' in name or "\\" in name or "/" in name:
        return None
    words = []
    for end in range(len(key), 0, -_WORD):
        part = key[max(0, end - _WORD) : end]
        shift = 8 * (_WORD - len(part))
        mask = (1 << 64) - (1 << shift)
        words.append((int.from_bytes(part, "little") << shift, mask))
    return _Pattern(len(key), tuple(words))


def _matches(rows: NDArray[np.uint8], ends: Positions, pattern: _Pattern) -> NDArray[np.intp]:
    """The numbers of those keys that are this one. The view reads a word at every offset, aligned or not."""
    view = np.ndarray((rows.size - _WORD + 1,), "<u8", rows, strides=(1,))
    candidates = np.arange(ends.size)
    for depth, (word, mask) in enumerate(pattern.words):
        at = ends[candidates] - _WORD * (depth + 1)
        inside = at >= 0
        found = view[np.where(inside, at, 0)] & np.uint64(mask)
        candidates = candidates[inside & (found == np.uint64(word))]
    return candidates


def _no_key_twice(rows: NDArray[np.uint8], before: Positions, column: NDArray[np.int64], width: int) -> bool:
    """`before` is the offset before each key's opening quote: a brace begins a row, a comma goes on with it."""
    sign = np.take(rows, before, mode="clip")
    blank = sign == ord(" ")
    sign = np.where(blank, np.take(rows, before - 1, mode="clip"), sign)
    begins = sign == ord("{")
    if bool((~begins & (sign != ord(","))).any()) or not bool(begins[0]):
        return False
    cells = (np.cumsum(begins) - 1) * width + column
    return bool(np.bincount(cells).max() == 1)
