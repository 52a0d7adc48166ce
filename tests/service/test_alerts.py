"""Each cause is told once, to each who wants to know, and its end once: across restarts and among several daemons."""

import json
import signal
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from syncflow.errors import ConfigurationError, RetriableError
from syncflow.events import AlertBegan, AlertEnded, News
from syncflow.model import SyncType
from syncflow.scheduler.terms import parse_window
from syncflow.schedules import BackgroundSchedule
from syncflow.service.alert_command import AlertCommand
from syncflow.service.morning import SETTLES, last_night
from syncflow.service.schedules import GivenTerms
from syncflow.store import alerts
from syncflow.uuid7 import uuid7
from tests.faults.daemons import daemon
from tests.faults.field import BAD, ROWS, SLUG, Field, item
from tests.service.receiver import receiving
from tests.waiting import until

pytestmark = pytest.mark.integration

FAILED = ("batch_failed", SLUG)


def heard(file: Path) -> list[str]:
    lines = file.read_text(encoding="utf-8").splitlines() if file.exists() else []
    return [json.loads(line)["event"] for line in lines]


def test_two_daemons_and_a_restart_tell_once_and_the_recovery_once(field: Field, tmp_path: Path) -> None:
    field.configure()
    book = tmp_path / "book"
    script = tmp_path / "tell.sh"
    script.write_text(f'cat >> {book}; echo >> {book}; test -z "$POSTGRES_PASSWORD"', encoding="utf-8")
    strict = {"error_rate_limit": 0, "error_rate_minimum_rows": 1, "alert_command": f"sh {script}"}
    with receiving() as receiver, field.runtime() as runtime:
        settings = {**strict, "alert_webhook_url": receiver.url, "postgres_password": "secret"}
        news: list[News] = []
        watch = runtime.watch(news.append)
        watch.start()
        receiver.status = 503
        with daemon(field, **settings) as one, daemon(field, **settings) as other:
            one.wait_ready()
            other.wait_ready()
            runtime.batches.request([SLUG], SyncType.FULL)
            until(lambda: receiver.asked and heard(book) == ["alert"])
            assert [(each.kind, each.subject) for each in runtime.alerts.current()] == [FAILED]
            until(lambda: [each for each in news if isinstance(each, AlertBegan)])
            receiver.status = 204
            runtime.batches.request([SLUG], SyncType.FULL)  # it fails again: the same cause
            until(lambda: receiver.told("alert") == [FAILED])
            assert "never-shown" not in one.log.read_text() + other.log.read_text()
            leader = next(each for each in runtime.presence.all() if each.leads)
            first = one if f" {one.process.pid}." in leader.worker else other
            first.process.kill()
            first.process.wait()
            field.serve([item(number) for number in range(1, ROWS + 1) if number not in BAD])
        with daemon(field, **settings) as again:
            again.wait_ready()
            runtime.batches.request([SLUG], SyncType.FULL)
            until(lambda: receiver.told("recovery") == [FAILED] and heard(book) == ["alert", "recovery"])
            assert again.ends(signal.SIGTERM)[0] == 143
        assert receiver.told("alert") == [FAILED]
        assert runtime.alerts.current() == []
        until(lambda: [each for each in news if isinstance(each, AlertEnded)])
        watch.stop()
    (told,) = (body for body in receiver.got if body["event"] == "recovery")
    assert str(told["text"]).startswith("Over: The last batch of items failed")
    assert told["until"] is not None


def test_what_was_over_before_it_could_be_told_is_not_told(field: Field) -> None:
    field.configure()
    with receiving() as receiver, field.runtime(alert_webhook_url=receiver.url) as runtime:
        cause = alerts.Cause("queue_old", "failed", "Old.", "syncflow failed list")
        with runtime.database.begin() as connection:
            alerts.begin(connection, cause, datetime.now(UTC))
            alerts.begin(connection, cause, datetime.now(UTC))
        assert len(runtime.alerts.current()) == 1
        receiver.status = 404
        runtime.telling.tell()
        runtime.alerts.evaluate()
        receiver.status = 200
        runtime.telling.tell()
        assert (receiver.asked, receiver.got, runtime.alerts.current()) == (1, [], [])


def test_the_morning_after_a_window_is_reported_once(field: Field) -> None:
    field.configure()
    field.sync()
    now = datetime.now(UTC)
    begins, ends = now - timedelta(hours=1), now - SETTLES - timedelta(seconds=1)
    with receiving() as receiver, field.runtime(report_webhook_url=receiver.url) as runtime:
        runtime.schedules.create(SLUG, GivenTerms(f"{begins:%H:%M:%S}-{ends:%H:%M:%S}", "UTC"))
        receiver.status = 500
        with pytest.raises(RetriableError, match=r"REPORT_WEBHOOK_URL on 127\.0\.0\.1 answered 500"):
            runtime.morning.tell()
        receiver.status = 400
        with pytest.raises(ConfigurationError, match="check the address"):
            runtime.morning.tell()
        receiver.status = 200
        runtime.morning.tell()
        runtime.morning.tell()
    (report,) = receiver.got
    assert "1 batch of 1 entity: 1,000 rows read, 997 in, 3 failed." in str(report["text"])
    assert report["report"]["entities"][0]["entity"] == SLUG  # type: ignore[index]


def _schedule(window: str) -> BackgroundSchedule:
    start, end = parse_window(window)
    return BackgroundSchedule(uuid7(), SLUG, start, end, "UTC")


@pytest.mark.parametrize(
    ("windows", "at", "night"),
    [
        (["19:00-07:00"], "07:03", ("19:00", "07:00")),
        (["19:00-07:00"], "07:01", None),
        (["19:00-07:00"], "06:00", None),
        (["19:00-07:00"], "13:30", None),
        (["19:00-06:00", "22:00-07:00"], "06:30", None),
        (["19:00-06:00", "22:00-07:00"], "07:30", ("19:00", "07:00")),
        (["19:00-07:00", "always"], "07:03", ("19:00", "07:00")),
        (["always"], "00:03", ("00:00", "00:00")),
        ([], "07:03", None),
    ],
)
def test_which_night_the_morning_tells_of(windows: list[str], at: str, night: tuple[str, str] | None) -> None:
    now = datetime.fromisoformat(f"2026-11-24T{at}+00:00")
    found = last_night([_schedule(window) for window in windows], now)
    assert (found and (f"{found.opens:%H:%M}", f"{found.closes:%H:%M}")) == night


def test_a_command_that_hangs_is_ended_with_all_that_it_started(tmp_path: Path) -> None:
    mark = tmp_path / "mark"
    script = tmp_path / "hang.sh"
    script.write_text(f"(sleep 4; touch {mark}) & sleep 30", encoding="utf-8")
    with pytest.raises(RetriableError, match="did not end within 1 seconds"):
        AlertCommand(f"sh {script}", 1.0, ()).send(b"{}")
    with pytest.raises(RetriableError, match=r"ended with 3: no such thing\."):
        AlertCommand("sh -c 'echo no such thing >&2; exit 3'", 5.0, ()).send(b"x" * 1_000_000)
    with pytest.raises(RetriableError, match="cannot be run: No such file"):
        AlertCommand(str(tmp_path / "nothing"), 5.0, ()).send(b"{}")
    time.sleep(5)
    assert not mark.exists()
