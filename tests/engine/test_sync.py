"""What a batch does with rows, types and configurations that change from one day to the next."""

from decimal import Decimal

import pytest

from syncflow.model import BatchStatus
from tests.engine.conftest import World

pytestmark = pytest.mark.integration

COLUMNS = {"ID": "NUMBER(10)", "NAME": "VARCHAR2(40)", "VERSION": "NUMBER(10)"}
BY_HASH = "entities: [{name: things, business_key: [id]}]"
BY_VERSION = "entities: [{name: things, business_key: [id], delta_strategy: rowversion, rowversion_field: version%s}]"


def thing(number: int, name: str = "n", version: int | None = 1, **more: object) -> dict:
    return {"ID": str(number), "NAME": name, "VERSION": None if version is None else str(version), **more}


def outcome(ended: object) -> tuple[int, ...]:
    counters = ended.counters  # type: ignore[attr-defined]
    return counters.fetched, counters.inserted, counters.updated, counters.unchanged


def test_an_increment_asks_for_what_is_newer_and_for_rows_without_a_version(world: World) -> None:
    world.serve("things", COLUMNS, [thing(1, version=10), thing(2, version=20), thing(3, version=None)])
    world.configure(BY_VERSION % "")
    assert outcome(world.sync_one("things")) == (3, 3, 0, 0)
    newer = [
        thing(1, "old", 10),
        thing(2, version=20),
        thing(3, "new", None),
        thing(4, version=21),
        thing(5, version=9),
    ]
    world.serve("things", COLUMNS, newer)
    assert outcome(world.sync_one("things")) == (3, 1, 1, 1)
    assert world.values("things", "id", "name") == [(1, "n"), (2, "n"), (3, "new"), (4, "n")]
    assert world.metadata("SELECT watermark FROM erp_sync_state") == [("21",)]


def test_a_lookback_sees_what_came_late(world: World) -> None:
    world.serve("things", COLUMNS, [thing(1, version=20)])
    world.configure(BY_VERSION % ", lookback: 5")
    world.sync_one("things")
    world.serve("things", COLUMNS, [thing(1, version=20), thing(2, version=15), thing(3, version=14)])
    world.sync_one("things")
    assert [row["id"] for row in world.rows("things")] == [1, 2]


def test_a_change_of_configuration_compares_every_row_and_says_so(world: World) -> None:
    world.serve("things", COLUMNS, [thing(1, "abc"), thing(2, "def")])
    world.configure(BY_VERSION % "")
    world.sync_one("things")
    uids = [row["_bridge_uid"] for row in world.rows("things")]
    world.configure(BY_VERSION % ", mappings: [{source: NAME, target: name, transformation: uppercase}]")
    ended = world.sync_one("things")
    assert outcome(ended) == (2, 0, 2, 0)
    assert any("configuration has changed" in note for note in ended.notes)
    assert world.values("things", "name") == [("ABC",), ("DEF",)]
    assert [row["_bridge_uid"] for row in world.rows("things")] == uids
    assert outcome(world.sync_one("things"))[2] == 0


def test_an_api_without_columns_is_read_by_its_first_page_and_the_types_are_kept(world: World) -> None:
    numbers = [{"ID": "A1", "QTY": 1.5, "OK": True, "CODE": "007"}]
    world.serve("things", {}, numbers)
    world.configure(BY_HASH)
    assert world.sync_one("things").counters.inserted == 1
    assert world.values("things", "id", "qty", "ok", "code") == [("A1", Decimal("1.5"), True, "007")]
    world.serve("things", {}, [{"ID": "A1", "QTY": 1.5, "OK": True, "CODE": 8}])
    assert world.sync_one("things").counters.failed == 0
    assert world.values("things", "code") == [("8",)]


def test_a_column_that_appears_widens_the_target(world: World) -> None:
    world.serve("things", COLUMNS, [thing(1), thing(2)])
    world.configure(BY_HASH)
    world.sync_one("things")
    world.serve("things", COLUMNS, [thing(1, COLOUR="red"), thing(2)])
    ended = world.sync_one("things")
    assert outcome(ended) == (2, 0, 1, 1)
    assert any("new columns from the source: COLOUR" in note for note in ended.notes)
    assert world.values("things", "colour") == [("red",), (None,)]
    assert outcome(world.sync_one("things")) == (2, 0, 0, 2)


def test_a_frozen_entity_stops_before_loading(world: World) -> None:
    world.serve("things", COLUMNS, [thing(1)])
    world.configure("entities: [{name: things, business_key: [id], drift_mode: freeze}]")
    world.sync_one("things")
    world.serve("things", COLUMNS, [thing(1, "changed", COLOUR="red"), thing(2)])
    ended = world.sync_one("things")
    assert ended.status is BatchStatus.FAILED
    assert "COLOUR" in (ended.error_message or "")
    assert world.values("things", "id", "name") == [(1, "n")]


def test_a_table_changed_by_hand_is_put_right_and_it_is_said(world: World) -> None:
    world.serve("things", COLUMNS, [thing(1, "abc")])
    world.configure(BY_HASH)
    world.sync_one("things")
    world.execute("ALTER TABLE things ALTER COLUMN name TYPE varchar(3), ADD COLUMN remark text DEFAULT 'by hand'")
    world.serve("things", COLUMNS, [thing(1, "a longer name"), thing(2, "b")])
    ended = world.sync_one("things")
    assert ended.status is BatchStatus.COMPLETED
    assert any("name" in note for note in ended.notes)
    assert world.values("things", "name", "remark") == [("a longer name", "by hand"), ("b", "by hand")]


