"""What a running batch writes down: intent before a chunk is sent; counters, checkpoint and queue rows after it, in one
transaction, under the batch's claim epoch."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime
from uuid import UUID

import numpy as np
import polars as pl

from syncflow.chunk import DATA, KEY, OPERATION, PARENT, PARENT_REF, REF, ROW, UID, Chunk, Operation
from syncflow.clock import Clock
from syncflow.engine.attempts import Close, close_nothing
from syncflow.engine.deletions import Judgement
from syncflow.engine.overrides import Overridden
from syncflow.engine.plan import from_json, identity_hash, to_json
from syncflow.engine.rejected import as_json
from syncflow.identities import Words, words, words_of_bytes
from syncflow.model import Batch, BatchStatus, Counters, Plan
from syncflow.stages.s9_load import Loaded
from syncflow.store import (
    batch_chunks,
    entity_config,
    erp_sync_state,
    failed_decisions,
    failed_records,
    night_slices,
    pending_children,
    sync_batches,
    target_identities,
    withheld_deletes,
)
from syncflow.store.database import Connection, Database

DELETE = "delete"
OPERATION_CODES = {Operation.INSERT: 1, Operation.UPDATE: 2, DELETE: 3}


Progressed = Callable[[Connection, Counters], None]
"""Called in a chunk's transaction with the batch's totals behind it: what else moves with its checkpoint."""


def not_in_cycle(_connection: Connection, _total: Counters) -> None:
    """Nothing does."""


@dataclass(frozen=True)
class Settled:
    """What came of a chunk: `waiting` (ROW, field) has no parent yet; `parted` (ROW, field) is loaded without one, and
    waits for it; `keys` are all keys that it held, also those of
    rejected rows; `rejected_keys` (ROW, KEY) says which those are. `failed` go into the queue; `close_records` is
    called before records are closed by their keys."""

    chunk: Chunk
    plan: Plan
    waiting: pl.DataFrame
    parted: pl.DataFrame
    keys: np.ndarray
    rejected_keys: pl.DataFrame
    cursor: Mapping[str, object]
    counters: Counters
    failed: Sequence[failed_records.FailedRow] = ()
    overridden: Overridden = field(default_factory=Overridden)
    close_records: Close = close_nothing
    progressed: Progressed = not_in_cycle


class Books:
    """The books of one batch. `total` grows with each settled chunk.

    Every write says how things stand, never what is to be added to them; so one whose connection was lost, at COMMIT
    too, is simply made again (`Database.insist`).
    """

    def __init__(self, database: Database, clock: Clock, batch: Batch, epoch: int) -> None:
        self._database = database
        self._clock = clock
        self._batch = batch
        self._epoch = epoch
        self._ledger_of: str | None = None
        self._has_failed = True
        self._has_pending = True
        self._applied: set[UUID] = set()
        self._sent_otherwise: set[UUID] = set()
        self.total = batch.counters

    def begin(self, plan: Plan, watermarks: tuple[str | None, str | None], ledger_of: str | None) -> None:
        """`ledger_of` names the target when a ledger of its rows has to be kept."""
        self._ledger_of = ledger_of
        snapshot, plan_hash = to_json(plan), identity_hash(plan)
        self._database.insist(
            lambda connection: sync_batches.keep_plan(
                connection, self._batch.uid, self._epoch, snapshot, plan_hash, watermarks
            )
        )
        self.note_open_queues()

    def note_open_queues(self) -> None:
        """Whether there are open queue rows of this entity at all, so that chunks without any need not look."""
        name = self._batch.entity_name
        self._has_failed = self._database.insist(lambda connection: failed_records.any_open(connection, name))
        self._has_pending = self._database.insist(lambda connection: pending_children.any_open(connection, name))

    def beat(self) -> BatchStatus:
        """Tell that the batch lives; raises ClaimLost."""
        return self._database.insist(lambda connection: sync_batches.beat(connection, self._batch.uid, self._epoch))

    def intend(self, number: int, rows: pl.DataFrame) -> None:
        """Commit what is to be done with rows (OPERATION, KEY, DATA) as chunk `number`. Raises ClaimLost before
        anything is sent in vain."""
        intent = pack_intent(rows)

        def work(connection: Connection) -> None:
            now = self._clock.now()
            sync_batches.beat(connection, self._batch.uid, self._epoch)
            batch_chunks.intend(connection, self._batch.uid, number, self._epoch, intent, now)

        self._database.insist(work)

    def intend_alone(self, number: int, rows: pl.DataFrame) -> None:
        """The same instead of all intents that an earlier process left behind."""
        intent = pack_intent(rows)

        def work(connection: Connection) -> None:
            now = self._clock.now()
            sync_batches.beat(connection, self._batch.uid, self._epoch)
            batch_chunks.forget_intents(connection, self._batch.uid)
            batch_chunks.intend(connection, self._batch.uid, number, self._epoch, intent, now)

        self._database.insist(work)

    def settle(self, settled: Settled, in_doubt: pl.DataFrame) -> BatchStatus:
        """Everything that came of a chunk, in one transaction; gives the batch's status (CANCELLING: stop here).
        `in_doubt` is what an earlier process did and this one has not met yet: it stands as the next intent."""
        now = self._clock.now()
        chunk, entity, uid = settled.chunk, self._batch.entity_name, self._batch.uid
        failed = settled.failed
        pending = pending_rows(settled)
        total = self.total + settled.counters
        next_intent = pack_intent(in_doubt)

        def work(connection: Connection) -> BatchStatus:
            status = sync_batches.advance(connection, uid, self._epoch, total)
            batch_chunks.settle(
                connection, uid, chunk.number, self._epoch, settled.counters.fetched, settled.cursor,
                settled.keys.astype(">u8").tobytes(), asdict(settled.counters), now,
            )  # fmt: skip
            settled.progressed(connection, total)
            settled.close_records(connection, now)
            self._close_queues(connection, settled, now)
            failed_records.put(connection, uid, entity, self._batch.source_system, failed, now)
            pending_children.put(connection, uid, entity, pending, now)
            self._keep_ledger(connection, settled)
            if next_intent:
                batch_chunks.intend(connection, uid, chunk.number + 1, self._epoch, next_intent, now)
            return status

        status = self._database.insist(work)
        self._applied |= settled.overridden.applied
        self._sent_otherwise |= settled.overridden.elsewhere
        self._has_failed = self._has_failed or bool(failed)
        self._has_pending = self._has_pending or bool(pending.height)
        self.total = total
        return status

    def given_up(self, loaded: Loaded) -> pl.DataFrame:
        """(child_key_hash, parent_bk_hash) of those of the waiting rows whose parent was looked for often enough."""
        if loaded.waiting.is_empty():
            return pl.DataFrame(schema=pending_children.GIVEN_UP_SCHEMA)
        rows = loaded.chunk.rows.join(loaded.waiting.select(ROW), on=ROW, how="semi")
        entity, keys = self._batch.entity_name, rows[KEY].to_list()
        return self._database.insist(lambda connection: pending_children.given_up(connection, entity, keys))

    def _close_queues(self, connection: Connection, settled: Settled, now: datetime) -> None:
        if not (self._has_failed or self._has_pending):
            return
        entity = self._batch.entity_name
        loaded = _loaded_keys(settled)
        if self._has_failed:
            there = loaded + _waiting_keys(settled)
            failed_records.close(connection, entity, there, self._batch.uid, now)
        if self._has_pending:
            rejected = settled.rejected_keys[KEY].to_list()
            pending_children.close(connection, entity, loaded, pending_children.LOADED, now)
            pending_children.close(connection, entity, rejected, pending_children.FAILED, now)

    def _keep_ledger(self, connection: Connection, settled: Settled) -> None:
        if self._ledger_of is None:
            return
        rows = settled.chunk.rows.join(settled.waiting.select(ROW), on=ROW, how="anti")
        self._put_into_ledger(connection, rows.filter(pl.col(OPERATION) != Operation.DUPLICATE))

    def _put_into_ledger(self, connection: Connection, rows: pl.DataFrame) -> None:
        if self._ledger_of is not None:
            keys = rows[KEY].str.decode("hex").to_list()
            data = rows[DATA].str.decode("hex").to_list()
            target_identities.put(connection, self._ledger_of, self._batch.entity_name, keys, data)

    def recovered(self, rows: pl.DataFrame) -> None:
        """Rows (KEY, DATA) that an earlier process loaded without booking it: the ledger names them from now on, even
        if the source never shows them again."""
        self._database.insist(lambda connection: self._put_into_ledger(connection, rows))

    def inserted_are_updated(self, rows: int) -> None:
        """So many rows that were counted as inserted were there already."""
        total = replace(self.total, inserted=self.total.inserted - rows, updated=self.total.updated + rows)
        self._database.insist(lambda connection: sync_batches.advance(connection, self._batch.uid, self._epoch, total))
        self.total = total

    def deletions(self, done: Judgement, *, complete: bool) -> None:
        """What came of the deletions, all that the batch did of them; after a complete extract, queue rows that it did
        not renew are superseded."""
        now = self._clock.now()
        entity, uid = self._batch.entity_name, self._batch.uid
        total = self.total.without_deletions() + done.counters
        withheld = [
            withheld_deletes.WithheldRow(row[KEY], row[UID], row[REF], row["reason"])
            for row in done.withheld.iter_rows(named=True)
        ]

        def work(connection: Connection) -> None:
            sync_batches.advance(connection, uid, self._epoch, total)
            withheld_deletes.supersede(connection, entity, uid, now)
            withheld_deletes.put(connection, uid, entity, withheld, now)
            if self._ledger_of is not None:
                keys = done.deleted.str.decode("hex").to_list()
                target_identities.forget(connection, self._ledger_of, entity, keys)
            if complete:
                seen_in = (uid, *night_slices.since_beginning(connection, uid))
                failed_records.supersede(connection, entity, uid, now, seen_in)
                pending_children.supersede(connection, entity, seen_in, now)

        self._database.insist(work)
        self.total = total

    def ledger_size(self) -> int:
        """How many rows the ledger says the target holds."""
        ledger, entity = self._ledger_of or "", self._batch.entity_name
        return self._database.insist(lambda connection: target_identities.count(connection, ledger, entity))

    def ledger_keys(self) -> Iterator[Words]:
        """Their keys, a page at a time."""
        with self._database.connect() as connection:
            for page in target_identities.keys(connection, self._ledger_of or "", self._batch.entity_name):
                yield words_of_bytes(b"".join(page), 2)

    def end(
        self,
        ended: Batch,
        state: erp_sync_state.SyncState | None,
        end_night: Callable[[Connection], None] | None = None,
    ) -> None:
        """The end of the batch; `state` is the entity's new state, None when nothing of it may move. For a part of a
        night `end_night` books what came of that, too; its keys are kept until its cycle is judged. Where `ended`
        counts more than the chunks do, that is what an earlier process had intended: it is in doubt no longer."""

        def work(connection: Connection) -> None:
            if ended.counters != self.total:
                sync_batches.advance(connection, self._batch.uid, self._epoch, ended.counters)
                batch_chunks.forget_intents(connection, self._batch.uid)
            sync_batches.end(connection, self._batch.uid, self._epoch, ended)
            if state is not None:
                erp_sync_state.put(connection, state)
                failed_decisions.outdated(connection, sorted(self._sent_otherwise - self._applied), self._clock.now())
            if end_night is not None:
                end_night(connection)
            elif ended.status is not BatchStatus.INTERRUPTED:
                batch_chunks.forget_seen_keys(connection, self._batch.uid)

        self._database.insist(work)
        self.total = ended.counters

    def keep_types(self, types: Mapping[str, str]) -> None:
        self._database.insist(lambda connection: entity_config.keep_types(connection, self._batch.entity_name, types))

    def last_plan(self, state: erp_sync_state.SyncState) -> Plan | None:
        """What the entity's last completed batch went by, as far as it is still known."""
        uid = state.last_completed_batch
        if uid is None:
            return None
        last = self._database.insist(lambda connection: sync_batches.as_claimed(connection, uid))
        return None if last is None or last.plan is None else from_json(last.plan)

    def state(self) -> erp_sync_state.SyncState:
        return self._database.insist(lambda connection: erp_sync_state.get(connection, self._batch.entity_name))


