"""How fast, and how much memory: a source in a process of its own, the real engine, the real PostgreSQL.

    python -m tests.benchmarks.million --rows 1000000 --wire json --target db --run full --json
    python -m tests.benchmarks.million --rows 1000000 --rounds 1 --profile

Absolute seconds differ from machine to machine, so each round also measures the machine's floor (see `floor`) and the
result is their ratio. Everything runs on loopback and ends by itself.
"""

import argparse
import json
import multiprocessing
import re
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path

import psycopg
from starlette.types import ASGIApp

from syncflow.model import BatchStatus, SyncType
from syncflow.runtime import open_runtime
from syncflow.sandbox.running import ServerProcess
from syncflow.sandbox.schedulehub.server import CAPABILITIES, ScheduleHub, ScheduleHubOptions
from syncflow.sandbox.tokens import TokenOptions
from syncflow.settings import Settings
from syncflow.store import migrate
from syncflow.store.database import Database
from syncflow.store.embedded import EmbeddedPostgres
from tests.benchmarks.floor import floor_seconds, read_rows
from tests.benchmarks.profile import Profile, Profiler
from tests.benchmarks.ticker import Delays, run_with_ticker
from tests.benchmarks.workload import SLUG, STATIC_TOKEN, WIRES, source_factory

SCHEMA = "schedulehub"
TARGETS = ("db", "http")
RUNS = ("full", "delta", "unchanged")


@dataclass(frozen=True)
class Measured:
    """One run of the product. `stages` are thread seconds."""

    seconds: float
    rows: int
    stages: dict[str, float]
    peak_rss_mib: int
    ticker: Delays
    profile: Profile | None


@dataclass(frozen=True)
class Case:
    rows: int
    wire: str
    target: str
    run: str


@dataclass(frozen=True)
class Figures:
    """Rounds of product and floor in turns; medians, and all values. `ratio_to_floor` is the median of each round's own
    ratio, since a machine's speed drifts from round to round. Delays in milliseconds."""

    rows: int
    wire: str
    target: str
    run: str
    seconds: float
    floor_seconds: float
    ratio_to_floor: float
    rows_per_second: int
    stages: dict[str, float]
    peak_rss_mib: int
    ticker_p50_ms: float
    ticker_p99_ms: float
    ticker_max_ms: float
    all_seconds: list[float]
    all_floor_seconds: list[float]
    profile: Profile | None = None


