"""The daemon as a process: real signals, real windows set to the next seconds, a real database that goes away."""

import signal
import subprocess
import time
from datetime import UTC, datetime, timedelta

import pytest

from syncflow.model import SyncType
from syncflow.sandbox.faults import Fault
from syncflow.service.schedules import GivenTerms
from tests.faults.daemons import COMMAND, daemon, offset, without_database
from tests.faults.field import ROOT, ROWS, SLUG, Field
from tests.waiting import until

pytestmark = pytest.mark.integration

ENDED = "completed_with_errors"
AT_ONCE_SECONDS = 10.0
"""A third of the grace period."""
SLOWLY = Fault(kind="delay", path=SLUG, seconds=0.2, times=None)


def schedule(field: Field, begins: float, lasts: float, days: int = 1) -> tuple[datetime, datetime]:
    """A window that opens in so many seconds, for so many."""
    opens = datetime.now(UTC).replace(microsecond=0) + timedelta(seconds=begins)
    closes = opens + timedelta(seconds=lasts)
    with field.runtime() as runtime:
        window = f"{opens:%H:%M:%S}-{closes:%H:%M:%S}"
        runtime.schedules.create(SLUG, GivenTerms(window, "UTC", days_to_complete=days))
    return opens, closes


def statuses(field: Field) -> list[str]:
    return field.statuses()


def test_it_says_how_it_is_and_ends_at_once_when_it_has_nothing_to_do(field: Field) -> None:
    with daemon(field, abstract=True) as running:
        running.wait_ready()
        until(lambda: "WATCHDOG=1" in running.told)
        code, seconds = running.ends(signal.SIGTERM)
    assert (code, seconds < AT_ONCE_SECONDS) == (143, True), seconds
    assert running.told[-1].startswith("STOPPING=1\nSTATUS=stopping")
    assert {line["level"] for line in running.lines} == {"info"}
    assert all(line["timestamp"] for line in running.lines)


def test_a_window_of_some_seconds(field: Field) -> None:
    """No chunk begins outside of it; what is left is done another night."""
    field.configure()
    field.break_source(Fault(kind="delay", path=SLUG, seconds=1.0, times=None))
    with daemon(field) as running:
        running.wait_ready()
        opens, closes = schedule(field, 2, 8)
        until(lambda: statuses(field) == ["running"])
        until(lambda: statuses(field) == ["completed"] or statuses(field) == ["completed_with_errors"])
        assert datetime.now(UTC) < closes + timedelta(seconds=AT_ONCE_SECONDS)
        assert running.ends(signal.SIGTERM)[0] == 143
    chunks = field.ask("SELECT intended_at, rows FROM batch_chunks ORDER BY number")
    assert chunks
    assert all(opens <= intended_at < closes for intended_at, _ in chunks)
    assert 0 < sum(rows for _, rows in chunks) == offset(field) < ROWS
    assert field.ask("SELECT reason FROM background_nights") == [("window_end",)]
    field.check_books()


def test_a_stop_finishes_the_chunk_and_the_next_daemon_goes_on(field: Field) -> None:
    field.configure()
    field.break_source(SLOWLY)
    schedule(field, -60, 600)
    with daemon(field) as running:
        until(lambda: offset(field) > 0)
        code, seconds = running.ends(signal.SIGTERM)
        assert code == 143
        assert seconds < AT_ONCE_SECONDS
        assert running.logged("handed over")
    assert statuses(field) == ["queued"]
    field.check_books()
    settled = offset(field)
    assert settled < ROWS
    field.mend()
    with daemon(field):
        until(lambda: statuses(field) == ["completed_with_errors"])
    assert field.totals("rows_fetched") == (ROWS,)
    assert field.ask("SELECT reason, rows FROM background_nights") == [("cycle_done", ROWS)]
    field.check()


def test_a_second_signal_ends_it_at_once(field: Field) -> None:
    field.configure()
    field.break_source(Fault(kind="delay", path=SLUG, seconds=20.0, times=None))
    schedule(field, -60, 600)
    with daemon(field) as running:
        until(lambda: statuses(field) == ["running"])
        running.process.send_signal(signal.SIGSTOP)
        running.process.send_signal(signal.SIGTERM)
        running.process.send_signal(signal.SIGCONT)
        time.sleep(0.05)
        code, seconds = running.ends(signal.SIGTERM)
    assert code == 143
    assert seconds < AT_ONCE_SECONDS
    field.mend()
    with daemon(field):
        until(lambda: statuses(field) == ["completed_with_errors"])
    field.check()


def test_two_share_a_database_and_one_takes_over_when_the_other_is_killed(field: Field) -> None:
    field.configure()
    field.break_source(SLOWLY)
    schedule(field, -60, 600)
    with daemon(field) as one, daemon(field) as other:
        one.wait_ready()
        other.wait_ready()
        until(lambda: offset(field) > 0)
        at_work = one if one.logged("a batch begins") else other
        left = other if at_work is one else one
        at_work.process.kill()
        at_work.process.wait()
        until(lambda: left.logged("a batch begins"))
        field.mend()
        until(lambda: statuses(field) == ["completed_with_errors"])
    assert field.totals("rows_fetched") == (ROWS,)
    field.check()


