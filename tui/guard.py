"""The small parent that outlives the console: it gives the terminal back as it was, whatever kills the console."""

import mmap
import os
import signal
import sys
import termios
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from syncflow.i18n.catalog import _

_AS_BEFORE = (
    "\x1b[?1000l\x1b[?1002l\x1b[?1003l\x1b[?1006l\x1b[?1015l"  # mouse
    "\x1b[?1004l\x1b[?2004l\x1b[?2026l"  # focus, bracketed paste, synchronised output
    "\x1b[?7h\x1b[<u"  # lines wrap, kitty's keyboard protocol
    "\x1b[?1049l\x1b[?25h\x1b[0m\r"  # the other screen, the cursor, colours
)
_PASSED_ON = (signal.SIGTERM, signal.SIGHUP, signal.SIGINT, signal.SIGQUIT, signal.SIGWINCH)


class Undo:
    """What this terminal must be told beyond that, since the console has told it something: written by the console,
    read by its parent."""

    _ROOM = 256

    def __init__(self) -> None:
        self._shared = mmap.mmap(-1, self._ROOM + 1)

    def keep(self, words: str) -> None:
        """These, in the place of those before. Raises IndexError for more than there is room for."""
        self._shared[: self._ROOM] = words.encode("ascii").ljust(self._ROOM, b"\0")

    @property
    def words(self) -> str:
        return self._shared[: self._ROOM].rstrip(b"\0").decode("ascii")

    def leave(self) -> None:
        """The console ends without having told the terminal, whose line stands still."""
        self._shared[self._ROOM] = 1

    @property
    def is_left(self) -> bool:
        return self._shared[self._ROOM] == 1


def guarded(console: Callable[[int, Undo], int]) -> int:
    """Run `console` in a child process and give its exit code, or 128 + the signal that killed it. `console` is given a
    file descriptor that reads to its end when this parent is gone, and an `Undo` in which to keep what the parent says
    to the terminal after a violent end. To be called before any thread is started."""
    terminal = _attributes()
    undo = Undo()
    alive_read, alive_write = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(alive_write)
        _end(lambda: console(alive_read, undo))
    os.close(alive_read)
    with _passing_signals_on(child):
        status = _wait(child)
    os.close(alive_write)
    code = os.waitstatus_to_exitcode(status)
    if code < 0 or undo.is_left:
        _restore(terminal, undo.words)  # waits for a line that stands still, until it goes on or is hung up
    if code >= 0:
        return code
    told = _(
        "The console was ended by {signal}. Its batches stand at their checkpoints: another SyncFlow takes them over, "
        "or syncflow resume goes on with them."
    )
    sys.stderr.write(f"{told.format(signal=signal.Signals(-code).name)}\n")
    return 128 - code


def _end(console: Callable[[], int]) -> None:
    """The child's whole life; it never returns into the parent's code."""
    code = 1
    try:
        code = console()
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else 1
    finally:
        with suppress(OSError):
            sys.stdout.flush()
            sys.stderr.flush()
        os._exit(code)


def _wait(child: int) -> int:
    """Its status at its end. When it suspends itself (ctrl+z), so does this process, and the shell has the terminal."""
    while True:
        _pid, status = os.waitpid(child, os.WUNTRACED)
        if not os.WIFSTOPPED(status):
            return status
        _stop_with_the_others()
        if _stands_still(child):  # a shell wakes the whole group, and twice awake it would take the terminal twice
            os.kill(child, signal.SIGCONT)


def _stands_still(process: int) -> bool:
    with suppress(OSError):
        stat = Path(f"/proc/{process}/stat").read_text(encoding="utf-8", errors="replace")
        return stat.rpartition(")")[2].split()[0] == "T"
    return False


def _stop_with_the_others() -> None:
    """Whoever started this, such as `syncflow demo` or make, stops as well: the shell waits for that one."""
    before = signal.signal(signal.SIGTSTP, signal.SIG_IGN)
    os.killpg(0, signal.SIGTSTP)
    os.kill(os.getpid(), signal.SIGSTOP)  # by this, since nobody's own group has no shell that a SIGTSTP is heard for
    signal.signal(signal.SIGTSTP, before)


@contextmanager
def _passing_signals_on(child: int) -> Iterator[None]:
    def pass_on(number: int, _frame: object) -> None:
        with suppress(ProcessLookupError):
            os.kill(child, number)

    before = {number: signal.signal(number, pass_on) for number in _PASSED_ON}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _attributes() -> list[object] | None:
    with suppress(termios.error, OSError):
        return list(termios.tcgetattr(sys.stdin.fileno()))
    return None


def _restore(attributes: list[object] | None, undo: str) -> None:
    with suppress(termios.error, OSError):
        if attributes is not None:
            termios.tcsetattr(sys.stdin.fileno(), termios.TCSADRAIN, attributes)  # type: ignore[arg-type]
        sys.stdout.write(_AS_BEFORE + undo)
        sys.stdout.flush()