def measure(case: Case, rounds: int, *, profiled: bool = False) -> Figures:
    measured: list[Measured] = []
    floors: list[float] = []
    for _ in range(rounds):
        with EmbeddedPostgres.temporary() as server:
            measured.append(_measure_once(case, server.url(), profiled=profiled))
            halves = read_rows(server.url(), SCHEMA, SLUG)
            floors.append(floor_seconds(server.url(), SCHEMA, SLUG, halves))
    middle = sorted(measured, key=lambda one: one.seconds)[len(measured) // 2]
    seconds, floor = statistics.median(one.seconds for one in measured), statistics.median(floors)
    return Figures(
        **asdict(case),
        seconds=round(seconds, 2),
        floor_seconds=round(floor, 2),
        ratio_to_floor=round(
            statistics.median(one.seconds / its for one, its in zip(measured, floors, strict=True)), 2
        ),
        rows_per_second=round(middle.rows / seconds),
        stages={name: round(value, 2) for name, value in middle.stages.items()},
        peak_rss_mib=max(one.peak_rss_mib for one in measured),
        ticker_p50_ms=middle.ticker.p50_ms,
        ticker_p99_ms=middle.ticker.p99_ms,
        ticker_max_ms=middle.ticker.max_ms,
        all_seconds=[round(one.seconds, 2) for one in measured],
        all_floor_seconds=[round(value, 2) for value in floors],
        profile=middle.profile,
    )


@dataclass(frozen=True)
class _Place:
    """Where a run is measured. `watched` are the processes to profile, by name; None: not profiled."""

    database_url: str
    target_url: str
    source_url: str
    watched: dict[str, int] | None


def _measure_once(case: Case, database_url: str, *, profiled: bool) -> Measured:
    """The product in a fresh process, so that its memory is its own."""
    with Database(database_url) as database:
        migrate.upgrade(database)
    with _target(case, database_url) as (target_url, watched):

        def run(source: ServerProcess) -> Measured:
            pids = {**watched, "APISmith": source.pid or 0} if profiled else None
            return _in_new_process(_Place(database_url, target_url, source.url, pids))

        with ServerProcess(source_factory(case.rows, case.wire, changed=False)) as source:
            first = run(source)
            if case.run == "unchanged":
                return run(source)
        if case.run == "full":
            return first
        with ServerProcess(source_factory(case.rows, case.wire, changed=True)) as source:
            return run(source)


@contextmanager
def _target(case: Case, database_url: str) -> Iterator[tuple[str, dict[str, int]]]:
    """Its address, and the processes behind it by name."""
    processes = {"PostgreSQL": _postmaster(database_url)}
    if case.target == "db":
        yield database_url, processes
        return
    offered = CAPABILITIES if case.wire == "arrow" else tuple(name for name in CAPABILITIES if name != "arrow")
    with ServerProcess(partial(_schedulehub, database_url, offered)) as hub:
        yield hub.url, {**processes, "ScheduleHub": hub.pid or 0}


def _postmaster(database_url: str) -> int:
    with psycopg.connect(database_url) as connection:
        backend = connection.info.backend_pid
        status = Path(f"/proc/{backend}/status").read_text(encoding="ascii")
    return int(re.findall(r"PPid:\s+(\d+)", status)[0])


def _schedulehub(database_url: str, capabilities: tuple[str, ...]) -> ASGIApp:
    options = ScheduleHubOptions(capabilities)
    return ScheduleHub(database_url, SCHEMA, options=options, tokens=TokenOptions(service_token=STATIC_TOKEN)).app


def _in_new_process(place: _Place) -> Measured:
    context = multiprocessing.get_context("spawn")
    with context.Pool(1) as pool:
        return pool.apply(_run_batch, (place,))


def _run_batch(place: _Place) -> Measured:
    with psycopg.connect(place.database_url, autocommit=True) as connection:
        connection.execute("CHECKPOINT")
    with tempfile.TemporaryDirectory() as state, open_runtime(_settings(place, state)) as runtime:
        if not runtime.entities.all():
            runtime.entities.create(SLUG, {"business_key": "[line_id]", "delta_strategy": "hash"})
        profiler = None if place.watched is None else Profiler(place.watched)
        started = time.perf_counter()
        with profiler or nullcontext():
            ended, ticker = run_with_ticker(lambda: runtime.batches.sync([SLUG], SyncType.INCREMENTAL)[0])
        seconds = time.perf_counter() - started
    if ended.status is not BatchStatus.COMPLETED:
        raise SystemExit(f"The batch did not complete: {ended.status}, {ended.error_message}")
    profile = profiler and profiler.profile()
    return Measured(seconds, ended.counters.fetched, dict(ended.stage_seconds), _peak_rss_mib(), ticker, profile)


def _peak_rss_mib() -> int:
    """The kernel's own mark; `getrusage` would also count what the parent held before this process was started."""
    status = Path("/proc/self/status").read_text(encoding="ascii")
    return int(re.findall(r"VmHWM:\s+(\d+) kB", status)[0]) // 1024


def _settings(place: _Place, state: str) -> Settings:
    return Settings(
        state_dir=Path(state),
        database_url=place.database_url,
        apismith_url=place.source_url,
        apismith_token=STATIC_TOKEN,
        schedulehub_url=place.target_url,
        schedulehub_token=STATIC_TOKEN,
        schedulehub_schema=SCHEMA,
    )


def main() -> None:
    parser = argparse.ArgumentParser(description="Measure a batch against the machine's floor.")
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--wire", choices=tuple(WIRES), default="json")
    parser.add_argument("--target", choices=TARGETS, default="db")
    parser.add_argument("--run", choices=RUNS, default="full")
    parser.add_argument("--rounds", type=int, default=5, help="product and floor in turns; the medians are printed")
    parser.add_argument("--profile", action="store_true", help="say where the time of the middle round went as well")
    parser.add_argument("--json", action="store_true", help="one JSON object instead of lines")
    options = parser.parse_args()
    case = Case(options.rows, options.wire, options.target, options.run)
    figures = measure(case, options.rounds, profiled=options.profile)
    if options.json:
        sys.stdout.write(json.dumps(asdict(figures)) + "\n")
        return
    told = {name: value for name, value in asdict(figures).items() if name != "profile"}
    lines = [f"{name:<20}{value}" for name, value in told.items()]
    sys.stdout.write("\n".join([*lines, *(figures.profile.lines() if figures.profile else [])]) + "\n")


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        sys.exit(130)
