"""`syncflow health`, `stats`, `doctor` and `audit`: how it is, how much it was, what is to be done, who did what."""

import json
from pathlib import Path

import pytest

from tests.cli.conftest import ITEMS, Shell

pytestmark = pytest.mark.integration


def test_health_says_what_is_degraded_and_fails_only_for_what_is_vital(configured: Shell) -> None:
    said = configured.run("health")
    assert said.code == 0
    assert said.out.startswith("SyncFlow ")
    levels = {each["name"]: each["level"] for each in json.loads(configured.run("health", "--json").out)["components"]}
    assert levels == {
        "database": "ok", "APISmith": "ok", "ScheduleHub": "ok", "daemon": "degraded",
        "queue failed": "ok", "queue pending": "ok", "queue withheld": "ok",
    }  # fmt: skip
    configured.set(database_url="postgresql://127.0.0.1:1/none")
    assert configured.run("health").code == 69


def test_stats_are_those_of_the_books(configured: Shell) -> None:
    assert "last 24 hours: nothing was synced" in configured.run("stats").out
    configured.run("sync", "--all")
    configured.run("sync", "--all")
    taken = json.loads(configured.run("stats", "--json").out)
    assert [period["name"] for period in taken["periods"]] == ["last 24 hours", "last 7 days", "last 30 days"]
    for period in taken["periods"]:
        items, sites = period["entities"]
        assert (items["entity"], items["batches"], items["fetched"], items["failed"]) == ("items", 2, 2 * ITEMS, 4)
        assert (items["inserted"], items["unchanged"]) == (ITEMS - 3, ITEMS - 3)
        assert (sites["entity"], sites["inserted"], sites["unchanged"]) == ("sites", 1, 1)
        assert items["rows_per_second"] == pytest.approx(items["fetched"] / items["seconds"], rel=0.05)
    assert {each["queue"]: each["rows"] for each in taken["queues"]} == {"failed": 2, "pending": 1, "withheld": 0}
    said = configured.run("stats").out
    line = next(line for line in said.splitlines() if line.startswith("items "))
    assert line.split()[1:4] == ["2", str(2 * ITEMS), str(ITEMS - 3)]
    assert "queue failed: 2 rows, the oldest for " in said
    assert "batches: " in said


def test_the_audit_trail_is_searched(configured: Shell) -> None:
    configured.run("schedules", "set", "items", "--window", "19:00-07:00")
    configured.run("schedules", "pause", "items")
    everything = json.loads(configured.run("audit", "list", "--json").out)
    assert {each["act"].partition(".")[0] for each in everything} == {"entity", "schedule"}
    acts = [each["act"] for each in json.loads(configured.run("audit", "list", "--act", "schedule", "--json").out)]
    assert len(acts) == 2
    assert acts == [each["act"] for each in everything if each["act"].startswith("schedule.")]
    assert json.loads(configured.run("audit", "list", "--act", "sched", "--json").out) == []
    assert json.loads(configured.run("audit", "list", "--entity", "nothing", "--json").out) == []
    assert json.loads(configured.run("audit", "list", "--who", everything[0]["actor"], "--json").out) == everything
    assert json.loads(configured.run("audit", "list", "--who", "nobody", "--json").out) == []
    limited = configured.run("audit", "list", "--since", "00:00", "--limit", "1")
    assert len(limited.out.splitlines()) == 2
    assert "There may be more" in limited.err
    assert configured.run("audit", "list", "--since", "25:00").code == 64


def test_the_doctor_ends_with_1_when_something_must_be_mended(configured: Shell) -> None:
    well = configured.run("doctor")
    assert well.code == 0, well.out
    assert "ok       ScheduleHub: keys: erp_key_hash is unique in the tables of 2 entities" in well.out
    configured.set(apismith_url="http://127.0.0.1:1")
    ill = configured.run("doctor", "--json")
    assert ill.code == 1
    assert [each["name"] for each in json.loads(ill.out) if each["grade"] == "failure"] == ["APISmith"]
    configured.set(database_url="postgresql://127.0.0.1:1/none")
    assert "2 failures" in configured.run("doctor").out.splitlines()[-1]


def test_the_doctor_works_with_settings_that_cannot_hold(shell: Shell) -> None:
    shell.set(api_port="many")
    said = shell.run("doctor")
    assert said.code == 1
    assert "FAILURE  settings: API_PORT holds 'many'" in said.out
    assert "ok       versions: SyncFlow" in said.out
    assert not Path("state").exists()
