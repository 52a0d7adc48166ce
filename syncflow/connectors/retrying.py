"""When a call is tried again, and how long until then: exponential with jitter, or as the other side asked."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from random import SystemRandom
from typing import TypeVar

import stamina
import stamina.instrumentation
import structlog

from syncflow.errors import RetriableError

T = TypeVar("T")
StopCheck = Callable[[], bool]

_log = structlog.get_logger()

# stamina would tell of waits that the hook below has waited already.
stamina.instrumentation.set_on_retry_hooks(())

_LOOK_UP = 0.1
"""Seconds between two looks at the stop-check while waiting."""


@dataclass(frozen=True)
class RetryPolicy:
    """`attempts` counts the first one; the waits are in seconds. A Retry-After longer than `max_retry_after` is not
    waited for: the call fails, and what called it comes back later."""

    attempts: int = 6
    wait_initial: float = 0.5
    wait_max: float = 30.0
    max_retry_after: float = 300.0

    def delay(self, failures: int, retry_after: float | None, jitter: float) -> float | None:
        """Seconds until the next attempt after so many failures, None for none; `jitter` is from 0 to 1."""
        if failures >= self.attempts:
            return None
        if retry_after is not None:
            return retry_after if retry_after <= self.max_retry_after else None
        backoff: float = min(self.wait_max, self.wait_initial * 2 ** min(failures - 1, 30))
        return backoff * (0.5 + jitter / 2)


def never() -> bool:
    """The stop-check of who is never stopped."""
    return False


def either(one: StopCheck, other: StopCheck) -> StopCheck:
    """The stop-check of who is stopped by either."""
    return lambda: one() or other()


def pause(seconds: float, should_stop: StopCheck) -> bool:
    """Wait; False, and at once, when told to stop."""
    ends = time.monotonic() + seconds
    while not should_stop():
        left = ends - time.monotonic()
        if left <= 0:
            return True
        time.sleep(min(left, _LOOK_UP))
    return False


class Retrier:
    """Runs calls again as the policy says; its waits end promptly when SyncFlow is told to stop."""

    def __init__(self, policy: RetryPolicy, should_stop: StopCheck = never) -> None:
        self._policy = policy
        self._should_stop = should_stop
        self._random = SystemRandom()

    def until(self, should_stop: StopCheck) -> "Retrier":
        """One that ends its waits for this reason, too."""
        return Retrier(self._policy, either(self._should_stop, should_stop))

    def run(self, attempt: Callable[[], T], again: Callable[[RetriableError], bool]) -> T:
        """What `attempt` returns, or the last of its errors; retried is a RetriableError that `again` agrees to."""
        failures = 0

        # stamina's own sleep cannot be interrupted, so the hook waits itself and leaves nothing to wait for.
        def wait_for_next(error: Exception) -> bool | float:
            nonlocal failures
            failures += 1
            if not isinstance(error, RetriableError) or self._should_stop() or not again(error):
                return False
            delay = self._policy.delay(failures, error.retry_after, self._random.random())
            if delay is None:
                return False
            _log.warning("a call is tried again", error=str(error), failures=failures, wait_seconds=round(delay, 2))
            return 0.0 if pause(delay, self._should_stop) else False

        for trial in stamina.retry_context(wait_for_next, attempts=self._policy.attempts, timeout=None):
            with trial:
                return attempt()
        raise AssertionError("stamina ends with a result or an error")


def retry_after(headers: Mapping[str, str], now: datetime) -> float | None:
    """Seconds that a Retry-After asks for (RFC 9110, section 10.2.3: seconds or a date), None without a readable one.

    A date is taken against the answer's own `Date` where it has one, since the two clocks may differ.
    """
    asked = headers.get("retry-after", "").strip()
    if asked.isascii() and asked.isdecimal():
        return float(asked[:9])
    until = _http_date(asked)
    if until is None:
        return None
    return max(0.0, (until - (_http_date(headers.get("date", "")) or now)).total_seconds())


def _http_date(text: str) -> datetime | None:
    try:
        date = parsedate_to_datetime(text)
    except ValueError:
        return None
    return date if date.tzinfo is not None else date.replace(tzinfo=UTC)
