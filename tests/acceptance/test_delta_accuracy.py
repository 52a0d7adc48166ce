"""Ten days of the built-in ERP at 100,000 rows: each decision (insert, update, unchanged, delete) of each night against
what the generator knows, seen in PostgreSQL itself. A row that was written has a new `xmin`; one that was left alone
has not, whatever anybody says."""

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from psycopg import sql

from syncflow.model import SyncType
from syncflow.sandbox.apismith.server import ApiSmith
from syncflow.sandbox.erp.entities import entities_yaml
from syncflow.sandbox.erp.erp import MUST_FAIL, WAITS_FOR, Erp
from syncflow.sandbox.erp.schema import TABLES, ErpTable
from syncflow.store.database import Database
from tests.acceptance.neighbours import TOKENS, Neighbours, neighbours
from tests.acceptance.test_built_in_erp import Key, _assert_truth, _text

pytestmark = [pytest.mark.integration, pytest.mark.slow]

ROWS = 100_000
DAYS = 10
EVERY_ROW_IS_WRITTEN = frozenset({"sites", "work_areas"})
"""Their strategy is `full`."""

Decisions = dict[Key, str]
Values = tuple[str | None, ...]


class Table:
    """One table of the target: what stood in it after the last night, and what that night should have done."""

    def __init__(self, erp: ErpTable) -> None:
        self._erp = erp
        self._loaded: dict[Key, Values] = {}
        self._written: dict[Key, str] = {}

    def wanted(self, erp: Erp) -> Decisions:
        """What has to be decided about each key that is at the source or in the target."""
        truth = erp.truth(self._erp.slug)
        names = [name for name in truth.columns if name not in (MUST_FAIL, WAITS_FOR)]
        key_places = [names.index(name) for name in self._erp.key]
        decisions = dict.fromkeys(self._written, "delete")
        for fails, waits, *values in truth.select(MUST_FAIL, WAITS_FOR, *names).iter_rows():
            key = tuple(values[place] for place in key_places)
            if fails is not None or waits is not None:
                decisions[key] = "unchanged" if key in self._written else "none"
                continue
            decisions[key] = self._decision(key, tuple(values))
            self._loaded[key] = tuple(values)
        return decisions

    def _decision(self, key: Key, values: Values) -> str:
        if key not in self._written:
            return "insert"
        is_same = self._loaded.get(key) == values and self._erp.slug not in EVERY_ROW_IS_WRITTEN
        return "unchanged" if is_same else "update"

    def done(self, connection: psycopg.Connection, schema: str) -> Decisions:
        """What was done since the last look, by what PostgreSQL tells of its rows."""
        columns = sql.SQL(", ").join(sql.Identifier(name.lower()) for name in self._erp.key)
        query = sql.SQL("SELECT xmin::text, {} FROM {} WHERE _bridge_deleted_at IS NULL")
        rows = connection.execute(query.format(columns, sql.Identifier(schema, self._erp.slug)))
        now = {tuple(str(_text(part)) for part in key): written for written, *key in rows}
        before, self._written = self._written, now
        done = dict.fromkeys(before.keys() - now.keys(), "delete")
        for key, written in now.items():
            done[key] = "insert" if key not in before else "unchanged" if before[key] == written else "update"
        return done


@pytest.fixture
def erp() -> Erp:
    return Erp(seed=11, rows=ROWS)


@pytest.fixture
def around(erp: Erp, database: Database, tmp_path: Path) -> Iterator[Neighbours]:
    with neighbours("database", ApiSmith(business=erp, tokens=TOKENS), database, (), tmp_path) as around:
        with around.runtime() as runtime:
            runtime.entities.import_yaml(entities_yaml(), "entities.yaml")
        yield around


def test_no_decision_of_ten_days_is_wrong(around: Neighbours, erp: Erp) -> None:
    tables = {table.slug: Table(table) for table in TABLES}
    counted: Counter[str] = Counter()
    for day in range(DAYS + 1):
        if day:
            around.apismith.service.advance_day()
        with around.runtime() as runtime:
            ended = runtime.batches.sync(runtime.batches.enabled(), SyncType.INCREMENTAL)
        assert not [batch for batch in ended if batch.error_message]
        with psycopg.connect(around.target_database) as connection:
            for slug, table in tables.items():
                wanted, done = table.wanted(erp), table.done(connection, around.target_schema)
                wrong = {
                    key: (want, done.get(key, "none")) for key, want in wanted.items() if done.get(key, "none") != want
                }
                strange = {key: did for key, did in done.items() if key not in wanted}
                assert not wrong, f"day {day}, {slug}: (wanted, done): {dict(list(wrong.items())[:10])}"
                assert not strange, f"day {day}, {slug}: {dict(list(strange.items())[:10])}"
                counted.update(did for did in wanted.values() if did != "none")
    print(f"{counted.total():,} decisions, none wrong: {dict(counted)}")
    assert min(counted[decision] for decision in ("insert", "update", "unchanged", "delete")) > 1_000
    _assert_truth(around, erp)
