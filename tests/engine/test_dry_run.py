"""A dry run tells what the sync will do, exactly, and leaves both databases as they were."""

import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import msgspec
import psycopg
import pytest

from syncflow.engine.dry_run import BatchPlan, Verdict
from syncflow.engine.planning import FieldChange
from syncflow.events import ChunkSettled, Event, Listener
from syncflow.model import BatchStatus, SyncType
from syncflow.runtime import open_runtime
from syncflow.sandbox.apismith.server import ApiSmith
from syncflow.sandbox.erp.entities import entities_yaml
from syncflow.sandbox.erp.erp import Erp
from syncflow.store.database import Database
from tests.acceptance.neighbours import TOKENS, WAYS, Neighbours, neighbours
from tests.engine.conftest import World

pytestmark = pytest.mark.integration

ROWS = 800
DAYS = 3
Fingerprints = dict[str, tuple[int, str]]


def fingerprints(url: str) -> Fingerprints:
    """Rows and a checksum of the values of every table of the database, and of every column's type."""
    with psycopg.connect(url) as connection:
        tables = connection.execute(
            "SELECT format('%I.%I', schemaname, tablename) FROM pg_tables "
            "WHERE schemaname NOT IN ('pg_catalog', 'information_schema')"
        ).fetchall()
        summed = "SELECT count(*), coalesce(md5(string_agg(t::text, '|' ORDER BY t::text)), '') FROM {} t"
        found = {name: connection.execute(summed.format(name).encode()).fetchone() for (name,) in tables}
        columns = "(SELECT table_schema, table_name, column_name, data_type FROM information_schema.columns)"
        return {**found, "columns": connection.execute(summed.format(columns).encode()).fetchone()}  # type: ignore[dict-item]


@pytest.fixture(params=[pytest.param(way, marks=[] if way == "database" else [pytest.mark.slow]) for way in WAYS])
def around(request: pytest.FixtureRequest, database: Database, tmp_path: Path) -> Iterator[Neighbours]:
    apismith = ApiSmith(business=Erp(seed=11, rows=ROWS), tokens=TOKENS)
    with neighbours("database", apismith, database, (), tmp_path) as first, first.runtime() as runtime:
        runtime.entities.import_yaml(entities_yaml(), "entities.yaml")
        tables = runtime.entities.tables()
    apismith = ApiSmith(business=Erp(seed=11, rows=ROWS), tokens=TOKENS)
    with neighbours(request.param, apismith, database, tables, tmp_path) as around:
        yield replace(around, settings=around.settings.model_copy(update={"sync_chunk_rows": 300}))


def test_a_dry_run_predicts_the_sync_and_changes_nothing(around: Neighbours) -> None:
    moved = 0
    for day in range(DAYS):
        before = fingerprints(around.target_database)
        with around.runtime() as runtime:
            names = runtime.batches.enabled()
            plans = {plan.entity: plan for plan in runtime.dry_runs.plan(names, SyncType.INCREMENTAL)}
            assert fingerprints(around.target_database) == before
            ended = {batch.entity: batch for batch in runtime.batches.sync(names, SyncType.INCREMENTAL)[: len(names)]}
        for name, batch in ended.items():
            plan = plans[name]
            told, became = plan.counters, batch.counters
            if any("refuse" in limit for limit in plan.cannot_be_previewed):
                told = replace(told, deleted=told.deleted - became.refused, refused=became.refused)
            assert told == became, (day, name)
            assert sum(group.rows for group in plan.failures) == became.failed
            assert sum(parent.children for parent in plan.missing_parents) == became.pending
            moved += became.updated + became.deleted
        around.apismith.service.advance_day()
    assert moved > 0


COLUMNS = {"ID": "NUMBER(10)", "NAME": "VARCHAR2(40)", "SEEN": "TIMESTAMP(9)", "WEIGHT": "NUMBER(12,3)"}
THINGS = "entities:\n  - {name: things, business_key: [id]%s}\n"
PARTS = "  - {name: parts, business_key: [no], parent_refs: {thing: {entity: things, fields: {thing: id}}}}\n"
PART_COLUMNS = {"NO": "NUMBER(5)", "THING": "NUMBER(10)"}


def thing(number: int, **values: str | None) -> dict:
    return {"ID": str(number), "NAME": "a", "SEEN": "2024-05-06T07:08:09.123456789", "WEIGHT": "1,000.50", **values}


def plan(world: World, *names: str, sync_type: SyncType = SyncType.INCREMENTAL) -> dict[str, BatchPlan]:
    """What a dry run says, which must leave everything as it was."""
    before = fingerprints(world.settings.database_url or "")
    with world.runtime() as runtime:
        plans = {plan.entity: plan for plan in runtime.dry_runs.plan(names, sync_type)}
    assert fingerprints(world.settings.database_url or "") == before
    return plans


def predicted(world: World, *names: str) -> dict[str, BatchPlan]:
    """The same; and the sync that follows must do just that."""
    plans = plan(world, *names)
    ended = world.sync(*names)[: len(names)]
    assert {each.entity: each.counters for each in ended} == {name: each.counters for name, each in plans.items()}
    assert {each.entity: each.error_message for each in ended} == {name: each.message for name, each in plans.items()}
    return plans


