"""What was inserted before a kill, and is gone or bad at the source before the batch goes on, is counted as inserted:
that it was read, and that it was loaded."""

import pytest

from syncflow.events import BatchEnded
from tests.faults.field import BAD, ROWS, Field, Row
from tests.faults.test_kill import kill_at

pytestmark = pytest.mark.integration
GOOD = ROWS - len(BAD)
GONE, WRONG = "3", "5"
SAID = "rows loaded before an interruption, and gone or bad at the source after it: 2"


def without_one_and_with_a_bad_one(rows: list[Row]) -> list[Row]:
    kept = [row for row in rows if row["ID"] != GONE]
    return [{**row, "QTY": "N/A"} if row["ID"] == WRONG else row for row in kept]


def balances(field: Field, ended: BatchEnded) -> bool:
    """The books have as many rows as the target."""
    field.check_books()
    inserted, deleted = field.totals("rows_inserted", "rows_deleted")
    held = field.ask(f'SELECT count(*) FROM "{field.schema}".items WHERE _bridge_deleted_at IS NULL')[0][0]
    return bool(inserted - deleted == held) and not field.ask(
        f"SELECT 1 FROM batch_chunks WHERE batch_uid = '{ended.batch}' AND intent IS NOT NULL"
    )


@pytest.mark.parametrize(
    "again", [(), ("the deletions",), pytest.param(("later books", "the deletions", "the end"), marks=pytest.mark.slow)]
)
def test_rows_that_are_gone_or_bad_after_a_kill_were_inserted_once(any_field: Field, again: tuple[str, ...]) -> None:
    any_field.configure()
    kill_at(any_field, "the first books")
    any_field.serve(without_one_and_with_a_bad_one(any_field.rows))
    for place in again:
        kill_at(any_field, place)
    ended = any_field.sync()
    counted = ended.counters
    assert (counted.inserted, counted.failed, counted.deleted) == (GOOD, len(BAD) + 1, 1)
    assert counted.fetched == ROWS + 1, "the bad row was read twice, and two things came of it"
    assert SAID in ended.notes
    assert balances(any_field, ended)
    following = any_field.sync().counters
    assert (following.inserted, following.unchanged, following.deleted) == (0, GOOD - 2, 0)


def test_rows_that_were_updated_before_a_kill_are_counted_as_that(field: Field) -> None:
    field.configure()
    field.sync()
    field.serve([{**row, "NAME": "new"} for row in field.rows])
    kill_at(field, "the first books")
    field.serve(without_one_and_with_a_bad_one(field.rows))
    ended = field.sync()
    assert (ended.counters.inserted, ended.counters.updated, ended.counters.deleted) == (0, GOOD, 1)
    assert balances(field, ended)


@pytest.mark.parametrize("strategy", ["rowversion, rowversion_field: version"])
def test_where_nothing_is_deleted_the_target_still_has_it(field: Field, strategy: str) -> None:
    field.configure(f", delta_strategy: {strategy}")
    kill_at(field, "the first books")
    field.serve(without_one_and_with_a_bad_one(field.rows))
    ended = field.sync()
    assert (ended.counters.inserted, ended.counters.deleted, field.count()) == (GOOD, 0, GOOD)
    assert balances(field, ended)