def pack_intent(rows: pl.DataFrame) -> bytes:
    """The bytes of an intent, from OPERATION, KEY and DATA."""
    packed = np.empty((rows.height, batch_chunks.INTENT_BYTES), dtype=np.uint8)
    packed[:, 0] = rows[OPERATION].replace_strict(OPERATION_CODES, return_dtype=pl.UInt8).to_numpy()
    packed[:, 1:17] = words(rows[KEY], 2).astype(">u8").view(np.uint8).reshape(-1, 16)
    packed[:, 17:] = words(rows[DATA], 4).astype(">u8").view(np.uint8).reshape(-1, 32)
    return packed.tobytes()


def unpack_intent(intent: bytes) -> pl.DataFrame:
    """OPERATION, KEY and DATA of an intent."""
    packed = np.frombuffer(intent, dtype=np.uint8).reshape(-1, batch_chunks.INTENT_BYTES)
    names = {code: operation for operation, code in OPERATION_CODES.items()}
    return pl.DataFrame(
        {
            OPERATION: pl.Series([names[int(code)] for code in packed[:, 0]], dtype=pl.String),
            KEY: pl.Series([row.tobytes().hex() for row in packed[:, 1:17]], dtype=pl.String),
            DATA: pl.Series([row.tobytes().hex() for row in packed[:, 17:]], dtype=pl.String),
        }
    )


