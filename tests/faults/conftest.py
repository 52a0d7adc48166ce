"""A field for each test: `field` goes to ScheduleHub's database, `any_field` each of the three ways, `hub_field`
each of the two over HTTP."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from _pytest.mark import ParameterSet

from syncflow.store.database import Database
from tests.faults.field import Field, items, open_field


@pytest.fixture
def field(database: Database, tmp_path: Path) -> Iterator[Field]:
    with open_field("database", database, tmp_path) as made:
        made.serve(items())
        yield made


def slowly(way: str) -> ParameterSet:
    return pytest.param(way, marks=pytest.mark.slow)


@pytest.fixture(params=["database", *map(slowly, ("http", "http-v1"))])
def any_field(request: pytest.FixtureRequest, database: Database, tmp_path: Path) -> Iterator[Field]:
    with open_field(request.param, database, tmp_path) as made:
        made.serve(items())
        yield made


@pytest.fixture(params=[slowly("http"), "http-v1"])
def hub_field(request: pytest.FixtureRequest, database: Database, tmp_path: Path) -> Iterator[Field]:
    with open_field(request.param, database, tmp_path) as made:
        made.serve(items())
        yield made
