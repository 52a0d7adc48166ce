"""What a running batch writes down: intent before a chunk is sent; counters, checkpoint and queue rows after it, in one
transaction, under the batch's claim epoch."""

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from typing import TypeVar

import numpy as np
import polars as pl
import structlog
import xxhash

from syncflow.chunk import DATA, KEY, OPERATION, PARENT, PARENT_REF, REF, ROW, UID, Chunk, Operation
from syncflow.clock import Clock
from syncflow.engine.deletions import Judgement
from syncflow.engine.plan import identity_hash, to_json
from syncflow.errors import RetriableError, UnavailableError
from syncflow.identities import Words, words, words_of_bytes
from syncflow.model import Batch, BatchStatus, Counters, Plan
from syncflow.protocols import UNREADABLE
from syncflow.store import (
    batch_chunks,
    entity_config,
    erp_sync_state,
    failed_records,
    pending_children,
    sync_batches,
    target_identities,
    withheld_deletes,
)
from syncflow.store.database import Connection, Database

T = TypeVar("T")
_log = structlog.get_logger()

DELETE = "delete"
OPERATION_CODES = {Operation.INSERT: 1, Operation.UPDATE: 2, DELETE: 3}
INTENT_BYTES = 49
"""One intended row: operation (1), key hash (16), data hash (32)."""

RECONNECT_WAITS = (0.1, 0.5, 1.0, 2.0, 4.0)
"""Seconds between the attempts to write into a metadata database that was restarted."""


@dataclass(frozen=True)
class Settled:
    """What came of a chunk: `waiting` (ROW, field) has no parent yet; `keys` are all keys that it held, also those of
    rejected rows; `rejected_keys` (ROW, KEY) says which those are."""

    chunk: Chunk
    plan: Plan
    waiting: pl.DataFrame
    keys: np.ndarray
    rejected_keys: pl.DataFrame
    cursor: Mapping[str, object]
    counters: Counters


