"""What is said about batches, from cases."""

from dataclasses import replace
from uuid import UUID

import pytest

from syncflow.cli.figures import duration, table
from syncflow.cli.progress import Pace, end_line
from syncflow.cli.report import exit_code, outcome, outcome_table, remarks
from syncflow.events import BatchEnded, ChunkSettled
from syncflow.model import BatchStatus, Counters, SyncType

pytestmark = pytest.mark.unit

BATCH = UUID(int=1)
COMPLETED, WITH_ERRORS = BatchStatus.COMPLETED, BatchStatus.COMPLETED_WITH_ERRORS


def _ended(status: BatchStatus, message: str | None = None, **counts: int) -> BatchEnded:
    return BatchEnded(BATCH, "items", status, Counters(**counts), 2.0, message, ("the table was widened",))


@pytest.mark.parametrize(
    ("errors", "failed", "code"),
    [
        ([None], 0, 0),
        ([None, None], 1, 1),
        ([None, 75], 0, 75),
        ([None, 75], 1, 75),
        ([1, 75], 0, 1),
        ([75, 78, 1], 0, 78),
        ([69, 75], 0, 75),
    ],
)
def test_the_exit_code_is_that_of_the_worst_batch(errors: list[int | None], failed: int, code: int) -> None:
    ended = [_ended(COMPLETED, failed=failed if error is None else 0) for error in errors]
    told = [replace(batch, error_exit_code=error) for batch, error in zip(ended, errors, strict=True)]
    assert exit_code([outcome(batch) for batch in told]) == code


def test_a_table_is_aligned_and_never_broken() -> None:
    assert table(["entity", "rows"], [["a", "1,000"], ["long name", "2"]], left=["entity"]) == [
        "entity      rows",
        "a          1,000",
        "long name      2",
    ]


def test_retries_stand_in_brackets_and_next_steps_follow() -> None:
    ended = [
        _ended(WITH_ERRORS, fetched=10, inserted=7, failed=2, pending=1),
        _ended(BatchStatus.INTERRUPTED, "The source is gone.", fetched=4, inserted=4, withheld=3),
        replace(_ended(COMPLETED, fetched=1, inserted=1), sync_type=SyncType.RETRY),
    ]
    told = [outcome(batch) for batch in ended]
    lines = outcome_table(told)
    assert lines[3].startswith("(items)")
    assert lines[1].endswith("5")
    text = "\n".join(remarks(told))
    for part in (
        "items: the table was widened",
        "In brackets: children that had waited",
        "items: interrupted: The source is gone.",
        f"items: 2 rows failed. See why: syncflow status {BATCH}",
        "1 row waits for a parent",
        "items: 3 deletions withheld, nothing was deleted.",
        "To go on where it stopped: syncflow sync items",
    ):
        assert part in text


def test_a_pace_tells_rate_rest_and_the_slowest_stage() -> None:
    pace = Pace("items", started=100.0, resumed=1_000, rows=1_000)
    stages = {"fetch": 1.0, "load": 3.0}
    pace.take(ChunkSettled(BATCH, "items", 1, Counters(fetched=3_000), 7_000, stages), now=110.0)
    assert pace.describe() == "3,000 of 7,000 rows, 200 rows/s, 20 s left, mostly load 75%"
    pace.take(ChunkSettled(BATCH, "items", 2, Counters(fetched=7_000), 7_000, stages), now=120.0)
    assert pace.describe() == "7,000 rows, 300 rows/s, mostly load 75%"
    pace.take(ChunkSettled(BATCH, "items", 3, Counters(fetched=7_001), 0), now=120.0)
    assert pace.describe() == "7,001 rows, 300 rows/s"


def test_an_end_is_one_line() -> None:
    line = end_line(_ended(WITH_ERRORS, fetched=1_001, inserted=1_000, failed=1))
    assert line == "items: completed_with_errors, 1,001 rows in 2.00 s (inserted 1,000, failed 1)"


@pytest.mark.parametrize(
    ("seconds", "text"), [(0.421, "0.42 s"), (12.3, "12 s"), (185.0, "3 min 05 s"), (7_620.0, "2 h 07 min")]
)
def test_durations(seconds: float, text: str) -> None:
    assert duration(seconds) == text
