"""A daemon that syncs the built-in ERP day after day, watched: memory, file handles, threads and database sessions stay
flat.

    python -m tests.soak --minutes 10

Prints a line for each half minute, and ends with 1 when something has grown, or a batch has failed.
"""

import argparse
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import astuple, dataclass, fields
from pathlib import Path

import psycopg

from syncflow.cli.demo_place import DemoPlace, demo_place
from syncflow.model import BatchStatus
from syncflow.runtime import Runtime, open_runtime
from syncflow.sandbox.erp.entities import entities_yaml

ROWS = 2_000
SEED = 11
DAY_SECONDS = 10.0
"""A day of business goes by in the ERP so often; each entity is synced three times in it."""
LOOK_SECONDS = 2.0
LINE_SECONDS = 30.0
WARM_UP = 0.4
"""Of the time: what is needed once is had by then."""
MAY_GROW = {"resident_mib": 12.0, "file_handles": 4.0, "threads": 4.0, "sessions": 3.0}
"""Between the middle of what is left of the time and its end."""
START = "from syncflow.cli.main import main; main()"


@dataclass(frozen=True)
class Look:
    """How a process is at one moment; `sessions` are its own with the metadata database and ScheduleHub's tables."""

    resident_mib: float
    file_handles: float
    threads: float
    sessions: float


def look(pid: int, database: psycopg.Connection) -> Look:
    status = Path(f"/proc/{pid}/status").read_text(encoding="ascii")
    told = dict(line.split(":", 1) for line in status.splitlines())
    ours = f"syncflow {pid}.%"
    row = database.execute("SELECT count(*) FROM pg_stat_activity WHERE application_name LIKE %s", (ours,)).fetchone()
    return Look(
        resident_mib=int(told["VmRSS"].split()[0]) / 1024,
        file_handles=len(os.listdir(f"/proc/{pid}/fd")),  # noqa: PTH208 - a descriptor may be gone by then
        threads=int(told["Threads"]),
        sessions=row[0] if row else 0,
    )


@contextmanager
def daemon(place: DemoPlace) -> Iterator["subprocess.Popen[bytes]"]:
    environment = {**os.environ, **place.environment, "DEFAULT_SYNC_INTERVAL_SECONDS": str(DAY_SECONDS / 3)}
    log = place.directory / "daemon.log"
    with log.open("wb") as out:
        process = subprocess.Popen(
            [sys.executable, "-c", START, "--daemon", "--embedded"], env=environment, stdout=out, stderr=out
        )
        try:
            yield process
        finally:
            process.terminate()
            process.wait(60)


def soak(minutes: float, tell: Callable[[str], None]) -> list[str]:
    """What has grown or failed, a sentence each."""
    with demo_place(ROWS, SEED, http=True, keep=False) as place, open_runtime(place.settings, actor="soak") as runtime:
        runtime.entities.import_yaml(entities_yaml(), "the company's entities.yaml")
        with daemon(place) as process, psycopg.connect(runtime.database.url, autocommit=True) as database:
            looks = list(_watch(process, place, database, minutes * 60, tell))
        return [*_grown(looks), *_failed(runtime)]


def _watch(
    process: "subprocess.Popen[bytes]", place: DemoPlace, database: psycopg.Connection, seconds: float,
    tell: Callable[[str], None],
) -> Iterator[Look]:  # fmt: skip
    began = time.monotonic()
    day_at, line_at, days = DAY_SECONDS, 0.0, 0
    while (now := time.monotonic() - began) < seconds:
        if process.poll() is not None:
            raise SystemExit(f"The daemon ended with {process.returncode}.\n{_end_of_log(place)}")
        if now >= day_at:
            place.advance_day()
            day_at, days = day_at + DAY_SECONDS, days + 1
        found = look(process.pid, database)
        if now >= line_at:
            line_at += LINE_SECONDS
            named = zip((each.name for each in fields(found)), astuple(found), strict=True)
            tell(f"{now:6.0f} s  day {days:4}  " + "  ".join(f"{name} {value:.0f}" for name, value in named))
        yield found
        time.sleep(LOOK_SECONDS)


def _end_of_log(place: DemoPlace) -> str:
    return (place.directory / "daemon.log").read_text(encoding="utf-8")[-2_000:]


def _grown(looks: Sequence[Look]) -> Iterator[str]:
    warm = looks[int(len(looks) * WARM_UP) :]
    half = len(warm) // 2
    for name, most in MAY_GROW.items():
        first, last = (statistics.median(getattr(each, name) for each in part) for part in (warm[:half], warm[half:]))
        if last - first > most:
            yield f"{name} grew from {first:.0f} to {last:.0f}"


def _failed(runtime: Runtime) -> Iterator[str]:
    for entity in runtime.entities.all():
        for batch in runtime.batches.history(entity.name, 1_000):
            if batch.status is BatchStatus.FAILED:
                yield f"a batch of {entity.name} failed: {batch.error_message}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=10.0)
    troubles = soak(parser.parse_args().minutes, lambda line: print(line, flush=True))
    for trouble in troubles:
        print(trouble)
    print("Flat." if not troubles else "Not flat.")
    sys.exit(1 if troubles else 0)


if __name__ == "__main__":
    main()
