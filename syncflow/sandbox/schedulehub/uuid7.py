"""UUIDs of version 7 (RFC 9562), in bulk."""

import os
import time

import numpy as np
import polars as pl

_COUNTER_BITS = 26
_LOW_BITS = 14
_RANDOM_BYTES = 6


def uuid7s(count: int) -> pl.Series:
    """`count` growing UUIDs of this millisecond, each as 32 hex digits: the 26 bits behind the time count up, the last
    48 are random."""
    if count == 0:
        return pl.Series(dtype=pl.String)
    start = int.from_bytes(os.urandom(3), "big")
    counter = (np.arange(start, start + count, dtype=np.uint64)) & np.uint64((1 << _COUNTER_BITS) - 1)
    octets = np.empty((count, 16), np.uint8)
    upper = np.uint64((time.time_ns() // 1_000_000) << 16 | 0x7000) | (counter >> np.uint64(_LOW_BITS))
    octets[:, :8] = upper.astype(">u8").view(np.uint8).reshape(count, 8)
    lower = np.uint64(0x8000) | (counter & np.uint64((1 << _LOW_BITS) - 1))
    octets[:, 8:10] = lower.astype(">u2").view(np.uint8).reshape(count, 2)
    octets[:, 10:] = np.frombuffer(os.urandom(_RANDOM_BYTES * count), np.uint8).reshape(count, _RANDOM_BYTES)
    return pl.Series([octets.tobytes().hex("\n", 16)]).str.split("\n").explode()
