"""A ScheduleHub in a schema of its own for each test that asks."""

import uuid
from collections.abc import Iterator

import httpx
import psycopg
import pytest
from psycopg import sql

from syncflow.sandbox.running import RunningServer
from syncflow.sandbox.schedulehub.server import ScheduleHub
from tests.sandbox.clients import logged_in


@pytest.fixture
def schema(postgres_url: str) -> Iterator[str]:
    """The name of a schema that is dropped afterwards."""
    name = f"t_{uuid.uuid4().hex[:8]}"
    yield name
    with psycopg.connect(postgres_url) as db:
        db.execute(sql.SQL("DROP SCHEMA IF EXISTS {} CASCADE").format(sql.Identifier(name)))


@pytest.fixture
def hub(postgres_url: str, schema: str) -> ScheduleHub:
    return ScheduleHub(postgres_url, schema)


@pytest.fixture
def hub_client(hub: ScheduleHub) -> Iterator[httpx.Client]:
    """A client that is logged in; its base URL ends with /api/v1."""
    with RunningServer(hub.app) as server, logged_in(server.url) as client:
        yield client
