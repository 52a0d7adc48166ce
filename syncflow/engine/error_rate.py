"""The guard against filling a queue: an entity of which too many rows fail is stopped."""

from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass
from uuid import UUID

import polars as pl

from syncflow.chunk import ROW
from syncflow.engine.masked import masked_message
from syncflow.errors import BatchError
from syncflow.model import Counters
from syncflow.stages.s9_load import Loaded

SHOWN = 3


class TooManyErrors(BatchError):
    """More rows failed than are let through. What is settled stays; the next sync begins anew."""


@dataclass(frozen=True)
class ErrorLimit:
    """Percent of the rows that may fail, judged once there are `minimum_rows`."""

    percent: float = 20.0
    minimum_rows: int = 1_000


class ErrorRate:
    """Adds up what failed of one batch, as far as this process works on it."""

    def __init__(self, limit: ErrorLimit, entity: str, batch: UUID) -> None:
        self._limit = limit
        self._entity = entity
        self._batch = batch
        self._fetched = 0
        self._failed = 0
        self._kinds: Counter[tuple[str | None, str]] = Counter()
        self._examples: dict[tuple[str | None, str], str] = {}

    def take(self, counters: Counters, loaded: Loaded, masked: Collection[str] = ()) -> None:
        """The rows of one more chunk. Rows that somebody ignores count as good, and so do those that a busy target did
        not take: they may pass later as they are. `masked` fields are not quoted. Raises TooManyErrors."""
        rejected = loaded.chunk.rejected.join(loaded.temporary, on=ROW, how="anti")
        self._fetched += counters.fetched
        self._failed += counters.failed - counters.ignored - loaded.temporary.height
        self._count_kinds(rejected, masked)
        if self._fetched >= self._limit.minimum_rows and 100 * self._failed > self._limit.percent * self._fetched:
            raise TooManyErrors(self._told())

    def _count_kinds(self, rejected: pl.DataFrame, masked: Collection[str]) -> None:
        kinds = rejected.group_by("field", "error_type").agg(pl.len(), pl.col("message").first())
        for field, error_type, rows, message in kinds.iter_rows():
            self._kinds[field, error_type] += rows
            self._examples.setdefault((field, error_type), masked_message(message, field, masked))

    def _told(self) -> str:
        most = "; ".join(
            f"{rows:,} {f'{field} ' if field else ''}{error_type}, such as: {self._examples[field, error_type]}"
            for (field, error_type), rows in self._kinds.most_common(SHOWN)
        )
        return (
            f"{self._entity}: {self._failed:,} of the first {self._fetched:,} rows failed, more than the "
            f"{self._limit.percent:g} % that are let through, so the rest was left alone. Most of them: {most}. "
            f"See them with: syncflow status {self._batch}. Mend the source or the mapping and sync again, or let more "
            "through with ERROR_RATE_LIMIT (percent)."
        )