def test_a_first_load_a_quiet_day_and_changes_are_told_apart(world: World) -> None:
    world.serve("things", COLUMNS, [thing(1), thing(2), thing(3)])
    world.configure(THINGS % "")
    first = predicted(world, "things")["things"]
    assert (first.verdict, first.first_load, first.counters.inserted) == (Verdict.CHANGES, True, 3)
    assert any("no table" in limit for limit in first.cannot_be_previewed)
    quiet = predicted(world, "things")["things"]
    assert (quiet.verdict, quiet.cannot_be_previewed, quiet.updates) == (Verdict.NO_CHANGE, (), ())
    changed = [thing(1, NAME=None), thing(2, WEIGHT="12", SEEN="2024-05-06T07:08:09.5"), thing(3, WEIGHT="1000.5")]
    world.serve("things", COLUMNS, changed)
    told = predicted(world, "things")["things"]
    assert (told.verdict, told.counters.updated, told.counters.unchanged) == (Verdict.CHANGES, 2, 1)
    assert [(sample.ref, sample.changes) for sample in told.updates] == [
        ("id=1", (FieldChange("name", "a", None),)),
        (
            "id=2",
            (
                FieldChange("seen", "2024-05-06T07:08:09.123456", "2024-05-06T07:08:09.5"),
                FieldChange("weight", "1000.5", "12"),
            ),
        ),
    ]


def test_over_http_the_differences_are_the_same(database: Database, tmp_path: Path) -> None:
    with neighbours("http", ApiSmith(tokens=TOKENS), database, (), tmp_path) as around:
        world = World(around)
        world.serve("things", COLUMNS, [thing(1)])
        world.configure(THINGS % "")
        world.sync("things")
        world.serve("things", COLUMNS, [thing(1, WEIGHT="7.25", NAME=None)])
        (sample,) = predicted(world, "things")["things"].updates
        assert sample.changes == (FieldChange("name", "a", None), FieldChange("weight", "1000.5", "7.25"))


def test_what_would_fail_wait_and_stay_is_told_with_reasons(world: World) -> None:
    world.serve("things", COLUMNS, [thing(number) for number in range(40)])
    world.serve(
        "parts", PART_COLUMNS, [{"NO": "1", "THING": "0"}, {"NO": "2", "THING": "1"}, {"NO": "3", "THING": "2"}]
    )
    world.configure(THINGS % "" + PARTS)
    predicted(world, "things", "parts")
    # 0 loses its part, 1 keeps it, 2 gets one that comes new and 3 one that moves to it.
    world.serve("things", COLUMNS, [thing(4, WEIGHT="heavy"), thing(5, WEIGHT="big"), *map(thing, range(6, 40))])
    parts = [
        {"NO": "2", "THING": "1"},
        {"NO": "3", "THING": "3"},
        {"NO": "4", "THING": "2"},
        {"NO": "5", "THING": "99"},
    ]
    world.serve("parts", PART_COLUMNS, parts)
    told = predicted(world, "things", "parts")
    things = told["things"]
    assert (things.counters.deleted, things.counters.refused, things.counters.failed) == (1, 3, 2)
    assert things.deletions.deleted == ("id=0",)
    assert [row.ref for row in things.deletions.refused] == ["id=1", "id=2", "id=3"]
    (group,) = things.failures
    assert (group.stage, group.field, group.error_type, group.rows) == ("s4_numeric", "WEIGHT", "not_a_number", 2)
    assert [sample.raw["WEIGHT"] for sample in group.samples] == ["heavy", "big"]
    (parent,) = told["parts"].missing_parents
    assert (parent.ref, parent.entity, parent.key, parent.children) == ("thing", "things", "id=99", 1)
    world.serve("things", COLUMNS, [thing(number) for number in range(20, 40)])
    withheld = predicted(world, "things")["things"]
    assert (withheld.verdict, withheld.counters.withheld) == (Verdict.CHANGES, 19)
    assert "more than the 10%" in withheld.deletions.withheld[0].reason


def test_rows_that_come_twice_rings_and_chains_are_planned_as_they_are_loaded(world: World) -> None:
    people = [("1", "2"), ("2", "3"), ("3", None), ("4", "5"), ("5", "4"), ("6", "77")]
    world.serve("people", {"ID": "NUMBER(5)", "BOSS": "NUMBER(5)"}, [{"ID": own, "BOSS": boss} for own, boss in people])
    world.configure(
        "entities: [{name: people, business_key: [id], parent_refs: {boss: {entity: people, fields: {boss: id}}}}]"
    )
    told = predicted(world, "people")["people"].counters
    assert (told.inserted, told.pending) == (5, 1)
    world.serve("things", COLUMNS, [thing(1), thing(1), thing(2), thing(2, NAME="b")])
    world.configure(THINGS % "")
    told = predicted(world, "things")["things"].counters
    assert (told.inserted, told.duplicate, told.failed) == (1, 1, 2)


