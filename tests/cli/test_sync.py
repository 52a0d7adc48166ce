"""`syncflow sync`, `status`, `history`, `stop` against a real APISmith sandbox and a real PostgreSQL."""

import contextlib
import json
import os
import pty
import signal
import subprocess
import time

import pytest

from syncflow.sandbox.apismith.server import ApiSmith
from syncflow.sandbox.faults import Fault
from tests.cli.conftest import ITEMS, SYNCFLOW, Shell

pytestmark = pytest.mark.integration


def test_sync_says_what_became_of_every_row(configured: Shell) -> None:
    said = configured.run("sync", "--all")
    assert said.code == 1, said.err
    lines = {line.split()[0]: line.split() for line in said.out.splitlines() if line}
    header = lines["entity"]
    items = dict(zip(header, lines["items"], strict=True))
    assert items["status"] == "with_errors"
    assert [items[name] for name in ("fetched", "inserted", "pending", "failed")] == [str(ITEMS), "57", "1", "2"]
    assert "2 rows failed. See why: syncflow status " in said.out
    assert "1 row waits for a parent that ScheduleHub does not have yet." in said.out
    assert "items: completed_with_errors, 60 rows in" in said.err
    batch = said.out.partition("syncflow status ")[2].split()[0]
    detail = configured.run("status", batch)
    assert "60 fetched = 57 inserted + 0 updated + 0 unchanged + 0 duplicate + 1 pending + 2 failed" in detail.out
    assert "'heavy' is not a number" in detail.out
    assert "ITEM_NO='A-007'" in detail.out


def test_json_is_one_document_and_the_second_sync_moves_nothing(configured: Shell, apismith: ApiSmith) -> None:
    first = json.loads(configured.run("sync", "--all", "--json").out)
    assert first["exit_code"] == 1
    apismith.service.change_rows("sites", [{"CODE": "LATE", "NAME": "Late"}], [])
    said = configured.run("sync", "sites", "--json")
    second = json.loads(said.out)
    assert said.code == second["exit_code"] == 0
    told = [(batch["entity"], batch["retry"], batch["counters"]["inserted"]) for batch in second["batches"]]
    assert told == [("sites", False, 1), ("items", True, 1)]
    third = json.loads(configured.run("sync", "items", "--json").out)["batches"][0]["counters"]
    assert (third["inserted"], third["updated"], third["unchanged"]) == (0, 0, ITEMS - 2)
    full = json.loads(configured.run("sync", "items", "--type", "full", "--json").out)["batches"][0]
    assert full["counters"]["fetched"] == ITEMS


def test_bars_in_a_terminal_leave_standard_output_alone(configured: Shell) -> None:
    ours, theirs = pty.openpty()
    running = subprocess.Popen([SYNCFLOW, "sync", "--all", "--json"], stdout=subprocess.PIPE, stderr=theirs, text=True)
    os.close(theirs)
    shown = b""
    with contextlib.suppress(OSError):  # what a terminal says when the last process has left it
        while part := os.read(ours, 4096):
            shown += part
    os.close(ours)
    out, _ = running.communicate(timeout=60)
    assert json.loads(out)["exit_code"] == running.returncode == 1
    assert "━" in shown.decode()
    assert "items: completed_with_errors, 60 rows in" in shown.decode()


def test_status_and_history_tell_the_newest(configured: Shell) -> None:
    assert "never synced" in configured.run("status").out
    assert "There is no batch yet" in configured.run("history").err
    configured.run("sync", "sites")
    overview = {line["entity"]: line for line in json.loads(configured.run("status", "--json").out)}
    assert overview["items"]["batch"] is None
    newest = overview["sites"]["batch"]
    assert (newest["status"], newest["counters"]["inserted"], overview["sites"]["alive"]) == ("completed", 1, False)
    assert [batch["uid"] for batch in json.loads(configured.run("history", "sites", "--json").out)] == [newest["uid"]]
    over = configured.run("stop", newest["uid"])
    assert over.code == 64
    assert "has ended already (completed)" in over.err


def test_stop_from_another_process_and_going_on(configured: Shell, apismith: ApiSmith) -> None:
    with _slow_sync(configured, apismith) as running:
        batch = _running_batch(configured)
        said = configured.run("stop", batch[:23])
        assert said.code == 0
        assert "items: asked to stop" in said.out
        out, err = running.communicate(timeout=30)
    assert running.returncode == 75, err
    assert "To go on where it stopped: syncflow sync items" in out
    _goes_on(configured, apismith, batch)


def test_ctrl_c_finishes_the_chunk_and_the_next_sync_goes_on(configured: Shell, apismith: ApiSmith) -> None:
    with _slow_sync(configured, apismith) as running:
        batch = _running_batch(configured)
        running.send_signal(signal.SIGINT)
        out, err = running.communicate(timeout=30)
    assert running.returncode == 75, err
    assert "Finishing the chunk in flight" in err
    assert "items" in out
    _goes_on(configured, apismith, batch)


def _slow_sync(shell: Shell, apismith: ApiSmith) -> "subprocess.Popen[str]":
    """A sync of many small chunks that would take a quarter of a minute."""
    assert shell.run("sync", "sites").code == 0
    apismith.faults.add(Fault("delay", path="items", times=None, seconds=0.4))
    shell.set(max_batch_size="2", default_batch_size="2", sync_chunk_rows="2")
    return shell.start("sync", "items")


def _running_batch(shell: Shell) -> str:
    """The number of the items' batch, once some of its rows are settled."""
    for _ in range(200):
        lines = {line["entity"]: line for line in json.loads(shell.run("status", "--json").out)}
        batch = lines["items"]["batch"]
        if lines["items"]["alive"] and batch["counters"]["fetched"]:
            return str(batch["uid"])
        time.sleep(0.1)
    raise AssertionError("the sync did not settle a chunk in 20 seconds")


def _goes_on(shell: Shell, apismith: ApiSmith, batch: str) -> None:
    """The same batch is gone on with, and every row is accounted for once."""
    apismith.faults.clear()
    shell.set(max_batch_size="1000", default_batch_size="1000", sync_chunk_rows="1000")
    done = json.loads(shell.run("sync", "items", "--json").out)["batches"][0]
    counters = done["counters"]
    assert done["batch"] == batch
    assert (counters["fetched"], counters["inserted"], counters["pending"], counters["failed"]) == (ITEMS, 57, 1, 2)
