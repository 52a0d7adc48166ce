"""Where the time of a run goes: CPU seconds of the product by the place in its code, and of the other processes."""

import sys
import threading
import time
from collections import Counter
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from os import sysconf
from pathlib import Path
from types import FrameType

_INTERVAL = 0.005
_TICKS = sysconf("SC_CLK_TCK")
_PACKAGE = str(Path("syncflow"))
_PLACES = 25


@dataclass(frozen=True)
class Profile:
    """CPU seconds. `processes` by name; `places` of the product, by the innermost function of its own that a thread
    was in (what it calls counts as its own), the costliest first."""

    processes: dict[str, float]
    places: dict[str, float]

    def lines(self) -> list[str]:
        parts = {"CPU seconds by process": self.processes, "CPU seconds of the product by place": self.places}
        return [
            line
            for title, seconds in parts.items()
            for line in (title, *(f"  {value:8.2f}  {name}" for name, value in seconds.items()))
        ]


@dataclass
class Profiler:
    """Watches all threads of this process, and processes (pid by name) with their children, as a context manager.

    A thread's CPU time between two looks is put down to where it is found at the second: with some thousand looks a
    run, good to a few hundredths of a second. The watching itself costs some percent.
    """

    others: Mapping[str, int]
    _places: Counter[str] = field(default_factory=Counter)
    _seen: dict[int, float] = field(default_factory=dict)
    _ended: threading.Event = field(default_factory=threading.Event)

    def __enter__(self) -> "Profiler":
        self._before = self._processes()
        natives = (thread.native_id for thread in threading.enumerate())
        self._seen = {native: _thread_seconds(native) for native in natives if native is not None}
        self._thread = threading.Thread(target=self._watch, name="profiler", daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()
        self._after = self._processes()

    def profile(self) -> Profile:
        processes = {name: round(self._after[name] - self._before[name], 2) for name in self._after}
        elsewhere = self._after["product"] - self._before["product"] - self._places.total()
        places = {place: round(seconds, 2) for place, seconds in self._places.most_common(_PLACES)}
        places["threads of libraries"] = round(elsewhere, 2)
        return Profile(processes, places)

    def _processes(self) -> dict[str, float]:
        return {"product": time.process_time(), **{name: _tree_seconds(pid) for name, pid in self.others.items()}}

    def _watch(self) -> None:
        while not self._ended.wait(_INTERVAL):
            threads = {thread.ident: thread for thread in threading.enumerate()}
            for ident, frame in sys._current_frames().items():
                thread = threads.get(ident)
                if thread is None or thread.native_id is None or ident == threading.get_ident():
                    continue
                seconds = _thread_seconds(thread.native_id)
                place = _place(frame) or f"outside of the product, in {thread.name}"
                self._places[place] += seconds - self._seen.get(thread.native_id, 0.0)
                self._seen[thread.native_id] = seconds


def _place(frame: FrameType | None) -> str | None:
    while frame is not None:
        path = Path(frame.f_code.co_filename)
        if _PACKAGE in path.parts and "site-packages" not in path.parts:
            inside = path.parts[len(path.parts) - path.parts[::-1].index(_PACKAGE) :]
            return f"{'/'.join(inside)}: {frame.f_code.co_name}"
        frame = frame.f_back
    return None


def _thread_seconds(native: int) -> float:
    with suppress(OSError):
        return int(Path(f"/proc/self/task/{native}/schedstat").read_text(encoding="ascii").split()[0]) / 1e9
    return 0.0


def _tree_seconds(pid: int) -> float:
    """User and system time of a process, of its children, and of those that it has waited for."""
    stats = {found: stat for path in Path("/proc").iterdir() if path.name.isdigit() for found, stat in _stat(path)}
    wanted = {pid} | {child for child, (parent, _, _) in stats.items() if parent == pid}
    own = sum(stats[one][1] for one in wanted if one in stats)
    return (own + (stats[pid][2] if pid in stats else 0)) / _TICKS


def _stat(path: Path) -> list[tuple[int, tuple[int, int, int]]]:
    """Its number, and: its parent, its own ticks, those of the children that it has waited for (proc(5), stat)."""
    with suppress(OSError, ValueError):
        fields = (path / "stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
        return [
            (int(path.name), (int(fields[1]), int(fields[11]) + int(fields[12]), int(fields[13]) + int(fields[14])))
        ]
    return []
