"""A PostgreSQL of our own, for trials, the demo and the tests, when no database is configured.

The server listens on a Unix socket alone. Our user is let in by peer authentication as the role `syncflow`; any other
role needs a password (scram-sha-256). Processes share one server per directory: each holds a shared lock on the file
`users` while it needs the server, and the last one to let go stops it. A killed process loses its lock with its life;
a server that it leaves behind is found and shared by the next process, and stopped when that one ends.
"""

import fcntl
import os
import shlex
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import IO, Self
from urllib.parse import quote

import psycopg

from syncflow.errors import UnavailableError
from syncflow.store import embedded_place as place
from syncflow.store.embedded_binaries import Binaries, find_binaries, reachable

ROLE = "syncflow"
DATABASE = "syncflow"
START_SECONDS = 300
"""Crash recovery of a large database takes its time."""
STOP_SECONDS = 60
RETRY_SECONDS = 15
"""How long the children of a killed server may take to let go of its memory."""

_HBA = f"""\
# Written by SyncFlow at each start.
local all {ROLE} peer map=syncflow
local all all scram-sha-256
"""
_STILL_GOING = ("shared memory block", "lock file")


class EmbeddedPostgres:
    """The server of one state directory. `start` may be called in any number of processes at once; each calls `stop`.

    `durable=False` turns fsync off, for tests that need no data to survive a power cut. Raises UnavailableError with
    the reason and the remedy.
    """

    def __init__(self, state_dir: Path, *, durable: bool = True) -> None:
        self._setup(place.embedded_directory(state_dir), durable=durable, temporary=False)

    @classmethod
    def temporary(cls, *, durable: bool = True) -> Self:
        """A server in a new directory that `stop` removes."""
        self = cls.__new__(cls)
        directory = place.temporary_directory(place.server_user())
        self._setup(directory, durable=durable, temporary=True)
        return self

    def _setup(self, directory: Path, *, durable: bool, temporary: bool) -> None:
        self.directory = directory
        self._data = directory / "server" / "data"
        self._log = directory / "server" / "log"
        self._user = place.server_user(self._data)
        self._sockets = place.socket_directory(directory)
        self._durable = durable
        self._temporary = temporary
        self._users: IO[bytes] | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def url(self, database: str = DATABASE) -> str:
        """The address of a database of this server, good for this user on this machine."""
        return f"postgresql://{ROLE}@/{quote(database, safe='')}?host={quote(str(self._sockets), safe='')}"

    def start(self) -> str:
        """Start the server, or share the one that runs; returns the address of its database `syncflow`."""
        place.make_directory(self.directory, self._user)
        with self._alone():
            users = _open_lock(self.directory / "users")
            try:
                fcntl.flock(users, fcntl.LOCK_SH)
                self._ensure_running()
            except BaseException:
                users.close()
                raise
            self._users = users
        return self.url()

    def stop(self) -> None:
        """Let go of the server; the last one to do so stops it. Does nothing when it was not started here."""
        if self._users is None:
            return
        with self._alone(), self._users as users:
            self._users = None
            try:
                fcntl.flock(users, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                return
            self._stop_server(self._binaries())
            if self._temporary:
                shutil.rmtree(self.directory)

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """Nobody else starts or stops the server of this directory meanwhile."""
        with _open_lock(self.directory / "lock") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield

    def _binaries(self) -> Binaries:
        version = self._data / "PG_VERSION"
        major = int(version.read_text()) if version.exists() else None
        return reachable(find_binaries(major), self._user, self.directory)

    def _ensure_running(self) -> None:
        """Only an answer proves that a server lives: one that was killed a moment ago still looks alive."""
        deadline = time.monotonic() + RETRY_SECONDS
        while True:
            if not self._runs():
                self._start_server()
            try:
                self._create_database()
            except psycopg.OperationalError as error:
                if time.monotonic() > deadline:
                    reason = str(error).strip().splitlines()[-1]
                    raise UnavailableError(
                        "The embedded database in {directory} does not answer: {reason} Its log is {log}.",
                        directory=self.directory,
                        reason=reason,
                        log=self._log,
                    ) from error
                time.sleep(0.1)
            else:
                return

    def _start_server(self) -> None:
        binaries = self._binaries()
        place.make_own_directory(self.directory / "server", self._user)
        place.make_own_directory(self._sockets, self._user)
        if not self._data.exists():
            self._initialise(binaries)
        _write_for_server(self.directory / "pg_hba.conf", _HBA)
        _write_for_server(self.directory / "pg_ident.conf", f'syncflow "{place.user_name()}" {ROLE}\n')
        self._forget_the_dead(binaries)
        self._launch(binaries)

    def _initialise(self, binaries: Binaries) -> None:
        """Make the data directory under another name first, so that a half-made one is never taken for whole."""
        unfinished = self._data.with_name("data.new")
        shutil.rmtree(unfinished, ignore_errors=True)
        options = ["--username", ROLE, "--encoding", "UTF8", "--no-locale", "--auth-local=peer", "--auth-host=reject"]
        if not self._durable:
            options.append("--no-sync")
        made = self._run(binaries, "initdb", "-D", str(unfinished), *options)
        if made.returncode != 0:
            raise UnavailableError(
                "The embedded database could not be made in {directory}: {reason}",
                directory=self._data,
                reason=_last_line(made),
            )
        unfinished.rename(self._data)

    def _launch(self, binaries: Binaries) -> None:
        deadline = time.monotonic() + RETRY_SECONDS
        while True:
            written = self._log.stat().st_size if self._log.exists() else 0
            started = self._run(
                binaries, "pg_ctl", "start", "-D", str(self._data), "-l", str(self._log), "-s", "-w",
                "-t", str(START_SECONDS), "-o", shlex.join(self._options()),
            )  # fmt: skip
            if started.returncode == 0:
                return
            said = self._log.read_bytes()[written:].decode(errors="replace") if self._log.exists() else ""
            if time.monotonic() > deadline or not any(phrase in said for phrase in _STILL_GOING):
                reason = _fatal(said) or _last_line(started)
                raise UnavailableError(
                    "The embedded database did not start: {reason} Its log is {log}.", reason=reason, log=self._log
                )
            time.sleep(0.2)

    def _options(self) -> list[str]:
        settings = {
            "listen_addresses": "",
            "port": "5432",
            "unix_socket_directories": str(self._sockets),
            "unix_socket_permissions": "0700",
            "hba_file": str(self.directory / "pg_hba.conf"),
            "ident_file": str(self.directory / "pg_ident.conf"),
            "timezone": "UTC",
            "log_timezone": "UTC",
            # PostgreSQL's own are for a machine of twenty years ago: with them a first load waits for checkpoints.
            "shared_buffers": "256MB",
            "max_wal_size": "2GB",
        }
        if not self._durable:
            settings |= {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}
        return [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]

    def _stop_server(self, binaries: Binaries) -> None:
        for mode in ("fast", "immediate"):
            done = self._run(
                binaries, "pg_ctl", "stop", "-D", str(self._data), "-s", "-w", "-m", mode, "-t", str(STOP_SECONDS)
            )
            if done.returncode == 0 or not (self._data / "postmaster.pid").exists():
                return
        raise UnavailableError(
            "The embedded database did not stop: {reason} Its log is {log}.", reason=_last_line(done), log=self._log
        )

    def _runs(self) -> bool:
        """Whether the server is up: its process is there, it says that it is ready, its socket can be found."""
        lines = self._pid_file()
        return (
            len(lines) > 7
            and lines[7].strip() == "ready"
            and self._is_ours(lines[0])
            and (self._sockets / place.SOCKET_NAME).exists()
        )

    def _forget_the_dead(self, binaries: Binaries) -> None:
        """Clear the way for a start: a server without its socket is stopped; the mark of a killed one is removed when
        its process id belongs to somebody else by now, which PostgreSQL alone could not know."""
        lines = self._pid_file()
        if not lines:
            return
        if self._is_ours(lines[0]):
            self._stop_server(binaries)
        else:
            (self._data / "postmaster.pid").unlink(missing_ok=True)

    def _pid_file(self) -> list[str]:
        try:
            return (self._data / "postmaster.pid").read_text().splitlines()
        except FileNotFoundError:
            return []

    def _is_ours(self, pid: str) -> bool:
        """Whether the process is a live server of this data directory."""
        try:
            command = Path("/proc", pid.strip(), "cmdline").read_bytes()
        except OSError:
            return not Path("/proc/self").exists() and _lives(int(pid))
        return os.fsencode(self._data) in command.split(b"\0")

    def _create_database(self) -> None:
        with psycopg.connect(self.url("postgres"), autocommit=True) as connection:
            if connection.execute("SELECT FROM pg_database WHERE datname = %s", [DATABASE]).fetchone() is None:
                connection.execute(f"CREATE DATABASE {DATABASE}".encode())

    def _run(self, binaries: Binaries, program: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run one of PostgreSQL's programs as the server's user, untouched by PG* variables and the locale."""
        user = self._user
        return subprocess.run(  # noqa: S603 - programs that were looked up, no shell
            [binaries.program(program), *arguments],
            capture_output=True,
            text=True,
            stdin=subprocess.DEVNULL,
            cwd="/",
            env={"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C", "TZ": "UTC"},
            user=user.uid if user.switched else None,
            group=user.gid if user.switched else None,
            extra_groups=[] if user.switched else None,
            umask=0o077,
            check=False,
        )


def _open_lock(path: Path) -> IO[bytes]:
    """A file to lock that nobody else may open: a stranger's lock on it would keep us from starting and stopping."""
    return open(path, "ab", opener=lambda name, flags: os.open(name, flags, 0o600))


def _write_for_server(path: Path, text: str) -> None:
    path.write_text(text)
    path.chmod(0o644)


def _lives(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def _last_line(done: subprocess.CompletedProcess[str]) -> str:
    lines = (done.stderr or done.stdout).strip().splitlines()
    return lines[-1] if lines else f"it ended with code {done.returncode}."


def _fatal(log: str) -> str | None:
    lines = [line.partition("FATAL:")[2].strip() for line in log.splitlines() if "FATAL:" in line]
    return f"{lines[-1]}." if lines else None
