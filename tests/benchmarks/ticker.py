"""How late an event loop's timer fires while worker threads work: what an operator at the console would feel."""

import asyncio
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TypeVar

T = TypeVar("T")

INTERVAL = 0.010


@dataclass(frozen=True)
class Delays:
    """Milliseconds that a 10 ms ticker on the main thread's event loop came late."""

    p50_ms: float
    p99_ms: float
    max_ms: float


def run_with_ticker(work: Callable[[], T]) -> tuple[T, Delays]:
    """Do the work in a thread, with the ticker on this thread's event loop."""
    return asyncio.run(_run(work))


async def _run(work: Callable[[], T]) -> tuple[T, Delays]:
    late: list[float] = []
    loop = asyncio.get_running_loop()
    with ThreadPoolExecutor(1) as pool:
        future = loop.run_in_executor(pool, work)
        while not future.done():
            due = time.perf_counter() + INTERVAL
            await asyncio.sleep(INTERVAL)
            late.append(max(0.0, time.perf_counter() - due) * 1000)
        result = await future
    late.sort()
    at = [late[min(len(late) - 1, int(len(late) * share))] for share in (0.5, 0.99)]
    return result, Delays(round(at[0], 2), round(at[1], 2), round(late[-1], 2))
