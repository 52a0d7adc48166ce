"""What is gone from the source goes from the target: confirmed, guarded, and only then."""

import pytest

from syncflow.model import BatchStatus, SyncType
from tests.engine.conftest import World

pytestmark = pytest.mark.integration

COLUMNS = {"ID": "NUMBER(10)", "NAME": "VARCHAR2(40)", "VERSION": "NUMBER(10)"}
THINGS = """
entities:
  - name: things
    business_key: [id]
    delta_strategy: {strategy}
    rowversion_field: version
    delete_mode: {mode}
"""


def things(*numbers: int) -> list[dict]:
    return [{"ID": str(number), "NAME": f"thing {number}", "VERSION": "1"} for number in numbers]


def start(world: World, count: int, mode: str = "hard", strategy: str = "hash") -> None:
    world.serve("things", COLUMNS, things(*range(count)))
    world.configure(THINGS.format(strategy=strategy, mode=mode))
    assert world.sync_one("things").counters.inserted == count


def ids(world: World) -> set[int]:
    return {row["id"] for row in world.rows("things") if row["_bridge_deleted_at"] is None}


def test_a_few_rows_that_are_gone_are_deleted(world: World) -> None:
    start(world, 30)
    world.serve("things", COLUMNS, things(*range(3, 30)))
    counters = world.sync_one("things").counters
    assert (counters.delete_candidates, counters.deleted) == (3, 3)
    assert ids(world) == set(range(3, 30))


@pytest.mark.parametrize(
    ("held", "gone", "withheld"), [(30, 10, False), (30, 11, True), (200, 20, False), (200, 21, True)]
)
def test_too_many_at_once_are_withheld(world: World, held: int, gone: int, withheld: bool) -> None:
    start(world, held)
    world.serve("things", COLUMNS, things(*range(gone, held)))
    ended = world.sync_one("things")
    assert ended.status is BatchStatus.COMPLETED
    assert (ended.counters.withheld, ended.counters.deleted) == ((gone, 0) if withheld else (0, gone))
    assert ids(world) == set(range(0 if withheld else gone, held))


def test_an_empty_extract_deletes_nothing_and_a_later_judgement_supersedes(world: World) -> None:
    start(world, 5)
    world.serve("things", COLUMNS, [])
    ended = world.sync_one("things")
    assert ended.counters.withheld == 5
    assert any("withheld for approval" in note for note in ended.notes)
    assert len(ids(world)) == 5
    world.serve("things", COLUMNS, things(*range(5)))
    assert world.sync_one("things").counters.withheld == 0
    assert world.metadata("SELECT DISTINCT state FROM withheld_deletes") == [("superseded",)]


def test_soft_deletion_keeps_the_row_and_a_returning_key_is_revived_in_place(world: World) -> None:
    start(world, 5, mode="soft")
    before = {row["id"]: row["_bridge_uid"] for row in world.rows("things")}
    world.serve("things", COLUMNS, things(0, 1, 2, 3))
    assert world.sync_one("things").counters.deleted == 1
    assert ids(world) == {0, 1, 2, 3}
    assert len(world.rows("things")) == 5
    assert world.sync_one("things").counters.delete_candidates == 0
    world.serve("things", COLUMNS, things(0, 1, 2, 3, 4))
    assert world.sync_one("things").counters.inserted == 1
    assert {row["id"]: row["_bridge_uid"] for row in world.rows("things")} == before
    assert len(ids(world)) == 5


def test_ignored_deletions_are_no_candidates(world: World) -> None:
    start(world, 5, mode="ignore")
    world.serve("things", COLUMNS, things(0))
    assert world.sync_one("things").counters.delete_candidates == 0
    assert len(ids(world)) == 5


def test_rowversion_never_deletes_but_a_full_sync_does(world: World) -> None:
    start(world, 5, strategy="rowversion")
    world.serve("things", COLUMNS, things(0, 1, 2, 3))
    assert world.sync_one("things").counters.delete_candidates == 0
    assert world.sync_one("things", SyncType.FULL).counters.deleted == 1
    assert ids(world) == {0, 1, 2, 3}


def test_a_row_that_fails_today_is_not_taken_for_gone(world: World) -> None:
    start(world, 5)
    rows = things(*range(5))
    rows[2]["VERSION"] = "N/A"
    rows[4]["ID"] = "four"
    world.serve("things", COLUMNS, rows)
    ended = world.sync_one("things")
    assert (ended.counters.failed, ended.counters.deleted) == (2, 1)
    assert ids(world) == {0, 1, 2, 3}


def test_parents_with_living_children_are_refused_and_children_go_first(world: World) -> None:
    world.serve("things", COLUMNS, things(0, 1, 2))
    world.serve(
        "parts", {"NO": "NUMBER(5)", "THING": "NUMBER(10)"}, [{"NO": "7", "THING": "1"}, {"NO": "8", "THING": "2"}]
    )
    world.configure(
        THINGS.format(strategy="hash", mode="hard")
        + "  - {name: parts, business_key: [no], parent_refs: {thing: {entity: things, fields: {thing: id}}}}\n"
    )
    world.sync("things", "parts")
    world.serve("things", COLUMNS, things(0))
    world.serve("parts", {"NO": "NUMBER(5)", "THING": "NUMBER(10)"}, [{"NO": "7", "THING": "1"}])
    alone = world.sync_one("things")
    assert (alone.counters.refused, alone.counters.deleted) == (2, 0)
    assert any("was not deleted" in note for note in alone.notes)
    both = {ended.entity: ended.counters for ended in world.sync("things", "parts")}
    assert both["parts"].deleted == 1
    assert (both["things"].refused, both["things"].deleted) == (1, 1)
    assert ids(world) == {0, 1}
