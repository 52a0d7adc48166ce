"""Real manufacturing data, all the way, over each of the three ways into ScheduleHub: every value of every row."""

from collections.abc import Iterator
from datetime import datetime
from decimal import Decimal
from pathlib import Path

import psycopg
import pytest
from psycopg.rows import dict_row

from syncflow.model import BatchStatus, SyncType
from syncflow.sandbox.apismith.csv_folder import read_folder
from syncflow.sandbox.apismith.server import ApiSmith
from syncflow.store.database import Database
from tests.acceptance import adventureworks as truth
from tests.acceptance.neighbours import TOKENS, WAYS, Neighbours, neighbours

pytestmark = [
    pytest.mark.integration,
    pytest.mark.skipif(not truth.FOLDER.is_dir(), reason="the AdventureWorks folder is not here"),
]

ENTITIES = "entities.yaml"


@pytest.fixture(params=WAYS)
def around(request: pytest.FixtureRequest, database: Database, tmp_path: Path) -> Iterator[Neighbours]:
    apismith = ApiSmith(read_folder(truth.FOLDER), tokens=TOKENS)
    text = (truth.FOLDER / ENTITIES).read_text(encoding="utf-8")
    with neighbours("database", apismith, database, (), tmp_path) as first, first.runtime() as runtime:
        runtime.entities.import_yaml(text, ENTITIES)
        tables = runtime.entities.tables()
    apismith = ApiSmith(read_folder(truth.FOLDER), tokens=TOKENS)
    with neighbours(request.param, apismith, database, tables, tmp_path) as around:
        yield around


def test_every_row_arrives_and_a_second_run_changes_nothing(around: Neighbours) -> None:
    entities = truth.entities()
    with around.runtime() as runtime:
        first = runtime.batches.sync(runtime.batches.enabled(), SyncType.INCREMENTAL)
    _assert_truth(around, entities)
    for ended in first:
        assert ended.counters.inserted == ended.counters.fetched - ended.counters.failed, ended
        failed = ended.counters.failed
        expected = BatchStatus.COMPLETED_WITH_ERRORS if failed else BatchStatus.COMPLETED
        assert ended.status is expected, ended
    with around.runtime() as runtime:
        second = runtime.batches.sync(runtime.batches.enabled(), SyncType.INCREMENTAL)
    for ended in second:
        counters = ended.counters
        assert (counters.inserted, counters.deleted, counters.withheld, counters.pending) == (0, 0, 0, 0), ended
        strategy = next(entity["delta_strategy"] for entity in entities if entity["name"] == ended.entity)
        assert counters.updated == (counters.fetched - counters.failed if strategy == "full" else 0), ended
    _assert_truth(around, entities)


def _assert_truth(around: Neighbours, entities: list[dict]) -> None:
    tables = {entity["name"]: truth.expected(entity) for entity in entities}
    keys = {entity["name"]: entity["business_key"] for entity in entities}
    with psycopg.connect(around.target_database, row_factory=dict_row) as connection:
        uids: dict[tuple[str, tuple[str, ...]], object] = {}
        found = {name: _rows(connection, around.target_schema, name, keys[name]) for name in tables}
        for name, rows in found.items():
            uids |= {(name, key): row["_bridge_uid"] for key, row in rows.items()}
        for name, expected in tables.items():
            assert found[name].keys() == expected.rows.keys(), name
            for key, row in expected.rows.items():
                held = found[name][key]
                assert {field: _plain(held[field]) for field in row} == row, (name, key)
                for reference, parent, parent_key in expected.parents[key]:
                    wanted = None if parent_key is None else uids[parent, parent_key]
                    assert held[f"{reference}_uid"] == wanted, (name, key, reference)


def _rows(connection: psycopg.Connection, schema: str, name: str, key: list[str]) -> dict[tuple[str, ...], dict]:
    rows = connection.execute(f'SELECT * FROM "{schema}"."{name}" WHERE _bridge_deleted_at IS NULL').fetchall()
    by_key = {tuple(truth.as_text(_plain(row[field])) for field in key): row for row in rows}
    assert len(by_key) == len(rows), f"{name}: a key stands twice"
    return by_key


def _plain(value: object) -> object:
    if isinstance(value, int):
        return Decimal(value)
    assert value is None or isinstance(value, str | Decimal | datetime | bytes), value
    return value
