"""The migrations make exactly the tables that the program describes, up, down and up again."""

import subprocess
import sys
import zipfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import sqlalchemy as sa
from sqlalchemy import Connection

from syncflow.errors import UnavailableError, UsageError
from syncflow.store import migrate
from syncflow.store.database import Database
from syncflow.store.tables import metadata

pytestmark = pytest.mark.integration

REPOSITORY = Path(__file__).parent.parent.parent

_CATALOGUE = (
    """SELECT table_name, column_name, data_type, udt_name, is_nullable, column_default, is_identity, numeric_precision
       FROM information_schema.columns WHERE table_schema = current_schema() ORDER BY 1, 2""",
    """SELECT conrelid::regclass::text, conname, pg_get_constraintdef(oid) FROM pg_constraint
       WHERE connamespace = current_schema()::regnamespace ORDER BY 1, 2""",
    """SELECT tablename, indexname, replace(indexdef, current_schema() || '.', '') FROM pg_indexes
       WHERE schemaname = current_schema() ORDER BY 1, 2""",
    """SELECT attrelid::regclass::text, attname, attstorage::text FROM pg_attribute
       JOIN pg_class c ON c.oid = attrelid WHERE relnamespace = current_schema()::regnamespace
       AND relkind = 'r' AND attnum > 0 ORDER BY 1, 2""",
)


def catalogue(connection: Connection) -> list[tuple[object, ...]]:
    """Everything about the tables of the current schema, but for alembic's own."""
    rows = [tuple(row) for query in _CATALOGUE for row in connection.execute(sa.text(query))]
    return [row for row in rows if row[0] != migrate.VERSION_TABLE]


def test_the_migrated_schema_is_the_one_that_the_program_describes(postgres_url: str) -> None:
    with Database(postgres_url, "described") as database, database.begin() as connection:
        connection.execute(sa.text("CREATE SCHEMA described"))
        metadata.create_all(connection)
        described = catalogue(connection)
    with Database(postgres_url, "migrated_schema") as database:
        migrate.upgrade(database)
        with database.connect() as connection:
            assert catalogue(connection) == described
        migrate.downgrade(database, "base")
        with database.connect() as connection:
            assert catalogue(connection) == []
        assert migrate.current(database) is None
        migrate.upgrade(database)
        with database.connect() as connection:
            assert catalogue(connection) == described
        assert migrate.current(database) == migrate.head()


def test_several_that_migrate_at_once_do_it_once(postgres_url: str) -> None:
    with Database(postgres_url, "at_once") as database, ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda _: migrate.upgrade(database), range(4)))
        assert migrate.current(database) == migrate.head()


def test_an_old_a_new_and_an_unknown_schema_are_told_apart(postgres_url: str) -> None:
    with Database(postgres_url, "versions") as database:
        with pytest.raises(UnavailableError, match="Run: syncflow db upgrade"):
            migrate.require_current(database)
        migrate.upgrade(database)
        migrate.require_current(database)
        with database.begin() as connection:
            connection.execute(sa.text(f"UPDATE {migrate.VERSION_TABLE} SET version_num = '9999'"))
        with pytest.raises(UnavailableError, match="newer version"):
            migrate.require_current(database)


def test_a_revision_that_nobody_knows(database: Database) -> None:
    with pytest.raises(UsageError, match="'zzz'"):
        migrate.downgrade(database, "zzz")


def test_bulk_columns_are_stored_as_they_are(database: Database) -> None:
    query = "SELECT attname FROM pg_attribute WHERE attrelid = 'batch_chunks'::regclass AND attstorage = 'e' ORDER BY 1"
    with database.connect() as connection:
        assert connection.execute(sa.text(query)).scalars().all() == ["intent", "seen_keys"]


_BATCH = """INSERT INTO sync_batches
    (uid, entity_name, sync_type, delta_strategy, source_system, status, requested_by, requested_at, rows_fetched)
    VALUES (gen_random_uuid(), 'items', 'full', 'hash', 'erp', '{status}', 'me', now(), {fetched})"""
_FAILED = """INSERT INTO failed_records
    (batch_uid, entity_name, key_hash, raw_hash, source_system, raw_data, stage_failed, error_type, error_message,
     created_at, updated_at)
    VALUES (gen_random_uuid(), 'items', {key}, repeat('{raw}', 32), 'erp', '{{"A": "\\u0000 \\ud800"}}', 's4_numeric',
     'not_a_number', 'N/A', now(), now())"""


@pytest.mark.parametrize(
    ("statements", "constraint"),
    [
        ([_BATCH.format(status="running", fetched=0), _BATCH.format(status="cancelling", fetched=0)], "running"),
        ([_BATCH.format(status="completed", fetched=1)], "conservation"),
        ([_BATCH.format(status="done", fetched=0)], "status"),
        ([_BATCH.format(status="queued", fetched=-1)], "counts"),
        ([_FAILED.format(key="NULL", raw="a")] * 2, "open"),
        ([_FAILED.format(key="repeat('b', 32)", raw="a"), _FAILED.format(key="repeat('b', 32)", raw="c")], "open"),
        ([_FAILED.format(key="'short'", raw="a")], "key_hash"),
    ],
)
def test_the_tables_refuse_what_must_not_be(database: Database, statements: list[str], constraint: str) -> None:
    with pytest.raises(sa.exc.IntegrityError, match=rf"_{constraint}\b"), database.begin() as connection:
        connection.exec_driver_sql(";".join(statements))


def test_the_tables_take_what_may_be(database: Database) -> None:
    with database.begin() as connection:
        for statement in (
            _BATCH.format(status="running", fetched=1),
            _BATCH.format(status="queued", fetched=0),
            _BATCH.format(status="failed", fetched=1),
            _FAILED.format(key="NULL", raw="a"),
            _FAILED.format(key="NULL", raw="b"),
            "UPDATE failed_records SET resolved_at = now()",
            _FAILED.format(key="NULL", raw="a"),
        ):
            connection.exec_driver_sql(statement)


@pytest.mark.slow
def test_an_installed_wheel_brings_its_migrations(tmp_path: Path) -> None:
    subprocess.run(
        [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--wheel-dir", tmp_path, REPOSITORY], check=True
    )
    (wheel,) = tmp_path.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(tmp_path / "installed")
    program = "from syncflow.store import migrate; print(migrate.migrations_directory(), migrate.head())"
    said = subprocess.run(
        [sys.executable, "-P", "-c", program],
        env={"PYTHONPATH": str(tmp_path / "installed")},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
    )
    assert said.stdout.split() == [str(tmp_path / "installed" / "syncflow" / "_migrations"), migrate.head()]
