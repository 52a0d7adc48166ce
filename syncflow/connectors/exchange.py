"""One exchange with a neighbour: a request, and its answer read whole before a deadline, or an error that says how far
it came."""

import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from copy import copy
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http import HTTPStatus

import httpx

from syncflow.connectors.retrying import StopCheck, either, never, retry_after
from syncflow.connectors.transport import ExchangeClock, TimedTransport
from syncflow.errors import ConfigurationError, RetriableError
from syncflow.i18n.texts import Text
from syncflow.masking import mask_url

_PREFIX = "/api/v1"
_TURN_LOOK_UP = 0.2
_LONGEST_EXCERPT = 300
_NOTHING_APPLIED = frozenset({408, 425, 429})
_NOTHING = httpx.ByteStream(b"")
"""Answers of who has not begun to work on the request (RFC 9110, RFC 8470, RFC 6585)."""


@dataclass(frozen=True)
class Neighbour:
    """Who is spoken to. `setting` is the beginning of its settings' names, for remedies: `APISMITH`."""

    name: str
    url: str
    setting: str

    @property
    def address(self) -> str:
        """The address without secrets."""
        return mask_url(self.url)

    @property
    def said(self) -> str:
        return f"{self.name} ({self.address})"


@dataclass(frozen=True)
class Timeouts:
    """Seconds. `exchange` bounds a whole exchange, from sending to the last byte of the answer, and every silence;
    `download` bounds a stream of all identities."""

    connect: float = 10.0
    exchange: float = 120.0
    download: float = 3600.0


@dataclass(frozen=True)
class Call:
    """A request. `what` is a phrase for messages ("reading page 3 of items").

    `repeatable`: the same request may be sent again although an earlier one may have been carried out; such a call is
    also given up at once when SyncFlow is told to stop. `expected` are the statuses beside 2xx that the caller handles;
    with `retry_500` an internal error of the service is worth another attempt although the call is not repeatable.
    """

    method: str
    path: str
    what: Text
    body: bytes | None = None
    params: Mapping[str, str] = field(default_factory=dict)
    accept: str = "application/json"
    content_type: str = "application/json"
    repeatable: bool = True
    expected: frozenset[int] = frozenset()
    retry_500: bool = False


class ExchangeError(RetriableError):
    """No usable answer. `applied` says that the request may have been carried out all the same."""

    def __init__(
        self, message: Text, *, applied: bool, status: int | None = None, retry_after: float | None = None
    ) -> None:
        super().__init__(message, retry_after=retry_after)
        self.applied = applied
        self.status = status


@dataclass(frozen=True)
class Answer:
    """An answer that arrived whole; `body` is empty where it went into a sink."""

    neighbour: Neighbour
    call: Call
    status: int
    headers: httpx.Headers
    body: bytes

    @property
    def is_success(self) -> bool:
        return 200 <= self.status < 300

    @property
    def content_type(self) -> str:
        return str(self.headers.get("content-type", "")).partition(";")[0].strip().lower()

    def error(self, how: Text) -> Text:
        return _failed(self.neighbour, self.call, how)

    def excerpt(self) -> Text | str:
        """The beginning of what it said, on one line; nothing of a page that is made for a browser."""
        if "html" in self.content_type:
            return Text("an HTML page")
        return " ".join(self.body[: 4 * _LONGEST_EXCERPT].decode("utf-8", "replace").split())[:_LONGEST_EXCERPT]

    def without_server_trouble(self) -> "Answer":
        """This answer. Raises ExchangeError for a status that may pass by itself: 408, 425, 429 and 5xx."""
        passing = self.status in _NOTHING_APPLIED or self.status >= 500
        if not passing or self.status in self.call.expected:
            return self
        asked = retry_after(self.headers, datetime.now(UTC))
        applied = self.status >= 500 and not (self.status == 503 and asked is not None)
        if self.body:
            how = Text("answered {status}: {excerpt}", status=_status(self.status), excerpt=self.excerpt())
        else:
            how = Text("answered {status}", status=_status(self.status))
        raise ExchangeError(
            Text("{error} SyncFlow tries again; if it stays so, look at that service's log.", error=self.error(how)),
            applied=applied,
            status=self.status,
            retry_after=asked,
        )

    def checked(self) -> "Answer":
        """This answer. Raises ConfigurationError for a status that nobody expected and that will not pass."""
        if self.is_success or self.status in self.call.expected:
            return self
        how = Text("answered {status}: {excerpt}", status=_status(self.status), excerpt=self.excerpt())
        error, setting = self.error(how), self.neighbour.setting
        if 300 <= self.status < 400:
            raise ConfigurationError(
                "{error} Set {setting}_URL to the address behind the redirect.", error=error, setting=setting
            )
        if self.status == 403:
            raise ConfigurationError("{error} The account of SyncFlow needs the right to do this.", error=error)
        raise ConfigurationError(
            "{error} Check {setting}_URL and the versions of both sides.", error=error, setting=setting
        )


def _failed(neighbour: Neighbour, call: Call, how: Text) -> Text:
    return Text("{neighbour}: {call} failed: it {how}.", neighbour=neighbour.said, call=call.what, how=how)


