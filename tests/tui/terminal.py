"""A pseudo-terminal with the real `syncflow` in it."""

import fcntl
import os
import pty
import struct
import subprocess
import sys
import termios
import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from tests.waiting import PATIENCE_SECONDS, until

ROOT = Path(__file__).parents[2]
START = "from syncflow.cli.main import main; main()"


class Terminal:
    """A pseudo-terminal with a syncflow in it. What it writes is read all the time, as a line to a person would be."""

    def __init__(
        self,
        settings: Mapping[str, object],
        rows: int = 24,
        columns: int = 80,
        errors: Path | None = None,
        command: Sequence[str] = (sys.executable, "-c", START),
    ) -> None:
        """`errors` is where its error output goes, as after `2>`; to the terminal if it is not given."""
        self._master, slave = pty.openpty()
        self._resize(rows, columns)
        self.before = termios.tcgetattr(slave)
        self._written = b""
        self.last_written = 0.0
        """When something came last, in seconds of `time.perf_counter`."""
        environment = {name.upper(): str(value) for name, value in settings.items() if value is not None}
        self.process = subprocess.Popen(
            command,
            stdin=slave,
            stdout=slave,
            stderr=errors.open("wb") if errors else slave,
            cwd=ROOT,
            env={**os.environ, **environment, "TERM": "xterm-256color"},
            start_new_session=True,
            preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),
        )
        self._slave = slave
        self._line_goes = threading.Event()
        self._line_goes.set()
        threading.Thread(target=self._read, daemon=True).start()

    def _resize(self, rows: int, columns: int) -> None:
        fcntl.ioctl(self._master, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def _read(self) -> None:
        try:
            while self._line_goes.wait() and (piece := os.read(self._master, 65536)):
                self.last_written = time.perf_counter()
                self._written += piece
        except OSError:
            return

    @property
    def console(self) -> int:
        """The process that runs the console, below the one that guards the terminal."""
        return int(Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text().split()[0])

    def shows(self, text: str) -> None:
        until(lambda: text.encode() in self._written, f"{text!r} on the screen")

    @property
    def written(self) -> int:
        """Bytes that came by now."""
        return len(self._written)

    def since(self, written: int) -> bytes:
        """What came after so many bytes."""
        return self._written[written:]

    def type(self, text: str) -> None:
        os.write(self._master, text.encode())

    def ends(self, code: int) -> None:
        assert self.process.wait(timeout=PATIENCE_SECONDS) == code

    def is_as_before(self) -> bool:
        return termios.tcgetattr(self._slave) == self.before

    def stand_still(self) -> None:
        """As when the network is gone, and nobody has noticed yet: nothing is taken from the line."""
        self._line_goes.clear()

    def go_on(self) -> None:
        self._line_goes.set()

    def hang_up(self) -> None:
        """As when the SSH line is cut: both ends are gone."""
        os.close(self._slave)
        os.close(self._master)

    def close(self) -> None:
        self.process.kill()
        self.process.wait()
        self.go_on()
        for end in (self._slave, self._master):
            try:
                os.close(end)
            except OSError:
                continue
