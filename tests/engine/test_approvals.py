"""What was withheld is deleted when somebody approves it, after a fresh look at the source, once, and no more."""

import threading
from dataclasses import replace
from uuid import UUID

import pytest

from syncflow.errors import BusyError, SyncFlowError, UsageError
from syncflow.events import BatchEnded
from syncflow.model import BatchStatus, SyncType
from syncflow.runtime import open_runtime
from syncflow.store import sync_batches
from syncflow.store.claims import claimed
from tests.engine.conftest import World
from tests.engine.test_deletions import COLUMNS, THINGS, ids, start, things

pytestmark = pytest.mark.integration

STATES = "SELECT state, outcome, count(*)::int FROM withheld_deletes GROUP BY 1, 2 ORDER BY 1, 2"


def withhold(world: World, held: int = 30, gone: int = 15) -> UUID:
    """A batch that found `gone` of `held` things missing."""
    start(world, held)
    world.serve("things", COLUMNS, things(*range(gone, held)))
    ended = world.sync_one("things")
    assert ended.counters.withheld == gone
    return ended.batch


def approve(world: World, batch: UUID, count: int | None = None) -> BatchEnded:
    with world.runtime() as runtime:
        return runtime.approvals.approve(str(batch), count)


def test_an_approval_deletes_what_is_still_gone_in_a_batch_of_its_own(world: World) -> None:
    batch = withhold(world)
    world.serve("things", COLUMNS, things(3, 4, *range(15, 30)))
    ended = approve(world, batch, 15)
    counters = ended.counters
    assert (ended.status, ended.sync_type) == (BatchStatus.COMPLETED, SyncType.RETRY)
    assert (counters.delete_candidates, counters.deleted, counters.still_at_source) == (15, 13, 2)
    assert ids(world) == {3, 4, *range(15, 30)}
    assert world.metadata(STATES) == [("approved", "deleted", 13), ("approved", "still_at_source", 2)]
    assert world.metadata("SELECT act, subject, after->>'rows' FROM audit_log WHERE act LIKE 'deletions%'") == [
        ("deletions.approve", str(batch), "15")
    ]
    assert world.sync_one("things").counters.delete_candidates == 0


def test_a_parent_with_living_children_stays_and_it_is_said(world: World) -> None:
    parts = [{"NO": "7", "THING": "1"}]
    world.serve("things", COLUMNS, things(*range(12)))
    world.serve("parts", {"NO": "NUMBER(5)", "THING": "NUMBER(10)"}, parts)
    world.configure(
        THINGS.format(strategy="hash", mode="hard")
        + "  - {name: parts, business_key: [no], parent_refs: {thing: {entity: things, fields: {thing: id}}}}\n"
    )
    world.sync("things", "parts")
    world.serve("things", COLUMNS, [])
    ended = approve(world, world.sync_one("things").batch, 12)
    assert (ended.counters.deleted, ended.counters.refused) == (11, 1)
    assert ended.notes == ("id=1 was not deleted: 1 living parts refer to it (thing)",)
    assert ids(world) == {1}


def test_soft_deletion_marks_the_rows(world: World) -> None:
    start(world, 12, mode="soft")
    world.serve("things", COLUMNS, [])
    assert approve(world, world.sync_one("things").batch, 12).counters.deleted == 12
    assert (len(world.rows("things")), ids(world)) == (12, set())


@pytest.mark.parametrize("count", [None, 14, 16])
def test_where_much_would_go_the_right_number_must_be_said(world: World, count: int | None) -> None:
    batch = withhold(world)
    with pytest.raises(UsageError, match="15"):
        approve(world, batch, count)
    assert len(ids(world)) == 30
    assert world.metadata(STATES) == [("withheld", None, 15)]


def test_what_is_decided_is_decided(world: World) -> None:
    batch = withhold(world)
    approve(world, batch, 15)
    with pytest.raises(UsageError, match=r"approved by acceptance, \d{4}-"):
        approve(world, batch, 15)
    with world.runtime() as runtime, pytest.raises(UsageError, match="approved by acceptance"):
        runtime.approvals.discard(str(batch))
    quiet = world.sync_one("things").batch
    with pytest.raises(UsageError, match="withheld no deletions"):
        approve(world, quiet, 0)


def test_a_discarded_one_stays_until_it_is_found_again(world: World) -> None:
    batch = withhold(world)
    with world.runtime() as runtime:
        assert runtime.approvals.discard(str(batch)) == 15
        assert runtime.approvals.waiting() == []
    with pytest.raises(UsageError, match="discarded by acceptance"):
        approve(world, batch, 15)
    assert len(ids(world)) == 30
    newer = world.sync_one("things")
    assert newer.counters.withheld == 15
    world.sync_one("things")
    with pytest.raises(UsageError, match="superseded by a newer batch of things"):
        approve(world, newer.batch, 15)


