"""Posts a JSON text to an address that somebody has set up for it."""

import time

import httpx

from syncflow.connectors.transport import ExchangeClock, TimedTransport
from syncflow.errors import ConfigurationError, RetriableError


class Webhook:
    """`address` may be a secret and is never shown: messages name the host alone. `setting` is where it comes from.
    Redirects are not followed."""

    def __init__(self, address: str, setting: str, timeout_seconds: float) -> None:
        try:
            self._url = httpx.URL(address)
        except httpx.InvalidURL:
            raise ConfigurationError(
                "{setting} holds no address; it takes one such as https://host/path.", setting=setting
            ) from None
        self._setting = setting
        self._timeout = timeout_seconds

    def send(self, body: bytes) -> None:
        """Returns when it was taken, whatever is answered with a 2xx. Raises RetriableError where it may be tried
        again, ConfigurationError where it is refused."""
        clock = ExchangeClock()
        transport = TimedTransport(self._url, clock, max_connections=1)
        headers = {"Content-Type": "application/json", "User-Agent": "syncflow"}
        try:
            with (
                httpx.Client(transport=transport, timeout=self._timeout, headers=headers) as client,
                clock.running(time.monotonic() + self._timeout, None),
                client.stream("POST", self._url, content=body) as response,
            ):
                status = response.status_code
        except httpx.HTTPError as error:
            # The text of the error may hold the address.
            raise RetriableError(
                "{said} cannot be reached ({kind}).", said=self._said, kind=type(error).__name__
            ) from None
        if status in (408, 425, 429) or status >= 500:
            raise RetriableError("{said} answered {status}.", said=self._said, status=str(status))
        if not 200 <= status < 300:
            raise ConfigurationError(
                "{said} answered {status}: check the address in {setting}.",
                said=self._said,
                status=str(status),
                setting=self._setting,
            )

    @property
    def _said(self) -> str:
        return f"The webhook of {self._setting} on {self._url.host}"