def pending_rows(settled: Settled) -> pl.DataFrame:
    """The rows of a chunk that wait for a parent, in WAITING_SCHEMA."""
    parts = [pl.DataFrame(schema=pending_children.WAITING_SCHEMA)]
    waiting = pl.concat([settled.waiting.select(ROW, "field"), settled.parted])
    if waiting.is_empty():
        return pl.DataFrame(schema=pending_children.WAITING_SCHEMA)
    raw = as_json(settled.chunk.raw, waiting[ROW], "raw")
    for parent in settled.plan.parents:
        theirs = waiting.filter(pl.col("field") == parent.name).select(ROW)
        rows = settled.chunk.rows.join(theirs, on=ROW, how="semi", maintain_order="left")
        if rows.height:
            parts.append(
                rows.join(raw, on=ROW, how="left", maintain_order="left").select(
                    pl.col(KEY).alias("child_key_hash"),
                    pl.lit(parent.entity).alias("parent_entity"),
                    pl.lit(parent.name).alias("parent_ref"),
                    pl.col(PARENT + parent.name).alias("parent_bk_hash"),
                    pl.col(PARENT_REF + parent.name).alias("parent_key"),
                    pl.col("raw").alias("child_payload"),
                )
            )
    return pl.concat(parts)


def _loaded_keys(settled: Settled) -> list[str]:
    """Those that wait for nothing; the key of a duplicate row is the affair of the row that counts."""
    rows = settled.chunk.rows.filter(pl.col(OPERATION) != Operation.DUPLICATE)
    queued = pl.concat([settled.waiting.select(ROW), settled.parted.select(ROW)])
    return rows.join(queued, on=ROW, how="anti")[KEY].to_list()


def _waiting_keys(settled: Settled) -> list[str]:
    rows = settled.chunk.rows.join(settled.waiting.select(ROW), on=ROW, how="semi")
    return rows[KEY].to_list()