def _status(status: int) -> Text | str:
    try:
        return f"{status} {HTTPStatus(status).phrase}"
    except ValueError:
        return Text("{status} (no standard status)", status=str(status))


Sink = Callable[[bytes], object]


class Exchange:
    """Sends requests to one neighbour, at most `max_concurrency` at once, over kept connections; thread-safe.

    Deadlines are on the monotonic clock. `should_stop` ends the wait for a turn, and repeatable calls in flight.
    """

    def __init__(
        self,
        neighbour: Neighbour,
        timeouts: Timeouts = Timeouts(),
        max_concurrency: int = 4,
        should_stop: StopCheck = never,
        max_body_bytes: int = 512 * 1024 * 1024,
    ) -> None:
        self.neighbour = neighbour
        self._timeouts = timeouts
        self._turns = threading.BoundedSemaphore(max_concurrency)
        self._should_stop = should_stop
        self._max_body_bytes = max_body_bytes
        self._clock = ExchangeClock()
        url = httpx.URL(neighbour.url)
        self._client = httpx.Client(
            base_url=url.copy_with(path=url.path.rstrip("/") + _PREFIX),
            transport=TimedTransport(url, self._clock, max_connections=max_concurrency),
            timeout=httpx.Timeout(timeouts.exchange, connect=timeouts.connect),
            headers={"User-Agent": "syncflow"},
        )

    def close(self) -> None:
        self._client.close()

    def until(self, should_stop: StopCheck) -> "Exchange":
        """The same exchange, with its connections and its turns, for calls that end for this reason, too."""
        same = copy(self)
        same._should_stop = either(self._should_stop, should_stop)
        return same

    def send(self, call: Call, token: str | None, sink: Sink | None = None) -> Answer:
        """The answer to a call, whatever its status; the body of a 2xx goes to `sink` piece by piece if one is given.

        Raises ExchangeError when no whole answer came in time.
        """
        request = self._request(call, token)
        seconds = self._timeouts.exchange if sink is None else self._timeouts.download
        gives_up = self._should_stop if call.repeatable else None
        with self._turn(call), self._clock.running(time.monotonic() + seconds, gives_up), self._translated(call):
            response = self._client.send(request, stream=True)
            try:
                return self._read(call, response, sink)
            finally:
                response.close()
                # An answer and its stream refer to each other; parted, they and the request's body are free at once,
                # and not when the collector of cycles comes by.
                response.stream = _NOTHING

    def _request(self, call: Call, token: str | None) -> httpx.Request:
        headers = {"Accept": call.accept}
        if call.body is not None:
            headers["Content-Type"] = call.content_type
        if token is not None:
            headers["Authorization"] = f"Bearer {token}"
        return self._client.build_request(
            call.method, call.path, params=dict(call.params) or None, content=call.body, headers=headers
        )

    def _read(self, call: Call, response: httpx.Response, sink: Sink | None) -> Answer:
        body = bytearray()
        take = sink if sink is not None and response.is_success else body.extend
        for piece in response.iter_bytes():
            take(piece)
            if len(body) > self._max_body_bytes:
                how = Text("answered with more than {limit} bytes", limit=self._max_body_bytes)
                raise ExchangeError(_failed(self.neighbour, call, how), applied=True)
        return Answer(self.neighbour, call, response.status_code, response.headers, bytes(body))

    @contextmanager
    def _turn(self, call: Call) -> Iterator[None]:
        while not self._turns.acquire(timeout=_TURN_LOOK_UP):
            if self._should_stop():
                how = Text("was not sent, since SyncFlow is stopping")
                raise ExchangeError(_failed(self.neighbour, call, how), applied=False)
        try:
            yield
        finally:
            self._turns.release()

    @contextmanager
    def _translated(self, call: Call) -> Iterator[None]:
        try:
            yield
        except httpx.ConnectTimeout as error:
            how = Text("could not be connected to in time")
            raise ExchangeError(_failed(self.neighbour, call, how), applied=False) from error
        except (httpx.ConnectError, httpx.ProxyError) as error:
            raise ExchangeError(self._unreachable(call, error), applied=False) from error
        except httpx.TimeoutException as error:
            raise ExchangeError(_failed(self.neighbour, call, self._silence(call)), applied=True) from error
        except (httpx.TransportError, httpx.DecodingError) as error:
            how = Text("broke the connection before the answer was whole ({error})", error=error)
            raise ExchangeError(_failed(self.neighbour, call, how), applied=True) from error
        except httpx.InvalidURL as error:
            raise ConfigurationError(
                "{setting}_URL is not an address: {error}.", setting=self.neighbour.setting, error=error
            ) from error

    def _silence(self, call: Call) -> Text:
        if call.repeatable and self._should_stop():
            return Text("was given up, since SyncFlow is stopping")
        return Text("did not answer whole within {seconds} seconds", seconds=f"{self._timeouts.exchange:g}")

    def _unreachable(self, call: Call, error: Exception) -> Text:
        return Text(
            "{error} Is it running, and is {setting}_URL right?",
            error=_failed(self.neighbour, call, Text("cannot be reached ({error})", error=error)),
            setting=self.neighbour.setting,
        )
