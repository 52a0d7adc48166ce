"""One entity between the two sandbox servers, with its truth, its faults and the laws that must hold after each."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from uuid import uuid4

import psycopg

from syncflow.events import BatchEnded, Listener
from syncflow.model import SyncType
from syncflow.runtime import Runtime, nobody, open_runtime
from syncflow.sandbox.apismith.definition import parse_definition
from syncflow.sandbox.apismith.server import ApiSmith
from syncflow.sandbox.apismith.table import table_from_rows
from syncflow.sandbox.apismith.wires import ALL_WIRES, Wire
from syncflow.sandbox.faults import Fault
from syncflow.sandbox.running import RunningServer
from syncflow.sandbox.schedulehub.server import CAPABILITIES, ScheduleHub, ScheduleHubOptions
from syncflow.sandbox.tokens import TokenOptions
from syncflow.settings import Settings
from syncflow.store.database import Database

TOKENS = TokenOptions(service_token="faults")
SLUG = "items"
COLUMNS = {"ID": "NUMBER(10)", "NAME": "VARCHAR2(40)", "QTY": "NUMBER(12,2)", "VERSION": "NUMBER(10)"}
TABLE = {
    "columns": [
        {"name": "id", "type": "integer", "nullable": False},
        {"name": "name", "type": "text", "nullable": True},
        {"name": "qty", "type": "numeric", "nullable": True},
        {"name": "version", "type": "integer", "nullable": True},
    ],
    "parent_refs": [],
}
ROWS = 1_000
BAD = frozenset({7, 700, 999})
"""These rows have a quantity that is no number."""
ROOT = Path(__file__).parents[2]

Row = dict[str, object]
Held = tuple[int, str, Decimal | None]


def item(number: int, name: str | None = None, version: int = 1, **more: object) -> Row:
    quantity = "N/A" if number in BAD else f"{number}.50"
    return {"ID": str(number), "NAME": name or f"item {number}", "QTY": quantity, "VERSION": str(version), **more}


def items(count: int = ROWS) -> list[Row]:
    """In an order that is not that of the key, each with a version of its own."""
    return [item(number, version=number) for number in sorted(range(1, count + 1), key=lambda n: n * 7919 % 10007)]


def believed(rows: Sequence[Row]) -> list[Held]:
    """What the target must hold of these rows, as they were made up: an independent truth."""
    good = (row for row in rows if row["QTY"] != "N/A")
    return sorted((int(str(row["ID"])), str(row["NAME"]), Decimal(str(row["QTY"]))) for row in good)


@dataclass
class Field:
    """`serve` sets the truth, `sync` runs here, `start` in a process of its own; `check` looks at everything."""

    settings: dict[str, object]
    apismith: ApiSmith
    hub: ScheduleHub | None
    database_url: str
    schema: str
    folder: Path
    wires: list[Wire]
    """The forms of a page that APISmith offers."""
    rows: list[Row] = field(default_factory=list)

    def serve(self, rows: Sequence[Row], slug: str = SLUG, columns: Mapping[str, str] | None = None) -> None:
        declared = [{"name": name, "data_type": type_} for name, type_ in (columns or COLUMNS).items()]
        body: dict[str, object] = {"slug": slug, "name": slug, "business_key_columns": ["ID"], "columns": declared}
        self.apismith.service.publish(table_from_rows(parse_definition(body), [dict(row) for row in rows]))
        if slug == SLUG:
            self.rows = list(rows)

    def configure(self, options: str = "") -> None:
        with self.runtime() as runtime:
            runtime.entities.import_yaml(f"entities: [{{name: items, business_key: [id]{options}}}]", "test.yaml")

    def sync(self, listener: Listener = nobody, **changed: object) -> BatchEnded:
        """A sync in this process; `changed` are settings."""
        with self.runtime(listener, **changed) as runtime:
            return runtime.batches.sync([SLUG], SyncType.INCREMENTAL)[0]

    def runtime(self, listener: Listener = nobody, **changed: object) -> AbstractContextManager[Runtime]:
        return open_runtime(Settings(**{**self.settings, **changed}), listener, actor="test")  # type: ignore[arg-type]

    @contextmanager
    def process(self, **changed: object) -> Iterator["subprocess.Popen[str]"]:
        """A sync in a process of its own; it is killed at the end of the block, if it still lives."""
        file = self.folder / f"{uuid4().hex}.json"
        file.write_text(json.dumps({**self.settings, **changed}), encoding="utf-8")
        command = [sys.executable, "-m", "tests.faults.run_sync", str(file), SLUG]
        process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        try:
            yield process
        finally:
            process.kill()
            process.communicate()

    def break_source(self, *faults: Fault) -> None:
        self.apismith.faults.add(*faults)

    def break_hub(self, *faults: Fault) -> None:
        assert self.hub is not None
        self.hub.faults.add(*faults)

    def mend(self) -> None:
        self.apismith.faults.clear()
        if self.hub is not None:
            self.hub.faults.clear()

    def calls(self, ending: str) -> int:
        """How many calls of either neighbour end with this path."""
        boards = [self.apismith.calls, *([self.hub.calls] if self.hub else [])]
        counted = [board.snapshot()["calls"] for board in boards]
        return sum(count for each in counted for name, count in dict(each).items() if name.endswith(ending))  # type: ignore[call-overload]

    def held(self) -> list[Held]:
        return self.ask(f'SELECT id, name, qty FROM "{self.schema}".items WHERE _bridge_deleted_at IS NULL ORDER BY id')

    def count(self) -> int:
        """Rows in the target; 0 where there is no table yet."""
        if not self.ask(f"SELECT 1 FROM pg_tables WHERE schemaname = '{self.schema}' AND tablename = 'items'"):
            return 0
        return int(self.ask(f'SELECT count(*) FROM "{self.schema}".items')[0][0])

    def ask(self, statement: str) -> list[tuple]:  # type: ignore[type-arg]
        with psycopg.connect(self.database_url, autocommit=True) as connection:
            connection.execute("SET search_path TO syncflow")
            return connection.execute(statement.encode()).fetchall()

    def execute(self, statement: str) -> None:
        with psycopg.connect(self.database_url, autocommit=True) as connection:
            connection.execute(statement.encode())

    def totals(self, *names: str) -> tuple[int, ...]:
        """These counters of `sync_batches`, added up over all batches."""
        sums = ", ".join(f"coalesce(sum({name}), 0)" for name in names)
        return tuple(int(total) for total in self.ask(f"SELECT {sums} FROM sync_batches")[0])

    def statuses(self) -> list[str]:
        return [status for (status,) in self.ask("SELECT status FROM sync_batches ORDER BY requested_at, uid")]

    def watermark(self) -> str | None:
        found = self.ask("SELECT watermark FROM erp_sync_state")
        return found[0][0] if found else None

    def check(self) -> None:
        """Everything that must hold after an undisturbed sync (reliability, 1 to 6)."""
        assert self.held() == believed(self.rows)
        keys = f'SELECT count(*) - count(DISTINCT _bridge_erp_key_hash) FROM "{self.schema}".items'
        assert self.ask(keys) == [(0,)]
        self.check_books()
        assert set(self.statuses()) <= {"completed", "completed_with_errors", "failed", "cancelled"}
        failed = self.ask("SELECT raw_data->>'ID' FROM failed_records WHERE resolved_at IS NULL")
        assert {int(number) for (number,) in failed} == {int(str(r["ID"])) for r in self.rows if r["QTY"] == "N/A"}

    def check_books(self) -> None:
        """The conservation law, for every batch whatever its status."""
        assert (
            self.ask(
                "SELECT uid FROM sync_batches WHERE rows_fetched <> rows_inserted + rows_updated + rows_unchanged "
                "+ rows_duplicate + rows_pending + rows_failed OR delete_candidates <> rows_deleted + deletes_withheld "
                "+ deletes_refused + deletes_still_at_source"
            )
            == []
        )


@contextmanager
def syncflow(field: Field, *arguments: str) -> Iterator["subprocess.Popen[str]"]:
    """The command itself in a process of its own; it is killed at the end of the block, if it still lives."""
    environment = {**os.environ, **{name.upper(): str(value) for name, value in field.settings.items()}}
    process = subprocess.Popen(
        [Path(sys.executable).parent / "syncflow", *arguments],
        cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


@contextmanager
def open_field(way: str, database: Database, folder: Path) -> Iterator[Field]:
    """Both servers for as long as the block runs. `way`: `database` is ScheduleHub's own, `http` has all capabilities,
    `http-v1` none."""
    schema = f"hub_{uuid4().hex[:8]}"
    with ExitStack() as stack:
        wires = list(ALL_WIRES)
        apismith = ApiSmith(tokens=TOKENS, wires=wires)
        source = stack.enter_context(RunningServer(apismith.app))
        hub: ScheduleHub | None = None
        target = database.url
        if way != "database":
            file = folder / "tables.json"
            file.write_text(json.dumps({SLUG: TABLE}), encoding="utf-8")
            offered = CAPABILITIES if way == "http" else ()
            options = ScheduleHubOptions(offered, tables_file=file)
            hub = ScheduleHub(database.url, schema, options=options, tokens=TOKENS)
            target = stack.enter_context(RunningServer(hub.app)).url
        settings: dict[str, object] = {
            "state_dir": str(folder),
            "database_url": database.url,
            "apismith_url": source.url,
            "apismith_token": TOKENS.service_token,
            "apismith_timeout_seconds": 5.0,
            "schedulehub_url": target,
            "schedulehub_token": TOKENS.service_token,
            "schedulehub_timeout_seconds": 5.0,
            "schedulehub_schema": schema,
            "default_batch_size": 100,
            "max_batch_size": 100,
            "sync_chunk_rows": 200,
            "sync_worker_threads": 1,
            "api_port": 0,
            "max_retries": 2,
            "retry_delay_seconds": 0.02,
            "max_retry_delay_seconds": 0.1,
        }
        yield Field(settings, apismith, hub, database.url, schema, folder, wires)
