"""The order of the stages between fetching and comparing, and the one loop that runs them."""

import threading
import time
from collections import defaultdict
from collections.abc import Callable
from contextlib import contextmanager
from typing import TYPE_CHECKING

from syncflow.chunk import Chunk
from syncflow.errors import LawBroken
from syncflow.model import Plan
from syncflow.stages.s2_coercion import coerce
from syncflow.stages.s3_string import clean_strings
from syncflow.stages.s4_numeric import parse_numbers
from syncflow.stages.s5_datetime import parse_datetimes
from syncflow.stages.s6_mapping import apply_mappings
from syncflow.stages.s7_identity import identify

if TYPE_CHECKING:
    from collections.abc import Iterator

Stage = Callable[[Chunk, Plan], Chunk]

STAGES: tuple[tuple[str, Stage], ...] = (
    ("coercion", coerce),
    ("string", clean_strings),
    ("numeric", parse_numbers),
    ("datetime", parse_datetimes),
    ("mapping", apply_mappings),
    ("identity", identify),
)


class Timings:
    """Seconds spent in each stage of a batch, over all threads that work for it."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = defaultdict(float)
        self._lock = threading.Lock()

    @contextmanager
    def measure(self, stage: str) -> "Iterator[None]":
        started = time.perf_counter()
        try:
            yield
        finally:
            seconds = time.perf_counter() - started
            with self._lock:
                self.seconds[stage] += seconds


def transform(chunk: Chunk, plan: Plan, timings: Timings) -> Chunk:
    """Stages 2 to 7. Raises LawBroken when a stage lost a row, which is a bug and must not look like success."""
    for name, stage in STAGES:
        with timings.measure(name):
            chunk = stage(chunk, plan)
        if chunk.missing():
            raise LawBroken(
                "{entity}: stage {stage} lost {missing} of the {rows} rows of a chunk. "
                "This is an error in SyncFlow; nothing of the chunk was loaded.",
                entity=plan.entity,
                stage=name,
                missing=chunk.missing(),
                rows=chunk.raw.height,
            )
    return chunk
