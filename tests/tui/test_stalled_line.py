"""A line that stands still, as over a network that is gone for a while: what runs goes on, what is shown afterwards is
true, and whoever wants an end gets it."""

import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from syncflow.model import SyncType
from syncflow.sandbox.faults import Fault
from tests.faults.conftest import field as field  # a fixture
from tests.faults.field import SLUG, Field
from tests.tui.terminal import Terminal
from tests.waiting import until

pytestmark = pytest.mark.integration

SCREENFULS = "23456781" * 8
"""Keys that paint far more than a terminal's buffer holds and any queue of frames."""
LONGER_THAN_LAST_WORDS = 4
PAUSE_SECONDS = 0.12
"""Enough for each to be painted, and not only the last of them."""


@pytest.fixture
def terminal(field: Field) -> Iterator[Terminal]:
    field.configure()
    made = Terminal(field.settings, rows=50, columns=200)
    yield made
    made.close()


def fill(terminal: Terminal) -> None:
    """Let the line stand still until the console has much more to say than it takes."""
    terminal.stand_still()
    for key in SCREENFULS:
        terminal.type(key)
        time.sleep(PAUSE_SECONDS)


def test_a_batch_goes_on_and_the_screen_then_says_what_is(terminal: Terminal, field: Field) -> None:
    terminal.shows("● database")
    fill(terminal)
    with field.runtime() as asking:
        asking.batches.request([SLUG], SyncType.INCREMENTAL)
    until(lambda: field.statuses() == ["completed_with_errors"], "completed batch")
    field.check()
    written = terminal.written
    terminal.go_on()
    until(lambda: b"with errors" in terminal.since(written), "the end of the batch on the screen")
    terminal.type("q")
    terminal.ends(0)
    assert terminal.is_as_before()


def test_sigterm_ends_it_and_the_terminal_is_told_when_the_line_goes_on(terminal: Terminal, field: Field) -> None:
    terminal.shows("● database")
    field.break_source(Fault(kind="delay", path=SLUG, seconds=1.0, times=None))
    with field.runtime() as asking:
        asking.batches.request([SLUG], SyncType.INCREMENTAL)
    until(lambda: field.statuses() == ["running"], "running batch")
    fill(terminal)
    console = terminal.console
    terminal.process.send_signal(signal.SIGTERM)
    until(lambda: not Path(f"/proc/{console}").exists(), "end of the console")
    assert field.statuses() == ["interrupted"]
    terminal.go_on()
    terminal.ends(128 + signal.SIGTERM)
    assert terminal.is_as_before()
    assert b"\x1b[?1049l" in terminal.since(0)[-400:]


def test_ctrl_z_gives_the_terminal_back_whole_however_slow_the_line_is(terminal: Terminal) -> None:
    terminal.shows("● database")
    fill(terminal)
    written = terminal.written
    terminal.type("\x1a")
    time.sleep(LONGER_THAN_LAST_WORDS)
    terminal.go_on()
    until(lambda: b"\x1b[?1049l" in terminal.since(written), "the other screen is left")
    until(lambda: state(terminal.console) == "T", "it stands still")
    os.kill(terminal.process.pid, signal.SIGCONT)
    until(lambda: b"\x1b[?1049h" in terminal.since(written), "the other screen again")
    terminal.type("q")
    terminal.ends(0)


def test_half_a_letter_does_not_end_what_is_shown(terminal: Terminal) -> None:
    terminal.shows("● database")
    terminal.type(":caf\x1b[55296u\x1b[55296;1u")  # half of a surrogate pair, as a kitty keyboard sends it
    terminal.type("\r")
    terminal.shows("There is no command")
    terminal.type("8")
    terminal.shows("from level info")


def state(process: int) -> str:
    return Path(f"/proc/{process}/stat").read_text(encoding="utf-8").rsplit(")", 1)[1].split()[0]


def test_a_hang_up_ends_it(terminal: Terminal) -> None:
    terminal.shows("● database")
    fill(terminal)
    console = terminal.console
    terminal.hang_up()
    until(lambda: not Path(f"/proc/{console}").exists(), "end of the console")
    until(lambda: terminal.process.poll() is not None, "end of its guard")
