"""Connections to the metadata database, and its troubles in plain words with the remedy."""

import psycopg
import pytest
import sqlalchemy as sa

from syncflow.errors import ConfigurationError, RetriableError, UnavailableError
from syncflow.store.database import Database
from syncflow.store.embedded import EmbeddedPostgres
from tests.store.pooler import TransactionPooler

pytestmark = pytest.mark.integration


def test_a_session_has_the_schema_and_utc(database: Database) -> None:
    with database.connect() as connection:
        settings = [
            connection.execute(sa.text(f"SHOW {name}")).scalar_one()
            for name in ("search_path", "timezone", "application_name")
        ]
    assert settings == ['"syncflow"', "UTC", "syncflow"]
    with database.dedicated() as own:
        assert own.execute("SHOW search_path").fetchone() == ('"syncflow"',)


def test_a_pooler_that_shares_sessions_is_noticed(postgres_url: str) -> None:
    with Database(postgres_url) as direct:
        direct.require_sessions()
    with (
        TransactionPooler(postgres_url) as pooler,
        Database(f"postgresql://me@127.0.0.1:{pooler.port}/x?sslmode=disable") as pooled,
        pytest.raises(ConfigurationError, match=r"transaction pooling.*point DATABASE_URL to PostgreSQL itself"),
    ):
        pooled.require_sessions()


def test_reading_leaves_nothing_and_begin_commits_unless_it_fails(database: Database) -> None:
    insert = sa.text("INSERT INTO erp_sync_state (entity_name) VALUES (:name)")
    with database.connect() as connection:
        connection.execute(insert, {"name": "read"})
    with database.begin() as connection:
        connection.execute(insert, {"name": "kept"})
    with pytest.raises(sa.exc.IntegrityError), database.begin() as connection:
        connection.execute(insert, [{"name": "failed"}, {"name": "kept"}])
    with database.connect() as connection:
        assert connection.execute(sa.text("SELECT entity_name FROM erp_sync_state")).scalars().all() == ["kept"]


@pytest.mark.parametrize(
    ("url", "remedy"),
    [
        ("postgresql://me:hunter2@127.0.0.1:1/x", "Start it, or correct DATABASE_URL"),
        ("postgresql://me@/x?host=/nowhere", "Start it, or correct DATABASE_URL"),
    ],
)
def test_a_database_that_is_not_there(url: str, remedy: str) -> None:
    with Database(url) as database, pytest.raises(UnavailableError) as caught, database.connect():
        pass
    assert remedy in str(caught.value)
    assert "hunter2" not in str(caught.value)


def test_a_wrong_password_and_a_wrong_name(postgres_server: EmbeddedPostgres) -> None:
    with psycopg.connect(postgres_server.url(), autocommit=True) as connection:
        connection.execute("CREATE ROLE guest LOGIN PASSWORD 'right'")
    for url, remedy in (
        (postgres_server.url().replace("syncflow@", "guest:hunter2@"), "The password is wrong"),
        (postgres_server.url().replace("syncflow@", "guest@"), "It asks for a password"),
        (postgres_server.url("nowhere"), "Create it, or correct"),
    ):
        with Database(url) as database, pytest.raises(UnavailableError, match=remedy) as caught, database.dedicated():
            pass
        assert "hunter2" not in str(caught.value)


def test_a_database_without_tables_names_the_command(postgres_url: str) -> None:
    with (
        Database(postgres_url, "empty") as database,
        pytest.raises(UnavailableError, match="syncflow db upgrade"),
        database.connect() as connection,
    ):
        connection.execute(sa.text("SELECT * FROM sync_batches"))


def test_a_lost_connection_may_pass_and_the_next_one_works(database: Database) -> None:
    with pytest.raises(RetriableError, match="broke off"), database.connect() as connection:
        connection.execute(sa.text("SELECT pg_terminate_backend(pg_backend_pid())"))
    with database.connect() as connection:
        assert connection.execute(sa.text("SELECT 1")).scalar_one() == 1


def test_a_violated_constraint_is_for_the_caller_to_judge(database: Database) -> None:
    with pytest.raises(sa.exc.IntegrityError), database.begin() as connection:
        connection.execute(sa.text("INSERT INTO erp_sync_state (entity_name) VALUES ('a'), ('a')"))


@pytest.mark.parametrize("url", ["hello", "postgresql://h:port:x/d"])
def test_an_address_that_is_none(url: str) -> None:
    with pytest.raises(ConfigurationError, match="no address of a database"):
        Database(url)


def test_options_of_the_address_are_kept_beside_ours(postgres_server: EmbeddedPostgres) -> None:
    url = f"{postgres_server.url()}&options=-c%20work_mem%3D7MB"
    with Database(url, "other") as database, database.connect() as connection:
        shown = [connection.execute(sa.text(f"SHOW {name}")).scalar_one() for name in ("work_mem", "search_path")]
    assert shown == ["7MB", '"other"']
