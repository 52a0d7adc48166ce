"""The morning after: what the night did, what failed, waits, is withheld, and what needs a person."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from syncflow.clock import Clock
from syncflow.i18n.texts import Counted, Recorded, Text
from syncflow.model import Batch, BatchStatus, Counters, SyncType
from syncflow.schedules import NightRecord
from syncflow.service.approvals import ApprovalService
from syncflow.service.overview import Need, OverviewService, Snapshot
from syncflow.service.schedules import SchedulesService, ScheduleState, ScheduleStatus
from syncflow.store import background_schedules, night_batches
from syncflow.store.database import Database
from syncflow.store.night_batches import UNDER_WAY
from syncflow.store.withheld_deletes import WithheldSet


@dataclass(frozen=True)
class EntityNight:
    """What became of one entity's rows. `batches` are those of syncs, `retries` those of queued rows; the counters are
    of both. `seconds` from the beginning to the end of each batch that ended, `schedule` where it has nights."""

    entity: str
    batches: int
    retries: int
    counters: Counters
    seconds: float
    slices: tuple[NightRecord, ...]
    schedule: ScheduleStatus | None


@dataclass(frozen=True)
class FailedBatch:
    """A batch that ended with an error, after which the entity's watermark stands."""

    batch: UUID
    entity: str
    message: Text


@dataclass(frozen=True)
class Waiting:
    """Open rows of a queue as of now, and since when the oldest stands there (UTC)."""

    rows: int
    oldest: datetime | None


@dataclass(frozen=True)
class ToDo:
    """Something that needs a person: what it is, in a sentence, and the command to type."""

    entity: str
    what: Text
    command: str


@dataclass(frozen=True)
class NightReport:
    """From `since` to `until` (UTC). `running` are the batches that are under way still. Queues and what needs a person
    are as of now, whenever they came."""

    since: datetime
    until: datetime
    entities: tuple[EntityNight, ...]
    running: int
    failed_batches: tuple[FailedBatch, ...]
    failed_records: Waiting
    pending: Waiting
    withheld: tuple[WithheldSet, ...]
    to_do: tuple[ToDo, ...]

    @property
    def total(self) -> Counters:
        return sum((each.counters for each in self.entities), Counters())


class NightReportService:
    """Reads the books; changes nothing."""

    def __init__(
        self,
        database: Database,
        overview: OverviewService,
        approvals: ApprovalService,
        schedules: SchedulesService,
        clock: Clock,
    ) -> None:
        self._database = database
        self._overview = overview
        self._approvals = approvals
        self._schedules = schedules
        self._clock = clock

    def report(self, since: datetime) -> NightReport:
        with self._database.begin() as connection:
            batches = night_batches.worked_since(connection, since)
            slices = background_schedules.nights_since(connection, since)
        schedules = {each.schedule.entity: each for each in self._schedules.list().nights}
        snapshot, withheld = self._overview.snapshot(), self._approvals.waiting()
        queues = snapshot.queues
        return NightReport(
            since=since,
            until=self._clock.now(),
            entities=tuple(_entities(batches, slices, schedules)),
            running=sum(batch.status in UNDER_WAY for batch in batches),
            failed_batches=tuple(_failed(batches)),
            failed_records=Waiting(queues.failed.rows, queues.failed.oldest),
            pending=Waiting(queues.pending.rows, queues.pending.oldest),
            withheld=tuple(withheld),
            to_do=(*_needs(snapshot), *_late(schedules.values())),
        )


def _entities(
    batches: Sequence[Batch], slices: Mapping[str, Sequence[NightRecord]], schedules: Mapping[str, ScheduleStatus]
) -> Iterable[EntityNight]:
    for name in sorted({batch.entity_name for batch in batches} | slices.keys()):
        theirs = [batch for batch in batches if batch.entity_name == name]
        retries = sum(batch.sync_type is SyncType.RETRY for batch in theirs)
        yield EntityNight(
            entity=name,
            batches=len(theirs) - retries,
            retries=retries,
            counters=sum((batch.counters for batch in theirs), Counters()),
            seconds=sum(_seconds(batch) for batch in theirs),
            slices=tuple(slices.get(name, ())),
            schedule=schedules.get(name),
        )


def _seconds(batch: Batch) -> float:
    if batch.started_at is None or batch.completed_at is None:
        return 0.0
    return (batch.completed_at - batch.started_at).total_seconds()


def _failed(batches: Sequence[Batch]) -> Iterable[FailedBatch]:
    for batch in batches:
        if batch.status is BatchStatus.FAILED:
            yield FailedBatch(batch.uid, batch.entity_name, _why(batch.error_message, batch.entity_name))


def _why(message: str | None, entity: str) -> Text:
    """Without the entity's name before it, and the full stop behind it: both stand in the report."""
    return Text("it does not say why") if message is None else Recorded(message.removeprefix(f"{entity}: ").rstrip("."))


def _needs(snapshot: Snapshot) -> Iterable[ToDo]:
    for each in snapshot.attention:
        said = {
            Need.FAILED_BATCH: Text("its last batch failed: {why}", why=_why(each.message, each.entity)),
            Need.WITHHELD: Counted(
                "the deletion of {n} row waits for your word", "the deletions of {n} rows wait for your word", each.rows
            ),
            Need.INTERRUPTED: Text("its last batch was interrupted"),
            Need.FAILED_RECORDS: Counted(
                "{n} row failed and will not mend by itself",
                "{n} rows failed and will not mend by themselves",
                each.rows,
            ),
            Need.NEVER_SYNCED: Text("it was never synced"),
        }
        yield ToDo(each.entity, said[each.need], each.command)


def _late(schedules: Iterable[ScheduleStatus]) -> Iterable[ToDo]:
    for each in schedules:
        entity = each.schedule.entity
        if each.state is ScheduleState.PAUSED:
            yield ToDo(entity, Text("its schedule is paused"), f"syncflow schedules resume {entity}")
        elif each.forecast.late_nights:
            yield ToDo(
                entity, Text("its cycle {forecast}", forecast=each.forecast_text), f"syncflow schedules show {entity}"
            )
