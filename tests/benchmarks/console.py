"""How soon the console answers a key while a million rows are synced in its own process, measured through a terminal.

    python -m tests.benchmarks.console --rows 1000000

Prints the time to the first paint, and the delays from a key to what it paints: idle, and while the batch runs; with
--rounds also what the open console costs a batch.
"""

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import chain
from pathlib import Path

from syncflow.model import BatchStatus, SyncType
from syncflow.runtime import Runtime, open_runtime
from syncflow.sandbox.running import ServerProcess
from syncflow.settings import Settings
from syncflow.store import migrate
from syncflow.store.database import Database
from syncflow.store.embedded import EmbeddedPostgres
from tests.benchmarks.workload import SLUG, STATIC_TOKEN, source_factory
from tests.tui.terminal import ROOT, START, Terminal

IDLE_KEYS = 50
BETWEEN_SECONDS = 0.1
LOOK_SECONDS = 0.5
"""Rarely, since looking takes time from what is measured."""
SETTINGS_SCREEN = "7"
CONFIGURATION = {"business_key": "[line_id]", "delta_strategy": "hash"}


@contextmanager
def place(rows: int) -> Iterator[dict[str, object]]:
    """The settings of a SyncFlow with one entity of so many rows."""
    with (
        EmbeddedPostgres.temporary() as server,
        ServerProcess(source_factory(rows, "json", changed=False)) as source,
        tempfile.TemporaryDirectory() as state,
    ):
        with Database(server.url()) as database:
            migrate.upgrade(database)
        yield {
            "state_dir": state,
            "database_url": server.url(),
            "apismith_url": source.url,
            "apismith_token": STATIC_TOKEN,
            "schedulehub_url": server.url(),
            "schedulehub_token": STATIC_TOKEN,
        }


def delays(terminal: Terminal, go_on: Callable[[], bool]) -> list[float]:
    """Milliseconds from a key that moves the cursor to what it paints."""
    found = []
    down = True
    while go_on():
        pressed = time.perf_counter()
        terminal.type("j" if down else "k")
        down = not down
        while terminal.last_written < pressed and time.perf_counter() - pressed < 5:
            time.sleep(0.0005)
        found.append((terminal.last_written - pressed) * 1000)
        time.sleep(BETWEEN_SECONDS)
    return found


def told(name: str, found: list[float]) -> str:
    tenths = statistics.quantiles(found, n=10)
    middle, most = statistics.median(found), max(found)
    return f"{name}: {len(found)} keys, p50 {middle:.0f} ms, p90 {tenths[8]:.0f} ms, max {most:.0f} ms"


def resident(pid: int) -> int:
    """MiB."""
    pages = int(Path(f"/proc/{pid}/statm").read_text(encoding="ascii").split()[1])
    return pages * 4096 // 2**20


def is_over(runtime: Runtime) -> bool:
    return runtime.batches.history(SLUG, 1)[0].completed_at is not None


def seconds_of(runtime: Runtime, uid: str) -> float:
    """From the batch's beginning to its end."""
    ended = runtime.batches.find(uid)
    if ended.status is not BatchStatus.COMPLETED or ended.started_at is None or ended.completed_at is None:
        raise SystemExit(f"The batch did not complete: {ended.status}, {ended.error_message}")
    return (ended.completed_at - ended.started_at).total_seconds()


@contextmanager
def opened(rows: int) -> Iterator[tuple[Terminal, Runtime, float]]:
    """A console in a terminal, a runtime beside it that asks for batches and reads what became of them, and the seconds
    that the first paint took."""
    with place(rows) as values, open_runtime(Settings.model_validate(values)) as runtime:
        runtime.entities.create(SLUG, CONFIGURATION)
        began = time.perf_counter()
        terminal = Terminal(values, rows=36, columns=120)
        try:
            terminal.shows("dashboard")
            yield terminal, runtime, time.perf_counter() - began
        finally:
            terminal.close()


def answers(rows: int) -> Iterator[str]:
    """How soon the console is there, and answers keys."""
    with opened(rows) as (terminal, runtime, first_paint):
        yield f"first paint: {first_paint:.2f} s"
        terminal.shows("● database")
        terminal.type(SETTINGS_SCREEN)
        terminal.shows("APISMITH_URL")
        time.sleep(1)
        keys = iter(range(IDLE_KEYS))
        yield told("idle", delays(terminal, lambda: next(keys, None) is not None))
        yield f"resident: {resident(terminal.console)} MiB"
        (batch,) = runtime.batches.request([SLUG], SyncType.INCREMENTAL)
        yield told(f"while {rows:,} rows are synced", delays(terminal, lambda: not is_over(runtime)))
        yield f"the batch took {seconds_of(runtime, str(batch.uid)):.1f} s"


def with_console(rows: int) -> float:
    """Seconds of a batch whose track the dashboard shows."""
    with opened(rows) as (terminal, runtime, _first_paint):
        terminal.shows("● database")
        time.sleep(1)
        (batch,) = runtime.batches.request([SLUG], SyncType.INCREMENTAL)
        while not is_over(runtime):
            time.sleep(LOOK_SECONDS)
        return seconds_of(runtime, str(batch.uid))


def without(rows: int) -> float:
    """Seconds of the same batch by `syncflow sync`."""
    with place(rows) as values, open_runtime(Settings.model_validate(values)) as runtime:
        runtime.entities.create(SLUG, CONFIGURATION)
        environment = {name.upper(): str(value) for name, value in values.items()}
        subprocess.run(
            [sys.executable, "-c", START, "sync", SLUG, "--json"],
            env={**os.environ, **environment},
            cwd=ROOT,
            check=True,
            stdout=subprocess.DEVNULL,
        )
        return seconds_of(runtime, str(runtime.batches.history(SLUG, 1)[0].uid))


def loss(rows: int, rounds: int) -> Iterator[str]:
    """What the open console costs a batch, in pairs."""
    ratios = []
    for number in range(rounds):
        alone, watched = without(rows), with_console(rows)
        ratios.append(watched / alone)
        yield f"round {number + 1}: {alone:.1f} s without the console, {watched:.1f} s with it"
    yield f"the console costs {100 * (statistics.median(ratios) - 1):.0f} % of a batch, median of {rounds} rounds"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=0, help="pairs of batches, without the console and with it")
    given = parser.parse_args()
    for line in chain(answers(given.rows), loss(given.rows, given.rounds) if given.rounds else ()):
        sys.stdout.write(line + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
