"""Deletions that somebody approved, carried out by a batch of their own (`sync_type retry`).

The rows belong to that batch from the moment of the approval (`withheld_deletes.applied_in`). For each part of them the
source is asked once more; what is still gone is deleted and booked. What a process that died had deleted and not booked
is found gone by who approves again, and counts then.
"""

import time
from collections.abc import Sequence
from dataclasses import replace

import polars as pl
import structlog

from syncflow.chunk import DATA, KEY, REF, ROWVERSION, UID
from syncflow.engine import deletions
from syncflow.engine.accounting import check_laws
from syncflow.engine.extract import Approach, approach
from syncflow.engine.masked import masked_fields, masked_ref
from syncflow.engine.plan import target_table
from syncflow.engine.runner import Surroundings
from syncflow.errors import BatchError, ClaimLost, RetriableError, SyncFlowError
from syncflow.events import BatchEnded, BatchStarted, ChunkSettled
from syncflow.i18n.texts import Text
from syncflow.model import BatchStatus, Counters, Plan, SyncType
from syncflow.protocols import FOUND_SCHEMA
from syncflow.store import sync_batches, target_identities, withheld_deletes
from syncflow.store.claims import Claim
from syncflow.store.withheld_deletes import DELETED, REFUSED, STILL_AT_SOURCE, WithheldRow

_log = structlog.get_logger()

AT_ONCE = 5_000
"""Rows of a part: asked for at the source, deleted and booked together."""
REASONS_TOLD = 3


