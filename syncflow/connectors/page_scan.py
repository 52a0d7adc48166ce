"""What the bytes of a page say about its structure, found with vectorised searches and without parsing.

Everything rests on one observation: in JSON without blanks before its colons, the two bytes `":` stand at the end of
every key, and anywhere else only after an escaped quote or at the start of a text that begins with a colon. Both are
told by the byte before, so the keys can be counted exactly, and the first byte of every value is known.
"""

import re
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

Positions = NDArray[np.int64]

_SURROGATES = re.compile(rb"\\u[dD][89a-fA-F]")
_PAIRS = re.compile(rb"\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F]")
_NOT_A_KEYS_LAST_BYTE = np.zeros(256, np.bool_)
_NOT_A_KEYS_LAST_BYTE[list(b"\\:,{[ ")] = True
_STARTS_NUMBER = np.zeros(256, np.bool_)
_STARTS_NUMBER[list(b"-0123456789")] = True
_STARTS_NESTED = np.zeros(256, np.bool_)
_STARTS_NESTED[list(b"{[")] = True


def _no_positions() -> Positions:
    return np.empty(0, np.int64)


@dataclass(frozen=True)
class Scan:
    """`ends` are the offsets of the quotes that close keys, at all depths, `nulls` counts the values that are `null`
    and `numbers` are the offsets at which a bare number starts. `certain` is False where the bytes leave a doubt; then
    the other fields mean nothing."""

    certain: bool
    ends: Positions = field(default_factory=_no_positions)
    nulls: int = 0
    nested: bool = False
    numbers: Positions = field(default_factory=_no_positions)

    @property
    def keys(self) -> int:
        return int(self.ends.size)


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
        starts = starts + blank
        first = np.take(rows, starts, mode="clip")
    if bool((first == ord(" ")).any()):
        return Scan(certain=False)
    return Scan(
        certain=True,
        ends=ends,
        nulls=int((first == ord("n")).sum()),
        nested=bool(_STARTS_NESTED[first].any()),
        numbers=starts[_STARTS_NUMBER[first]],
    )


def _has_blank_before_colon(rows: NDArray[np.uint8]) -> bool:
    """Whether some `" :` stands there: a key whose colon does not follow at once, or a text that looks like one."""
    before = rows[np.flatnonzero((rows[2:] == ord(":")) & (rows[1:-1] == ord(" ")))]
    return bool(((before == ord('"')) | (before == ord(" "))).any())


def has_half_pair(rows: bytes) -> bool:
    r"""Whether half of a surrogate pair may stand there as `\ud8xx` to `\udfxx`: a decoder would make NUL of it."""
    if b"\\" not in rows or (b"\\ud" not in rows and b"\\uD" not in rows):
        return False
    return b"\\\\u" in rows or len(_SURROGATES.findall(rows)) != 2 * len(_PAIRS.findall(rows))
