"""How long /metrics takes to answer while the same daemon syncs a large table.

    python -m tests.benchmarks.metrics --rows 1000000 --wire json

The daemon is a process of its own; this one asks it ten times a second, each time over a new connection. Everything
runs on loopback and ends by itself.
"""

import argparse
import http.client
import json
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict, dataclass
from pathlib import Path

from syncflow.model import SyncType
from syncflow.runtime import Runtime, open_runtime
from syncflow.sandbox.running import ServerProcess
from syncflow.settings import Settings
from syncflow.store import migrate
from syncflow.store.database import Database
from syncflow.store.embedded import EmbeddedPostgres
from tests.benchmarks.workload import SLUG, STATIC_TOKEN, WIRES, source_factory

PAUSE_SECONDS = 0.1
COMMAND = Path(sys.executable).parent / "syncflow"


@dataclass(frozen=True)
class Figures:
    """Milliseconds from asking to the last byte of the answer, while the batch ran."""

    rows: int
    wire: str
    sync_seconds: float
    scrapes: int
    p50_ms: float
    p99_ms: float
    max_ms: float
    bytes: int


def measure(rows: int, wire: str) -> Figures:
    with (
        EmbeddedPostgres.temporary() as server,
        tempfile.TemporaryDirectory() as state,
        ServerProcess(source_factory(rows, wire, changed=False)) as source,
    ):
        with Database(server.url()) as database:
            migrate.upgrade(database)
        settings = Settings(
            state_dir=Path(state),
            database_url=server.url(),
            apismith_url=source.url,
            apismith_token=STATIC_TOKEN,
            schedulehub_url=server.url(),
            api_port=_free_port(),
        )
        with open_runtime(settings) as runtime:
            runtime.entities.create(SLUG, {"business_key": "[line_id]", "delta_strategy": "hash"})
            return _measured(runtime, settings, rows, wire)


def _measured(runtime: Runtime, settings: Settings, rows: int, wire: str) -> Figures:
    given = {name.upper(): _text(getattr(settings, name)) for name in settings.model_fields_set}
    daemon = subprocess.Popen([COMMAND, "--daemon"], env={**os.environ, **given}, stdout=subprocess.DEVNULL)
    try:
        while not runtime.presence.all():
            time.sleep(0.1)
        (batch,) = runtime.batches.request([SLUG], SyncType.FULL)
        began, taken, size = time.perf_counter(), [], 0
        while runtime.batches.find(str(batch.uid)).completed_at is None:
            milliseconds, size = _scrape(settings.api_port)
            taken.append(milliseconds)
            time.sleep(PAUSE_SECONDS)
        seconds = time.perf_counter() - began
        settled = runtime.batches.find(str(batch.uid)).counters.inserted
    finally:
        daemon.terminate()
        daemon.wait(60)
    if settled != rows:
        raise SystemExit(f"The batch settled {settled:,} of {rows:,} rows.")
    taken.sort()
    p99 = taken[min(len(taken) - 1, int(len(taken) * 0.99))]
    figures = (round(each, 1) for each in (statistics.median(taken), p99, taken[-1]))
    return Figures(rows, wire, round(seconds, 1), len(taken), *figures, bytes=size)


def _scrape(port: int) -> tuple[float, int]:
    """Milliseconds and bytes, over a new connection."""
    began = time.perf_counter()
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    connection.request("GET", "/metrics")
    body = connection.getresponse().read()
    connection.close()
    return (time.perf_counter() - began) * 1000, len(body)


def _text(value: object) -> str:
    secret = getattr(value, "get_secret_value", None)
    return str(secret() if secret else value)


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def main() -> None:
    parser = argparse.ArgumentParser(description="Measure /metrics while a table is synced.")
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--wire", choices=tuple(WIRES), default="json")
    options = parser.parse_args()
    sys.stdout.write(json.dumps(asdict(measure(options.rows, options.wire))) + "\n")


if __name__ == "__main__":
    main()
