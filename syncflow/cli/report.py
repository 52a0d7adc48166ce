"""What a person, a script and the shell are told about batches that have ended."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from uuid import UUID

from syncflow.cli.figures import count, per_second, plural, table
from syncflow.errors import ConfigurationError
from syncflow.events import BatchEnded
from syncflow.model import Batch, BatchStatus, Counters, SyncType

OK, FAILED = 0, 1

_COUNTS = (
    "fetched",
    "inserted",
    "updated",
    "deleted",
    "unchanged",
    "duplicate",
    "pending",
    "failed",
    "withheld",
)
_WORDS = ("entity", "status")
_SHORT = {BatchStatus.COMPLETED_WITH_ERRORS: "with_errors"}
"""In a table, where each character counts."""


@dataclass(frozen=True)
class Outcome:
    """One batch as `--json` tells it. `retry` says that it loaded waiting children from their payload; rates are by
    wall time."""

    batch: UUID
    entity: str
    retry: bool
    status: BatchStatus
    counters: Counters
    success_rate: float
    seconds: float
    rows_per_second: int
    error_message: str | None = None
    notes: tuple[str, ...] = ()
    stage_seconds: Mapping[str, float] = field(default_factory=dict)
    error_exit_code: int | None = None


def outcome(ended: BatchEnded) -> Outcome:
    counters = ended.counters
    return Outcome(
        batch=ended.batch,
        entity=ended.entity,
        retry=ended.sync_type is SyncType.RETRY,
        status=ended.status,
        counters=counters,
        success_rate=round(counters.success_rate, 3),
        seconds=round(ended.seconds, 3),
        rows_per_second=per_second(counters.fetched, ended.seconds),
        error_message=ended.error_message,
        notes=ended.notes,
        stage_seconds={stage: round(seconds, 3) for stage, seconds in ended.stage_seconds.items()},
        error_exit_code=ended.error_exit_code,
    )


def outcome_of(batch: Batch) -> Outcome:
    """A batch of the books; its seconds are those between its first start and its end."""
    started, ended = batch.started_at, batch.completed_at
    seconds = (ended - started).total_seconds() if started is not None and ended is not None else 0.0
    return outcome(
        BatchEnded(
            batch=batch.uid,
            entity=batch.entity_name,
            status=batch.status,
            counters=batch.counters,
            seconds=seconds,
            error_message=batch.error_message,
            notes=batch.notes,
            sync_type=batch.sync_type,
        )
    )


def exit_code(ended: Sequence[Outcome]) -> int:
    """What ended a batch early counts most (78 before 1 before 75), then rows that failed (1), else 0."""
    early = {outcome.error_exit_code for outcome in ended if outcome.error_exit_code is not None}
    if early:
        return next((code for code in (ConfigurationError.exit_code, FAILED) if code in early), max(early))
    return FAILED if any(outcome.counters.failed > outcome.counters.ignored for outcome in ended) else OK


def outcome_table(ended: Sequence[Outcome], counts: Sequence[str] = _COUNTS) -> list[str]:
    """One line a batch. A name in brackets is a retry of children that had waited."""
    header = [*_WORDS, *counts, "seconds", "rows/s"]
    rows = [
        [
            f"({outcome.entity})" if outcome.retry else outcome.entity,
            _SHORT.get(outcome.status, outcome.status),
            *(count(getattr(outcome.counters, name)) for name in counts),
            f"{outcome.seconds:.2f}",
            count(outcome.rows_per_second),
        ]
        for outcome in ended
    ]
    return table(header, rows, left=_WORDS)


def messages(ended: Sequence[Outcome]) -> Iterator[str]:
    """What must be said of the batches: who stands in brackets, and what ended one early."""
    if any(outcome.retry for outcome in ended):
        yield "In brackets: children that had waited, loaded now that their parents are there."
    for outcome in ended:
        if outcome.error_message is not None:
            yield f"{outcome.entity}: {outcome.status}: {outcome.error_message}"


def remarks(ended: Sequence[Outcome]) -> Iterator[str]:
    """All that the batches have to say, and at the end what to do next."""
    for outcome in ended:
        yield from (f"{outcome.entity}: {note}" for note in outcome.notes)
    yield from messages(ended)
    for outcome in ended:
        if outcome.counters.ignored:
            yield f"{outcome.entity}: {plural(outcome.counters.ignored, 'row')} left out, as somebody has decided."
        if outcome.counters.failed > outcome.counters.ignored:
            failed = plural(outcome.counters.failed - outcome.counters.ignored, "row")
            yield f"{outcome.entity}: {failed} failed. See why: syncflow status {outcome.batch}"
    yield from next_steps(ended)


def next_steps(ended: Sequence[Outcome]) -> Iterator[str]:
    """What is to be done about rows that wait, deletions that are withheld, batches that stand still."""
    pending = sum(outcome.counters.pending for outcome in ended)
    if pending == 1:
        yield "1 row waits for a parent that ScheduleHub does not have yet. The sync that brings the parent loads it."
    elif pending:
        yield (
            f"{count(pending)} rows wait for parents that ScheduleHub does not have yet. The sync that brings a parent "
            "loads its children."
        )
    for outcome in ended:
        if outcome.counters.withheld and not outcome.retry:
            yield (
                f"{outcome.entity}: {plural(outcome.counters.withheld, 'deletion')} withheld, nothing was deleted. "
                f"Look into the source: is it complete? The next sync of {outcome.entity} judges anew. To see them: "
                f"syncflow withheld {outcome.batch}. To delete what is still gone: syncflow approve {outcome.batch}"
            )
    waiting = dict.fromkeys(outcome.entity for outcome in ended if outcome.status is BatchStatus.INTERRUPTED)
    if waiting:
        yield f"To go on where it stopped: syncflow sync {' '.join(waiting)}"
