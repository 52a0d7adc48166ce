"""What happens around a sync: disks that are full, a configuration that is edited meanwhile."""

import resource
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from syncflow.model import BatchStatus
from syncflow.sandbox.faults import Fault
from syncflow.store.database import Database
from tests.faults.field import BAD, ROWS, Field, items, open_field
from tests.faults.gates import gate

pytestmark = pytest.mark.integration
GOOD = ROWS - len(BAD)


@pytest.fixture
def field_over_http(database: Database, tmp_path: Path) -> Iterator[Field]:
    with open_field("http", database, tmp_path) as made:
        made.serve(items())
        yield made


@contextmanager
def full_disk(field: Field, table: str) -> Iterator[None]:
    """PostgreSQL answers a write into this table as it does when its disk is full."""
    field.execute(
        "CREATE FUNCTION full_disk() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION USING "
        "ERRCODE = 'disk_full', MESSAGE = 'could not extend file: No space left on device'; END $$; "
        f"CREATE TRIGGER full_disk BEFORE INSERT OR UPDATE ON {table} FOR EACH STATEMENT EXECUTE FUNCTION full_disk()"
    )
    yield
    field.execute(f"DROP TRIGGER full_disk ON {table}; DROP FUNCTION full_disk()")


@pytest.mark.parametrize("whose", ["the target's", "the metadata database's"])
def test_a_full_disk_is_a_clear_error_and_the_batch_resumes(field: Field, whose: str) -> None:
    field.configure()
    field.serve(items(300))
    field.sync()
    table = f'"{field.schema}".items' if whose == "the target's" else "syncflow.batch_chunks"
    field.serve(items())
    with full_disk(field, table):
        ended = field.sync()
    assert ended.status is BatchStatus.INTERRUPTED
    assert "No space left on device" in (ended.error_message or "")
    assert "space" in (ended.error_message or "") or "room" in (ended.error_message or "")
    field.check_books()
    field.sync()
    field.check()


def test_a_full_disk_of_its_own_is_a_clear_error_and_the_batch_resumes(field_over_http: Field) -> None:
    """What ScheduleHub lists is put into a temporary file, for which there is no room."""
    field = field_over_http
    field.configure()
    field.sync()
    field.serve(items(ROWS - 5))
    field.break_source(Fault("delay", path="/api/v1/apis/*", seconds=1.0))
    with field.process() as process:
        resource.prlimit(process.pid, resource.RLIMIT_FSIZE, (0, 0))
        _, said = process.communicate(timeout=30)
    assert field.statuses()[-1] == "interrupted"
    assert "temporary" in said
    assert "room" in said
    assert "Traceback" not in said
    field.check_books()
    field.sync()
    field.check()


def test_a_running_batch_keeps_the_configuration_that_it_began_with(field: Field) -> None:
    """Also when it is stopped and gone on with; the next batch takes the new one, and compares every row anew."""
    field.configure()
    books = ("syncflow.batch_chunks", "UPDATE", "NEW.state = 'done' AND NEW.number = 1")
    with gate(field.database_url, *books) as held, field.process() as process:
        held.wait()
        field.configure(", mappings: [{source: NAME, transformation: uppercase}]")
        process.terminate()
        held.open()
        process.communicate(timeout=30)
    assert field.statuses() == ["interrupted"]
    field.sync()
    field.check()
    assert field.ask(f'SELECT count(*) FROM "{field.schema}".items WHERE name <> lower(name)') == [(0,)]
    assert field.sync().counters.updated == GOOD
    assert field.ask(f'SELECT count(*) FROM "{field.schema}".items WHERE name <> upper(name)') == [(0,)]
