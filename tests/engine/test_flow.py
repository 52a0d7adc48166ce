"""Chunks that are worked on and loaded at the same time come out in order, and nothing is settled after an error."""

import threading
import time
from collections.abc import Iterator
from contextlib import closing

import pytest

from syncflow.engine.loading import Broken, Loading
from syncflow.engine.look_ahead import worked_ahead

pytestmark = pytest.mark.unit


def slower_first(number: int) -> int:
    time.sleep(0.02 if number % 3 == 0 else 0)
    return number * 10


def test_results_come_in_the_order_of_the_items() -> None:
    results = worked_ahead(iter(range(20)), slower_first, workers=3, ahead=2, name="t")
    assert list(results) == [number * 10 for number in range(20)]


def test_only_so_many_items_are_taken_ahead_and_none_after_closing() -> None:
    taken: list[int] = []
    closed = threading.Event()

    def items() -> Iterator[int]:
        try:
            for number in range(1_000):
                taken.append(number)
                yield number
        finally:
            closed.set()

    results = worked_ahead(items(), slower_first, workers=1, ahead=2, name="t")
    with closing(results):
        assert next(results) == 0
        time.sleep(0.3)
    assert len(taken) <= 5
    assert closed.is_set()


@pytest.mark.parametrize("breaks", ["items", "work"])
def test_an_error_is_raised_at_its_place(breaks: str) -> None:
    def items() -> Iterator[int]:
        yield from range(5)
        if breaks == "items":
            raise LookupError("5")
        yield 5

    def work(number: int) -> int:
        if number == 5:
            raise LookupError(str(number))
        return slower_first(number)

    results = worked_ahead(items(), work, workers=2, ahead=2, name="t")
    assert [next(results) for _ in range(5)] == [0, 10, 20, 30, 40]
    with pytest.raises(LookupError, match="5"):
        next(results)


def test_chunks_are_settled_in_order_and_none_after_one_that_failed() -> None:
    settled: list[int] = []

    def submit(numbers: range) -> None:
        for number in numbers:
            loading.submit(number)
        loading.wait()

    def load(number: int) -> int:
        if number == 7:
            raise LookupError("7")
        return slower_first(number)

    def settle(number: int, loaded: int) -> None:
        assert loaded == number * 10
        settled.append(number)

    with Loading(load, settle, "t") as loading:
        submit(range(7))
        assert settled == list(range(7))
        with pytest.raises((LookupError, Broken)):
            submit(range(7, 20))
    assert settled == list(range(7))
