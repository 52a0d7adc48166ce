"""The guard against filling a queue: an entity of which too many rows fail is stopped."""

from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass
from uuid import UUID

import polars as pl

from syncflow.chunk import ROW
from syncflow.engine.masked import masked_message
from syncflow.errors import BatchError
from syncflow.i18n.texts import Sentences, Text
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
        self._fetched += counters.fetched
        self._failed += counters.failed - counters.ignored - loaded.temporary.height
        if loaded.chunk.rejected.height:
            self._count_kinds(loaded.chunk.rejected.join(loaded.temporary, on=ROW, how="anti"), masked)
        if self._fetched >= self._limit.minimum_rows and 100 * self._failed > self._limit.percent * self._fetched:
            raise TooManyErrors(self._told())

    def _count_kinds(self, rejected: pl.DataFrame, masked: Collection[str]) -> None:
        kinds = rejected.group_by("field", "error_type").agg(pl.len(), pl.col("message").first())
        for field, error_type, rows, message in kinds.iter_rows():
            self._kinds[field, error_type] += rows
            self._examples.setdefault((field, error_type), masked_message(message, field, masked))

    def _told(self) -> Text:
        return Text(
            "{entity}: {failed} of the first {fetched} rows failed, more than the {percent} % that are let through, so "
            "the rest was left alone. Most of them: {most}. See them with: syncflow status {batch}. Mend the source or "
            "the mapping and sync again, or let more through with ERROR_RATE_LIMIT (percent).",
            entity=self._entity,
            failed=self._failed,
            fetched=self._fetched,
            percent=f"{self._limit.percent:g}",
            most=Sentences((self._kind(*kind, rows) for kind, rows in self._kinds.most_common(SHOWN)), "; "),
            batch=self._batch,
        )

    def _kind(self, field: str | None, error_type: str, rows: int) -> Text:
        return Text(
            "{rows} {kind}, such as: {example}",
            rows=rows,
            kind=f"{field} {error_type}" if field else error_type,
            example=self._examples[field, error_type],
        )