class Books:
    """The books of one batch. `total` grows with each settled chunk.

    Every write says how things stand, never what is to be added to them; so one whose connection was lost, at COMMIT
    too, is simply made again.
    """

    def __init__(self, database: Database, clock: Clock, batch: Batch, epoch: int) -> None:
        self._database = database
        self._clock = clock
        self._batch = batch
        self._epoch = epoch
        self._ledger_of: str | None = None
        self._has_failed = True
        self._has_pending = True
        self.total = batch.counters

    def begin(self, plan: Plan, watermarks: tuple[str | None, str | None], ledger_of: str | None) -> None:
        """`ledger_of` names the target when a ledger of its rows has to be kept."""
        self._ledger_of = ledger_of
        snapshot, plan_hash = to_json(plan), identity_hash(plan)
        self._write(
            lambda connection: sync_batches.keep_plan(
                connection, self._batch.uid, self._epoch, snapshot, plan_hash, watermarks
            )
        )
        self.note_open_queues()

    def _write(self, work: Callable[[Connection], T]) -> T:
        """Do `work` in a transaction, again when the database was away for a moment. Raises ClaimLost."""
        for seconds in RECONNECT_WAITS:
            try:
                with self._database.begin() as connection:
                    return work(connection)
            except (RetriableError, UnavailableError) as error:
                _log.warning("a write into the metadata database is made again", error=str(error))
                time.sleep(seconds)
        with self._database.begin() as connection:
            return work(connection)

    def note_open_queues(self) -> None:
        """Whether there are open queue rows of this entity at all, so that chunks without any need not look."""
        with self._database.begin() as connection:
            self._has_failed = failed_records.any_open(connection, self._batch.entity_name)
            self._has_pending = pending_children.any_open(connection, self._batch.entity_name)

    def beat(self) -> BatchStatus:
        """Tell that the batch lives; raises ClaimLost."""
        return self._write(
            lambda connection: sync_batches.beat(connection, self._batch.uid, self._epoch, self._clock.now())
        )

    def intend(self, number: int, rows: pl.DataFrame) -> None:
        """Commit what is to be done with rows (OPERATION, KEY, DATA) as chunk `number`. Raises ClaimLost before
        anything is sent in vain."""
        intent = pack_intent(rows)

        def work(connection: Connection) -> None:
            now = self._clock.now()
            sync_batches.beat(connection, self._batch.uid, self._epoch, now)
            batch_chunks.intend(connection, self._batch.uid, number, self._epoch, intent, now)

        self._write(work)

    def intend_alone(self, number: int, rows: pl.DataFrame) -> None:
        """The same instead of all intents that an earlier process left behind."""
        intent = pack_intent(rows)

        def work(connection: Connection) -> None:
            now = self._clock.now()
            sync_batches.beat(connection, self._batch.uid, self._epoch, now)
            batch_chunks.forget_intents(connection, self._batch.uid)
            batch_chunks.intend(connection, self._batch.uid, number, self._epoch, intent, now)

        self._write(work)

    def settle(self, settled: Settled, in_doubt: pl.DataFrame) -> BatchStatus:
        """Everything that came of a chunk, in one transaction; gives the batch's status (CANCELLING: stop here).
        `in_doubt` is what an earlier process did and this one has not met yet: it stands as the next intent."""
        now = self._clock.now()
        chunk, entity, uid = settled.chunk, self._batch.entity_name, self._batch.uid
        failed = failed_rows(chunk, settled.rejected_keys)
        pending = pending_rows(settled)
        total = self.total + settled.counters
        next_intent = pack_intent(in_doubt)

        def work(connection: Connection) -> BatchStatus:
            status = sync_batches.advance(connection, uid, self._epoch, total, now)
            batch_chunks.settle(
                connection, uid, chunk.number, self._epoch, settled.counters.fetched, settled.cursor,
                settled.keys.astype(">u8").tobytes(), asdict(settled.counters), now,
            )  # fmt: skip
            self._close_queues(connection, settled, now)
            failed_records.put(connection, uid, entity, self._batch.source_system, failed, now)
            pending_children.put(connection, uid, entity, pending, now)
            self._keep_ledger(connection, settled)
            if next_intent:
                batch_chunks.intend(connection, uid, chunk.number + 1, self._epoch, next_intent, now)
            return status

        status = self._write(work)
        self._has_failed = self._has_failed or bool(failed)
        self._has_pending = self._has_pending or bool(pending)
        self.total = total
        return status

    def _close_queues(self, connection: Connection, settled: Settled, now: datetime) -> None:
        if not (self._has_failed or self._has_pending):
            return
        entity = self._batch.entity_name
        loaded = _loaded_keys(settled)
        if self._has_failed:
            there = loaded + _waiting_keys(settled)
            failed_records.close(connection, entity, there, self._batch.uid, now)
        if self._has_pending:
            pending_children.close(connection, entity, loaded + settled.rejected_keys[KEY].to_list(), now)

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
        self._write(lambda connection: self._put_into_ledger(connection, rows))

    def inserted_are_updated(self, rows: int) -> None:
        """So many rows that were counted as inserted were there already."""
        total = replace(self.total, inserted=self.total.inserted - rows, updated=self.total.updated + rows)
        now = self._clock.now()
        self._write(lambda connection: sync_batches.advance(connection, self._batch.uid, self._epoch, total, now))
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
            sync_batches.advance(connection, uid, self._epoch, total, now)
            withheld_deletes.supersede(connection, entity, uid, now)
            withheld_deletes.put(connection, uid, entity, withheld, now)
            if self._ledger_of is not None:
                keys = done.deleted.str.decode("hex").to_list()
                target_identities.forget(connection, self._ledger_of, entity, keys)
            if complete:
                failed_records.supersede(connection, entity, uid, now)
                pending_children.supersede(connection, entity, uid, now)

        self._write(work)
        self.total = total

    def ledger_size(self) -> int:
        """How many rows the ledger says the target holds."""
        with self._database.begin() as connection:
            return target_identities.count(connection, self._ledger_of or "", self._batch.entity_name)

    def ledger_keys(self) -> Iterator[Words]:
        """Their keys, a page at a time."""
        with self._database.connect() as connection:
            for page in target_identities.keys(connection, self._ledger_of or "", self._batch.entity_name):
                yield words_of_bytes(b"".join(page), 2)

    def end(self, ended: Batch, state: erp_sync_state.SyncState | None) -> None:
        """The end of the batch; `state` is the entity's new state, None when nothing of it may move."""

        def work(connection: Connection) -> None:
            sync_batches.end(connection, self._batch.uid, self._epoch, ended)
            if state is not None:
                erp_sync_state.put(connection, state)
            if ended.status is not BatchStatus.INTERRUPTED:
                batch_chunks.forget_seen_keys(connection, self._batch.uid)

        self._write(work)

    def keep_types(self, types: Mapping[str, str]) -> None:
        with self._database.begin() as connection:
            entity_config.keep_types(connection, self._batch.entity_name, types)

    def state(self) -> erp_sync_state.SyncState:
        with self._database.begin() as connection:
            return erp_sync_state.get(connection, self._batch.entity_name)


