"""One SyncFlow between an APISmith and ScheduleHub's database, for any number of made-up tables one after the other."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import psycopg
import pytest

from syncflow.events import BatchEnded
from syncflow.model import SyncType
from syncflow.runtime import Runtime, open_runtime
from syncflow.sandbox.apismith.definition import parse_definition
from syncflow.sandbox.apismith.server import ApiSmith
from syncflow.sandbox.apismith.table import table_from_rows
from syncflow.store.database import Database
from tests.acceptance.neighbours import TOKENS, Neighbours, neighbours

Row = Mapping[str, object]
_SMALL = {"sync_chunk_rows": 3, "default_batch_size": 3, "max_batch_size": 3}


class Ground:
    """`clear` makes it as new; `serve` and `configure` set a table and its entities, `sync` runs one batch."""

    def __init__(self, around: Neighbours, runtime: Runtime) -> None:
        self._around = around
        self.runtime = runtime

    def clear(self) -> None:
        self._execute(f'DROP SCHEMA IF EXISTS "{self._around.target_schema}" CASCADE')
        self._execute(
            "TRUNCATE syncflow.sync_batches, syncflow.pending_children, syncflow.failed_records, "
            "syncflow.entity_config, syncflow.erp_sync_state CASCADE"
        )

    def serve(self, slug: str, columns: Mapping[str, str], rows: Sequence[Row]) -> None:
        declared = [{"name": name, "data_type": type_} for name, type_ in columns.items()]
        definition = parse_definition({"slug": slug, "name": slug, "columns": declared})
        self._around.apismith.service.publish(table_from_rows(definition, [dict(row) for row in rows]))

    def configure(self, yaml: str) -> None:
        self.runtime.entities.import_yaml(yaml, "made-up.yaml")

    def sync(self, *names: str) -> list[BatchEnded]:
        return self.runtime.batches.sync(names, SyncType.INCREMENTAL)

    def target(self, statement: str) -> list[tuple[Any, ...]]:
        return self._ask(self._around.target_schema, statement)

    def books(self, statement: str) -> list[tuple[Any, ...]]:
        return self._ask("syncflow", statement)

    def _ask(self, schema: str, statement: str) -> list[tuple[Any, ...]]:
        with psycopg.connect(self._around.target_database) as connection:
            connection.execute(f'SET search_path TO "{schema}"'.encode())
            return connection.execute(statement.encode()).fetchall()

    def _execute(self, statement: str) -> None:
        with psycopg.connect(self._around.target_database, autocommit=True) as connection:
            connection.execute(statement.encode())


@pytest.fixture
def ground(database: Database, tmp_path: Path) -> Iterator[Ground]:
    with (
        neighbours("database", ApiSmith(tokens=TOKENS), database, (), tmp_path) as around,
        open_runtime(around.settings.model_copy(update=_SMALL), actor="properties") as runtime,
    ):
        yield Ground(around, runtime)
