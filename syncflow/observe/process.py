"""What this process takes of its machine, as /proc tells; nothing where there is no /proc."""

import os
import time
from collections.abc import Iterator
from pathlib import Path
from resource import RLIMIT_NOFILE, getrlimit

from syncflow.observe.exposition import Family, Sample, counter, gauge

_OWN = Path("/proc/self")


def families() -> Iterator[Family]:
    """The names are those that all Prometheus clients use."""
    yield counter(
        "process_cpu_seconds_total", "CPU seconds, of the user and of the system.", Sample(time.process_time())
    )
    yield gauge("process_max_fds", "The most file descriptors that may be open.", Sample(getrlimit(RLIMIT_NOFILE)[0]))
    if not (_OWN / "statm").exists():
        return
    yield gauge("process_threads", "Threads.", Sample(_entries(_OWN / "task")))
    yield gauge("process_open_fds", "Open file descriptors.", Sample(_entries(_OWN / "fd")))
    pages = (_OWN / "statm").read_text(encoding="ascii").split()
    size = os.sysconf("SC_PAGE_SIZE")
    yield gauge("process_virtual_memory_bytes", "Virtual memory, in bytes.", Sample(int(pages[0]) * size))
    yield gauge("process_resident_memory_bytes", "Resident memory, in bytes.", Sample(int(pages[1]) * size))


def _entries(folder: Path) -> int:
    return sum(1 for _ in folder.iterdir())