def pack_intent(rows: pl.DataFrame) -> bytes:
    """INTENT_BYTES a row, from OPERATION, KEY and DATA."""
    packed = np.empty((rows.height, INTENT_BYTES), dtype=np.uint8)
    packed[:, 0] = rows[OPERATION].replace_strict(OPERATION_CODES, return_dtype=pl.UInt8).to_numpy()
    packed[:, 1:17] = words(rows[KEY], 2).astype(">u8").view(np.uint8).reshape(-1, 16)
    packed[:, 17:] = words(rows[DATA], 4).astype(">u8").view(np.uint8).reshape(-1, 32)
    return packed.tobytes()


def unpack_intent(intent: bytes) -> pl.DataFrame:
    """OPERATION, KEY and DATA of an intent."""
    packed = np.frombuffer(intent, dtype=np.uint8).reshape(-1, INTENT_BYTES)
    names = {code: operation for operation, code in OPERATION_CODES.items()}
    return pl.DataFrame(
        {
            OPERATION: pl.Series([names[int(code)] for code in packed[:, 0]], dtype=pl.String),
            KEY: pl.Series([row.tobytes().hex() for row in packed[:, 1:17]], dtype=pl.String),
            DATA: pl.Series([row.tobytes().hex() for row in packed[:, 17:]], dtype=pl.String),
        }
    )


def failed_rows(chunk: Chunk, rejected_keys: pl.DataFrame) -> list[failed_records.FailedRow]:
    """The rejected rows of a chunk with all that is known of each."""
    if chunk.rejected.is_empty():
        return []
    # A message shows the value at fault, and PostgreSQL's text holds no NUL.
    told = chunk.rejected.with_columns(pl.col("message", "stack_trace").str.replace_all("\0", "\u2400", literal=True))
    rows = told.join(rejected_keys, on=ROW, how="left", maintain_order="left")
    for name, frame in (("raw", chunk.raw), ("normalized", chunk.normalized), ("mapped", chunk.mapped)):
        rows = rows.join(_as_json(frame, rows[ROW], name), on=ROW, how="left", maintain_order="left")
    return [
        failed_records.FailedRow(
            key_hash=row[KEY],
            raw_hash=xxhash.xxh3_128_hexdigest(row["raw"].encode()),
            raw_data=row["raw"],
            normalized_data=row["normalized"],
            mapped_data=row["mapped"],
            stage_failed=row["stage"],
            field=row["field"],
            error_type=row["error_type"],
            error_message=row["message"],
            stack_trace=row["stack_trace"],
        )
        for row in rows.iter_rows(named=True)
    ]


def pending_rows(settled: Settled) -> list[pending_children.PendingRow]:
    """The rows of a chunk that wait for a parent."""
    if settled.waiting.is_empty():
        return []
    rows = settled.chunk.rows.join(settled.waiting.select(ROW, "field"), on=ROW, how="inner", maintain_order="left")
    rows = rows.join(_as_json(settled.chunk.raw, rows[ROW], "raw"), on=ROW, how="left", maintain_order="left")
    entity_of = {parent.name: parent.entity for parent in settled.plan.parents}
    return [
        pending_children.PendingRow(
            child_key_hash=row[KEY],
            parent_entity=entity_of[row["field"]],
            parent_ref=row["field"],
            parent_bk_hash=row[PARENT + row["field"]],
            parent_key=row[PARENT_REF + row["field"]],
            child_payload=row["raw"],
        )
        for row in rows.iter_rows(named=True)
    ]


def _as_json(frame: pl.DataFrame | None, numbers: pl.Series, name: str) -> pl.DataFrame:
    """ROW and, as `name`, the row's values as the JSON text of one object."""
    if frame is None:
        return pl.DataFrame(schema={ROW: pl.UInt32, name: pl.String})
    wanted = frame.join(numbers.to_frame(), on=ROW, how="semi")
    values = wanted.drop(ROW, UNREADABLE, strict=False)
    return wanted.select(ROW, values.select(pl.struct(pl.all()).struct.json_encode().alias(name)).to_series())


def _loaded_keys(settled: Settled) -> list[str]:
    rows = settled.chunk.rows.join(settled.waiting.select(ROW), on=ROW, how="anti")
    return rows[KEY].to_list()


def _waiting_keys(settled: Settled) -> list[str]:
    rows = settled.chunk.rows.join(settled.waiting.select(ROW), on=ROW, how="semi")
    return rows[KEY].to_list()
