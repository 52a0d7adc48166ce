"""What a running batch writes down: intent before a chunk is sent; counters, checkpoint and queue rows after it, in one
transaction, under the batch's claim epoch."""

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from datetime import datetime

import numpy as np
import polars as pl
import xxhash

from syncflow.chunk import DATA, KEY, OPERATION, PARENT, PARENT_REF, REF, ROW, UID, Chunk, Operation
from syncflow.clock import Clock
from syncflow.engine.deletions import Judgement
from syncflow.engine.plan import identity_hash, to_json
from syncflow.identities import words
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

OPERATION_CODES = {Operation.INSERT: 1, Operation.UPDATE: 2}
INTENT_BYTES = 49
"""One intended row: operation (1), key hash (16), data hash (32)."""


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
    """The books of one batch. `total` grows with each settled chunk."""

    def __init__(self, database: Database, clock: Clock, batch: Batch, epoch: int, ledger_of: str | None) -> None:
        """`ledger_of` names the target when a ledger of its rows has to be kept."""
        self._database = database
        self._clock = clock
        self._batch = batch
        self._epoch = epoch
        self._ledger_of = ledger_of
        self._has_failed = True
        self._has_pending = True
        self.total = batch.counters

    def begin(self, plan: Plan, watermarks: tuple[str | None, str | None]) -> None:
        with self._database.begin() as connection:
            sync_batches.keep_plan(
                connection, self._batch.uid, self._epoch, to_json(plan), identity_hash(plan), watermarks
            )
        self.note_open_queues()

    def note_open_queues(self) -> None:
        """Whether there are open queue rows of this entity at all, so that chunks without any need not look."""
        with self._database.begin() as connection:
            self._has_failed = failed_records.any_open(connection, self._batch.entity_name)
            self._has_pending = pending_children.any_open(connection, self._batch.entity_name)

    def beat(self) -> BatchStatus:
        """Tell that the batch lives; raises ClaimLost."""
        with self._database.begin() as connection:
            return sync_batches.beat(connection, self._batch.uid, self._epoch, self._clock.now())

    def intend(self, chunk: Chunk) -> None:
        """Commit what the chunk's inserts and updates intend. Raises ClaimLost before anything is sent in vain."""
        rows = chunk.rows.filter(pl.col(OPERATION).is_in(list(OPERATION_CODES)))
        with self._database.begin() as connection:
            now = self._clock.now()
            sync_batches.beat(connection, self._batch.uid, self._epoch, now)
            batch_chunks.intend(connection, self._batch.uid, chunk.number, self._epoch, pack_intent(rows), now)

    def settle(self, settled: Settled) -> BatchStatus:
        """Everything that came of a chunk, in one transaction; gives the batch's status (CANCELLING: stop here)."""
        now = self._clock.now()
        chunk, entity, uid = settled.chunk, self._batch.entity_name, self._batch.uid
        failed = failed_rows(chunk, settled.rejected_keys)
        pending = pending_rows(settled)
        total = self.total + settled.counters
        with self._database.begin() as connection:
            status = sync_batches.advance(connection, uid, self._epoch, total, now)
            batch_chunks.settle(
                connection, uid, chunk.number, self._epoch, settled.counters.fetched, settled.cursor,
                settled.keys.astype(">u8").tobytes(), asdict(settled.counters), now,
            )  # fmt: skip
            self._close_queues(connection, settled, now)
            failed_records.put(connection, uid, entity, self._batch.source_system, failed, now)
            pending_children.put(connection, uid, entity, pending, now)
            self._keep_ledger(connection, settled)
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
        rows = rows.filter(pl.col(OPERATION) != Operation.DUPLICATE)
        keys = rows[KEY].str.decode("hex").to_list()
        data = rows[DATA].str.decode("hex").to_list()
        target_identities.put(connection, self._ledger_of, self._batch.entity_name, keys, data)

    def deletions(self, counters: Counters, done: Judgement, *, complete: bool) -> None:
        """What came of the deletions; after a complete extract, queue rows that it did not renew are superseded."""
        now = self._clock.now()
        entity, uid = self._batch.entity_name, self._batch.uid
        total = self.total + counters
        withheld = [
            withheld_deletes.WithheldRow(row[KEY], row[UID], row[REF], row["reason"])
            for row in done.withheld.iter_rows(named=True)
        ]
        with self._database.begin() as connection:
            sync_batches.advance(connection, uid, self._epoch, total, now)
            withheld_deletes.supersede(connection, entity, uid, now)
            withheld_deletes.put(connection, uid, entity, withheld, now)
            if self._ledger_of is not None:
                keys = done.deleted.str.decode("hex").to_list()
                target_identities.forget(connection, self._ledger_of, entity, keys)
            if complete:
                failed_records.supersede(connection, entity, uid, now)
                pending_children.supersede(connection, entity, uid, now)
        self.total = total

    def ledger_size(self) -> int:
        """How many rows the ledger says the target holds."""
        with self._database.begin() as connection:
            return target_identities.count(connection, self._ledger_of or "", self._batch.entity_name)

    def ledger_keys(self) -> Iterator[pl.Series]:
        """Their keys in hex digits, a page at a time."""
        with self._database.connect() as connection:
            for page in target_identities.keys(connection, self._ledger_of or "", self._batch.entity_name):
                yield pl.Series(page, dtype=pl.Binary).bin.encode("hex")

    def end(self, ended: Batch, state: erp_sync_state.SyncState | None) -> None:
        """The end of the batch; `state` is the entity's new state, None when nothing of it may move."""
        with self._database.begin() as connection:
            sync_batches.end(connection, self._batch.uid, self._epoch, ended)
            if state is not None:
                erp_sync_state.put(connection, state)
            if ended.status is not BatchStatus.INTERRUPTED:
                batch_chunks.forget_seen_keys(connection, self._batch.uid)

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
    rows = chunk.rejected.join(rejected_keys, on=ROW, how="left", maintain_order="left")
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
