"""How a call is cut into requests, and when halving ends."""

import polars as pl
import pytest

from syncflow.chunk import ROW
from syncflow.connectors.exchange import ExchangeError
from syncflow.connectors.outcomes import done
from syncflow.connectors.schedulehub_sending import Refused, TooLarge, send_in_parts
from syncflow.errors import ConfigurationError, PageError, RetriableError

pytestmark = pytest.mark.unit

ROWS = pl.DataFrame({ROW: pl.int_range(0, 1000, dtype=pl.UInt32, eager=True)})


class Counting:
    """A service that counts its requests and refuses those that hold a row of `poison`."""

    def __init__(self, poison: set[int], error: Exception) -> None:
        self.poison = poison
        self.error = error
        self.sizes: list[int] = []

    def __call__(self, part: pl.DataFrame, patient: bool) -> pl.DataFrame:
        self.sizes.append(part.height)
        if self.poison & set(part[ROW]):
            raise self.error
        return done(part)


def test_all_rows_go_in_parts() -> None:
    service = Counting(set(), Refused(400, ""))
    sent = send_in_parts(ROWS, 300, service)
    assert service.sizes == [300, 300, 300, 100]
    assert pl.concat(sent.answers)[ROW].sort().to_list() == list(range(1000))


def test_poison_is_found_and_nothing_else_fails() -> None:
    service = Counting({0, 499, 500, 999}, Refused(422, "no"))
    sent = send_in_parts(ROWS, 1000, service)
    assert sorted(part[ROW][0] for part, _ in sent.alone) == [0, 499, 500, 999]
    assert sum(frame.height for frame in sent.answers) == 996
    assert len(service.sizes) < 80


def test_too_large_requests_are_halved_and_remembered() -> None:
    def small_only(part: pl.DataFrame, patient: bool) -> pl.DataFrame:
        if part.height > 200:
            raise TooLarge
        return done(part)

    sent = send_in_parts(ROWS, 1000, small_only)
    assert (sent.largest, sum(frame.height for frame in sent.answers)) == (125, 1000)


@pytest.mark.parametrize(("status", "error"), [(422, ConfigurationError), (500, RetriableError)])
def test_a_service_that_refuses_everything_ends_it(status: int, error: type[Exception]) -> None:
    service = Counting(set(range(1000)), Refused(status, "no"))
    with pytest.raises(error):
        send_in_parts(ROWS, 1000, service)
    assert len(service.sizes) <= 201


@pytest.mark.parametrize("error", [PageError("html"), ExchangeError("silence", applied=True)])
def test_after_two_requests_without_an_answer_nothing_more_is_sent(error: Exception) -> None:
    service = Counting(set(range(1000)), error)
    sent = send_in_parts(ROWS, 100, service)
    assert (len(service.sizes), len(sent.doubtful)) == (2, 10)


def test_what_was_not_sent_is_no_doubt() -> None:
    with pytest.raises(ExchangeError):
        send_in_parts(ROWS, 100, Counting({0}, ExchangeError("refused", applied=False)))
