"""The console in a terminal of its own: how it begins and ends, whatever ends it."""

import fcntl
import os
import pty
import signal
import struct
import subprocess
import sys
import termios
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from syncflow.model import SyncType
from syncflow.sandbox.faults import Fault
from tests.faults.conftest import field as field  # a fixture
from tests.faults.field import ROOT, SLUG, Field

pytestmark = pytest.mark.integration
START = "from syncflow.cli.main import main; main()"
FIRST_PAINT_SECONDS = 10.0
"""Under the load of other tests; alone it is one second."""


class Terminal:
    """A pseudo-terminal with a syncflow in it. What it writes is read all the time, as a line to a person would be."""

    def __init__(self, field: Field, rows: int = 24, columns: int = 80) -> None:
        self._master, slave = pty.openpty()
        self._resize(rows, columns)
        self.before = termios.tcgetattr(slave)
        self._written = b""
        environment = {name.upper(): str(value) for name, value in field.settings.items() if value is not None}
        self.process = subprocess.Popen(
            [sys.executable, "-c", START],
            stdin=slave,
            stdout=slave,
            stderr=slave,
            cwd=ROOT,
            env={**os.environ, **environment, "TERM": "xterm-256color"},
            start_new_session=True,
            preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),
        )
        self._slave = slave
        threading.Thread(target=self._read, daemon=True).start()

    def _resize(self, rows: int, columns: int) -> None:
        fcntl.ioctl(self._master, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def _read(self) -> None:
        try:
            while piece := os.read(self._master, 65536):
                self._written += piece
        except OSError:
            return

    @property
    def console(self) -> int:
        """The process that runs the console, below the one that guards the terminal."""
        return int(Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text().split()[0])

    def shows(self, text: str, seconds: float = FIRST_PAINT_SECONDS) -> None:
        until(lambda: text.encode() in self._written, seconds, f"{text!r} on the screen")

    def type(self, text: str) -> None:
        os.write(self._master, text.encode())

    def ends(self, code: int, seconds: float = 20.0) -> None:
        assert self.process.wait(timeout=seconds) == code

    def is_as_before(self) -> bool:
        return termios.tcgetattr(self._slave) == self.before

    def hang_up(self) -> None:
        """As when the SSH line is cut: both ends are gone."""
        os.close(self._slave)
        os.close(self._master)

    def close(self) -> None:
        self.process.kill()
        self.process.wait()
        for end in (self._slave, self._master):
            try:
                os.close(end)
            except OSError:
                continue


def until(happened: Callable[[], object], seconds: float, what: str) -> None:
    end = time.monotonic() + seconds
    while not happened():
        assert time.monotonic() < end, f"no {what} within {seconds} seconds"
        time.sleep(0.02)


@pytest.fixture
def terminal(field: Field) -> Iterator[Terminal]:
    made = Terminal(field)
    yield made
    made.close()


def test_it_opens_and_leaves_the_terminal_as_it_was(terminal: Terminal) -> None:
    terminal.shows("dashboard")
    terminal.shows("● database")
    assert not terminal.is_as_before()
    terminal.type("q")
    terminal.ends(0)
    assert terminal.is_as_before()
    terminal.shows("\x1b[?1049l")


def test_sigterm_ends_it_with_its_own_code(terminal: Terminal) -> None:
    terminal.shows("● database")
    terminal.process.send_signal(signal.SIGTERM)
    terminal.ends(128 + signal.SIGTERM)
    assert terminal.is_as_before()


def test_a_killed_console_leaves_a_terminal_that_works(terminal: Terminal) -> None:
    terminal.shows("● database")
    os.kill(terminal.console, signal.SIGKILL)
    terminal.ends(128 + signal.SIGKILL)
    assert terminal.is_as_before()
    terminal.shows("The console was ended by SIGKILL")
    terminal.shows("\x1b[?1049l")


def test_a_console_without_its_guard_ends_as_well(terminal: Terminal) -> None:
    terminal.shows("● database")
    console = terminal.console
    terminal.process.kill()
    terminal.process.wait()
    until(lambda: not Path(f"/proc/{console}").exists(), 15, "end of the console")


def test_a_line_that_is_hung_up_leaves_a_batch_that_goes_on(field: Field) -> None:
    field.configure()
    field.break_source(Fault(kind="delay", path=SLUG, seconds=0.1, times=None))
    terminal = Terminal(field)
    try:
        terminal.shows("● database")
        with field.runtime() as asking:
            asking.batches.request([SLUG], SyncType.INCREMENTAL)
        until(lambda: field.statuses() == ["running"], 10, "running batch")
        console = terminal.console
        terminal.hang_up()
        terminal.process.wait(timeout=30)
        until(lambda: not Path(f"/proc/{console}").exists(), 15, "end of the console")
    finally:
        terminal.close()
    assert field.statuses() == ["interrupted"]
    field.mend()
    field.sync()
    field.check()


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
