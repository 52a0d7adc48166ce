"""An SSH server on loopback that gives each who logs in a console, and the line of one who does."""

import asyncio
import fcntl
import os
import pty
import struct
import subprocess
import sys
import termios
import threading
from collections.abc import Coroutine, Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import Any

import asyncssh

from tests.tui.terminal import ROOT, START
from tests.waiting import PATIENCE_SECONDS, until

ROWS, COLUMNS = 36, 120


class Anybody(asyncssh.SSHServer):
    """Lets everybody in, by the name that they say."""

    def begin_auth(self, username: str) -> bool:
        return False


class Line:
    """Somebody's SSH connection with a terminal at its end. What comes is read all the time."""

    def __init__(self, server: "Sshd", user: str) -> None:
        self._server = server
        self._came = b""
        self._connection, self._session = server.run(self._log_in(user))
        server.soon(self._read())

    async def _log_in(self, user: str) -> "tuple[asyncssh.SSHClientConnection, asyncssh.SSHClientProcess[bytes]]":
        connection = await asyncssh.connect(
            "127.0.0.1", self._server.port, username=user, known_hosts=None, config=None
        )
        session = await connection.create_process(term_type="xterm-256color", term_size=(COLUMNS, ROWS), encoding=None)
        return connection, session

    async def _read(self) -> None:
        with suppress(asyncssh.Error, OSError):
            while piece := await self._session.stdout.read(65536):
                self._came += piece

    def shows(self, *texts: str) -> None:
        for text in texts:
            until(lambda text=text: text.encode() in self._came, f"{text!r} on the line")

    def forget(self) -> None:
        """What came by now was seen."""
        self._came = b""

    def type(self, text: str) -> None:
        self._server.loop.call_soon_threadsafe(self._session.stdin.write, text.encode())

    def cut(self) -> None:
        """The connection is torn, and nobody says goodbye."""
        self._server.loop.call_soon_threadsafe(self._connection.abort)


class Sshd:
    """`processes` are those that the logins started, in their order; `port` is where it listens."""

    def __init__(self, settings: Mapping[str, object]) -> None:
        self._settings = {name.upper(): str(value) for name, value in settings.items() if value is not None}
        self.processes: list[subprocess.Popen[bytes]] = []
        self.loop = asyncio.new_event_loop()
        self.port = 0
        self._sessions: set[asyncio.Future[Any]] = set()

    def run(self, job: Coroutine[Any, Any, Any]) -> Any:
        return asyncio.run_coroutine_threadsafe(job, self.loop).result(PATIENCE_SECONDS)

    def soon(self, job: Coroutine[Any, Any, Any]) -> None:
        asyncio.run_coroutine_threadsafe(job, self.loop)

    async def listen(self) -> asyncssh.SSHAcceptor:
        acceptor = await asyncssh.create_server(
            Anybody,
            "127.0.0.1",
            0,
            server_host_keys=[asyncssh.generate_private_key("ssh-ed25519")],
            process_factory=self._session,
            encoding=None,
            line_editor=False,
        )
        self.port = acceptor.get_port()
        return acceptor

    async def _session(self, login: "asyncssh.SSHServerProcess[bytes]") -> None:
        """As sshd has it: a terminal and a session of its own for the login, and a hang-up when the line is gone."""
        terminal, process = self._start(login)
        self.loop.add_reader(terminal, self._pass_on, terminal, login)
        typing = asyncio.ensure_future(self._type(login, terminal))
        ended = asyncio.ensure_future(asyncio.to_thread(process.wait))
        await asyncio.wait([typing, ended], return_when=asyncio.FIRST_COMPLETED)
        self.loop.remove_reader(terminal)
        os.close(terminal)
        if ended.done():
            typing.cancel()
            login.exit(ended.result())
        await ended

    def _start(self, login: "asyncssh.SSHServerProcess[bytes]") -> "tuple[int, subprocess.Popen[bytes]]":
        ours, theirs = pty.openpty()
        columns, rows, *_pixels = login.term_size
        fcntl.ioctl(ours, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
        user = login.get_extra_info("username")
        process = subprocess.Popen(
            [sys.executable, "-c", START],
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            cwd=ROOT,
            env={**os.environ, **self._settings, "TERM": login.term_type or "", "LOGNAME": user, "USER": user},
            start_new_session=True,
            preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),
        )
        os.close(theirs)
        self.processes.append(process)
        return ours, process

    def _pass_on(self, terminal: int, login: "asyncssh.SSHServerProcess[bytes]") -> None:
        try:
            login.stdout.write(os.read(terminal, 65536))
        except OSError:  # nobody is at the other end of the terminal any more
            self.loop.remove_reader(terminal)

    async def _type(self, login: "asyncssh.SSHServerProcess[bytes]", terminal: int) -> None:
        with suppress(asyncssh.Error, OSError):
            while typed := await login.stdin.read(65536):
                os.write(terminal, typed)


@contextmanager
def sshd(settings: Mapping[str, object]) -> Iterator[Sshd]:
    server = Sshd(settings)
    thread = threading.Thread(target=server.loop.run_forever)
    thread.start()
    acceptor = server.run(server.listen())
    try:
        yield server
    finally:
        for process in server.processes:
            process.kill()
            process.wait()
        server.run(_close(acceptor))
        server.loop.call_soon_threadsafe(server.loop.stop)
        thread.join()
        server.loop.close()


async def _close(acceptor: asyncssh.SSHAcceptor) -> None:
    acceptor.close()
    await acceptor.wait_closed()
