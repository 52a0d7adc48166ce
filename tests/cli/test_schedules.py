"""`syncflow schedules`: the nights of an entity, from its first window to its removal."""

import json
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID

import pytest

from syncflow.schedules import NightEnd, NightRecord
from syncflow.settings import Settings
from syncflow.store import background_schedules
from syncflow.store.background_schedules import Progress
from syncflow.store.database import Database
from tests.cli.conftest import ENTITIES, Shell

pytestmark = pytest.mark.integration

SET = ("schedules", "set", "items", "--window", "19:00-07:00", "--zone", "Europe/Berlin")


@pytest.fixture
def scheduled(configured: Shell) -> Shell:
    assert configured.run(*SET, "--days", "mon-fri").code == 0
    return configured


def _acts(database: Database) -> list[str]:
    with database.connect() as connection:
        found = connection.exec_driver_sql("SELECT act FROM audit_log WHERE act LIKE 'schedule.%%' ORDER BY id")
        return [row.act for row in found]


def _measured(database: Database, rows: int, of: int) -> None:
    """A night that has settled so many rows, 100 a second."""
    now = datetime.now(UTC)
    with database.begin() as connection:
        schedule = background_schedules.load_all(connection)["items"]
        yesterday = datetime.fromtimestamp(now.timestamp() - 3 * 86400, UTC)
        night = NightRecord(schedule.uid, yesterday.date(), UUID(int=1), schedule.cycle, rows, yesterday)
        background_schedules.begin_night(connection, night, of, "plan")
        done = Progress(schedule.uid, schedule.cycle, night.batch, rows, {"part": "all"}, rows, rows / 100)
        background_schedules.progress(connection, done)
        background_schedules.end_night(
            connection, schedule.uid, night.batch, seconds=rows / 100, reason=NightEnd.SLICE_DONE, now=now
        )


def test_set_show_change_and_remove(configured: Shell, database: Database) -> None:
    made = configured.run(*SET)
    assert made.out == "Set: items: 19:00-07:00 Europe/Berlin, daily, the whole table in 7 nights.\n"
    changed = configured.run("schedules", "set", "items", "--days", "mon-fri", "--nights", "3", "--disable")
    assert changed.out == "Changed: items: 19:00-07:00 Europe/Berlin, mon-fri, the whole table in 3 nights, disabled.\n"
    again = configured.run("schedules", "set", "items", "--nights", "3", "--json")
    assert json.loads(again.out)["schedule"]["version"] == 2
    shown = configured.run("schedules", "show", "items").out
    assert "disabled; enable it with: syncflow schedules set items --enable" in shown
    assert "rows that change behind the cursor come with the next cycle" in shown
    refused = configured.run("schedules", "remove", "items")
    assert (refused.code, "--yes" in refused.err) == (64, True)
    assert configured.run("schedules", "remove", "items", "--yes").out.startswith("Removed: items")
    assert "Nothing is done by itself" in configured.run("schedules", "list").err
    assert _acts(database) == ["schedule.create", "schedule.update", "schedule.remove"]


def test_list_says_where_each_stands_and_when_it_will_be_finished(scheduled: Shell, database: Database) -> None:
    assert "items: no night has been measured yet." in scheduled.run("schedules", "list").out
    assert "rows not counted yet" in scheduled.run("schedules", "list").out
    _measured(database, rows=2_000_000, of=8_000_000)
    listed = scheduled.run("schedules", "list").out
    assert "19:00-07:00 Europe/Berlin" in listed
    assert "2,000,000" in listed
    assert "items: finishes in night 7 of 7, about " in listed
    found = json.loads(scheduled.run("schedules", "list", "--json").out)
    (night,) = found["nights"]
    assert (night["progress"], night["forecast"]["rate"], night["forecast"]["night_number"]) == (0.25, 100.0, 7)
    assert night["forecast_text"] in listed
    assert night["changes"] == "with the next cycle"
    assert (night["rows_tonight"] or 0) % Settings().sync_chunk_rows == 0
    assert "slice done" in scheduled.run("schedules", "show", "items").out


