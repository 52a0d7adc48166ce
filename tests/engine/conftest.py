"""A small world: one APISmith whose tables a test makes up, ScheduleHub's database, and a SyncFlow between them."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path

import psycopg
import pytest
from psycopg.rows import dict_row

from syncflow.events import BatchEnded
from syncflow.model import SyncType
from syncflow.runtime import Runtime
from syncflow.sandbox.apismith.definition import parse_definition
from syncflow.sandbox.apismith.server import ApiSmith
from syncflow.sandbox.apismith.table import table_from_rows
from syncflow.settings import Settings
from syncflow.store.database import Database
from tests.acceptance.neighbours import TOKENS, Neighbours, neighbours

Row = Mapping[str, object]


class World:
    """`serve` replaces a table at the source, `configure` an entity, `sync` runs batches; `rows` reads the target."""

    def __init__(self, around: Neighbours) -> None:
        self._around = around

    def serve(self, slug: str, columns: Mapping[str, str], rows: Sequence[Row], key: Sequence[str] = ()) -> None:
        """`columns` are those that the definition declares: none of them on an old APISmith."""
        body: dict[str, object] = {"slug": slug, "name": slug}
        if columns:
            body["columns"] = [{"name": name, "data_type": declared} for name, declared in columns.items()]
        if key:
            body["business_key_columns"] = list(key)
        self._around.apismith.service.publish(table_from_rows(parse_definition(body), [dict(row) for row in rows]))

    def configure(self, yaml: str) -> None:
        with self._around.runtime() as runtime:
            runtime.entities.import_yaml(yaml, "test.yaml")

    @property
    def settings(self) -> Settings:
        return self._around.settings

    def runtime(self) -> AbstractContextManager[Runtime]:
        return self._around.runtime()

    def sync(self, *names: str, sync_type: SyncType = SyncType.INCREMENTAL) -> list[BatchEnded]:
        with self._around.runtime() as runtime:
            return runtime.batches.sync(names, sync_type)

    def sync_one(self, name: str, sync_type: SyncType = SyncType.INCREMENTAL) -> BatchEnded:
        return self.sync(name, sync_type=sync_type)[0]

    def rows(self, table: str) -> list[dict]:
        """All rows of a target table, also softly deleted ones, in the order of their readable keys."""
        statement = f'SELECT * FROM "{self._around.target_schema}"."{table}" ORDER BY _bridge_erp_ref_str'
        with psycopg.connect(self._around.target_database, row_factory=dict_row) as connection:
            return connection.execute(statement).fetchall()

    def values(self, table: str, *columns: str) -> list[tuple]:
        return [tuple(row[name] for name in columns) for row in self.rows(table)]

    def execute(self, statement: str) -> None:
        """In the target's schema."""
        with psycopg.connect(self._around.target_database, autocommit=True) as connection:
            connection.execute(f'SET search_path TO "{self._around.target_schema}"')
            connection.execute(statement)

    def metadata(self, statement: str) -> list[tuple]:
        """In the metadata schema."""
        with psycopg.connect(self._around.target_database, autocommit=True) as connection:
            connection.execute("SET search_path TO syncflow")
            return connection.execute(statement).fetchall()


@pytest.fixture
def world(database: Database, tmp_path: Path) -> Iterator[World]:
    with neighbours("database", ApiSmith(tokens=TOKENS), database, (), tmp_path) as around:
        yield World(around)
