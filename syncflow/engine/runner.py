"""One batch from its claim to its end: fetch, stages, comparison, load; then deletions; then the two laws."""

import threading
import time
from collections.abc import Callable, Generator, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing, suppress
from dataclasses import dataclass, replace
from functools import partial
from random import SystemRandom

import polars as pl
import structlog

from syncflow.chunk import DATA, KEY, OPERATION, ROW, Chunk, Operation
from syncflow.clock import Clock
from syncflow.engine import deletions, drift
from syncflow.engine.accounting import check_laws, count_rows
from syncflow.engine.attempts import Attempt, FirstAttempt
from syncflow.engine.books import DELETE, Books, Progressed, Settled, not_in_cycle
from syncflow.engine.chunks import Delivery, identified, keys_of_rejected, marks_of_keyless
from syncflow.engine.error_rate import ErrorLimit, ErrorRate, TooManyErrors
from syncflow.engine.extract import PageSizes, approach
from syncflow.engine.given_up import without_given_up
from syncflow.engine.loading import AT_ONCE, UNDER_WAY, Loading
from syncflow.engine.look_ahead import worked_ahead
from syncflow.engine.masked import masked_fields, masked_ref
from syncflow.engine.night import NightPart
from syncflow.engine.overrides import Overridden, Overrides
from syncflow.engine.pipeline import Timings
from syncflow.engine.plan import from_json, identity_hash, target_table, with_new_columns
from syncflow.engine.reading import Progress, read_extract, read_payload, unknown_columns
from syncflow.engine.recovery import applied, intended, not_met, operations_done, still_held, unmet
from syncflow.engine.rejected import failed_rows
from syncflow.engine.stops import Stopped, WindowClosed
from syncflow.engine.watermark import further, read_maximum
from syncflow.errors import (
    BatchError,
    ClaimLost,
    ConfigurationError,
    LawBroken,
    RetriableError,
    SyncFlowError,
    UnavailableError,
)
from syncflow.events import BatchEnded, BatchStarted, ChunkSettled, Listener
from syncflow.i18n.catalog import N_
from syncflow.i18n.texts import Text
from syncflow.identities import Identities, KeySet, Known, Words, words, words_of_bytes
from syncflow.model import BatchStatus, Counters, DriftMode, Plan, TargetTable
from syncflow.oracle_types import OracleType
from syncflow.protocols import Source, Target
from syncflow.queues.failed_records import RetryRule
from syncflow.stages.rings import Parting
from syncflow.stages.s8_delta import Compare, classify
from syncflow.stages.s9_load import Loaded, load
from syncflow.store import batch_chunks, erp_sync_state
from syncflow.store.claims import Claim
from syncflow.store.database import Database

_log = structlog.get_logger()
_FIRST_LOAD_SHARE = 60
"""Percent of a chunk's rows."""


@dataclass(frozen=True)
class Options:
    """`chunk_rows` move through the stages together, `workers` chunks at once; `ahead` chunks more may wait to be
    compared and loaded. `in_flight` pages are asked for at once (paging `pages`)."""

    chunk_rows: int = 20_000
    workers: int = 2
    ahead: int = 1
    pages: PageSizes = PageSizes()
    in_flight: int = 4
    errors: ErrorLimit = ErrorLimit()
    retries: RetryRule = RetryRule()


@dataclass(frozen=True)
class Surroundings:
    """What every batch works with."""

    database: Database
    source: Source
    target: Target
    clock: Clock
    options: Options
    listener: Listener
    stopping: threading.Event
    """Set when the process is to end: batches stop at their next checkpoint."""


