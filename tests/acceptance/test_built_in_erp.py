"""The built-in ERP over several days: ScheduleHub against the generator's truth, over each way, row for row."""

from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import psycopg
import pytest
from psycopg.rows import dict_row

from syncflow.model import SyncType
from syncflow.sandbox.apismith.server import ApiSmith
from syncflow.sandbox.erp.entities import entities_yaml
from syncflow.sandbox.erp.erp import MUST_FAIL, WAITS_FOR, Erp
from syncflow.sandbox.erp.schema import TABLES
from syncflow.store.database import Database
from tests.acceptance.neighbours import TOKENS, WAYS, Neighbours, neighbours

pytestmark = pytest.mark.integration

ROWS = 4_000
Key = tuple[str, ...]


@pytest.fixture
def erp() -> Erp:
    return Erp(seed=7, rows=ROWS)


@pytest.fixture(params=[pytest.param(way, marks=[] if way == "database" else [pytest.mark.slow]) for way in WAYS])
def around(request: pytest.FixtureRequest, erp: Erp, database: Database, tmp_path: Path) -> Iterator[Neighbours]:
    with neighbours("database", _serve(erp), database, (), tmp_path) as first, first.runtime() as runtime:
        runtime.entities.import_yaml(entities_yaml(), "entities.yaml")
        tables = runtime.entities.tables()
    with neighbours(request.param, _serve(erp), database, tables, tmp_path) as around:
        yield around


def test_the_tables_agree_with_the_truth_after_each_day(around: Neighbours, erp: Erp) -> None:
    waited: set[tuple[str, Key]] = set()
    for _ in range(3):
        with around.runtime() as runtime:
            ended = runtime.batches.sync(runtime.batches.enabled(), SyncType.INCREMENTAL)
        assert not [batch for batch in ended if batch.error_message]
        for batch in ended:
            counters = batch.counters
            assert counters.settled == counters.fetched, batch
            assert counters.deletes_settled == counters.delete_candidates, batch
            assert counters.withheld == 0, batch
        waiting = _assert_truth(around, erp)
        assert not (waited & waiting), "a parent came, but its children still wait"
        waited |= waiting
        around.apismith.service.advance_day()
    assert waited, "no row ever waited for a parent: the test shows less than it says"


def _serve(erp: Erp) -> ApiSmith:
    return ApiSmith(business=erp, tokens=TOKENS)


def _assert_truth(around: Neighbours, erp: Erp) -> set[tuple[str, Key]]:
    """Compare every table; gives the rows that rightly wait for a parent."""
    waiting: set[tuple[str, Key]] = set()
    uids: dict[tuple[str, Key], object] = {}
    with psycopg.connect(around.target_database, row_factory=dict_row) as connection:
        for table in TABLES:
            truth = [_small(row) for row in erp.truth(table.slug).to_dicts()]
            good = {_key(table, row): row for row in truth if row[MUST_FAIL] is None and row[WAITS_FOR] is None}
            waiting |= {(table.slug, _key(table, row)) for row in truth if row[WAITS_FOR] is not None}
            held = {_key(table, row): row for row in _rows(connection, around.target_schema, table.slug)}
            failing = {_key(table, row) for row in truth if row[MUST_FAIL] is not None}
            assert held.keys() - failing == good.keys() - failing, table.slug
            uids |= {(table.slug, key): row["_bridge_uid"] for key, row in held.items()}
            for key, row in good.items():
                found = held[key]
                assert {name: _text(found[name]) for name in row if name[0] != "_"} == _plain(row), (table.slug, key)
                for parent in table.parents:
                    parent_key = tuple(row[own.lower()] for own, _ in parent.columns)
                    wanted = None if None in parent_key else uids[parent.slug, parent_key]
                    assert found[f"{parent.name}_uid"] == wanted, (table.slug, key, parent.name)
    return waiting


def _rows(connection: psycopg.Connection, schema: str, table: str) -> list[dict]:
    rows = connection.execute(f'SELECT * FROM "{schema}"."{table}" WHERE _bridge_deleted_at IS NULL').fetchall()
    assert len({row["_bridge_erp_key_hash"] for row in rows}) == len(rows), f"{table}: a key stands twice"
    return rows


def _small(row: dict) -> dict:
    return {name.lower(): value for name, value in row.items()}


def _plain(row: dict) -> dict:
    return {name: value for name, value in row.items() if name[0] != "_"}


def _key(table: object, row: dict) -> Key:
    return tuple(_text(row[name.lower()]) for name in table.key)  # type: ignore[attr-defined]


def _text(value: object) -> str | None:
    """A value of PostgreSQL as the generator writes it."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int | Decimal):
        return _digits(Decimal(value))
    if isinstance(value, datetime):
        text = value.astimezone(UTC).replace(tzinfo=None).isoformat() + "Z" if value.tzinfo else value.isoformat()
        return _without_zeros(text)
    return value.hex() if isinstance(value, bytes) else value  # type: ignore[return-value]


def _digits(value: Decimal) -> str:
    text = format(value, "f")
    return text.rstrip("0").rstrip(".") if "." in text else text


def _without_zeros(text: str) -> str:
    if "." not in text:
        return text
    zone = "Z" if text.endswith("Z") else ""
    return text.removesuffix("Z").rstrip("0") + zone
