"""One night's slice of a whole extract that takes several nights (`sync_type background`).

It goes on where the cycle stands (the schedule's `last_key`), and begins no chunk when the slice's rows are done or the
window is closed. Offset and cursor of the schedule move with each chunk's checkpoint. Deletions are judged when the
last row of the source is settled, against the keys that all nights of the cycle have seen.
"""

import time
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass, replace

from syncflow.clock import Clock
from syncflow.engine.extract import Approach, PageSizes
from syncflow.engine.night import Gate, Reading, Share, no_longer_there, until_closed
from syncflow.engine.plan import identity_hash
from syncflow.engine.reading import MAIN, Progress
from syncflow.engine.stops import Stopped, WindowClosed
from syncflow.engine.watermark import further
from syncflow.errors import ConfigurationError, SyncFlowError
from syncflow.i18n.catalog import N_
from syncflow.i18n.texts import Text
from syncflow.identities import KeySet, words_of_bytes
from syncflow.model import Batch, BatchStatus, Counters, NumberFormat, Paging, Plan, SyncType
from syncflow.protocols import PageRequest, Source
from syncflow.schedules import BackgroundSchedule, NightEnd, NightRecord
from syncflow.store import background_schedules, batch_chunks, night_slices
from syncflow.store.batch_chunks import Checkpoint
from syncflow.store.database import Connection, Database
from syncflow.store.erp_sync_state import SyncState
from syncflow.store.night_slices import NightTerms

_SLICES = (SyncType.BACKGROUND,)
_SLICES_AND_PASSES = (SyncType.BACKGROUND, SyncType.INCREMENTAL)
_WELL = (BatchStatus.COMPLETED, BatchStatus.COMPLETED_WITH_ERRORS)


@dataclass(frozen=True)
class _Standing:
    """The cycle as this batch begins: `before` rows are settled by others; `limit` is how many rows this batch is to
    settle, None for all that are left."""

    schedule: BackgroundSchedule
    before: int
    limit: int | None
    worked: float
    """Seconds that an earlier process has worked on this batch."""
    anew: bool
    """The cycle begins with this batch, because the configuration is another one."""


