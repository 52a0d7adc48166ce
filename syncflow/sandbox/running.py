"""Servers that run: blocking for the command line, in a thread for tests, in a process of their own for benchmarks."""

import errno
import multiprocessing
import socket
import threading
import time
from collections.abc import Callable
from multiprocessing.connection import Connection
from types import TracebackType
from typing import Self

import uvicorn
from starlette.types import ASGIApp

from syncflow.sandbox.errors import SandboxError

_START_SECONDS = 60.0
_STOP_SECONDS = 5
AppFactory = Callable[[], ASGIApp]


def bind(host: str, port: int) -> socket.socket:
    """A socket that listens at this address; port 0 takes a free one. Raises SandboxError with the remedy."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # The protocol is named because asyncio sets TCP_NODELAY only on a socket that says it is TCP.
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
        listener.listen(256)
    except OSError as error:
        listener.close()
        reason = "is in use" if error.errno == errno.EADDRINUSE else f"cannot be opened ({error.strerror or error})"
        raise SandboxError(
            f"Port {port} on {host} {reason}: stop what holds it, or choose another with --host and --port."
        ) from error
    return listener


def url_of(listener: socket.socket) -> str:
    host, port = listener.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def serve(app: ASGIApp, host: str, port: int, announce: Callable[[str], None]) -> None:
    """Serve until SIGINT or SIGTERM. `announce` is told the URL once the port is open."""
    with bind(host, port) as listener:
        announce(url_of(listener))
        _server(app).run(sockets=[listener])


class RunningServer:
    """An application in a thread of this process, as a context manager; `url` has no path."""

    def __init__(self, app: ASGIApp, host: str = "127.0.0.1", port: int = 0) -> None:
        self._listener = bind(host, port)
        self.url = url_of(self._listener)
        self._server = _server(app)
        self._thread = threading.Thread(
            target=self._server.run, kwargs={"sockets": [self._listener]}, name="sandbox", daemon=True
        )

    def start(self) -> Self:
        self._thread.start()
        end = time.monotonic() + _START_SECONDS
        while not self._server.started:
            if not self._thread.is_alive() or time.monotonic() > end:
                raise SandboxError(f"The sandbox server at {self.url} did not start; its log says why.")
            time.sleep(0.005)
        return self

    def stop(self) -> None:
        """End the server; requests in flight get a few seconds."""
        self._server.should_exit = True
        self._thread.join(_STOP_SECONDS + 1)
        self._listener.close()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()


class ServerProcess:
    """An application in a process of its own, as a context manager. `factory` is called there, so it must be
    picklable: a function of a module, or `functools.partial` of one."""

    def __init__(self, factory: AppFactory, host: str = "127.0.0.1", port: int = 0) -> None:
        context = multiprocessing.get_context("spawn")
        self._told, tell = context.Pipe(duplex=False)
        self._process = context.Process(target=_serve_and_tell, args=(factory, host, port, tell), daemon=True)
        self.url = ""

    @property
    def pid(self) -> int | None:
        return self._process.pid

    def start(self, timeout_seconds: float = 300.0) -> Self:
        """Start and wait until it listens. Raises SandboxError with what the process says."""
        self._process.start()
        if not self._told.poll(timeout_seconds):
            self.stop()
            raise SandboxError(f"The sandbox process did not start within {timeout_seconds:g} seconds.")
        kind, text = self._told.recv()
        if kind == "error":
            self.stop()
            raise SandboxError(text)
        self.url = text
        return self

    def stop(self) -> None:
        self._process.terminate()
        self._process.join(_STOP_SECONDS)
        if self._process.is_alive():
            self._process.kill()
            self._process.join()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()


def _serve_and_tell(factory: AppFactory, host: str, port: int, tell: Connection) -> None:
    try:
        serve(factory(), host, port, lambda url: tell.send(("url", url)))
    except SandboxError as error:
        tell.send(("error", str(error)))


def _server(app: ASGIApp) -> uvicorn.Server:
    config = uvicorn.Config(
        app,
        http="h11",
        ws="none",
        log_level="critical",
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=_STOP_SECONDS,
    )
    return uvicorn.Server(config)
