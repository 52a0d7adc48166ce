"""The HTTP server of a daemon: an application in a thread of its own."""

import errno
import logging
import socket
import threading
import time

import uvicorn
from starlette.types import ASGIApp

from syncflow.errors import UnavailableError

_START_SECONDS = 30.0
_STOP_SECONDS = 1
"""For answers that are under way; they come from memory."""


class HttpServer:
    """Listens from `start` to `stop`. `port` 0 takes a free one."""

    def __init__(self, app: ASGIApp, host: str, port: int) -> None:
        self._app = app
        self._host = host
        self._port = port
        self._listener: socket.socket | None = None
        self._server: uvicorn.Server | None = None
        self._thread: threading.Thread | None = None

    def start(self) -> str:
        """Its address. Raises UnavailableError when the port cannot be opened."""
        self._listener = _bind(self._host, self._port)
        config = uvicorn.Config(
            self._app,
            http="h11",
            loop="asyncio",
            ws="none",
            lifespan="off",
            log_config=None,
            access_log=False,
            server_header=False,
            timeout_graceful_shutdown=_STOP_SECONDS,
        )
        logging.getLogger("uvicorn.error").setLevel(logging.WARNING)
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(
            target=self._server.run, kwargs={"sockets": [self._listener]}, name="http", daemon=True
        )
        self._thread.start()
        end = time.monotonic() + _START_SECONDS
        while not self._server.started:
            if not self._thread.is_alive() or time.monotonic() > end:
                raise UnavailableError("The server at {url} did not start; the log says why.", url=_url(self._listener))
            time.sleep(0.005)
        return _url(self._listener)

    def stop(self) -> None:
        if self._server is not None and self._thread is not None:
            self._server.should_exit = True
            self._thread.join(_STOP_SECONDS + 1)
        if self._listener is not None:
            self._listener.close()


def _bind(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # The protocol is named because asyncio sets TCP_NODELAY only on a socket that says it is TCP.
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
        listener.listen(64)
    except OSError as error:
        listener.close()
        if error.errno == errno.EADDRINUSE:
            raise UnavailableError(
                "Port {port} on {host}, for health and metrics, is in use: stop what holds it, or set API_PORT (0: "
                "none) or API_HOST to another.",
                port=str(port),
                host=host,
            ) from error
        raise UnavailableError(
            "Port {port} on {host}, for health and metrics, cannot be opened ({reason}): stop what holds it, or set "
            "API_PORT (0: none) or API_HOST to another.",
            port=str(port),
            host=host,
            reason=error.strerror or error,
        ) from error
    return listener


def _url(listener: socket.socket) -> str:
    host, port = listener.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
