"""What the bytes of a page say about its structure, found with vectorised searches and without parsing.

Everything rests on one observation: in JSON without blanks before its colons, the two bytes `":` stand at the end of
every key, and anywhere else only after an escaped quote or at the start of a text that begins with a colon. Both are
told by the byte before, so the keys can be counted exactly, and the first byte of every value is known.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

_NOT_A_KEYS_LAST_BYTE = np.zeros(256, np.bool_)
_NOT_A_KEYS_LAST_BYTE[list(b"\\:,{[ ")] = True
_STARTS_NESTED = np.zeros(256, np.bool_)
_STARTS_NESTED[list(b"{[")] = True


@dataclass(frozen=True)
class Scan:
    """How many `keys` there are, at all depths, and whether a value is `nested`. `certain` is False where the bytes
    leave a doubt; then the other fields mean nothing."""

    certain: bool
    keys: int = 0
    nested: bool = False


def scan(rows: NDArray[np.uint8]) -> Scan:
    """Look through the bytes of a JSON array of objects."""
    if rows.size < 4 or bool((rows < 0x20).any()):
        # Control characters are either pretty printing or an error; both are read the slow way.
        return Scan(certain=rows.size == 2)
    ends = np.flatnonzero((rows[:-1] == ord('"')) & (rows[1:] == ord(":")))
    if ends.size == 0 or _has_blank_before_colon(rows) or bool(_NOT_A_KEYS_LAST_BYTE[rows[ends - 1]].any()):
        return Scan(certain=False)
    starts = ends + 2
    first = np.take(rows, starts, mode="clip")
    blank = first == ord(" ")
    if blank.any():
        first = np.take(rows, starts + blank, mode="clip")
    if bool((first == ord(" ")).any()):
        return Scan(certain=False)
    return Scan(certain=True, keys=int(ends.size), nested=bool(_STARTS_NESTED[first].any()))


def _has_blank_before_colon(rows: NDArray[np.uint8]) -> bool:
    """Whether some `" :` stands there: a key whose colon does not follow at once, or a text that looks like one."""
    before = rows[np.flatnonzero((rows[2:] == ord(":")) & (rows[1:-1] == ord(" ")))]
    return bool(((before == ord('"')) | (before == ord(" "))).any())