def test_one_key_twice(world: World) -> None:
    world.serve("things", COLUMNS, [thing(1), thing(1), thing(2, "x"), thing(2, "y"), thing(3)])
    world.configure(BY_HASH)
    ended = world.sync_one("things")
    counters = ended.counters
    assert (counters.inserted, counters.duplicate, counters.failed) == (2, 1, 2)
    assert ended.status is BatchStatus.COMPLETED_WITH_ERRORS
    world.configure(BY_VERSION % "")
    world.serve("things", COLUMNS, [thing(2, "x", 1), thing(2, "y", 2)])
    assert world.sync_one("things").counters.failed == 0
    assert ("y",) in world.values("things", "name")


def test_a_failed_record_is_one_a_key_and_closed_by_success(world: World) -> None:
    world.serve("things", COLUMNS, [thing(1), {"ID": "2", "NAME": "n", "VERSION": "N/A"}])
    world.configure(BY_HASH)
    for _ in range(2):
        assert world.sync_one("things").counters.failed == 1
    open_records = (
        "SELECT stage_failed, field, error_type, raw_data->>'VERSION' FROM failed_records WHERE resolved_at IS NULL"
    )
    assert world.metadata(open_records) == [("s4_numeric", "VERSION", "not_a_number", "N/A")]
    world.serve("things", COLUMNS, [thing(1), thing(2)])
    assert world.sync_one("things").counters.failed == 0
    assert world.metadata(open_records) == []
    assert world.metadata("SELECT resolution FROM failed_records") == [("succeeded",)]


def test_a_failed_record_whose_row_is_gone_is_superseded(world: World) -> None:
    world.serve("things", COLUMNS, [thing(1), {"ID": None, "NAME": "no key", "VERSION": "1"}])
    world.configure(BY_HASH)
    assert world.sync_one("things").counters.failed == 1
    world.serve("things", COLUMNS, [thing(1)])
    world.sync_one("things")
    assert world.metadata("SELECT resolution FROM failed_records") == [("superseded",)]


def test_a_waiting_child_is_loaded_when_its_parent_comes(world: World) -> None:
    world.serve("things", COLUMNS, [thing(1)])
    world.serve(
        "parts", {"NO": "NUMBER(5)", "THING": "NUMBER(10)"}, [{"NO": "7", "THING": "1"}, {"NO": "8", "THING": "2"}]
    )
    world.configure(
        "entities: [{name: things, business_key: [id]}, {name: parts, business_key: [no], "
        "parent_refs: {thing: {entity: things, fields: {thing: id}}}}]"
    )
    first = {ended.entity: ended.counters for ended in world.sync("things", "parts")}
    assert (first["parts"].inserted, first["parts"].pending) == (1, 1)
    assert world.metadata("SELECT parent_entity, parent_key FROM pending_children") == [("things", "id=2")]
    world.serve("things", COLUMNS, [thing(1), thing(2)])
    ended = world.sync("things")
    assert [(batch.entity, batch.counters.inserted) for batch in ended] == [("things", 1), ("parts", 1)]
    held = {row["id"]: row["_bridge_uid"] for row in world.rows("things")}
    assert [(row["no"], row["thing_uid"]) for row in world.rows("parts")] == [(7, held[1]), (8, held[2])]
    assert world.metadata("SELECT count(*) FROM pending_children WHERE resolved_at IS NULL") == [(0,)]


def test_a_chain_of_rows_in_one_table_is_loaded_in_the_worst_order(world: World) -> None:
    chain = [{"ID": str(number), "BOSS": str(number + 1) if number < 5 else None} for number in range(1, 6)]
    world.serve("people", {"ID": "NUMBER(5)", "BOSS": "NUMBER(5)"}, chain)
    world.configure(
        "entities: [{name: people, business_key: [id], parent_refs: {boss: {entity: people, fields: {boss: id}}}}]"
    )
    ended = world.sync_one("people")
    assert (ended.counters.inserted, ended.counters.pending) == (5, 0)
    held = {row["id"]: row["_bridge_uid"] for row in world.rows("people")}
    assert [row["boss_uid"] for row in world.rows("people")] == [held.get(number + 1) for number in range(1, 6)]


RING = [("1", "1"), ("2", "3"), ("3", "2"), ("4", "2"), ("5", "9"), ("6", "7"), ("7", "8"), ("8", "6")]
"""Her own boss; two who manage each other and one below them; one whose boss is missing; a ring of three."""


def test_rows_that_wait_for_nothing_but_each_other_are_loaded_as_a_ring(world: World) -> None:
    world.serve("people", {"ID": "NUMBER(5)", "BOSS": "NUMBER(5)"}, [{"ID": own, "BOSS": boss} for own, boss in RING])
    world.configure(
        "entities: [{name: people, business_key: [id], parent_refs: {boss: {entity: people, fields: {boss: id}}}}]"
    )
    ended = world.sync_one("people")
    assert (ended.counters.inserted, ended.counters.pending) == (7, 1)
    held = {row["id"]: row for row in world.rows("people")}
    assert {own: row["boss_uid"] for own, row in held.items()} == {
        int(own): held[int(boss)]["_bridge_uid"] for own, boss in RING if own != "5"
    }


def test_a_ring_of_required_references_fails_and_is_named(world: World) -> None:
    world.serve(
        "people", {"ID": "NUMBER(5)", "BOSS": "NUMBER(5)"}, [{"ID": "2", "BOSS": "3"}, {"ID": "3", "BOSS": "2"}]
    )
    world.configure(
        "entities: [{name: people, business_key: [id], mappings: [{source: BOSS, target: boss, required: true}], "
        "parent_refs: {boss: {entity: people, fields: {boss: id}}}}]"
    )
    assert world.sync_one("people").counters.failed == 2
    ((kind, message), _) = world.metadata("SELECT error_type, error_message FROM failed_records")
    assert kind == "ring"
    assert "id=2 -> id=3" in message
