"""`syncflow report`: what a night did, and what it left to a person."""

import json
from datetime import datetime, timedelta

import pytest

from syncflow.errors import UsageError
from syncflow.service.last_time import last_time
from tests.cli.conftest import ITEMS, Shell

NOON = datetime(2026, 11, 24, 12).astimezone()


@pytest.mark.integration
def test_before_anything_was_done_it_says_so(configured: Shell) -> None:
    said = configured.run("report").out
    assert "Nothing was synced." in said
    assert "items: it was never synced. Type: syncflow sync items" in said


@pytest.mark.integration
def test_the_morning_after_a_night_with_failures(configured: Shell) -> None:
    assert configured.run("sync", "--all").code == 1
    said = configured.run("report", "--since", "00:00").out
    assert f"2 batches of 2 entities: {ITEMS + 1} rows read, {ITEMS - 2} in, 1 waiting for parents, 2 failed." in said
    assert next(line.split() for line in said.splitlines() if line.startswith("items ")) == [
        "items", "1", str(ITEMS), str(ITEMS - 3), "0", "0", "0", "1", "2", "0",
    ]  # fmt: skip
    assert "  items: 2 rows failed in this time" in said
    assert "  1 row for a parent, the oldest since " in said
    assert "items: 2 rows failed and will not mend by themselves. Type: syncflow remedies groups --entity items" in said


@pytest.mark.integration
def test_json_holds_the_same_and_older_nights_are_left_out(configured: Shell) -> None:
    configured.run("sync", "--all")
    found = json.loads(configured.run("report", "--since", "00:00", "--json").out)
    assert [(each["entity"], each["counters"]["inserted"]) for each in found["entities"]] == [
        ("items", ITEMS - 3),
        ("sites", 1),
    ]
    assert (found["failed_records"]["rows"], found["pending"]["rows"], found["running"]) == (2, 1, 0)
    now = (datetime.now().astimezone()).isoformat()
    later = json.loads(configured.run("report", "--since", now, "--json").out)
    assert (later["entities"], later["failed_records"]["rows"]) == ([], 2)


@pytest.mark.integration
def test_a_batch_that_failed_is_told_with_its_reason(configured: Shell) -> None:
    configured.set(error_rate_limit="0", error_rate_minimum_rows="1")
    configured.run("sync", "items")
    found = json.loads(configured.run("report", "--since", "00:00", "--json").out)
    (failed,) = found["failed_batches"]
    assert failed["entity"] == "items"
    said = configured.run("report", "--since", "00:00").out
    assert f"  items: {failed['message']}. See: syncflow status {failed['batch']}\n" in said
    assert f"  items: its last batch failed: {failed['message']}. Type: syncflow status {failed['batch']}\n" in said


@pytest.mark.integration
def test_nights_and_paused_schedules_are_told(configured: Shell) -> None:
    configured.run("schedules", "set", "items", "--window", "always", "--zone", "UTC")
    configured.run("schedules", "pause", "items")
    said = configured.run("report").out
    assert "items: its schedule is paused. Type: syncflow schedules resume items" in said


@pytest.mark.unit
@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("11:30", NOON - timedelta(minutes=30)),
        ("19:00", NOON - timedelta(hours=17)),
        ("2026-11-20T07:00", NOON - timedelta(days=4, hours=5)),
        ("2026-11-24", NOON - timedelta(hours=12)),
    ],
)
def test_since(text: str, found: datetime) -> None:
    assert last_time(text, NOON) == found


@pytest.mark.unit
@pytest.mark.parametrize(
    ("text", "told"), [("25:00", "takes 19:00"), ("yesterday", "takes 19:00"), ("2026-11-25", "is yet to come")]
)
def test_since_that_cannot_be(text: str, told: str) -> None:
    with pytest.raises(UsageError, match=told):
        last_time(text, NOON)
