"""A real PostgreSQL for the tests: one server a worker, one migrated database copied for each test that asks."""

import sys
from collections.abc import Iterator
from itertools import count
from pathlib import Path

import psycopg
import pytest
from hypothesis import settings

from syncflow.store import migrate
from syncflow.store.database import Database
from syncflow.store.embedded import EmbeddedPostgres

# How long an example takes says more of the machine than of the product.
settings.register_profile("syncflow", deadline=None)
settings.load_profile("syncflow")

_TEMPLATE = "migrated"
_numbers = count(1)


def pytest_configure() -> None:
    """The catalogues are read as they stand, whatever was compiled last."""
    sys.path.insert(0, str(Path(__file__).parents[1] / "locales"))
    from compiling import compile_all

    compile_all()


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[EmbeddedPostgres]:
    """A server of this test process alone, without fsync; it is gone at the end."""
    with EmbeddedPostgres.temporary(durable=False) as server:
        yield server


@pytest.fixture(scope="session")
def postgres_url(postgres_server: EmbeddedPostgres) -> str:
    """The address of an empty database that the tests of this process share; make a schema of your own in it."""
    return postgres_server.url()


@pytest.fixture(scope="session")
def migrated_template(postgres_server: EmbeddedPostgres) -> str:
    """The name of a migrated database that nobody is connected to."""
    _execute(postgres_server, f"CREATE DATABASE {_TEMPLATE}")
    with Database(postgres_server.url(_TEMPLATE)) as database:
        migrate.upgrade(database)
    return _TEMPLATE


@pytest.fixture
def database(postgres_server: EmbeddedPostgres, migrated_template: str) -> Iterator[Database]:
    """A migrated metadata database of this test's own, in the schema `syncflow`. A ScheduleHub may live beside it in
    another schema: `database.url` is its address."""
    name = f"test_{next(_numbers)}"
    _execute(postgres_server, f"CREATE DATABASE {name} TEMPLATE {migrated_template}")
    with Database(postgres_server.url(name)) as database:
        yield database
    _execute(postgres_server, f"DROP DATABASE {name} WITH (FORCE)")


def _execute(server: EmbeddedPostgres, statement: str) -> None:
    with psycopg.connect(server.url("postgres"), autocommit=True) as connection:
        connection.execute(statement.encode())
