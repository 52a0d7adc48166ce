"""Waiting for what another thread or process does."""

import time
from collections.abc import Callable

PATIENCE_SECONDS = 60.0
"""Enough for a machine that is busy with other things; only a test that fails waits so long."""


def until(happened: Callable[[], object], what: str = "what was waited for") -> float:
    """Wait for it; how many seconds that took."""
    began = time.monotonic()
    while not happened():
        assert time.monotonic() - began < PATIENCE_SECONDS, f"{what} did not come within {PATIENCE_SECONDS:.0f} seconds"
        time.sleep(0.02)
    return time.monotonic() - began
