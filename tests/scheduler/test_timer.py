"""A timer ends whatever its calls are doing, and says nothing about it."""

import threading
import time
from datetime import timedelta

import pytest

from syncflow.scheduler.service import _Timer

pytestmark = pytest.mark.unit

AT_ONCE = timedelta(0)


def test_it_ends_while_a_call_asks_for_the_next_one() -> None:
    broken: list[object] = []
    hook, threading.excepthook = threading.excepthook, broken.append
    try:
        for turn in range(20):
            timer = _Timer()

            def ask(timer: _Timer = timer) -> None:
                for _ in range(100):
                    timer.call("next", ask, AT_ONCE)

            timer.call("first", ask, AT_ONCE)
            time.sleep(0.001 * turn)
            ending = threading.Thread(target=timer.end, daemon=True)
            ending.start()
            ending.join(20)
            assert not ending.is_alive()
    finally:
        threading.excepthook = hook
    assert broken == []
