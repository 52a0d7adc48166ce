"""When a call is tried again, and when no longer."""

import time
from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial

import pytest

from syncflow.connectors.retrying import Retrier, RetryPolicy, pause, retry_after
from syncflow.errors import ConfigurationError, RetriableError

pytestmark = pytest.mark.unit

NOW = datetime(2024, 1, 1, 12, tzinfo=UTC)
POLICY = RetryPolicy(attempts=4, wait_initial=1, wait_max=3, max_retry_after=60)


@pytest.mark.parametrize(
    ("failures", "asked", "jitter", "delay"),
    [
        (1, None, 1.0, 1.0),
        (1, None, 0.0, 0.5),
        (2, None, 1.0, 2.0),
        (3, None, 1.0, 3.0),
        (4, None, 1.0, None),
        (1, 0.0, 1.0, 0.0),
        (3, 60.0, 0.0, 60.0),
        (1, 61.0, 0.0, None),
    ],
)
def test_delay(failures: int, asked: float | None, jitter: float, delay: float | None) -> None:
    assert POLICY.delay(failures, asked, jitter) == delay


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({}, None),
        ({"retry-after": "7"}, 7.0),
        ({"retry-after": "Mon, 01 Jan 2024 12:00:30 GMT"}, 30.0),
        ({"retry-after": "Mon, 01 Jan 2024 11:00:00 GMT"}, 0.0),
        ({"retry-after": "Mon, 01 Jan 2024 15:00:30 GMT", "date": "Mon, 01 Jan 2024 15:00:00 GMT"}, 30.0),
        ({"retry-after": "soon"}, None),
        ({"retry-after": "-3"}, None),
        ({"retry-after": "9" * 4000}, 999_999_999.0),
    ],
)
def test_retry_after(headers: dict[str, str], seconds: float | None) -> None:
    assert retry_after(headers, NOW) == seconds


def failing(times: int, error: Exception, tried: list[float]) -> str:
    tried.append(time.monotonic())
    if len(tried) <= times:
        raise error
    return "done"


def answering(again: bool) -> Callable[[RetriableError], bool]:
    return lambda _: again


def test_only_what_may_pass_is_tried_again_and_not_for_ever() -> None:
    retrier = Retrier(RetryPolicy(attempts=3, wait_initial=0.001))
    tried: list[float] = []
    assert retrier.run(lambda: failing(2, RetriableError("busy"), tried), lambda _: True) == "done"
    for error, again, count in (
        (RetriableError("busy"), True, 3),
        (RetriableError("busy"), False, 1),
        (ConfigurationError("wrong"), True, 1),
    ):
        tried.clear()
        with pytest.raises(type(error), match=str(error)):
            retrier.run(partial(failing, 9, error, tried), answering(again))
        assert len(tried) == count


def test_waits_as_told_and_ends_promptly_when_stopped() -> None:
    tried: list[float] = []
    Retrier(RetryPolicy(attempts=2)).run(
        lambda: failing(1, RetriableError("later", retry_after=0.3), tried), lambda _: True
    )
    assert 0.3 <= tried[1] - tried[0] < 1
    started = time.monotonic()
    retrier = Retrier(RetryPolicy(), lambda: time.monotonic() > started + 0.2)
    with pytest.raises(RetriableError):
        retrier.run(lambda: failing(9, RetriableError("later", retry_after=60), []), lambda _: True)
    assert time.monotonic() - started < 2
    assert not pause(60, lambda: True)