def test_an_entity_that_was_changed_since_is_judged_anew(world: World) -> None:
    batch = withhold(world)
    world.configure(THINGS.format(strategy="hash", mode="hard").replace("[id]", "[name]"))
    with pytest.raises(UsageError, match="was changed since"):
        approve(world, batch, 15)
    assert len(ids(world)) == 30


def test_of_two_at_once_one_wins_and_the_other_is_told_by_whom(world: World) -> None:
    batch = withhold(world)
    told: list[BatchEnded | SyncFlowError] = []
    ready = threading.Barrier(2)

    def decide(actor: str) -> None:
        with open_runtime(world.settings, actor=actor) as runtime:
            ready.wait()
            try:
                told.append(runtime.approvals.approve(str(batch), 15))
            except SyncFlowError as error:
                told.append(error)

    people = [threading.Thread(target=decide, args=(actor,)) for actor in ("sara", "omid")]
    for person in people:
        person.start()
    for person in people:
        person.join()
    (won,) = [each for each in told if isinstance(each, BatchEnded)]
    (lost,) = [each for each in told if isinstance(each, SyncFlowError)]
    assert won.counters.deleted == 15
    ((winner,),) = world.metadata("SELECT DISTINCT decided_by FROM withheld_deletes")
    assert f"approved by {winner}, " in str(lost)
    assert len(world.metadata("SELECT 1 FROM sync_batches WHERE sync_type = 'retry'")) == 1


def test_while_a_batch_of_the_entity_runs_nothing_is_deleted(world: World) -> None:
    batch = withhold(world)
    with world.runtime() as runtime:
        judged = runtime.batches.find(str(batch))
        running = replace(judged, uid=UUID(int=judged.uid.int + 1), status=BatchStatus.QUEUED)
        with runtime.database.begin() as connection:
            sync_batches.create(connection, running)
        with claimed(runtime.database, running.uid), pytest.raises(BusyError, match="a batch of it is running"):
            runtime.approvals.approve(str(batch), 15)
    assert world.metadata(STATES) == [("withheld", None, 15)]
    assert len(ids(world)) == 30


def test_an_approval_that_a_dead_process_left_behind_is_taken_over(world: World) -> None:
    batch = withhold(world)
    with world.runtime() as runtime:
        found = runtime.approvals.withheld(str(batch))
        dead = replace(found.batch, uid=UUID(int=batch.int + 1), sync_type=SyncType.RETRY, status=BatchStatus.QUEUED)
        with runtime.database.begin() as connection:
            sync_batches.create(connection, dead)
            sync_batches.claim(connection, dead.uid, "elsewhere:1")
    world.metadata(
        f"UPDATE withheld_deletes SET state = 'approved', decided_by = 'sara', decided_at = now(), "
        f"applied_in = '{dead.uid}' RETURNING 1"
    )
    world.execute("DELETE FROM things WHERE id < 4")
    ended = approve(world, batch, 15)
    assert (ended.counters.delete_candidates, ended.counters.deleted) == (15, 15)
    assert ids(world) == set(range(15, 30))
    assert world.metadata(f"SELECT status FROM sync_batches WHERE uid = '{dead.uid}'") == [("cancelled",)]


def test_what_breaks_off_leaves_the_rest_withheld(world: World) -> None:
    batch = withhold(world)
    world.execute(
        "CREATE FUNCTION broken() RETURNS trigger LANGUAGE plpgsql AS "
        "$$ BEGIN PERFORM pg_terminate_backend(pg_backend_pid()); RETURN NULL; END $$"
    )
    world.execute("CREATE TRIGGER broken BEFORE DELETE ON things FOR EACH STATEMENT EXECUTE FUNCTION broken()")
    impatient = world.settings.model_copy(update={"max_retries": 0})
    with open_runtime(impatient) as runtime:
        ended = runtime.approvals.approve(str(batch), 15)
    assert ended.status is BatchStatus.FAILED
    assert "15 of the 15 rows are withheld as before" in (ended.error_message or "")
    assert ended.counters.delete_candidates == ended.counters.withheld == 15
    assert world.metadata(STATES) == [("withheld", None, 15)]
    world.execute("DROP TRIGGER broken ON things")
    assert approve(world, batch, 15).counters.deleted == 15
