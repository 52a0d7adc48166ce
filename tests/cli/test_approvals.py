"""`syncflow withheld`, `approve` and `discard` as a shell calls them."""

import contextlib
import json
import os
import pty
import subprocess

import pytest

from syncflow.sandbox.apismith.server import ApiSmith
from tests.cli.conftest import ITEMS, SYNCFLOW, Shell

pytestmark = pytest.mark.integration


@pytest.fixture
def batch(configured: Shell, apismith: ApiSmith) -> str:
    """A batch of items whose extract came empty."""
    configured.run("sync", "--all")
    apismith.service.change_rows("items", [], [{"ITEM_NO": f"A-{number:03}"} for number in range(ITEMS)])
    said = configured.run("sync", "items")
    assert "57 deletions withheld, nothing was deleted" in said.out
    assert "syncflow approve " in said.out
    return said.out.rpartition("syncflow approve ")[2].split()[0]


def test_what_is_withheld_is_shown_and_deleted_when_the_number_is_said(configured: Shell, batch: str) -> None:
    listed = configured.run("withheld")
    assert (listed.code, batch in listed.out, "the extract of this batch was empty" in listed.out) == (0, True, True)
    shown = configured.run("withheld", batch)
    assert "item_no=A-000" in shown.out
    for wrong in (["--yes"], ["--count", "56"], []):
        refused = configured.run("approve", batch, *wrong)
        assert refused.code == 64, wrong
        assert "57" in refused.err
    done = configured.run("approve", batch, "--count", "57")
    assert done.code == 0, done.err
    assert "items: of 57 approved deletions 57 deleted." in done.out
    again = configured.run("approve", batch, "--count", "57")
    assert again.code == 64
    assert "waits for your word any more: approved by " in again.err
    fates = json.loads(configured.run("withheld", batch, "--json").out)["sets"]
    assert [(fate["state"], fate["outcome"], fate["rows"]) for fate in fates] == [("approved", "deleted", 57)]
    assert "No deletion waits" in configured.run("withheld").err


def test_what_is_discarded_stays(configured: Shell, batch: str) -> None:
    told = json.loads(configured.run("discard", batch, "--json").out)
    assert (told["batch"], told["rows"]) == (batch, 57)
    again = configured.run("discard", batch)
    assert (again.code, "discarded by " in again.err) == (64, True)
    assert configured.run("approve", "ffffffff").code == 64
    assert json.loads(configured.run("withheld", "--json").out) == []


@pytest.mark.parametrize(("typed", "code"), [("57", 0), ("58", 64)])
def test_a_person_types_the_number(configured: Shell, batch: str, typed: str, code: int) -> None:
    ours, theirs = pty.openpty()
    running = subprocess.Popen([SYNCFLOW, "approve", batch], stdin=theirs, stdout=subprocess.PIPE, stderr=theirs)
    os.close(theirs)
    shown = b""
    with contextlib.suppress(OSError):  # what a terminal says when the last process has left it
        while part := os.read(ours, 4096):
            shown += part
            if b"Type 57 to delete" in shown and typed:
                os.write(ours, f"{typed}\n".encode())
                typed = ""
    os.close(ours)
    out, _ = running.communicate(timeout=30)
    assert running.returncode == code, shown
    assert (b"57 deleted" in out) == (code == 0)