def test_pause_holds_it_and_resume_lets_it_go_on(scheduled: Shell, database: Database) -> None:
    assert scheduled.run("schedules", "pause", "items").out.startswith("Paused: items.")
    assert "paused: no night is worked on" in scheduled.run("schedules", "list").out
    twice = scheduled.run("schedules", "pause", "items")
    assert (twice.code, "paused already" in twice.err) == (64, True)
    held = scheduled.run("schedules", "run-now", "items")
    assert (held.code, "syncflow schedules resume items" in held.err) == (64, True)
    assert scheduled.run("schedules", "resume", "items").code == 0
    assert scheduled.run("schedules", "resume", "items").code == 64
    assert _acts(database) == ["schedule.create", "schedule.pause", "schedule.resume"]


def test_run_now_queues_a_batch_of_the_cycle(scheduled: Shell) -> None:
    batch = json.loads(scheduled.run("schedules", "run-now", "items", "--json").out)
    assert (batch["entity_name"], batch["sync_type"], batch["status"]) == ("items", "background", "queued")


@pytest.mark.parametrize(
    ("arguments", "code", "told"),
    [
        (("set", "items", "--window", "25:00-07:00"), 78, "'25:00' is no time of day"),
        (("set", "items", "--window", "19:00-07:00", "--zone", "Asia/Theran"), 78, "Is it Asia/Tehran"),
        (("set", "items", "--window", "always", "--nights", "0"), 78, "days_to_complete is 0"),
        (("set", "items", "--window", "always", "--days", ","), 78, "one day of the week at least"),
        (("set", "items", "--window", "always", "--days", "mon-someday"), 78, "'mon-someday' is no day of the week"),
        (("set", "items", "--nights", "3"), 64, "say its window: syncflow schedules set items"),
        (("set", "itms", "--window", "always"), 64, "There is no entity 'itms'"),
        (("show", "items"), 64, "items has no schedule. Give it one with"),
        (("pause", "nothing"), 64, "There is no entity 'nothing'"),
        (("run-now", "items"), 64, "items has no schedule"),
    ],
)
def test_what_cannot_be_is_refused_in_a_sentence(
    configured: Shell, arguments: tuple[str, ...], code: int, told: str
) -> None:
    refused = configured.run("schedules", *arguments)
    assert (refused.code, refused.out) == (code, "")
    assert told in refused.err
    assert "Traceback" not in refused.err


def test_intervals_and_cron_lines_are_listed_with_their_next_time(configured: Shell) -> None:
    for name, schedule in (("items", "every 15 min"), ("sites", "30 5 * * MON-FRI Asia/Tehran")):
        assert configured.run("entities", "update", name, "--set", f"sync_schedule={schedule}").code == 0
    timed = {each["entity"]: each for each in json.loads(configured.run("schedules", "list", "--json").out)["timed"]}
    assert timed["items"]["cadence"] == "every 15 min"
    assert datetime.fromisoformat(timed["items"]["next_at"]) <= datetime.now(UTC)
    assert datetime.fromisoformat(timed["sites"]["next_at"]).strftime("%H:%M") == "02:00"
    assert "30 5 * * MON-FRI (Asia/Tehran)" in configured.run("schedules", "list").out
    never = configured.run("entities", "update", "items", "--set", "sync_schedule=0 0 30 2 *")
    assert (never.code, "never fires: there is no 30 in Feb" in never.err) == (78, True)


def test_the_default_interval_means_those_without_a_schedule(scheduled: Shell) -> None:
    scheduled.set(default_sync_interval_seconds="3600")
    timed = json.loads(scheduled.run("schedules", "list", "--json").out)["timed"]
    assert [(each["entity"], each["cadence"]) for each in timed] == [("sites", "every 1 h")]


NIGHTS = "    schedule: {window: 20:00-06:00, time_zone: Asia/Tehran, days: [sat, mon], days_to_complete: 4}\n"


def _import(shell: Shell, text: str) -> str:
    Path("entities.yaml").write_text(text, encoding="utf-8")
    done = shell.run("entities", "import", "entities.yaml")
    return done.out if done.code == 0 else done.err


