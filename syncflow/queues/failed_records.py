"""What becomes of a failed record by itself: when it is tried again, when no longer, and which raw row is the same."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from random import Random

import polars as pl
import polars_hash

from syncflow.backoff import delay
from syncflow.canonical import canonical_column


@dataclass(frozen=True)
class RetryRule:
    """MAX_RETRIES attempts at most (0: none), after RETRY_DELAY_SECONDS, doubled each time up to
    MAX_RETRY_DELAY_SECONDS."""

    attempts: int = 5
    first_delay: float = 1.0
    longest_delay: float = 60.0

    def next_attempt(self, failed_attempts: int, temporary: bool, now: datetime, rng: Random) -> datetime | None:
        """When a row is tried again by itself that has failed, and so many attempts at mending it too; None: not by
        itself, for it must fail again or the attempts are used up."""
        if not temporary or failed_attempts >= self.attempts:
            return None
        return now + timedelta(seconds=delay(failed_attempts + 1, self.first_delay, self.longest_delay, rng))

    def after_breakdown(self, now: datetime, rng: Random) -> datetime:
        """When rows are tried again whose retry broke off before it came to them: the longest wait, and it does not
        count as an attempt, so that a night without the target uses up none."""
        return now + timedelta(seconds=rng.uniform(self.longest_delay / 2, self.longest_delay))


def raw_hash(raw: pl.DataFrame, left_out: Collection[str] = ()) -> pl.Series:
    """32 hex digits for each raw row (String columns by source name): XXH3-128 of its values that are not NULL, in the
    order of the columns' names. So it does not depend on which columns other rows of the same page have."""
    names = [name for name in raw.columns if name not in left_out]
    text = canonical_column(raw, names) if names and raw.height else pl.repeat("", raw.height, eager=True)
    digest = polars_hash.col("raw").nchash.xxh3_128(return_binary=True, byte_order="big")
    return text.alias("raw").to_frame().select(digest.bin.encode("hex").alias("raw_hash")).to_series()