class NightSlice:
    """Keeps the promises of `night.NightPart`. `share` plans the night's rows."""

    def __init__(
        self,
        database: Database,
        clock: Clock,
        batch: Batch,
        terms: NightTerms,
        gate: Gate,
        share: Share,
        chunk_rows: int,
    ) -> None:
        self._database = database
        self._clock = clock
        self._batch = batch
        self._terms = terms
        self._gate = gate
        self._share = share
        self._chunk_rows = chunk_rows
        self._began = time.monotonic()
        self._notes: list[str] = []
        self._standing: _Standing | None = None
        self._plan: Plan | None = None
        self._at = Progress()
        self._judged = False

    @property
    def _here(self) -> _Standing:
        if self._standing is None:
            raise no_longer_there(self._batch.entity_name)
        return self._standing

    def require_open(self) -> None:
        if not self._gate.look(self._batch.entity_name):
            raise self._gate.closed(self._batch.entity_name)

    def watermark(self, state: SyncState) -> str | None:
        return state.watermark

    def begin(
        self,
        plan: Plan,
        whole: Approach,
        sizes: PageSizes,  # noqa: ARG002 - the protocol's
        watermark: str | None,  # noqa: ARG002
        source: Source,
    ) -> Approach:
        if plan.paging is not Paging.KEYSET:
            raise _cannot_be_split(
                plan.entity, Text("it is read by numbered pages (paging: {paging})", paging=plan.paging)
            )
        rows = source.page(
            PageRequest(
                plan.api, 1, columns=(plan.key_columns[0].source,),
                decimal_comma=plan.conventions.numbers is NumberFormat.COMMA,
            )
        ).total_rows  # fmt: skip
        self._plan = plan
        self._standing = self._database.insist(lambda connection: self._open(connection, identity_hash(plan), rows))
        if self._standing.anew:
            self._notes.append(
                N_("the configuration has changed while the cycle was under way: a new cycle begins at the first row")
            )
        return replace(whole, complete=False)

    def _open(self, connection: Connection, plan_hash: str, rows: int | None) -> _Standing:
        former, uid = self._found(connection), self._batch.uid
        schedule = self._current(connection, former, plan_hash)
        night_slices.begin_cycle(connection, uid, schedule.cycle)
        night_slices.close_former(connection, schedule.uid, uid, self._clock.now())
        night_slices.forget_seen_keys(connection, schedule.uid, schedule.cycle)
        own = self._record(connection, schedule.cycle)
        before = schedule.current_offset - self._batch.counters.fetched
        nights = self._terms.nights_left if schedule.cycle == self._terms.cycle else schedule.days_to_complete
        planned, limit = 0 if own is None else own.planned, None
        if rows is not None:
            if own is None:
                planned = self._share(rows, before, nights, self._chunk_rows)
            limit = None if nights == 1 or planned >= rows - before else planned
        night = NightRecord(
            schedule.uid, self._terms.night, uid, schedule.cycle, planned, self._clock.now(),
            rows=self._batch.counters.fetched, seconds=0.0 if own is None else own.seconds,
        )  # fmt: skip
        if not background_schedules.begin_night(connection, night, rows, plan_hash):
            raise no_longer_there(self._batch.entity_name)
        # Read again: a cycle that begins tonight has its beginning now.
        return _Standing(self._found(connection), before, limit, night.seconds, schedule.cycle > former.cycle)

    def _record(self, connection: Connection, cycle: int) -> NightRecord | None:
        """What is booked of this batch's night by now."""
        nights = background_schedules.nights_of_cycle(connection, self._terms.schedule, cycle)
        return next((night for night in nights if night.batch == self._batch.uid), None)

    def _current(self, connection: Connection, schedule: BackgroundSchedule, plan_hash: str) -> BackgroundSchedule:
        """The schedule, in a new cycle where the configuration is another one than that of the rows that are done."""
        if self._batch.plan_hash is not None:
            if schedule.cycle != self._terms.cycle:
                raise no_longer_there(schedule.entity)
            return schedule
        if schedule.plan_hash not in (None, plan_hash) and schedule.last_key is not None:
            background_schedules.next_cycle(connection, schedule.uid, schedule.cycle)
            return self._found(connection)
        return schedule

    def _found(self, connection: Connection) -> BackgroundSchedule:
        schedule = background_schedules.get(connection, self._batch.entity_name)
        if schedule is None or schedule.uid != self._terms.schedule:
            raise no_longer_there(self._batch.entity_name)
        return schedule

    def notes(self) -> list[str]:
        return self._notes

    def lists_first(self, state: SyncState) -> bool:
        """The target is most likely empty: it costs nothing to know that, and spares a question a chunk."""
        return state.last_completed_batch is None and self._here.before == 0

    def inherited(self, connection: Connection) -> list[bytes]:
        return night_slices.left_intents(connection, self._terms.schedule, self._batch.uid)

    def forget_inherited(self, connection: Connection) -> None:
        night_slices.forget_intents(connection, self._terms.schedule, self._batch.uid)

    def start(self, checkpoint: Checkpoint | None) -> Progress:
        last = self._here.schedule.last_key if checkpoint is None else checkpoint.cursor
        self._at = Progress() if last is None else Progress.from_json(last)
        return self._at

    def within(self, reading: Reading) -> Reading:
        rows, limit, chunk = self._batch.counters.fetched, self._here.limit, 0
        with closing(until_closed(reading, self._gate)) as deliveries:  # type: ignore[type-var]
            # Chunks are not cut: it ends with the one that comes closest to the plan.
            while limit is None or rows + chunk // 2 < limit:
                item = next(deliveries, None)
                if item is None:
                    return
                if not item[1].ordered:
                    raise _cannot_be_split(self._batch.entity_name, Text("the source does not sort its rows by it"))
                chunk = item[1].rows.height
                rows += chunk
                yield item

    def may_begin(self) -> bool:
        return self._gate.look(self._batch.entity_name)

    def seen_before(self) -> KeySet:
        return self._seen(_SLICES)

    def seen_in_cycle(self) -> KeySet:
        return self._seen(_SLICES_AND_PASSES)

    def _seen(self, sync_types: Sequence[SyncType]) -> KeySet:
        seen, schedule = KeySet(), self._here.schedule
        with self._database.connect() as connection:
            for keys in night_slices.seen_keys(connection, schedule.uid, schedule.cycle, sync_types):
                seen.add(words_of_bytes(keys, 2))
        return seen

    def inserted_in_cycle(self) -> int:
        schedule = self._here.schedule
        return self._database.insist(lambda connection: night_slices.inserted(connection, schedule.uid, schedule.cycle))

    def fetched_in_cycle(self, total: Counters) -> int:
        return self._here.before + total.fetched

    def settled(self, connection: Connection, total: Counters, cursor: Progress) -> None:
        done = background_schedules.Progress(
            schedule=self._terms.schedule,
            cycle=self._here.schedule.cycle,
            batch=self._batch.uid,
            offset=self.fetched_in_cycle(total),
            last_key=cursor.to_json(),
            rows=total.fetched,
            seconds=self._seconds(),
        )
        if not background_schedules.progress(connection, done):
            raise no_longer_there(self._batch.entity_name)
        self._at = cursor

    def _seconds(self) -> float:
        worked = 0.0 if self._standing is None else self._standing.worked
        return worked + time.monotonic() - self._began

    def require_whole(self) -> None:
        """Each part of it is a result."""

    def judges(self) -> bool:
        return self._at.part == MAIN and self._at.cursor is None and self._gate.look(self._batch.entity_name)

    def judged(self) -> None:
        self._judged = True

    def state_after(
        self,
        state: SyncState,
        plan: Plan,
        total: Counters,
        watermark_after: str | None,  # noqa: ARG002 - that of the cycle's first night counts
    ) -> SyncState | None:
        if not self._judged:
            return replace(state, last_completed_batch=self._batch.uid)
        watermark, fetched = state.watermark, self.fetched_in_cycle(total)
        if plan.rowversion_field is not None and fetched:
            watermark = further(watermark, self._pass_watermark(), plan)
        return SyncState(
            entity_name=self._batch.entity_name,
            watermark=watermark,
            watermark_type=str(plan.column(plan.rowversion_field).type.kind) if plan.rowversion_field else None,
            last_completed_batch=self._batch.uid,
            last_full_at=self._clock.now(),
            plan_hash=identity_hash(plan),
            total_rows=fetched,
        )

    def _pass_watermark(self) -> str | None:
        schedule = self._here.schedule
        return self._database.insist(
            lambda connection: night_slices.pass_watermark(connection, schedule.uid, schedule.cycle)
        )

    def ended(self, connection: Connection, status: BatchStatus, error: SyncFlowError | None) -> None:
        uid, schedule, now = self._batch.uid, self._terms.schedule, self._clock.now()
        standing = self._standing
        done = self._judged and status in _WELL
        reason = NightEnd.CYCLE_DONE if done else self._reason(status, error)
        if standing is None:
            # Nothing was begun: what was worked on it before stands in the books.
            own = self._record(connection, self._terms.cycle)
            seconds = 0.0 if own is None else own.seconds
        else:
            seconds = self._seconds()
        background_schedules.end_night(connection, schedule, uid, seconds=seconds, reason=reason, now=now)
        if done and standing is not None:
            cycle = standing.schedule.cycle
            background_schedules.next_cycle(connection, schedule, cycle)
            batch_chunks.forget_intents(connection, uid)
            night_slices.forget_seen_keys(connection, schedule, cycle + 1)

    def _reason(self, status: BatchStatus, error: SyncFlowError | None) -> NightEnd:
        if status in _WELL:
            return NightEnd.SLICE_DONE if self._gate.is_open else NightEnd.WINDOW_END
        if status is not BatchStatus.INTERRUPTED:
            return NightEnd.FAILED
        if isinstance(error, WindowClosed):
            return NightEnd.WINDOW_END
        return NightEnd.STOPPED if isinstance(error, Stopped) else NightEnd.SOURCE_DOWN


def _cannot_be_split(entity: str, why: Text) -> ConfigurationError:
    return ConfigurationError(
        "{entity} cannot be read in slices over several nights: {why}, so that nobody could say where the next night "
        "goes on. Only a table that is read by its key in order can (paging: keyset). Correct that, or remove its "
        "nights with: syncflow schedules remove {entity}",
        entity=entity,
        why=why,
    )