def test_a_table_that_has_to_be_widened(world: World) -> None:
    world.serve("things", COLUMNS, [thing(1), thing(2)])
    world.configure(THINGS % "")
    world.sync("things")
    world.serve("things", {**COLUMNS, "WEIGHT": "VARCHAR2(20)", "COLOUR": "VARCHAR2(9)"}, [thing(1), thing(2)])
    told = predicted(world, "things")["things"]
    assert told.table_changes == (
        "the column colour (text) would be added",
        "the column weight would be widened from numeric to text",
    )
    assert told.counters.updated == 2
    assert any("WEIGHT: NUMBER(12,3) -> VARCHAR2(20)" in note for note in told.notes)
    world.execute("ALTER TABLE things ALTER COLUMN name TYPE varchar(3)")
    assert predicted(world, "things")["things"].counters.updated == 2


def test_personal_data_is_masked_wherever_it_would_show(world: World) -> None:
    people = {"NAME": "VARCHAR2(40)", "PHONE": "NUMBER(12)", "BOSS": "VARCHAR2(40)"}
    world.serve(
        "people", people, [{"NAME": name, "PHONE": "4711", "BOSS": None} for name in ("Ada Byron", "Sara Azad")]
    )
    world.configure(
        "entities:\n  - name: people\n    business_key: [name]\n    mappings:\n"
        "      - {source: NAME, target: name, mask: true}\n      - {source: PHONE, target: phone, mask: true}\n"
        "    parent_refs: {boss: {entity: people, fields: {boss: name}}}\n"
    )
    world.sync("people")
    changed = [
        {"NAME": "Ada Byron", "PHONE": "4712", "BOSS": None},
        {"NAME": "Omid Rad", "PHONE": "secret 99", "BOSS": None},
        {"NAME": "Kian Far", "PHONE": "1", "BOSS": "Nobody There"},
    ]
    world.serve("people", people, changed)
    told = plan(world, "people")["people"]
    (sample,) = told.updates
    assert (sample.ref, sample.changes) == ("name=A…", (FieldChange("phone", "4…", "4…"),))
    assert (told.counters.failed, told.counters.pending, told.deletions.deleted) == (1, 1, ("name=S…",))
    shown = msgspec.json.encode(told).decode()
    for secret in ("Byron", "Azad", "Rad", "4711", "4712", "secret", "There"):
        assert secret not in shown


def test_what_would_stop_the_sync_and_what_cannot_be_previewed(world: World) -> None:
    world.serve("things", COLUMNS, [thing(1)])
    world.configure(THINGS % ", drift_mode: freeze")
    world.sync("things")
    world.serve("things", {**COLUMNS, "COLOUR": "VARCHAR2(9)"}, [thing(1, COLOUR="red")])
    frozen = predicted(world, "things")["things"]
    assert (frozen.verdict, frozen.error_exit_code) == (Verdict.WOULD_FAIL, 78)
    world.configure(THINGS % ", delta_strategy: full")
    full = plan(world, "things")["things"]
    assert any("strategy full writes every row again" in limit for limit in full.cannot_be_previewed)
    away = world.settings.model_copy(update={"schedulehub_url": "postgresql://u@127.0.0.1:9/x", "max_retries": 0})
    with open_runtime(away) as runtime:
        (unknown,) = runtime.dry_runs.plan(["things"], SyncType.INCREMENTAL)
    assert (unknown.verdict, unknown.counters.fetched) == (Verdict.CANNOT_BE_PREVIEWED, 0)
    assert "127.0.0.1:9" in (unknown.message or "")


def test_an_interrupted_batch_is_planned_from_where_it_stands(world: World) -> None:
    world.serve("things", COLUMNS, [thing(number) for number in range(500)])
    world.configure(THINGS % "")
    changed = {"sync_chunk_rows": 100, "max_batch_size": 100, "default_batch_size": 100}
    with open_runtime(world.settings.model_copy(update=changed), _stop_after_a_chunk(stop := [])) as runtime:
        stop.append(runtime.stopping)
        (ended,) = runtime.batches.sync(["things"], SyncType.INCREMENTAL)
    assert ended.status is BatchStatus.INTERRUPTED
    told = predicted(world, "things")["things"]
    assert (told.resumes, told.counters.inserted) == (ended.batch, 500)


def test_a_dry_run_can_be_stopped(world: World) -> None:
    world.serve("things", COLUMNS, [thing(number) for number in range(500)])
    world.configure(THINGS % "")
    changed = {"sync_chunk_rows": 100, "max_batch_size": 100, "default_batch_size": 100}
    with open_runtime(world.settings.model_copy(update=changed), _stop_after_a_chunk(stop := [])) as runtime:
        stop.append(runtime.stopping)
        (told,) = runtime.dry_runs.plan(["things"], SyncType.INCREMENTAL)
    assert told.verdict is Verdict.STOPPED
    assert 0 < told.counters.inserted < 500


def _stop_after_a_chunk(stopping: list[threading.Event]) -> Listener:
    def tell(event: Event) -> None:
        if isinstance(event, ChunkSettled):
            stopping[0].set()

    return tell
