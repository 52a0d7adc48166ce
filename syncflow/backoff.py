"""How long to wait before the next attempt. Pure; the caller brings attempt number and randomness."""

from random import Random


def ceiling(attempt: int, base: float, longest: float) -> float:
    """The longest wait in seconds before the attempt that follows failed attempt number `attempt` (from 1):
    `base`, doubled with each further failure, never above `longest`."""
    doublings = min(max(attempt, 1) - 1, 1000)
    return float(min(longest, base * 2.0**doublings))


def delay(attempt: int, base: float, longest: float, rng: Random) -> float:
    """Seconds to wait, evenly spread from 0 to the ceiling ("full jitter"), so that those who failed together do not
    come again together (Brooker, Exponential Backoff and Jitter, 2015)."""
    return rng.uniform(0.0, ceiling(attempt, base, longest))
