"""UUID version 7 (RFC 9562, section 5.7): ordered by time, so that an index grows at its end."""

import os
import time
from uuid import UUID

import numpy as np
import polars as pl
from numpy.typing import NDArray

_HEX = np.frombuffer("".join(f"{octet:02x}" for octet in range(256)).encode(), np.uint16)
_DASHES_BEFORE = {0: 0, 8: 1, 12: 2, 16: 3, 20: 4}
_COUNTER_BITS = 18
"""A sub-millisecond counter takes `rand_a` and the first bits of `rand_b` (method 1 of section 6.2)."""


def uuid7() -> UUID:
    """One new UUID, in the order of the clock's milliseconds."""
    return UUID(uuid7_column(1)[0])


def uuid7_column(count: int) -> pl.Series:
    """So many new UUIDs as lower-case text with dashes, strictly ascending within the column.

    At most 2**18 share a millisecond; more of them run ahead of the clock by a millisecond each 2**18.
    """
    number = np.arange(count, dtype=np.uint64)
    milliseconds = np.uint64(time.time_ns() // 1_000_000) + (number >> np.uint64(_COUNTER_BITS))
    counter = number & np.uint64((1 << _COUNTER_BITS) - 1)
    random = np.frombuffer(os.urandom(8 * count), np.uint64)
    upper = (milliseconds << np.uint64(16)) | np.uint64(0x7000) | (counter >> np.uint64(6))
    low_counter = (counter & np.uint64(0x3F)) << np.uint64(56)
    lower = np.uint64(1 << 63) | low_counter | (random & np.uint64((1 << 56) - 1))
    return _as_text(np.stack([upper, lower], axis=1).astype(">u8").view(np.uint8).reshape(count, 16))


def _as_text(octets: NDArray[np.uint8]) -> pl.Series:
    """8-4-4-4-12 hex digits a row; written into one block of lines, so that no Python object is made per UUID."""
    if len(octets) == 0:
        return pl.Series(dtype=pl.String)
    digits = _HEX[octets].view(np.uint8).reshape(len(octets), 32)
    lines = np.full((len(octets), 37), ord("-"), np.uint8)
    for start, end in ((0, 8), (8, 12), (12, 16), (16, 20), (20, 32)):
        lines[:, start + _DASHES_BEFORE[start] : end + _DASHES_BEFORE[start]] = digits[:, start:end]
    lines[:, 36] = ord("\n")
    return pl.Series([lines.tobytes()[:-1].decode("ascii")]).str.split("\n").explode()
