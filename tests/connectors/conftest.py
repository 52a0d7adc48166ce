"""Rows as the stages hand them to a target, and a schema of ScheduleHub's own in a real PostgreSQL."""

from collections.abc import Iterator
from itertools import count

import psycopg
import pytest

from syncflow.connectors.postgres import Database
from syncflow.connectors.retrying import Retrier, RetryPolicy
from syncflow.connectors.schedulehub_pg import ScheduleHubPostgres

_numbers = count(1)


@pytest.fixture
def schema(postgres_url: str) -> Iterator[str]:
    name = f"Hub {next(_numbers)}"
    yield name
    with psycopg.connect(postgres_url, autocommit=True) as connection:
        connection.execute(f'DROP SCHEMA IF EXISTS "{name}" CASCADE'.encode())


@pytest.fixture
def hub(postgres_url: str, schema: str) -> Iterator[ScheduleHubPostgres]:
    retrier = Retrier(RetryPolicy(attempts=3, wait_initial=0.01))
    target = ScheduleHubPostgres(Database(postgres_url, retrier), schema)
    yield target
    target.close()


@pytest.fixture
def connection(postgres_url: str, schema: str) -> Iterator[psycopg.Connection[tuple[object, ...]]]:
    """A session of somebody else's, whose names are looked up in the schema."""
    with psycopg.connect(postgres_url, autocommit=True, options="-c timezone=UTC") as connection:
        connection.execute(f'SET search_path = "{schema}"'.encode())
        yield connection
