"""A second signal ends a command whatever its main thread is at."""

import signal
import subprocess
import sys

import pytest

from tests.waiting import PATIENCE_SECONDS

pytestmark = pytest.mark.integration

DEAF = """
import ctypes, os, sys, threading
from syncflow.cli.graceful import graceful

lock = ctypes.create_string_buffer(64)
with graceful(threading.Event(), lambda: sys.stderr.write("put away\\n")):
    os.write(2, b"ready\\n")
    for _ in range(2):  # the second waits for ever, and no signal wakes it up
        ctypes.CDLL(None).pthread_mutex_lock(lock)
"""
"""A main thread that waits for a lock outside of Python runs no handler."""


WRITING = """
import sys, threading
from syncflow.cli.graceful import graceful

with graceful(stopping := threading.Event()):
    while not stopping.is_set():
        sys.stderr.write("at work\\n")
"""


def test_a_signal_in_the_midst_of_writing_breaks_nothing_off() -> None:
    for _ in range(20):
        process = subprocess.Popen([sys.executable, "-c", WRITING], stderr=subprocess.PIPE, text=True)
        assert process.stderr is not None
        assert process.stderr.readline() == "at work\n"
        process.send_signal(signal.SIGTERM)
        said = process.communicate(timeout=PATIENCE_SECONDS)[1]
        assert process.returncode == 0, said[-2000:]
        assert "Finishing the chunk in flight" in said


def test_a_main_thread_that_hears_nothing_is_ended_by_the_second_signal() -> None:
    process = subprocess.Popen([sys.executable, "-c", DEAF], stderr=subprocess.PIPE, text=True)
    try:
        assert process.stderr is not None
        assert process.stderr.readline() == "ready\n"
        process.send_signal(signal.SIGTERM)
        with pytest.raises(subprocess.TimeoutExpired):
            process.wait(timeout=3)
        process.send_signal(signal.SIGTERM)
        assert process.wait(PATIENCE_SECONDS) == 128 + signal.SIGTERM
        assert process.stderr.read().endswith("Ended at once.\nput away\n")
    finally:
        process.kill()
        process.wait()