def test_killed_at_any_moment_it_goes_on_where_it_stood(field: Field) -> None:
    """kill -9 again and again, while the books are written and while rows are sent."""
    field.configure()
    field.break_source(Fault(kind="delay", path=SLUG, seconds=0.05, times=None))
    schedule(field, -60, 900)
    seen = [0]
    for pause in (0.0, 0.1, 0.2, 0.3, 0.4):
        with daemon(field) as running:
            running.wait_ready()
            before = offset(field)
            until(lambda before=before: offset(field) > before or statuses(field) == ["completed_with_errors"])
            time.sleep(pause)
            running.process.kill()
            running.process.wait()
        seen.append(offset(field) if statuses(field) == ["running"] else ROWS)
        if statuses(field) != ["running"]:
            break
    assert seen == sorted(seen)
    field.mend()
    with daemon(field):
        until(lambda: statuses(field) == ["completed_with_errors"])
    assert field.totals("rows_fetched") == (ROWS,)
    field.check()


def test_after_its_window_it_is_not_taken_up_and_the_next_night_goes_on(field: Field) -> None:
    field.configure()
    field.break_source(SLOWLY)
    with daemon(field) as running:
        running.wait_ready()
        _, closes = schedule(field, 2, 8)
        until(lambda: offset(field) > 0)
        running.process.kill()
    settled = offset(field)
    time.sleep(max(0.0, (closes - datetime.now(UTC)).total_seconds() + 0.2))
    field.mend()
    with daemon(field) as running:
        until(lambda: statuses(field) == ["interrupted"])
        time.sleep(2)
        assert (statuses(field), offset(field)) == (["interrupted"], settled)
        with field.runtime() as runtime:
            runtime.schedules.run_now(SLUG)
        until(lambda: statuses(field) in (["completed", ENDED], [ENDED, ENDED], [ENDED, "completed"]))
    assert field.totals("rows_fetched") == (ROWS,)
    field.check()


@pytest.mark.slow
def test_a_database_that_vanishes_and_comes_back(field: Field) -> None:
    field.configure()
    field.break_source(SLOWLY)
    schedule(field, -60, 900)
    with daemon(field) as running:
        until(lambda: offset(field) > 0)
        with without_database(field):
            until(lambda: running.has_told("STATUS=waiting for the metadata database"))
            time.sleep(10)  # longer than the books insist
            assert running.process.poll() is None
            before = len(running.told)
            until(lambda: "WATCHDOG=1" in running.told[before:])
        field.mend()
        until(lambda: statuses(field) == ["completed_with_errors"])
        assert running.ends(signal.SIGTERM)[0] == 143
    assert field.totals("rows_fetched") == (ROWS,)
    field.check()


def test_it_waits_for_a_database_that_is_not_there_yet(field: Field) -> None:
    with without_database(field), daemon(field) as running:
        until(lambda: running.has_told("EXTEND_TIMEOUT_USEC="))
        assert running.logged("waiting for the metadata database")
        assert not running.has_told("READY=1")
        code, seconds = running.ends(signal.SIGTERM)
        assert (code, seconds < AT_ONCE_SECONDS) == (143, True)
    with without_database(field):
        pass
    with daemon(field) as running:
        running.wait_ready()


def test_it_reads_its_settings_again(field: Field, tmp_path: object) -> None:
    secrets = field.folder / "secrets"
    secrets.mkdir()
    (secrets / "log_level").write_text("INFO", encoding="utf-8")
    with daemon(field, syncflow_secrets_dir=secrets) as running:
        running.wait_ready()
        running.told.clear()
        running.process.send_signal(signal.SIGHUP)
        until(lambda: running.has_told("READY=1"))
        assert running.has_told("RELOADING=1\nMONOTONIC_USEC=")
        (secrets / "log_level").write_text("NONSENSE", encoding="utf-8")
        running.process.send_signal(signal.SIGHUP)
        until(lambda: running.logged("the settings cannot be reloaded; those before hold"))
        (secrets / "log_level").write_text("DEBUG", encoding="utf-8")
        running.told.clear()
        running.process.send_signal(signal.SIGHUP)
        until(lambda: running.has_told("READY=1"))
        assert running.logged("reloaded")[-1]["changed"] == ["LOG_LEVEL"]
        assert running.ends(signal.SIGTERM)[0] == 143


def test_intervals_and_requests_are_carried_out(field: Field) -> None:
    field.configure(", sync_schedule: every 2 s")
    with daemon(field) as running:
        until(lambda: len([each for each in statuses(field) if each == "completed_with_errors"]) >= 3)
        assert running.ends(signal.SIGTERM)[0] == 143
    assert {by for (by,) in field.ask("SELECT requested_by FROM sync_batches WHERE sync_type = 'incremental'")} == {
        "scheduler"
    }
    assert field.ask("SELECT count(*) FROM audit_log WHERE act = 'batch.request'") == [(0,)]
    field.check()


def test_a_person_asks_while_it_is_at_work(field: Field) -> None:
    field.configure()
    with daemon(field) as running, field.runtime() as runtime:
        running.wait_ready()
        (batch,) = runtime.batches.request([SLUG], SyncType.FULL)
        until(lambda: runtime.batches.find(str(batch.uid)).completed_at is not None)
    field.check()


@pytest.mark.parametrize("options", [(), ("--observe",)])
def test_what_it_refuses(field: Field, options: tuple[str, ...]) -> None:
    environment = {"PATH": "/usr/bin", "STATE_DIR": str(field.folder)}
    said = subprocess.run(
        [COMMAND, "--daemon", *options], cwd=field.folder, env=environment, capture_output=True, text=True, timeout=60
    )
    assert said.returncode == (64 if options else 78)
    assert ("--embedded" in said.stderr) is not bool(options)
    assert str(ROOT) not in said.stderr
