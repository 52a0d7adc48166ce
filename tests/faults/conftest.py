"""A field for each test: `field` goes to ScheduleHub's database, `any_field` each of the three ways."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from syncflow.store.database import Database
from tests.faults.field import WAYS, Field, items, open_field


@pytest.fixture
def field(database: Database, tmp_path: Path) -> Iterator[Field]:
    with open_field("database", database, tmp_path) as made:
        made.serve(items())
        yield made


@pytest.fixture(params=WAYS)
def any_field(request: pytest.FixtureRequest, database: Database, tmp_path: Path) -> Iterator[Field]:
    with open_field(request.param, database, tmp_path) as made:
        made.serve(items())
        yield made


@pytest.fixture(params=WAYS[1:])
def hub_field(request: pytest.FixtureRequest, database: Database, tmp_path: Path) -> Iterator[Field]:
    with open_field(request.param, database, tmp_path) as made:
        made.serve(items())
        yield made
