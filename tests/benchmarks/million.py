"""How fast, and how much memory: a source in a process of its own, the real engine, the real PostgreSQL.

    python -m tests.benchmarks.million --rows 1000000 --wire json --target db --run full --json

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
from contextlib import contextmanager
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


@dataclass(frozen=True)
class Case:
    rows: int
    wire: str
    target: str
    run: str


def measure(case: Case, rounds: int) -> dict[str, object]:
    """Rounds of product and floor in turns; medians, and all values."""
    measured: list[Measured] = []
    floors: list[float] = []
    for _ in range(rounds):
        with EmbeddedPostgres.temporary() as server:
            measured.append(_measure_once(case, server.url()))
            halves = read_rows(server.url(), SCHEMA, SLUG)
            floors.append(floor_seconds(server.url(), SCHEMA, SLUG, halves))
    middle = sorted(measured, key=lambda one: one.seconds)[len(measured) // 2]
    seconds, floor = statistics.median(one.seconds for one in measured), statistics.median(floors)
    return {
        **asdict(case),
        "seconds": round(seconds, 2),
        "floor_seconds": round(floor, 2),
        "ratio_to_floor": round(seconds / floor, 2),
        "rows_per_second": round(middle.rows / seconds),
        "stages": {name: round(value, 2) for name, value in middle.stages.items()},
        "peak_rss_mib": max(one.peak_rss_mib for one in measured),
        "ticker_p50_ms": middle.ticker.p50_ms,
        "ticker_p99_ms": middle.ticker.p99_ms,
        "ticker_max_ms": middle.ticker.max_ms,
        "all_seconds": [round(one.seconds, 2) for one in measured],
        "all_floor_seconds": [round(value, 2) for value in floors],
    }


def _measure_once(case: Case, database_url: str) -> Measured:
    """The product in a fresh process, so that its memory is its own."""
    with Database(database_url) as database:
        migrate.upgrade(database)
    with _target(case, database_url) as target_url:
        with ServerProcess(source_factory(case.rows, case.wire, changed=False)) as source:
            first = _in_new_process(source.url, target_url, database_url)
            if case.run == "unchanged":
                return _in_new_process(source.url, target_url, database_url)
        if case.run == "full":
            return first
        with ServerProcess(source_factory(case.rows, case.wire, changed=True)) as source:
            return _in_new_process(source.url, target_url, database_url)


@contextmanager
def _target(case: Case, database_url: str) -> Iterator[str]:
    if case.target == "db":
        yield database_url
        return
    offered = CAPABILITIES if case.wire == "arrow" else tuple(name for name in CAPABILITIES if name != "arrow")
    with ServerProcess(partial(_schedulehub, database_url, offered)) as hub:
        yield hub.url


def _schedulehub(database_url: str, capabilities: tuple[str, ...]) -> ASGIApp:
    options = ScheduleHubOptions(capabilities)
    return ScheduleHub(database_url, SCHEMA, options=options, tokens=TokenOptions(service_token=STATIC_TOKEN)).app


def _in_new_process(source_url: str, target_url: str, database_url: str) -> Measured:
    context = multiprocessing.get_context("spawn")
    with context.Pool(1) as pool:
        return pool.apply(_run_batch, (source_url, target_url, database_url))


def _run_batch(source_url: str, target_url: str, database_url: str) -> Measured:
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute("CHECKPOINT")
    with (
        tempfile.TemporaryDirectory() as state,
        open_runtime(_settings(source_url, target_url, database_url, state)) as runtime,
    ):
        if not runtime.entities.all():
            runtime.entities.create(SLUG, {"business_key": "[line_id]", "delta_strategy": "hash"})
        started = time.perf_counter()
        ended, ticker = run_with_ticker(lambda: runtime.batches.sync([SLUG], SyncType.INCREMENTAL)[0])
        seconds = time.perf_counter() - started
    if ended.status is not BatchStatus.COMPLETED:
        raise SystemExit(f"The batch did not complete: {ended.status}, {ended.error_message}")
    return Measured(seconds, ended.counters.fetched, dict(ended.stage_seconds), _peak_rss_mib(), ticker)


def _peak_rss_mib() -> int:
    """The kernel's own mark; `getrusage` would also count what the parent held before this process was started."""
    status = Path("/proc/self/status").read_text(encoding="ascii")
    return int(re.findall(r"VmHWM:\s+(\d+) kB", status)[0]) // 1024


def _settings(source_url: str, target_url: str, database_url: str, state: str) -> Settings:
    return Settings(
        state_dir=Path(state),
        database_url=database_url,
        apismith_url=source_url,
        apismith_token=STATIC_TOKEN,
        schedulehub_url=target_url,
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
    parser.add_argument("--json", action="store_true", help="one JSON object instead of lines")
    options = parser.parse_args()
    result = measure(Case(options.rows, options.wire, options.target, options.run), options.rounds)
    if options.json:
        sys.stdout.write(json.dumps(result) + "\n")
        return
    for name, value in result.items():
        sys.stdout.write(f"{name:<20}{value}\n")


if __name__ == "__main__":
    main()
