"""The wall clock is set while a sync runs: deadlines and waits are judged by clocks that only go on."""

import ast
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from itertools import cycle
from pathlib import Path

import pytest

from syncflow.connectors.auth import Credentials
from syncflow.connectors.exchange import Timeouts
from syncflow.connectors.registry import Endpoint, open_source, open_target
from syncflow.connectors.retrying import RetryPolicy
from syncflow.engine.dispatcher import Dispatcher
from syncflow.engine.extract import PageSizes
from syncflow.engine.runner import Options, Surroundings
from syncflow.events import BatchEnded
from syncflow.model import BatchStatus, SyncType
from syncflow.runtime import nobody
from syncflow.sandbox.faults import Fault
from syncflow.service.batches import BatchService
from syncflow.store.claims import worker_name
from syncflow.store.database import Database
from tests.faults.field import BAD, ROOT, ROWS, SLUG, TOKENS, Field, item

GOOD = ROWS - len(BAD)
STEPS = (timedelta(), timedelta(days=400), timedelta(hours=-3), timedelta(minutes=61), timedelta(days=-800))
READS_THE_WALL_CLOCK = {
    "clock.py": "the one clock that is handed in",
    "uuid7.py": "the time in a uid is for the eye; order comes from its counter",
    "connectors/auth.py": "a token says by date when it ends",
    "connectors/exchange.py": "Retry-After may be a date",
    "connectors/schedulehub.py": "a soft deletion says when it was",
    "cli/audit.py": "which 19:00 a person means",
    "cli/night_report.py": "the same",
    "i18n/formats.py": "what is said without its day is of today",
    "observation.py": "when it was looked, for the eye",
    "scheduler/service.py": "the timer's own: what is due is judged by the clock that is handed in",
    "service/doctor_machine.py": "how old the time-zone data is",
    "store/queue_counts.py": "when it was counted, for the eye",
    "service/worker.py": "since when it works, for the eye",
}
"""All that may, and why."""


class SetAllTheTime:
    """A wall clock that is set whenever somebody looks at it."""

    def __init__(self) -> None:
        self._steps = cycle(STEPS)
        self._lock = threading.Lock()

    def now(self) -> datetime:
        with self._lock:
            return datetime.now(UTC) + next(self._steps)

    def monotonic(self) -> float:
        return time.monotonic()


def sync_under(clock: SetAllTheTime, field: Field) -> BatchEnded:
    retry = RetryPolicy(attempts=3, wait_initial=0.02, wait_max=0.1)
    credentials = Credentials(TOKENS.service_token, None, None, None)
    with ExitStack() as stack:
        database = stack.enter_context(Database(field.database_url, application=worker_name()))
        apismith = Endpoint(str(field.settings["apismith_url"]), credentials, Timeouts(exchange=5.0), retry)
        source = open_source(apismith, lambda: False)
        stack.callback(source.close)
        hub = Endpoint(field.database_url, credentials, Timeouts(exchange=5.0), retry, schema=field.schema)
        target = open_target(hub, lambda: False)
        stack.callback(target.close)
        options = Options(chunk_rows=200, pages=PageSizes(100, 100))
        around = Surroundings(database, source, target, clock, options, nobody, threading.Event())
        batches = BatchService(database, source, Dispatcher(around, 1), clock, 100, "test")
        return batches.sync([SLUG], SyncType.INCREMENTAL)[0]


@pytest.mark.integration
def test_a_clock_that_is_set_in_mid_run_changes_nothing(field: Field) -> None:
    field.configure(", delta_strategy: rowversion, rowversion_field: version")
    clock = SetAllTheTime()
    for version in (0, 1):
        field.serve([item(n, f"night {version}", n + version * ROWS) for n in range(1, ROWS + 1)])
        field.break_source(Fault("status", path="/api/v1/runtime/*", skip=3, status=503, retry_after="1"))
        began = time.monotonic()
        ended = sync_under(clock, field)
        assert ended.status is BatchStatus.COMPLETED_WITH_ERRORS, ended.error_message
        assert 0.9 < time.monotonic() - began < 20
        assert 0 < ended.seconds < 20
        assert (ended.counters.inserted, ended.counters.updated) == ((0, GOOD) if version else (GOOD, 0))
        field.check()
    assert field.watermark() == str(2 * ROWS)


@pytest.mark.unit
def test_nothing_but_these_looks_at_the_wall_clock() -> None:
    """Deadlines, waits and leases are for monotonic clocks."""
    found = {path for path, source in product() for node in ast.walk(ast.parse(source)) if reads_the_wall_clock(node)}
    assert found == READS_THE_WALL_CLOCK.keys()


def product() -> Iterator[tuple[str, str]]:
    """The sandbox is another world, with a clock of its own."""
    root = ROOT / "syncflow"
    for file in sorted(root.rglob("*.py")):
        path = Path(file).relative_to(root)
        if path.parts[0] != "sandbox":
            yield path.as_posix(), file.read_text(encoding="utf-8")


def reads_the_wall_clock(node: ast.AST) -> bool:
    if not isinstance(node, ast.Attribute) or not isinstance(node.value, ast.Name):
        return False
    name = f"{node.value.id}.{node.attr}"
    return name in {
        "time.time", "time.time_ns", "time.localtime", "time.gmtime", "datetime.now", "datetime.utcnow",
        "datetime.today", "date.today",
    }  # fmt: skip
