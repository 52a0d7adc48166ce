"""UUIDs of version 7 (RFC 9562), in bulk."""

import os
import time

_COUNTER_BITS = 26
_LOW_BITS = 14


def uuid7s(count: int) -> list[str]:
    """`count` growing UUIDs of this millisecond: the 26 bits behind the time count up, the last 48 are random."""
    time_part = f"{time.time_ns() // 1_000_000:012x}"
    head = f"{time_part[:8]}-{time_part[8:]}"
    start = int.from_bytes(os.urandom(3), "big")
    tails = os.urandom(6 * count).hex()
    made = []
    for at in range(count):
        counter = (start + at) & ((1 << _COUNTER_BITS) - 1)
        high, low = counter >> _LOW_BITS, counter & ((1 << _LOW_BITS) - 1)
        made.append(f"{head}-7{high:03x}-{0x8000 | low:04x}-{tails[at * 12 : at * 12 + 12]}")
    return made
