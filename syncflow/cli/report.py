"""What a person, a script and the shell are told about batches that have ended."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from uuid import UUID

from syncflow.cli.figures import count, decimal, per_second, table
from syncflow.errors import ConfigurationError
from syncflow.events import BatchEnded
from syncflow.i18n.catalog import N_, _, plural
from syncflow.i18n.texts import retold
from syncflow.model import Batch, BatchStatus, Counters, SyncType

OK, FAILED = 0, 1

_COUNTS = (
    N_("fetched"),
    N_("inserted"),
    N_("updated"),
    N_("deleted"),
    N_("unchanged"),
    N_("duplicate"),
    N_("pending"),
    N_("failed"),
    N_("withheld"),
)
_WORDS = (N_("entity"), N_("status"))
_SHORT = {BatchStatus.COMPLETED_WITH_ERRORS: N_("with_errors")}
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
    header = [*_WORDS, *counts, N_("seconds"), N_("rows/s")]
    rows = [
        [
            f"({outcome.entity})" if outcome.retry else outcome.entity,
            _(_SHORT.get(outcome.status, outcome.status)),
            *(count(getattr(outcome.counters, name)) for name in counts),
            decimal(outcome.seconds),
            count(outcome.rows_per_second),
        ]
        for outcome in ended
    ]
    return table(header, rows, left=_WORDS)


def messages(ended: Sequence[Outcome]) -> Iterator[str]:
    """What must be said of the batches: who stands in brackets, and what ended one early."""
    if any(outcome.retry for outcome in ended):
        yield _("In brackets: children that had waited, loaded now that their parents are there.")
    for outcome in ended:
        if outcome.error_message is not None:
            yield f"{outcome.entity}: {_(outcome.status)}: {retold(outcome.error_message)}"


def remarks(ended: Sequence[Outcome]) -> Iterator[str]:
    """All that the batches have to say, and at the end what to do next."""
    for outcome in ended:
        yield from (f"{outcome.entity}: {retold(note)}" for note in outcome.notes)
    yield from messages(ended)
    for outcome in ended:
        if outcome.counters.ignored:
            yield plural(
                "{entity}: {n} row left out, as somebody has decided.",
                "{entity}: {n} rows left out, as somebody has decided.",
                outcome.counters.ignored,
                entity=outcome.entity,
            )
        if outcome.counters.failed > outcome.counters.ignored:
            yield plural(
                "{entity}: {n} row failed. See why: syncflow status {batch}",
                "{entity}: {n} rows failed. See why: syncflow status {batch}",
                outcome.counters.failed - outcome.counters.ignored,
                entity=outcome.entity,
                batch=str(outcome.batch),
            )
    yield from next_steps(ended)


def next_steps(ended: Sequence[Outcome]) -> Iterator[str]:
    """What is to be done about rows that wait, deletions that are withheld, batches that stand still."""
    pending = sum(outcome.counters.pending for outcome in ended)
    if pending:
        yield plural(
            "{n} row waits for a parent that ScheduleHub does not have yet. The sync that brings the parent loads it.",
            "{n} rows wait for parents that ScheduleHub does not have yet. The sync that brings a parent loads its "
            "children.",
            pending,
        )
    for outcome in ended:
        if outcome.counters.withheld and not outcome.retry:
            yield plural(
                "{entity}: {n} deletion withheld, nothing was deleted. Look into the source: is it complete? The next "
                "sync of {entity} judges anew. To see them: syncflow withheld {batch}. To delete what is still gone: "
                "syncflow approve {batch}",
                "{entity}: {n} deletions withheld, nothing was deleted. Look into the source: is it complete? The next "
                "sync of {entity} judges anew. To see them: syncflow withheld {batch}. To delete what is still gone: "
                "syncflow approve {batch}",
                outcome.counters.withheld,
                entity=outcome.entity,
                batch=str(outcome.batch),
            )
    waiting = dict.fromkeys(outcome.entity for outcome in ended if outcome.status is BatchStatus.INTERRUPTED)
    if waiting:
        yield _("To go on where it stopped: syncflow sync {entities}").format(entities=" ".join(waiting))
