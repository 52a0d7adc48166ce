"""Failed records tried again, edited and left out; how long such a decision holds, and what it never overwrites."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import pytest

from syncflow.errors import UsageError
from syncflow.model import BatchStatus, SyncType
from syncflow.sandbox.apismith.wires import Wire
from syncflow.sandbox.faults import Fault
from syncflow.service.failed_records import FailedRecordService, RetryResult
from syncflow.store.database import Database
from syncflow.store.failed_filter import FailedFilter, RecordState
from tests.engine.conftest import World
from tests.faults.field import item, items, open_field

pytestmark = pytest.mark.integration

COLUMNS = {"ID": "NUMBER(10)", "NAME": "VARCHAR2(40)", "QTY": "NUMBER(10,2)"}
THINGS = "entities: [{name: things, business_key: [id]%s}]"
VERSIONED = THINGS % ", delta_strategy: rowversion, rowversion_field: version"
OPEN = "SELECT count(*) FROM failed_records WHERE resolved_at IS NULL"
EVERYTHING = "SELECT to_jsonb(f) FROM failed_records f ORDER BY uid"


def thing(number: int | None, quantity: str | None = "1", name: str = "n", **more: object) -> dict[str, object]:
    return {"ID": None if number is None else str(number), "NAME": name, "QTY": quantity, **more}


def start(world: World, *rows: Mapping[str, object], options: str = "") -> None:
    """Serve these rows, and sync them once."""
    world.serve("things", COLUMNS, rows)
    world.configure(THINGS % options)
    world.sync_one("things")


@contextmanager
def failed(world: World) -> Iterator[FailedRecordService]:
    with world.runtime() as runtime:
        yield runtime.failed_records


def only(service: FailedRecordService, **chosen: object) -> str:
    (record,) = service.page(FailedFilter(**chosen), None, 10)  # type: ignore[arg-type]
    return str(record.uid)


def edit(world: World, **values: str | None) -> RetryResult:
    """Edit the only open record."""
    with failed(world) as service:
        return service.edit(only(service), values)


def retry(world: World) -> RetryResult:
    with failed(world) as service:
        return service.retry(FailedFilter())


def counts(world: World) -> tuple[BatchStatus, int, int, int]:
    """Status, unchanged, failed and ignored rows of one more sync."""
    ended = world.sync_one("things", SyncType.FULL)
    return ended.status, ended.counters.unchanged, ended.counters.failed, ended.counters.ignored


def test_a_record_tells_what_the_source_sent_at_fault(world: World) -> None:
    start(world, thing(1), thing(2, "N/A"), thing(None), thing(4, name="x"),
          options=", mappings: [{source: NAME, target: title, validation_rule: 'in:n'}]")  # fmt: skip
    query = "SELECT field, value, value_shape, temporary, retry_count, next_retry_at FROM failed_records ORDER BY value"
    assert world.metadata(query) == [
        ("QTY", "N/A", "A/A", False, 0, None),
        ("title", "x", "A", False, 0, None),
        ("id", None, "", False, 0, None),
    ]
    plans = (
        "SELECT count(*) FROM failed_records f JOIN sync_batches b ON b.uid = batch_uid WHERE f.plan_hash = b.plan_hash"
    )
    assert world.metadata(plans) == [(3,)]


def test_an_edit_holds_while_the_source_sends_the_same_row(world: World) -> None:
    start(world, thing(1), thing(2, "N/A"))
    assert edit(world, QTY="2.5").retried[0].tally.passed == 1
    assert world.values("things", "id", "qty") == [(1, 1), (2, 2.5)]
    assert counts(world) == (BatchStatus.COMPLETED, 2, 0, 0)
    world.serve("things", COLUMNS, [thing(1), thing(2, "N/A", "renamed")])
    assert counts(world) == (BatchStatus.COMPLETED_WITH_ERRORS, 1, 1, 0)
    world.serve("things", COLUMNS, [thing(1), thing(2, "N/A")])
    assert counts(world)[2] == 1, "the row has been another one since"
    assert world.metadata("SELECT resolution FROM failed_records ORDER BY uid")[0] == ("superseded",)
    acts = "SELECT actor, act, before->'values', after->'values' FROM audit_log WHERE act LIKE 'failed%'"
    assert world.metadata(acts) == [("acceptance", "failed_record.edit", {"QTY": "N/A"}, {"QTY": "2.5"})]


def test_an_ignored_row_is_counted_and_left_out_until_it_changes(world: World) -> None:
    start(world, thing(1), thing(2, "N/A"), thing(None))
    with failed(world) as service:
        assert service.ignore(FailedFilter(), "a test row").rows == 2
    assert counts(world) == (BatchStatus.COMPLETED, 1, 2, 2)
    assert world.metadata(OPEN) == [(0,)]
    world.serve("things", COLUMNS, [thing(1), thing(2, "N.A."), thing(None)])
    assert counts(world) == (BatchStatus.COMPLETED_WITH_ERRORS, 1, 2, 1)
    assert world.metadata(OPEN) == [(1,)]
    acts = (
        "SELECT before->>'error_type', after->>'resolution', after->>'reason' FROM audit_log WHERE act LIKE 'failed%'"
    )
    assert sorted(world.metadata(acts)) == [
        ("not_a_number", "ignored", "a test row"),
        ("null_key", "ignored", "a test row"),
    ]


def test_an_edit_that_fails_too_changes_nothing(world: World) -> None:
    start(world, thing(2, "N/A"))
    before = world.metadata(EVERYTHING)
    (failure,) = edit(world, QTY="many").retried[0].tally.failures
    assert (failure.stage, failure.field, "'many' is not a number" in failure.message) == ("s4_numeric", "QTY", True)
    assert world.metadata(EVERYTHING) == before
    assert world.metadata("SELECT * FROM audit_log WHERE act LIKE 'failed%'") == []
    assert world.rows("things") == []


def test_what_the_target_refuses_can_be_edited_and_ignored(world: World) -> None:
    start(world, thing(1))
    world.execute("ALTER TABLE things ADD CHECK (name NOT LIKE 'bad%')")
    world.serve("things", COLUMNS, [thing(1), thing(2, name="bad"), thing(3, name="bad too")])
    assert counts(world)[2] == 2
    with failed(world) as service:
        records = {str(record.raw_data["ID"]): str(record.uid) for record in service.page(FailedFilter(), None, 10)}
        service.edit(records["2"], {"NAME": "good"})
        service.ignore(service.named([records["3"]]), "never")
    assert counts(world) == (BatchStatus.COMPLETED, 2, 1, 1)
    assert world.values("things", "id", "name") == [(1, "n"), (2, "good")]


def test_ignoring_one_of_two_rows_with_one_key_lets_the_other_in(world: World) -> None:
    start(world, thing(2, name="right one"), thing(2, name="wrong one"))
    with failed(world) as service:
        service.ignore(service.named([only(service, text="WRONG one")]), "the wrong one")
    ended = world.sync_one("things")
    assert (ended.counters.inserted, ended.counters.failed, ended.counters.ignored) == (1, 1, 1)
    assert counts(world) == (BatchStatus.COMPLETED, 1, 1, 1)


def test_an_edited_key_is_the_rows_key_from_then_on(world: World) -> None:
    start(world, thing(1), thing(5, name="moved"))
    world.serve("things", COLUMNS, [thing(1), thing(5, "N/A", name="moved")])
    world.sync_one("things")
    assert edit(world, ID="9", QTY="1").retried[0].ended.counters.inserted == 1
    assert counts(world) == (BatchStatus.COMPLETED, 2, 0, 0)
    assert world.values("things", "id", "name") == [(1, "n"), (5, "moved"), (9, "moved")]
    assert world.metadata("SELECT sum(delete_candidates) FROM sync_batches") == [(0,)], "the source still sends 5"


def test_an_edit_does_not_take_another_rows_place(world: World) -> None:
    start(world, thing(1, name="here first"), thing(None, name="lost"))
    before = world.metadata(EVERYTHING)
    assert edit(world, ID="1").retried[0].tally.superseded == 1
    assert world.values("things", "id", "name") == [(1, "here first")]
    assert world.metadata(EVERYTHING) == before


def test_a_retry_leaves_a_newer_row_of_the_target_alone(world: World) -> None:
    columns = COLUMNS | {"VERSION": "NUMBER(10)"}
    world.serve("things", columns, [thing(1, VERSION="1", name="old")])
    world.configure(VERSIONED)
    world.sync_one("things")
    world.serve("things", columns, [thing(1, "N/A", VERSION="2")])
    world.sync_one("things")
    world.execute("UPDATE things SET name = 'newer', version = 3, _bridge_erp_rowversion = '3'")
    world.configure(VERSIONED.replace("business_key: [id]", "business_key: [id], mappings: [{source: QTY, target: qty, "
                    "default: '0'}], column_types: {QTY: VARCHAR2(9)}"))  # fmt: skip
    world.execute("ALTER TABLE things ALTER COLUMN qty TYPE text")
    assert retry(world).retried[0].tally.superseded == 1
    assert world.values("things", "name") == [("newer",)]
    assert world.metadata("SELECT resolution FROM failed_records") == [("superseded",)]


def test_another_configuration_tries_by_itself_what_failed_once(world: World) -> None:
    start(world, thing(1), thing(2, "1,5"), thing(3, "N/A"))
    with failed(world) as service:
        assert service.retry_due().retried == ()
    world.configure("entities: [{name: things, business_key: [id], conventions: {numbers: '1.234,50'}}]")
    with failed(world) as service:
        (done,) = service.retry_due().retried
        assert (done.tally.passed, done.tally.failed) == (1, 1)
        assert service.retry_due().retried == ()
    assert world.values("things", "id", "qty") == [(1, 1), (2, 1.5)]
    assert world.metadata("SELECT retry_count FROM failed_records WHERE resolved_at IS NULL") == [(1,)]


def test_what_may_pass_is_tried_until_it_passes_or_the_attempts_are_used_up(database: Database, tmp_path: Path) -> None:
    with open_field("http", database, tmp_path) as field:
        field.serve([item(1), item(2), item(3)])
        field.configure()
        field.break_hub(*(Fault("reject", field="name", value=f"item {number}", code="locked", times=None)
                          for number in (1, 2)))  # fmt: skip
        assert field.sync().counters.failed == 2
        state = "SELECT retry_count, next_retry_at IS NOT NULL, resolution FROM failed_records ORDER BY raw_data->>'ID'"
        assert field.ask(state) == [(0, True, None)] * 2
        due = "UPDATE failed_records SET next_retry_at = now() - interval '1 second' WHERE next_retry_at IS NOT NULL"
        with field.runtime() as runtime:
            field.execute(f"SET search_path TO syncflow; {due}")
            assert runtime.failed_records.retry_due().retried[0].tally.failed == 2
            assert field.ask(state) == [(1, True, None)] * 2
            field.mend()
            field.break_hub(Fault("reject", field="name", value="item 1", code="locked", times=None))
            field.execute(f"SET search_path TO syncflow; {due}")
            assert runtime.failed_records.retry_due().retried[0].tally.passed == 1
            assert field.ask(state) == [(2, False, None), (1, False, "succeeded")]
            assert runtime.failed_records.retry_due().retried == ()
        assert [number for number, *_ in field.held()] == [2, 3]


def test_an_attempt_without_the_target_costs_nothing_and_waits(database: Database, tmp_path: Path) -> None:
    with open_field("http", database, tmp_path) as field:
        field.serve(items(10))
        field.configure()
        field.break_hub(Fault("reject", field="name", value="item 1", code="busy", times=None))
        field.sync()
        field.execute("SET search_path TO syncflow; UPDATE failed_records SET next_retry_at = now() WHERE temporary")
        field.mend()
        field.break_hub(Fault("status", status=503, times=None))
        with field.runtime() as runtime:
            (done,) = runtime.failed_records.retry_due().retried
        assert done.ended.status is BatchStatus.INTERRUPTED
        later = "SELECT retry_count, next_retry_at > now() FROM failed_records WHERE temporary"
        assert field.ask(later) == [(0, True)]
        assert "interrupted" not in field.statuses()


def test_trying_twice_is_as_trying_once(world: World) -> None:
    start(world, thing(1), thing(2, "N/A"), thing(3, "x"), thing(None, "y"))
    retry(world)
    target, books = world.rows("things"), world.metadata("SELECT key_hash, raw_hash, error_message FROM failed_records")
    assert retry(world).retried[0].tally.failed == 3
    assert world.rows("things") == target
    assert world.metadata("SELECT key_hash, raw_hash, error_message FROM failed_records") == books
    assert world.metadata(OPEN) == [(3,)]


def test_a_retry_does_not_hide_a_row_from_the_extract_that_has_read_it(world: World) -> None:
    start(world, thing(1), thing(2, "N/A"))
    read_by = "SELECT batch_uid FROM failed_records"
    before = world.metadata(read_by)
    retry(world)
    assert world.metadata(read_by) == before


def test_a_record_that_gets_a_key_is_still_one_record(world: World) -> None:
    start(world, thing(None, "N/A"))
    default = ", mappings: [{source: ID, target: id, default: '7'}]"
    world.configure(THINGS % default)
    assert retry(world).retried[0].tally.failed == 1
    kinds = "SELECT key_hash IS NULL, resolution FROM failed_records ORDER BY uid"
    assert world.metadata(kinds) == [(True, "superseded"), (False, None)]
    assert edit(world, QTY="1").retried[0].tally.passed == 1
    assert world.metadata(OPEN) == [(0,)]
    assert world.values("things", "id") == [(7,)]


def test_an_edited_child_waits_for_its_parent_and_is_loaded_as_edited(world: World) -> None:
    world.serve("things", COLUMNS, [thing(1)])
    parts = {"NO": "NUMBER(5)", "THING": "NUMBER(10)"}
    world.serve("parts", parts, [{"NO": "7", "THING": "two"}])
    world.configure(
        "entities: [{name: things, business_key: [id]}, {name: parts, business_key: [no], "
        "parent_refs: {thing: {entity: things, fields: {thing: id}}}}]"
    )
    world.sync("things", "parts")
    assert edit(world, THING="2").retried[0].ended.counters.pending == 1
    world.serve("things", COLUMNS, [thing(1), thing(2)])
    world.sync("things")
    assert world.values("parts", "no", "thing") == [(7, 2)]


def test_a_retried_parent_wakes_its_children(world: World) -> None:
    world.serve("things", COLUMNS, [thing(1, "N/A")])
    world.serve("parts", {"NO": "NUMBER(5)", "THING": "NUMBER(10)"}, [{"NO": "7", "THING": "1"}])
    world.configure(
        "entities: [{name: things, business_key: [id]}, {name: parts, business_key: [no], "
        "parent_refs: {thing: {entity: things, fields: {thing: id}}}}]"
    )
    world.sync("things", "parts")
    assert [ended.entity for ended in edit(world, QTY="1").woken] == ["parts"]
    assert world.values("parts", "no") == [(7,)]


def test_what_was_taken_back_is_judged_anew(world: World) -> None:
    start(world, thing(1), thing(2, "N/A"))
    edit(world, QTY="5")
    with failed(world) as service:
        uid = only(service, state=RecordState.RESOLVED)
        fresh = service.withdraw(uid, "the quantity is unknown")
        assert (fresh.resolution, fresh.value, str(fresh.uid) != uid) == (None, "N/A", True)
        with pytest.raises(UsageError, match=r"withdrawn by acceptance .*the quantity is unknown"):
            service.withdraw(uid)
    assert counts(world) == (BatchStatus.COMPLETED_WITH_ERRORS, 1, 1, 0)
    assert world.metadata(OPEN) == [(1,)]


def test_a_row_that_could_not_be_read_is_edited_as_a_whole(database: Database, tmp_path: Path) -> None:
    with open_field("database", database, tmp_path) as field:
        field.wires[:] = [Wire.JSON]  # what cannot be decoded there cannot even be written in Arrow
        field.serve([item(1), item(2, name="half \ud83d")])
        field.configure()
        field.sync()
        with field.runtime() as runtime:
            service = runtime.failed_records
            uid = only(service)
            with pytest.raises(UsageError, match=r"could not be read whole\. Say what stands in NAME"):
                service.edit(uid, {"QTY": "3"})
            assert service.retry(FailedFilter()).retried[0].tally.failed == 1
            service.edit(uid, {"NAME": "whole"})
        assert [(number, name) for number, name, _ in field.held()] == [(1, "item 1"), (2, "whole")]
        assert (field.sync().counters.unchanged, field.sync().status) == (2, BatchStatus.COMPLETED)


def test_what_somebody_else_closed_is_refused_with_name_and_time(world: World) -> None:
    start(world, thing(2, "N/A"), thing(3, "N/A"))
    with failed(world) as service:
        first, second = (str(record.uid) for record in service.page(FailedFilter(), None, 10))
        both = service.named([first, second])
        service.resolve(service.named([first]), "mended by hand")
        told = "resolved by acceptance on 20.*mended by hand"
        for act in (service.retry, lambda one: service.ignore(one, "x"), lambda one: service.resolve(one, "x")):
            with pytest.raises(UsageError, match=told):
                act(service.named([first]))
        with pytest.raises(UsageError, match=told):
            service.edit(first, {"QTY": "1"})
        closed = service.ignore(both, "x")
        assert (closed.rows, len(closed.refused)) == (1, 1)


def test_nothing_is_done_for_an_entity_that_is_gone_but_closing(world: World) -> None:
    start(world, thing(2, "N/A"))
    with world.runtime() as runtime:
        service = runtime.failed_records
        runtime.entities.delete("things")
        uid = only(service)
        for act in (
            lambda: service.retry(FailedFilter()),
            lambda: service.edit(uid, {"QTY": "1"}),
            lambda: service.ignore(service.named([uid]), "x"),
        ):
            with pytest.raises(UsageError, match="'things', which was deleted by acceptance on 20"):
                act()
        assert service.retry_due().retried == ()
        assert service.resolve(service.named([uid]), "entity is gone").rows == 1


def test_purging_empties_what_is_closed_and_keeps_what_holds(world: World) -> None:
    start(world, thing(1), thing(2, "N/A"), thing(3, "x"), thing(4, "y"))
    with failed(world) as service:
        records = {str(record.raw_data["ID"]): str(record.uid) for record in service.page(FailedFilter(), None, 10)}
        service.ignore(service.named([records["2"]]), "x")
        service.resolve(service.named([records["3"]]), "x")
        assert (service.purgeable(1), service.purgeable(0)) == (0, 1)
        assert service.purge(0) == 1
        purged = service.get(records["3"])
        assert (purged.raw_data, purged.normalized_data, purged.value) == ({}, None, None)
        assert (purged.purged_at is not None, purged.error_type) == (True, "not_a_number")
        assert service.get(records["4"]).raw_data == {"ID": "4", "NAME": "n", "QTY": "y"}
    assert counts(world) == (BatchStatus.COMPLETED_WITH_ERRORS, 1, 3, 1)