class ApprovedDeletions:
    """A claimed batch that carries out an approval of `approved` rows, under the plan by which they were judged."""

    def __init__(self, around: Surroundings, claim: Claim, plan: Plan, approved: int) -> None:
        self._around = around
        self._claim = claim
        self._batch = claim.taken.batch
        self._plan = plan
        self._approved = approved
        self._table = target_table(plan)
        self._approach: Approach = approach(plan, SyncType.FULL, None, around.options.pages)
        self._total = Counters()
        self._notes: list[str] = []
        self._started = time.monotonic()

    def run(self) -> BatchEnded:
        """To its end. What breaks it off ends it truly: the rows that it did not come to are withheld as before."""
        self._around.listener(BatchStarted(self._batch.uid, self._batch.entity_name))
        try:
            self._carry_out()
            check_laws(self._batch.entity_name, self._total)
        except ClaimLost as lost:
            return self._told(BatchStatus.RUNNING, str(lost), lost.exit_code)
        except Exception as error:  # noqa: BLE001 - whatever happens, the batch's status must be true
            return self._broken_off(error)
        return self._end(BatchStatus.COMPLETED)

    def _carry_out(self) -> None:
        number = 0
        while rows := self._next_rows():
            if self._around.stopping.is_set():
                raise RetriableError("Stopped as asked.")
            self._part(_found(rows))
            self._around.listener(
                ChunkSettled(self._batch.uid, self._batch.entity_name, number, self._total, self._approved)
            )
            number += 1

    def _next_rows(self) -> list[WithheldRow]:
        with self._around.database.begin() as connection:
            return withheld_deletes.to_apply(connection, self._batch.uid, AT_ONCE)

    def _part(self, rows: pl.DataFrame) -> None:
        """The fresh look at the source, the deletion, the books."""
        around = self._around
        shown = deletions.still_there(rows, self._plan, self._approach, around.source, around.options.in_flight)
        at_source = rows.join(shown, on=KEY, how="semi", maintain_order="left")
        absent = rows.join(shown, on=KEY, how="anti", maintain_order="left")
        target = around.target
        held = target.find(self._table, absent[KEY])
        gone_already = absent.join(held, on=KEY, how="anti")
        self._beat()
        asked = Counters(delete_candidates=held.height + at_source.height, still_at_source=at_source.height)
        judged = replace(deletions.NOTHING, counters=asked)
        done = deletions.execute(held, judged, self._plan, self._table, target).with_deleted(gone_already[KEY])
        self._book(done, at_source)
        if done.withheld.height:
            raise RetriableError(
                "ScheduleHub did not say whether it has deleted {rows} rows.", rows=done.withheld.height
            )

    def _beat(self) -> None:
        """Right before something is sent: the claim, and whether somebody asked the batch to stop."""
        self._claim.check()
        with self._around.database.begin() as connection:
            status = sync_batches.beat(connection, self._batch.uid, self._claim.taken.epoch)
        if status is BatchStatus.CANCELLING:
            raise RetriableError("Stopped as asked.")

    def _book(self, done: deletions.Judgement, at_source: pl.DataFrame) -> None:
        # Rows without a clear answer go back to be approved again; until then they are none of this batch's.
        unclear = done.withheld.height
        counters = replace(done.counters, withheld=0, delete_candidates=done.counters.delete_candidates - unclear)
        total = self._total + counters
        keys = {
            DELETED: done.deleted.to_list(),
            REFUSED: done.refused[KEY].to_list(),
            STILL_AT_SOURCE: at_source[KEY].to_list(),
        }
        with self._around.database.begin() as connection:
            sync_batches.advance(connection, self._batch.uid, self._claim.taken.epoch, total)
            withheld_deletes.settle(connection, self._batch.uid, keys)
            if not self._around.target.lists_identities:
                gone = done.deleted.str.decode("hex").to_list()
                target_identities.forget(connection, self._around.target.name, self._batch.entity_name, gone)
        self._total = total
        self._note_refused(done.refused)

    def _note_refused(self, refused: pl.DataFrame) -> None:
        room = REASONS_TOLD - len(self._notes)
        for reference, reason in refused.select(REF, "reason").head(room).iter_rows():
            shown = masked_ref(reference, masked_fields(self._plan))
            self._notes.append(str(Text("{key} was not deleted: {reason}", key=shown, reason=reason)))

    def _broken_off(self, error: Exception) -> BatchEnded:
        if not isinstance(error, SyncFlowError):
            _log.error("an approval broke down", batch=str(self._batch.uid), exc_info=error)
            error = BatchError("SyncFlow itself broke down ({kind}: {error}).", kind=type(error).__name__, error=error)
        left = self._approved - self._total.delete_candidates
        self._total = replace(self._total, delete_candidates=self._approved, withheld=left)
        rest = Text(
            "{left} of the {approved} rows are withheld as before; approve them again.",
            left=left, approved=self._approved,
        )  # fmt: skip
        return self._end(BatchStatus.FAILED, f"{error} {rest}", error.exit_code)

    def _end(self, status: BatchStatus, message: str | None = None, exit_code: int | None = None) -> BatchEnded:
        ended = replace(
            self._batch,
            status=status,
            counters=self._total,
            completed_at=self._around.clock.now(),
            error_message=message,
            notes=tuple(self._notes),
        )
        try:
            with self._around.database.begin() as connection:
                sync_batches.advance(connection, self._batch.uid, self._claim.taken.epoch, self._total)
                withheld_deletes.give_back(connection, self._batch.uid)
                sync_batches.end(connection, self._batch.uid, self._claim.taken.epoch, ended)
        except SyncFlowError as lost:
            # The books say "running" without a process that runs it; who approves again takes the rows over.
            return self._told(BatchStatus.RUNNING, message or str(lost), lost.exit_code)
        return self._told(status, message, exit_code)

    def _told(self, status: BatchStatus, message: str | None, exit_code: int | None) -> BatchEnded:
        event = BatchEnded(
            batch=self._batch.uid,
            entity=self._batch.entity_name,
            status=status,
            counters=self._total,
            seconds=time.monotonic() - self._started,
            error_message=message,
            notes=tuple(self._notes),
            sync_type=self._batch.sync_type,
            error_exit_code=exit_code,
        )
        self._around.listener(event)
        return event


def _found(rows: Sequence[WithheldRow]) -> pl.DataFrame:
    """FOUND_SCHEMA of withheld rows; what they held in the target is of no interest any more."""
    columns = {
        KEY: [row.key_hash for row in rows],
        DATA: [None] * len(rows),
        ROWVERSION: [None] * len(rows),
        UID: [None if row.target_uid is None else str(row.target_uid) for row in rows],
        REF: [row.ref_str or "" for row in rows],
    }
    return pl.DataFrame(columns, schema=FOUND_SCHEMA)
