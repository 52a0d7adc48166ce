"""The console in a terminal of its own: how it begins and ends, whatever ends it."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from syncflow.model import SyncType
from syncflow.sandbox.faults import Fault
from tests.faults.conftest import field as field  # a fixture
from tests.faults.field import SLUG, Field
from tests.tui.terminal import ROOT, START, Terminal
from tests.waiting import until

pytestmark = pytest.mark.integration


@pytest.fixture
def terminal(field: Field) -> Iterator[Terminal]:
    made = Terminal(field.settings)
    yield made
    made.close()


def test_it_opens_and_leaves_the_terminal_as_it_was(terminal: Terminal) -> None:
    terminal.shows("dashboard")
    terminal.shows("● 4 well")
    assert not terminal.is_as_before()
    terminal.type("q")
    terminal.ends(0)
    assert terminal.is_as_before()
    terminal.shows("\x1b[?1049l")


def test_sigterm_ends_it_with_its_own_code(terminal: Terminal) -> None:
    terminal.shows("● 4 well")
    terminal.process.send_signal(signal.SIGTERM)
    terminal.ends(128 + signal.SIGTERM)
    assert terminal.is_as_before()


def test_a_killed_console_leaves_a_terminal_that_works(terminal: Terminal) -> None:
    terminal.shows("● 4 well")
    os.kill(terminal.console, signal.SIGKILL)
    terminal.ends(128 + signal.SIGKILL)
    assert terminal.is_as_before()
    terminal.shows("The console was ended by SIGKILL")
    terminal.shows("\x1b[?1049l")


def test_a_console_without_its_guard_ends_as_well(terminal: Terminal) -> None:
    terminal.shows("● 4 well")
    console = terminal.console
    terminal.process.kill()
    terminal.process.wait()
    until(lambda: not Path(f"/proc/{console}").exists(), "end of the console")


def test_a_line_that_is_hung_up_leaves_a_batch_that_goes_on(field: Field) -> None:
    field.configure()
    field.break_source(Fault(kind="delay", path=SLUG, seconds=0.1, times=None))
    terminal = Terminal(field.settings)
    try:
        terminal.shows("● 4 well")
        with field.runtime() as asking:
            asking.batches.request([SLUG], SyncType.INCREMENTAL)
        until(lambda: field.statuses() == ["running"], "running batch")
        console = terminal.console
        terminal.hang_up()
        terminal.process.wait(timeout=30)
        until(lambda: not Path(f"/proc/{console}").exists(), "end of the console")
    finally:
        terminal.close()
    assert field.statuses() == ["interrupted"]
    field.mend()
    field.sync()
    field.check()


def test_ctrl_z_gives_the_shell_back_also_where_something_else_has_started_it(field: Field) -> None:
    terminal = Terminal(field.settings, command=["bash", "--norc", "--noprofile", "-i"])
    try:
        terminal.type(f"sh -c '{sys.executable} -c \"{START}\"; true'\n")
        terminal.shows("● 4 well")
        terminal.type("\x1a")
        terminal.shows("Stopped")
        terminal.type("echo alive-$((40 + 2))\n")
        terminal.shows("alive-42")
        written = terminal.written
        terminal.type("fg\n")
        until(lambda: b"\x1b[?1049h" in terminal.since(written), "the console again")
        until(lambda: b"SyncFlow" in terminal.since(written), "what it shows")
        terminal.type("q")
        until(lambda: b"\x1b[?1049l" in terminal.since(written), "its end")
        terminal.type("exit\n")
        terminal.ends(0)
    finally:
        terminal.close()


def test_it_is_seen_although_errors_go_elsewhere(field: Field, tmp_path: Path) -> None:
    terminal = Terminal(field.settings, errors=tmp_path / "errors.log")
    try:
        terminal.shows("● 4 well")
        terminal.type("q")
        terminal.ends(0)
    finally:
        terminal.close()


def test_without_a_terminal_it_says_so() -> None:
    done = subprocess.run(
        [sys.executable, "-c", "import sys; sys.argv = ['syncflow', '--read-only']; " + START],
        cwd=ROOT,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert done.returncode == 64
    assert "needs a terminal" in done.stderr
