"""Sockets that keep to the clock of the exchange that they serve.

httpx bounds the silence between two bytes, not an exchange: a server that sends one byte a second would hold a worker
for hours. Here each read is cut into short waits, and each looks at the deadline of the exchange and at whether
SyncFlow was told to stop. It is made of what httpcore and httpx offer publicly: a network backend and a transport.
"""

import ssl
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any
from urllib.request import getproxies, proxy_bypass

import httpcore
import httpx

_READ_BYTES = 512 * 1024
"""Asked for at once; httpcore would read a page in fifty pieces."""
_LOOK_UP = 0.25
"""Seconds that a read may wait before it looks at the clock again."""
_PIECE = 256 * 1024
_IDLE_SECONDS = 3.0
"""Below the five seconds after which common servers close an idle connection, so that none is used while it closes."""

_NETWORK_ERRORS = (
    httpcore.NetworkError,
    httpcore.TimeoutException,
    httpcore.ProtocolError,
    httpcore.ProxyError,
    httpcore.UnsupportedProtocol,
)


class ExchangeClock(threading.local):
    """The limits of the exchange that runs in this thread; `ends` is on the monotonic clock, in seconds."""

    ends = float("inf")
    gives_up: Callable[[], bool] | None = None

    @contextmanager
    def running(self, ends: float, gives_up: Callable[[], bool] | None) -> Iterator[None]:
        """Bound every read and write of this thread; `gives_up` is asked while nothing comes."""
        self.ends, self.gives_up = ends, gives_up
        try:
            yield
        finally:
            self.ends, self.gives_up = float("inf"), None

    def left(self, timeout: float | None) -> float:
        """Seconds that the next step may take; 0 or less when the exchange is over."""
        left = self.ends - time.monotonic()
        return left if timeout is None else min(left, timeout)


class _TimedStream(httpcore.NetworkStream):
    def __init__(self, stream: httpcore.NetworkStream, clock: ExchangeClock) -> None:
        self._stream = stream
        self._clock = clock

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        silent_until = time.monotonic() + self._clock.left(timeout)
        while True:
            wait = min(_LOOK_UP, silent_until - time.monotonic())
            if wait <= 0:
                raise httpcore.ReadTimeout("no answer in time")
            try:
                return self._stream.read(max(max_bytes, _READ_BYTES), wait)
            except httpcore.ReadTimeout:
                if self._clock.gives_up is not None and self._clock.gives_up():
                    raise

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        for start in range(0, len(buffer), _PIECE):
            left = self._clock.left(timeout)
            if left <= 0:
                raise httpcore.WriteTimeout("the request was not taken in time")
            self._stream.write(buffer[start : start + _PIECE], left)

    def close(self) -> None:
        self._stream.close()

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.NetworkStream:
        return _TimedStream(self._stream.start_tls(ssl_context, server_hostname, timeout), self._clock)

    def get_extra_info(self, info: str) -> Any:
        return self._stream.get_extra_info(info)


class _TimedBackend(httpcore.NetworkBackend):
    def __init__(self, clock: ExchangeClock) -> None:
        self._sockets = httpcore.SyncBackend()
        self._clock = clock

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.NetworkStream:
        left = max(self._clock.left(timeout), 0.001)
        return _TimedStream(self._sockets.connect_tcp(host, port, left, local_address, socket_options), self._clock)


class _Body(httpx.SyncByteStream):
    def __init__(self, response: httpcore.Response) -> None:
        self._response = response

    def __iter__(self) -> Iterator[bytes]:
        with _as_httpx():
            yield from self._response.iter_stream()

    def close(self) -> None:
        self._response.close()


class TimedTransport(httpx.BaseTransport):
    """A pool of kept connections to one host, through the environment's proxy where there is one for it."""

    def __init__(self, url: httpx.URL, clock: ExchangeClock, max_connections: int) -> None:
        self._pool = httpcore.ConnectionPool(
            ssl_context=httpx.create_ssl_context() if url.scheme == "https" else None,
            proxy=_proxy(url),
            max_connections=max_connections,
            keepalive_expiry=_IDLE_SECONDS,
            network_backend=_TimedBackend(clock),
        )

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        url = request.url
        with _as_httpx():
            answer = self._pool.handle_request(
                httpcore.Request(
                    request.method,
                    httpcore.URL(scheme=url.raw_scheme, host=url.raw_host, port=url.port, target=url.raw_path),
                    headers=request.headers.raw,
                    content=request.stream,
                    extensions=request.extensions,
                )
            )
        return httpx.Response(answer.status, headers=answer.headers, stream=_Body(answer), extensions=answer.extensions)

    def close(self) -> None:
        self._pool.close()


@contextmanager
def _as_httpx() -> Iterator[None]:
    """httpx has an exception of the same name for each of httpcore's."""
    try:
        yield
    except _NETWORK_ERRORS as error:
        raise getattr(httpx, type(error).__name__)(str(error)) from error


def _proxy(url: httpx.URL) -> httpcore.Proxy | None:
    """HTTP_PROXY, HTTPS_PROXY, ALL_PROXY and NO_PROXY, as everywhere."""
    proxies = getproxies()
    address = proxies.get(url.scheme) or proxies.get("all")
    if address is None or proxy_bypass(url.host):
        return None
    proxy = httpx.Proxy(address if "://" in address else f"http://{address}")
    return httpcore.Proxy(str(proxy.url), auth=proxy.raw_auth, headers=proxy.headers.raw)
