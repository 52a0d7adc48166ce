"""The one HTTP client for both neighbours: exchanges with a token, tried again as the policy says."""

from collections.abc import Callable
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import TypeVar

import msgspec

from syncflow.connectors.auth import TokenKeeper
from syncflow.connectors.exchange import Answer, Call, Exchange, ExchangeError, Sink
from syncflow.connectors.retrying import Retrier, StopCheck
from syncflow.errors import PageError, RetriableError
from syncflow.i18n.texts import Text

T = TypeVar("T")


def whole(answer: Answer) -> Answer:
    """The reader of who takes the answer as it is."""
    return answer


class HttpClient:
    """Thread-safe; all threads share its connections, its token and its limit of calls at once."""

    def __init__(self, exchange: Exchange, tokens: TokenKeeper, retrier: Retrier) -> None:
        self._exchange = exchange
        self._tokens = tokens
        self._retrier = retrier

    @property
    def name(self) -> str:
        """The neighbour's address without secrets."""
        return self._exchange.neighbour.address

    @property
    def said(self) -> str:
        """The neighbour's name and address, for messages."""
        return self._exchange.neighbour.said

    def close(self) -> None:
        self._exchange.close()

    def until(self, should_stop: StopCheck) -> "HttpClient":
        """The same client, with its connections and its token, for calls that end for this reason, too."""
        return HttpClient(self._exchange.until(should_stop), self._tokens, self._retrier.until(should_stop))

    def call(self, call: Call, read: Callable[[Answer], T]) -> T:
        """What `read` makes of the answer; a RetriableError of `read` counts as a failed attempt.

        A call that is not repeatable is tried again only where nothing can have been applied. Raises ExchangeError
        (or what `read` raised) when the attempts are used up, ConfigurationError for a refused login and for a status
        that is neither expected nor passing.
        """
        return self._retrier.run(lambda: read(self._authorized(call, None)), _again(call))

    def download(self, call: Call, open_sink: Callable[[], Sink]) -> Answer:
        """The same with a body that goes to a sink; each attempt opens it anew."""
        return self._retrier.run(lambda: self._authorized(call, open_sink()), _again(call))

    def anonymous(self, call: Call, read: Callable[[Answer], T]) -> T:
        """The same without a token, for `GET /health`."""
        return self._retrier.run(
            lambda: read(self._exchange.send(call, None).without_server_trouble().checked()),
            _again(call),
        )

    def health(self) -> str:
        """What the neighbour says of itself (`apismith 1.4`); logs in as well. Raises as `call` does."""
        told = self.anonymous(Call("GET", "/health", Text("Asking for its version")), _read_health)
        self._tokens.current()
        return told

    def clock(self) -> datetime | None:
        """What time it is there, to the second; None where it does not say. Raises as `call` does."""
        return self.anonymous(Call("GET", "/health", Text("Asking for the time")), _read_date)

    def _authorized(self, call: Call, sink: Sink | None) -> Answer:
        token = self._tokens.current()
        answer = self._exchange.send(call, token.value, sink)
        while answer.status == 401:
            # It ends: the keeper gives up when a token of its last resort is refused.
            token = self._tokens.renew(token)
            answer = self._exchange.send(call, token.value, sink)
        self._tokens.accepted(token)
        return answer.without_server_trouble().checked()


class _Health(msgspec.Struct):
    service: str = ""
    version: str = ""


def _read_health(answer: Answer) -> str:
    try:
        health = msgspec.json.decode(answer.body, type=_Health)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise PageError(answer.error(Text("says nothing readable about its health: {error}", error=error))) from error
    return f"{health.service} {health.version}".strip()


def _read_date(answer: Answer) -> datetime | None:
    try:
        told = parsedate_to_datetime(str(answer.headers.get("date", "")))
    except ValueError:
        return None
    return told.replace(tzinfo=told.tzinfo or UTC)


def _again(call: Call) -> Callable[[RetriableError], bool]:
    """Which errors of a call let it be tried again. What is returned outlives the call (stamina's state is a ring), so
    it holds nothing of it that is large."""
    repeatable, retry_500 = call.repeatable, call.retry_500

    def again(error: RetriableError) -> bool:
        if repeatable:
            return True
        return isinstance(error, ExchangeError) and (not error.applied or (retry_500 and error.status == 500))

    return again