def test_the_yaml_says_the_nights_and_is_exported_as_it_was(configured: Shell, database: Database) -> None:
    assert _import(configured, ENTITIES + NIGHTS) == "Changed: items.\nAs before: sites.\n"
    assert _import(configured, ENTITIES + NIGHTS) == "As before: sites, items.\n"
    exported = configured.run("entities", "export").out
    days_in_order = NIGHTS.replace("sat, mon", "mon, sat").replace("20:00-06:00", "'20:00-06:00'")
    assert days_in_order in exported
    assert _import(configured, exported) == "As before: sites, items.\n"
    assert _import(configured, ENTITIES) == "As before: sites, items.\n"  # it says nothing of nights
    assert "schedule: {window: '20:00-06:00'" in configured.run("entities", "show", "items").out
    assert _import(configured, ENTITIES + "    schedule: none\n") == "Changed: items.\nAs before: sites.\n"
    assert _acts(database) == ["schedule.create", "schedule.remove"]


def test_fields_of_entities_set_and_remove_the_nights(configured: Shell) -> None:
    nights = "schedule={window: 22:00-04:00, time_zone: UTC}"
    assert configured.run("entities", "update", "items", "--set", nights).code == 0
    assert configured.run("entities", "update", "items", "--set", "delete_mode=soft").code == 0
    assert "22:00-04:00 UTC, daily" in configured.run("schedules", "show", "items").out
    assert configured.run("entities", "update", "items", "--set", "schedule=").code == 0
    assert configured.run("schedules", "show", "items").code == 64


def test_an_entity_takes_its_nights_with_it(scheduled: Shell, database: Database) -> None:
    assert scheduled.run("entities", "delete", "items", "--yes").code == 0
    with database.connect() as connection:
        assert background_schedules.load_all(connection) == {}
    assert _acts(database) == ["schedule.create", "schedule.remove"]


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("    schedule: {window: 25:00-06:00, time_zone: UTC}\n", "line 10: '25:00-06:00' is no window"),
        ("    schedule: {window: 20:00-06:00, time_zone: UCT+3}\n", "line 10: There is no time zone"),
        ("    schedule: {window: 20:00-06:00}\n", "line 10: the key 'time_zone' is missing"),
        ("    schedule: {window: always, time_zone: UTC, days_to_complete: 0}\n", "line 10: days_to_complete is 0"),
        ("    schedule: {window: always, time_zone: UTC, days: []}\n", "line 10: A schedule works on one day"),
        ("    schedule: {window: always, time_zone: UTC, nights: 7}\n", "line 10: there is no key 'nights'"),
        ("    sync_schedule: 0 0 31 6 *\n", "line 10: The cron line '0 0 31 6 *' never fires"),
    ],
)
def test_mistakes_in_the_yaml_are_told_with_their_line(configured: Shell, line: str, told: str) -> None:
    assert f"entities.yaml, {told}" in _import(configured, ENTITIES + line)


def test_a_cursor_over_personal_data_is_masked(configured: Shell, database: Database) -> None:
    masked = "mappings=[{source: ITEM_NO, target: item_no, mask: true}]"
    assert configured.run("entities", "update", "items", "--set", masked).code == 0
    configured.run(*SET)
    _measured(database, rows=20, of=60)
    shown = json.loads(configured.run("schedules", "show", "items", "--json").out)
    assert shown["schedule"]["last_key"] == {"cursor": "…"}


def test_a_schedule_in_a_zone_that_is_gone_hides_no_other(scheduled: Shell, database: Database) -> None:
    with database.begin() as connection:
        connection.exec_driver_sql("UPDATE background_sync_schedule SET time_zone = 'Mars/Olympus'")
    listed = scheduled.run("schedules", "list")
    assert listed.code == 0
    assert "Mars/Olympus" in listed.out
    assert "There is no time zone 'Mars/Olympus'" in listed.out
    mended = scheduled.run("schedules", "set", "items", "--zone", "Europe/Berlin")
    assert mended.code == 0, mended.err
    assert scheduled.run("report", "--since", "00:00").code == 0
