"""The two allocators of the process, set for blocks of some megabytes that come and go, pages and their columns; and
polars' threads.

The allocators' settings are without effect where the allocator is another one.
"""

import ctypes
import os

CHUNKS_AT_ONCE = 2
_MIB = 2**20
_M_ARENA_MAX, _M_MMAP_THRESHOLD, _M_TOP_PAD, _M_TRIM_THRESHOLD = -8, -3, -2, -1
_GLIBC = {
    _M_ARENA_MAX: 1,
    _M_MMAP_THRESHOLD: 32 * _MIB,
    _M_TOP_PAD: 32 * _MIB,
    _M_TRIM_THRESHOLD: 64 * _MIB,
}
"""Parameters by their numbers in glibc's malloc.h: blocks up to 32 MiB are taken from one heap and used again. By
default each would be mapped anew, and every page of it fault in again, which takes as long as reading it."""


def tune() -> None:
    """To be called before polars is loaded."""
    # polars' own: one arena of huge pages that gives back what is free after a second. It would keep eight arenas on
    # two cores, and a batch would need 100 MiB more in no less time; small pages cost a tenth of the time to fault in.
    os.environ.setdefault("_RJEM_MALLOC_CONF", "narenas:1,dirty_decay_ms:1000,muzzy_decay_ms:0,thp:always")
    # Two chunks are worked on at a time, so that helpers within one would wait for each other.
    os.environ.setdefault("POLARS_MAX_THREADS", str(max(1, (os.cpu_count() or 1) // CHUNKS_AT_ONCE)))
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        for parameter, value in _GLIBC.items():
            mallopt(parameter, value)