class BatchRun:
    """A claimed batch at work. `load`, then `delete`, then `finish`; several entities interleave these so that all
    loads come before all deletions."""

    def __init__(
        self,
        around: Surroundings,
        claim: Claim,
        make_plan: Callable[[], Plan],
        payload: Callable[[], Iterator[pl.DataFrame]] | None = None,
        books: Books | None = None,
        attempt: Attempt | None = None,
        parting: Parting | None = None,
        night: NightPart | None = None,
    ) -> None:
        """`payload` gives the raw rows of a retry; without it the source is asked. `books` are other ones than those
        of the metadata database (a dry run's); `attempt` says whose rows they are, unless they are read for the
        first time; `parting` how rows of a ring are loaded that a chunk alone cannot close; `night` says which part of
        which cycle it is, if it is one."""
        self._around = around
        self._batch = batch = claim.taken.batch
        self._claim = claim
        self._make_plan = make_plan
        self._payload = payload
        self._books = books or Books(around.database, around.clock, batch, claim.taken.epoch)
        self._error_rate = ErrorRate(around.options.errors, batch.entity_name, batch.uid)
        self._parting = parting
        self._night = night
        self._met_all = night is None
        """Whether, after the last chunk, what an earlier process did can be met no more; a slice's next night can."""
        self._attempt = attempt or FirstAttempt(around.options.retries, around.clock, SystemRandom())
        self._overrides = Overrides(around.database, batch.entity_name, self._attempt.given)
        self._seconds = 0.0
        self.timings = Timings()
        self._seen = KeySet()
        self._notes: dict[str, int] = dict.fromkeys(batch.notes, 0)
        self._watermark_after = batch.watermark_after
        self._unmet = Counters()
        self._listing: Future[Known] | None = None
        self._number = 0

    @property
    def entity(self) -> str:
        return self._batch.entity_name

    def load(self) -> None:
        """Everything up to the last chunk's checkpoint. Raises what ended it early."""
        if self._claim.taken.former is not None:
            self._around.target.evict(self._claim.taken.former)
        if self._night is not None:
            self._night.require_open()
        self._prepare()
        total = self._books.total
        self._around.listener(BatchStarted(self._batch.uid, self.entity, total.settled, total))
        try:
            self._load_all()
        except (Stopped, TooManyErrors):
            self._finish_load()
            raise
        self._finish_load()
        if self._night is not None:
            self._night.require_whole()

    def _load_all(self) -> None:
        with (
            ThreadPoolExecutor(1, thread_name_prefix=f"list-{self.entity}") as listing,
            Loading(self._load, self._settle, self.entity, self._most_under_way()) as loading,
        ):
            self._list_identities(listing)
            with closing(self._decided(loading)) as chunks:
                for decided in chunks:
                    if self._night is not None and not self._night.may_begin():
                        break
                    if not self._may_overtake(decided.table):
                        loading.wait()
                    self._intend(decided)
                    loading.submit(decided)
            loading.wait()

    def _most_under_way(self) -> int:
        """None waits for a free loader at night, since it could begin when the window has closed."""
        return UNDER_WAY if self._night is None else AT_ONCE

    def _may_overtake(self, table: TargetTable) -> bool:
        """Whether a chunk may be loaded while the one before it still is: not where its rows may have their parents
        there, nor while what an earlier process did is still to be met."""
        return self._done_before.is_empty() and all(entity != table.entity for _, entity in table.parents)

    def _finish_load(self) -> None:
        with self.timings.measure("indexes"):
            known = self._around.target.finish_load(self._table)
        if known:
            self._note(N_("rows that somebody else inserted during the load, updated instead"), known)
            self._books.inserted_are_updated(known)

    def delete(self) -> None:
        """Judge and carry out the deletions of a complete extract."""
        if self._payload is not None or not self._is_whole():
            return
        if not self._approach.finds_deletions:
            self._book_deletions(deletions.NOTHING)
            return
        with suppress(WindowClosed):
            self._delete_what_is_gone()

    def _is_whole(self) -> bool:
        """Whether the extract has held every row of the source, so that a row that is absent from it is gone."""
        return self._approach.complete if self._night is None else self._night.judges()

    def _delete_what_is_gone(self) -> None:
        """Raises WindowClosed before anything is sent, when there is no time left to ask the source."""
        target = self._around.target
        with self.timings.measure("delete"):
            total, seen, fetched = self._books.total, self._seen, self._books.total.fetched
            if self._night is not None:
                seen, fetched = self._night.seen_in_cycle(), self._night.fetched_in_cycle(total)
            if not target.lists_identities:
                keys = self._books.ledger_keys()
                held = self._books.ledger_size() - self._inserted_by(total)
            else:
                known = self._read_identities() if self._listing is None else self._listing.result()
                keys = deletions.in_pages(known.keys)
                held = len(known) - (self._inserted_when_listed if self._night is None else self._inserted_by(total))
            gone = deletions.candidates(keys, seen, self._table, target)
            absent, judged = deletions.judge(
                gone, held, fetched, self._plan, self._approach, self._around.source, self._around.options.in_flight
            )
            self._check_stop(self._books.beat())
            before = self._done_before.filter(pl.col(OPERATION) == DELETE)
            to_delete = absent.select(KEY, DATA, pl.lit(DELETE).alias(OPERATION))
            self._books.intend(self._number, pl.concat([self._done_before, to_delete]))
            done = deletions.execute(absent, judged, self._plan, self._table, target).with_deleted(before[KEY])
        self._note_deletions(done)
        self._book_deletions(done)

    def _inserted_by(self, total: Counters) -> int:
        """Rows that the whole extract has inserted, in whatever batches."""
        inserted = total.inserted if self._night is None else self._night.inserted_in_cycle()
        return inserted + unmet(still_held(self._done_before)).inserted

    def _book_deletions(self, done: deletions.Judgement) -> None:
        self._books.deletions(done, complete=True)
        self._met_all = True
        if self._night is not None:
            self._night.judged()

    def try_load(self) -> BatchEnded | None:
        """`load`; what breaks it off ends the batch truly, and its end is returned."""
        return self._guarded(self.load)

    def close(self) -> BatchEnded:
        """Deletions, then the end."""
        return self._guarded(self.delete) or self.finish()

    def complete(self) -> BatchEnded:
        """The whole batch, for one that stands alone."""
        return self.try_load() or self.close()

    def _guarded(self, work: Callable[[], None]) -> BatchEnded | None:
        started = time.monotonic()
        broken_off: Exception | None = None
        try:
            work()
        except Exception as error:  # noqa: BLE001 - whatever happens, the batch's status must be true
            broken_off = error
        self._seconds += time.monotonic() - started
        if isinstance(broken_off, ClaimLost):
            return self._told(BatchStatus.RUNNING, broken_off)
        return None if broken_off is None else self.fail(broken_off)

    def finish(self) -> BatchEnded:
        """Check the laws and write the end. A batch that does not balance ends FAILED with the missing count named."""
        total = self._books.total
        try:
            check_laws(self.entity, total)
        except LawBroken as broken:
            return self._end(BatchStatus.FAILED, broken)
        if self._met_all:
            self._unmet = unmet(self._done_before)
        if self._unmet.fetched:
            self._note(
                N_("rows loaded before an interruption, and gone or bad at the source after it"), self._unmet.fetched
            )
        well = total.failed == total.ignored
        return self._end(BatchStatus.COMPLETED if well else BatchStatus.COMPLETED_WITH_ERRORS, None)

    def fail(self, error: Exception) -> BatchEnded:
        """The end of a batch that was broken off: INTERRUPTED when it can be gone on with, otherwise FAILED."""
        if not isinstance(error, SyncFlowError):
            _log.error("batch broke down", batch=str(self._batch.uid), entity=self.entity, exc_info=error)
            error = BatchError("SyncFlow itself broke down ({kind}: {error}).", kind=type(error).__name__, error=error)
        resumable = isinstance(error, RetriableError | UnavailableError)
        return self._end(BatchStatus.INTERRUPTED if resumable else BatchStatus.FAILED, error)

    def _end(self, status: BatchStatus, error: SyncFlowError | None) -> BatchEnded:
        """Write the end into the books; only a batch that balances moves the entity's state."""
        now = self._around.clock.now()
        ended = replace(
            self._batch,
            status=status,
            counters=self._books.total + self._unmet,
            error_message=None if error is None else str(error),
            notes=self._said(),
            completed_at=None if status is BatchStatus.INTERRUPTED else now,
        )
        moves = error is None and self._payload is None
        try:
            end_night = None if self._night is None else partial(self._night.ended, status=status, error=error)
            self._books.end(ended, self._new_state() if moves else None, end_night)
        except ClaimLost as lost:
            return self._told(BatchStatus.RUNNING, lost)
        except (RetriableError, UnavailableError) as lost:
            # The books say "running" without a process that runs it: the next sync goes on with it.
            return self._told(BatchStatus.INTERRUPTED, lost)
        return self._told(status, error)

    def _told(self, status: BatchStatus, error: SyncFlowError | None) -> BatchEnded:
        event = BatchEnded(
            batch=self._batch.uid,
            entity=self.entity,
            status=status,
            counters=self._books.total,
            seconds=self._seconds,
            error_message=None if error is None else str(error),
            notes=self._said(),
            stage_seconds=dict(self.timings.seconds),
            sync_type=self._batch.sync_type,
            error_exit_code=None if error is None else error.exit_code,
        )
        self._around.listener(event)
        return event

    def _prepare(self) -> None:
        """The plan (made now, or the snapshot of a resumed batch), the table, and what the target holds."""
        self._state = self._books.state()
        fresh = self._claim.taken.plan is None
        plan = self._make_plan() if self._claim.taken.plan is None else from_json(self._claim.taken.plan)
        watermark = self._batch.watermark_before
        if fresh:
            watermark = self._state.watermark if self._night is None else self._night.watermark(self._state)
        changed = self._state.plan_hash is not None and self._state.plan_hash != identity_hash(plan)
        sizes = self._around.options.pages
        self._approach = approach(plan, self._batch.sync_type, watermark, sizes, changed=changed)
        if self._attempt.compare is not None:
            self._approach = replace(self._approach, compare=self._attempt.compare)
        if self._night is not None:
            self._approach = self._night.begin(plan, self._approach, sizes, watermark, self._around.source)
            for note in self._night.notes():
                self._note(note)
        if changed and self._payload is None and self._night is None:
            self._note(N_("the configuration has changed since the last batch: every row is compared anew"))
        if fresh and self._payload is None:
            self._take_drift(plan)
        self._use(plan)
        if fresh and plan.rowversion_field and self._payload is None:
            with self.timings.measure("fetch"):
                self._watermark_after = read_maximum(self._around.source, plan)
        target = self._around.target
        ledger_of = None if target.lists_identities else target.name
        self._books.begin(plan, (watermark, self._watermark_after), ledger_of)
        self._recall_progress()
        self._overrides.begin()

    def _take_drift(self, plan: Plan) -> None:
        """What changed in the source's form since the last completed batch: said (evolve) or refused (freeze). Types
        that nobody declares are kept as they are seen now."""
        last = self._books.last_plan(self._state)
        told = None if last is None else drift.accept(plan, drift.changes(last, plan))
        if told is not None:
            self._note(told)
        if plan.observed:
            types = {column.source: column.type.declared for column in plan.columns}
            self._books.keep_types({name: types[name] for name in plan.observed})

    def _use(self, plan: Plan) -> None:
        """Work under this plan from now on, with a table that can take its rows."""
        self._plan = plan
        self._table = target_table(plan)
        for note in self._around.target.prepare(self._table, plan.drift_mode):
            self._note(note)

    def _recall_progress(self) -> None:
        with self._around.database.begin() as connection:
            self._checkpoint = batch_chunks.checkpoint(connection, self._batch.uid)
            for keys in batch_chunks.seen_keys(connection, self._batch.uid):
                self._seen.add(words_of_bytes(keys, 2))
            intents = batch_chunks.intents(connection, self._batch.uid)
            inherited = [] if self._night is None else self._night.inherited(connection)
        intents += inherited
        self._number = 0 if self._checkpoint is None else self._checkpoint.number + 1
        self._done_before = applied(intents, self._table, self._around.target)
        if len(intents) > 1 or inherited:
            self._books.intend_alone(self._number, self._done_before)
        if self._night is not None and inherited:
            self._around.database.insist(self._night.forget_inherited)
        written = still_held(self._done_before)
        if not written.is_empty():
            self._books.recovered(written)
        inserted = written.filter(pl.col(OPERATION) == Operation.INSERT).height
        self._inserted_when_listed = self._books.total.inserted + inserted

    def _list_identities(self, thread: ThreadPoolExecutor) -> None:
        """Begin to read all that the target holds, where whole tables are compared; otherwise each chunk asks for its
        own rows. It is read before anything is loaded, since the first comparison waits for it."""
        lists = self._approach.complete if self._night is None else self._night.lists_first(self._state)
        if self._payload is None and lists and self._around.target.lists_identities:
            self._listing = thread.submit(self._read_identities)

    def _read_identities(self) -> Known:
        with self.timings.measure("identities"):
            rowversion = self._approach.compare is Compare.ROWVERSION
            return Known.sorted(self._around.target.identities(self._table, with_rowversion=rowversion))

    def _decided(self, loading: "Loading[_Decided, Loaded]") -> Generator["_Decided", None, None]:
        """Chunks with their operations, in order; the stages work on the next ones meanwhile."""
        options = self._around.options
        counted_before = self._seen
        reading = 0
        identified_ones = worked_ahead(
            self._planned(), self._identify, workers=options.workers, ahead=options.ahead, name=self.entity
        )
        with closing(identified_ones):
            for planned, chunk, rejected_keys, marks, overridden in identified_ones:
                delivery = planned.delivery
                if delivery.reread != reading:
                    reading, counted_before = delivery.reread, self._counted()
                if reading:
                    chunk = _uncounted(chunk, planned.plan, counted_before)
                    rejected_keys = keys_of_rejected(chunk, planned.plan)
                    marks = marks_of_keyless(chunk, rejected_keys, planned.plan)
                with self.timings.measure("delta"):
                    rejected = pl.concat([rejected_keys, marks])[KEY]
                    chunk, keys = self._classified(chunk, planned.plan, rejected, loading)
                    self._look_for_emptied_columns(chunk, planned)
                yield _Decided(
                    chunk, keys, rejected_keys, planned.plan, planned.table, planned.progress, delivery.total_rows,
                    overridden,
                )  # fmt: skip

    def _counted(self) -> KeySet:
        """The keys that this extract has counted by now."""
        if self._night is None:
            return self._seen.copy()
        counted = self._night.seen_before()
        for run in self._seen.runs():
            counted.add(run)
        return counted

    def _planned(self) -> Iterator["_Planned"]:
        """Deliveries, numbered, each with the plan that takes its columns."""
        for progress, delivery in self._deliveries():
            for note in delivery.notes:
                self._note(note)
            if self._payload is None:
                self._take_new_columns(unknown_columns(delivery.rows, self._plan, delivery.observed))
            yield _Planned(self._number, progress, delivery, self._plan, self._table)
            self._number += 1

    def _identify(self, planned: "_Planned") -> tuple["_Planned", Chunk, pl.DataFrame, pl.DataFrame, Overridden]:
        """Stages 2 to 7, the keys of rejected rows as far as they can be read, marks for those that cannot and for
        rows that somebody has edited, and what else such decisions did."""
        chunk = identified(planned.number, planned.delivery.rows, planned.plan, self.timings)
        chunk, overridden = self._overrides.apply(chunk, planned.plan, self.timings)
        rejected_keys = keys_of_rejected(chunk, planned.plan)
        marks = pl.concat([marks_of_keyless(chunk, rejected_keys, planned.plan), overridden.keys_before])
        return planned, chunk, rejected_keys, marks, overridden

    def _deliveries(self) -> Iterator[tuple[Progress, Delivery]]:
        """What the batch reads; the time spent waiting for it counts as fetching."""
        options = self._around.options
        if self._payload is not None:
            reading = read_payload(self._payload(), self._plan)
        else:
            start = Progress() if self._checkpoint is None else Progress.from_json(self._checkpoint.cursor)
            if self._night is not None:
                start = self._night.start(self._checkpoint)
            reading = read_extract(
                self._around.source, self._plan, self._approach, self._chunk_rows(), options.in_flight, start
            )
            if self._night is not None:
                reading = self._night.within(reading)
        while True:
            with self.timings.measure("fetch"):
                item = next(reading, None)
            if item is None:
                return
            yield item

    def _chunk_rows(self) -> int:
        """Where the target may hold nothing yet, every row is also written, which takes memory: chunks are smaller. Not
        at night, whose share is planned in whole chunks."""
        rows = self._around.options.chunk_rows
        is_first = not self._state.total_rows and self._night is None
        return -(-rows * _FIRST_LOAD_SHARE // 100) if is_first else rows

    def _take_new_columns(self, new: Mapping[str, OracleType]) -> None:
        """Columns that appeared in the data: taken along (evolve), or the batch stops before loading (freeze)."""
        if not new:
            return
        names = ", ".join(new)
        if self._plan.drift_mode is DriftMode.FREEZE:
            raise ConfigurationError(
                "{entity}: the source sends columns that nobody has told of: {names}. The entity is frozen "
                "(drift_mode: freeze), so nothing more was loaded. Add them to the API's definition and to the "
                "mappings, or set drift_mode: evolve.",
                entity=self.entity,
                names=names,
            )
        self._note(str(Text("new columns from the source: {names}", names=names)))
        self._books.keep_types({name: type_.declared for name, type_ in new.items()})
        self._use(with_new_columns(self._plan, new))

    def _look_for_emptied_columns(self, chunk: Chunk, planned: "_Planned") -> None:
        if planned.number == 0 and self._payload is None:
            told = drift.accept_emptied(chunk, planned.plan, planned.table, self._around.target)
            if told is not None:
                self._note(told)

    def _classified(
        self, chunk: Chunk, plan: Plan, rejected: pl.Series, loading: "Loading[_Decided, Loaded]"
    ) -> tuple[Chunk, Words]:
        """The chunk with operations, and all keys that it held; `rejected` are those of the rejected rows."""

        def recall(keys: pl.Series) -> Known:
            """What earlier chunks of this batch have left in the target."""
            loading.wait()
            return self._look_up(keys)

        keys = words(pl.concat([chunk.rows[KEY], rejected]), 2)
        known = self._look_up(chunk.rows[KEY]) if self._listing is None else self._listing.result()
        again = chunk.rows[ROW].filter(pl.Series(self._seen.add(keys)).head(chunk.rows.height))
        classified = classify(chunk, plan, self._approach.compare, known, again, recall)
        return self._attempt.spare(classified, plan, known), keys

    def _look_up(self, keys: pl.Series) -> Known:
        found = self._around.target.find(self._table, keys.unique())
        with_rowversion = self._plan.rowversion_field is not None
        return Known.sorted([Identities.of(found, with_rowversion=with_rowversion)])

    def _intend(self, decided: "_Decided") -> None:
        """Put down what is to be done with a chunk, before anything of it is sent."""
        with self.timings.measure("books"):
            self._books.intend(decided.chunk.number, intended(decided.chunk.rows, self._done_before))

    def _load(self, decided: "_Decided") -> Loaded:
        """Stage 9 of one chunk."""
        self._claim.check()
        with self.timings.measure("load"):
            required = frozenset(parent.name for parent in decided.plan.parents if parent.required)
            loaded = load(decided.chunk, decided.table, self._around.target, required, self._parting)
            return without_given_up(loaded, decided.plan, self._books.given_up(loaded))

    def _settle(self, decided: "_Decided", loaded: Loaded) -> None:
        """The books for one chunk that was loaded, in the order of the chunks."""
        chunk = decided.chunk
        rows = loaded.chunk.rows
        rows = rows.with_columns(operations_done(rows, self._done_before)) if rows.height else rows
        ignored = decided.overridden.ignored
        counters = count_rows(replace(loaded.chunk, rows=rows), loaded.waiting, ignored)
        rejected_keys = pl.concat([decided.rejected_keys, _keys_refused(decided, loaded.chunk)])
        failed = failed_rows(loaded.chunk, decided.plan, rejected_keys, ignored, loaded.temporary)
        self._done_before = not_met(self._done_before, rows, loaded.waiting)
        settled = Settled(
            chunk=loaded.chunk,
            plan=decided.plan,
            waiting=loaded.waiting,
            parted=loaded.parted,
            keys=decided.keys,
            rejected_keys=rejected_keys,
            cursor=decided.progress.to_json(),
            counters=counters,
            failed=self._attempt.failed(failed),
            overridden=decided.overridden,
            close_records=self._attempt.closing(loaded.chunk, ignored),
            progressed=self._progressed(decided.progress),
        )
        for note, rows_ in chunk.notes:
            self._note(note, rows_)
        with self.timings.measure("books"):
            status = self._books.settle(settled, self._done_before)
        self._around.listener(
            ChunkSettled(
                self._batch.uid,
                self.entity,
                chunk.number,
                self._books.total,
                decided.total_rows,
                dict(self.timings.seconds),
            )
        )
        if self._payload is None:
            self._error_rate.take(counters, loaded, masked_fields(decided.plan))
        self._check_stop(status)

    def _progressed(self, progress: Progress) -> Progressed:
        if self._night is None:
            return not_in_cycle
        return partial(self._night.settled, cursor=progress)

    def _check_stop(self, status: BatchStatus) -> None:
        if status is BatchStatus.CANCELLING or self._around.stopping.is_set():
            rows = self._books.total.fetched
            raise Stopped(
                "Stopped as asked, after {rows} rows. The next sync of {entity} goes on from there.",
                rows=rows,
                entity=self.entity,
            )

    def _note_deletions(self, done: deletions.Judgement) -> None:
        if done.withheld.height:
            told = Text(
                "{rows} deletions withheld for approval: {reason}",
                rows=str(done.withheld.height),
                reason=done.withheld["reason"][0],
            )
            self._note(str(told))
        for reference, reason in done.refused.select("@ref", "reason").head(3).iter_rows():
            shown = masked_ref(reference, masked_fields(self._plan))
            self._note(str(Text("{key} was not deleted: {reason}", key=shown, reason=reason)))
        if done.counters.still_at_source:
            count = done.counters.still_at_source
            told = Text(
                "{rows} rows were missing in the extract, but the source still has them: not deleted", rows=str(count)
            )
            self._note(str(told))

    def _note(self, note: str, rows: int = 0) -> None:
        self._notes[note] = self._notes.get(note, 0) + rows

    def _said(self) -> tuple[str, ...]:
        return tuple(f"{note}: {rows}" if rows else note for note, rows in self._notes.items())

    def _new_state(self) -> erp_sync_state.SyncState | None:
        """The entity's state after a batch that balances; a watermark never goes back."""
        plan = self._plan
        if self._night is not None:
            return self._night.state_after(self._state, plan, self._books.total, self._watermark_after)
        watermark = self._state.watermark
        # The row that has the maximum was there to be read: who read nothing was told an untruth, and reads again.
        if plan.rowversion_field is not None and self._books.total.fetched:
            watermark = further(watermark, self._watermark_after, plan)
        complete = self._approach.complete
        return erp_sync_state.SyncState(
            entity_name=self.entity,
            watermark=watermark,
            watermark_type=str(plan.column(plan.rowversion_field).type.kind) if plan.rowversion_field else None,
            last_completed_batch=self._batch.uid,
            last_full_at=self._around.clock.now() if complete else self._state.last_full_at,
            plan_hash=identity_hash(plan),
            total_rows=self._books.total.fetched if complete else self._state.total_rows,
        )


@dataclass(frozen=True)
class _Planned:
    """A delivery on its way into the stages. `number` is the chunk's."""

    number: int
    progress: Progress
    delivery: Delivery
    plan: Plan
    table: TargetTable


@dataclass(frozen=True)
class _Decided:
    """A chunk on its way to the target."""

    chunk: Chunk
    keys: Words
    rejected_keys: pl.DataFrame
    plan: Plan
    table: TargetTable
    progress: Progress
    total_rows: int | None
    overridden: Overridden


def _uncounted(chunk: Chunk, plan: Plan, before: KeySet) -> Chunk:
    """The chunk of a second pass without the rows that were counted in the first."""
    rejected_keys = keys_of_rejected(chunk, plan)
    read = pl.concat([chunk.rows.select(ROW, KEY), rejected_keys, marks_of_keyless(chunk, rejected_keys, plan)])
    again = read.filter(pl.Series(before.contains(words(read[KEY], 2)), dtype=pl.Boolean))
    return chunk.without(again[ROW])


def _keys_refused(decided: _Decided, after: Chunk) -> pl.DataFrame:
    """ROW and KEY of rows that were rejected after they had a key (stages 8 and 9)."""
    before = decided.chunk.rows.select(ROW, KEY)
    if after.rejected.height == decided.rejected_keys.height == 0:
        return before.clear()
    refused = after.rejected.join(decided.rejected_keys, on=ROW, how="anti").select(ROW)
    return before.join(refused, on=ROW, how="semi")
