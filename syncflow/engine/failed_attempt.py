"""Open failed records as the rows of a batch: their raw rows, read under today's configuration."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from random import Random
from uuid import UUID

import polars as pl

from syncflow.chunk import KEY, OPERATION, ROW, ROWVERSION, Chunk, Operation
from syncflow.clock import Clock
from syncflow.engine.attempts import Close
from syncflow.engine.rejected import hashed
from syncflow.i18n.texts import Text
from syncflow.identities import ABSENT, Known, words
from syncflow.model import Plan
from syncflow.protocols import UNREADABLE
from syncflow.queues.failed_records import RetryRule
from syncflow.stages.s8_delta import Compare, sortable
from syncflow.store import failed_attempts, failed_decisions, failed_records
from syncflow.store.database import Connection, Database
from syncflow.store.failed_attempts import UNREADABLE_STAGE, Record
from syncflow.store.failed_decisions import Decision, Override
from syncflow.store.failed_records import ROWS_AT_ONCE, SUCCEEDED, SUPERSEDED, FailedRow

FAILURES_TOLD = 100


@dataclass(frozen=True)
class Edit:
    """Other values for columns of one raw row, as somebody wants them; `before` are those that the source sent."""

    override: Override
    before: Mapping[str, str | None]
    after: Mapping[str, str | None]
    decision: Decision


@dataclass(frozen=True)
class FailedAgain:
    """A record that failed again, and why."""

    uid: UUID
    stage: str
    field: str | None
    error_type: str
    message: str


@dataclass(frozen=True)
class Tally:
    """What came of the records: `passed` are in the target or wait for a parent, `failed` failed again, `superseded`
    are older than what the target holds. `failures` are the first FAILURES_TOLD of the failed ones."""

    passed: int = 0
    failed: int = 0
    superseded: int = 0
    failures: tuple[FailedAgain, ...] = ()


@dataclass(frozen=True)
class Request:
    """Which records are tried again, in which batch. `asked_by` goes into the audit log: who asked, None when nobody
    did; `edit` is tried on the one record there is."""

    batch: UUID
    uids: Sequence[UUID]
    asked_by: str | None = None
    edit: Edit | None = None


class FailedAttempt:
    """Another attempt at some records of one entity. `tally` grows with each chunk; `reached` are the records that it
    came to."""

    def __init__(self, request: Request, database: Database, rule: RetryRule, clock: Clock, rng: Random) -> None:
        self._request = request
        self._database = database
        self._rule = rule
        self._clock = clock
        self._rng = rng
        self._records: dict[str, tuple[Record, ...]] = {}
        self._spared: dict[int, pl.Series] = {}
        self.reached: set[UUID] = set()
        self.tally = Tally()

    @property
    def given(self) -> Mapping[str, Override]:
        edit = self._request.edit
        return {} if edit is None else {edit.override.raw_hash: edit.override}

    @property
    def compare(self) -> Compare:
        """By the data: the rowversion of an edited row says nothing of the edit. `spare` looks at it."""
        return Compare.HASH

    def payload(self, chunk_rows: int) -> Iterator[pl.DataFrame]:
        """The raw rows of the records that are still open, a chunk a frame."""
        uids = self._request.uids
        for start in range(0, len(uids), chunk_rows):
            part = uids[start : start + chunk_rows]
            frames = [self._read(part[at : at + ROWS_AT_ONCE]) for at in range(0, len(part), ROWS_AT_ONCE)]
            rows = pl.concat(frames, how="diagonal")
            if rows.height:
                yield rows

    def _read(self, uids: Sequence[UUID]) -> pl.DataFrame:
        """A raw row that several records have is read once."""
        request = self._request
        with self._database.begin() as connection:
            records = failed_attempts.open_ones(connection, uids)
            if request.asked_by is not None:
                failed_decisions.tell_retry(connection, uids, request.batch, request.asked_by, self._clock.now())
        new = {record.raw_hash: record for record in records if record.raw_hash not in self._records}
        for record in records:
            self._records[record.raw_hash] = (*self._records.get(record.raw_hash, ()), record)
        return raw_rows(list(new.values()))

    def spare(self, chunk: Chunk, plan: Plan, held: Known) -> Chunk:
        """Rows whose like the target got later stay as they are there: those with a newer rowversion, and those of a
        key that the record did not have, unless the record's rowversion is the newer one."""
        updates = chunk.rows.filter(pl.col(OPERATION) == Operation.UPDATE)
        if updates.is_empty():
            return chunk
        judged = _rowversions(updates, plan, held).join(self._own_keys(chunk), on=ROW, how="left")
        is_older = (pl.col("theirs") > pl.col("ours")).fill_null(False)
        is_newer = (pl.col("ours") > pl.col("theirs")).fill_null(False)
        is_foreign = pl.col(KEY).ne_missing(pl.col("own"))
        spared = judged.filter(is_older | (is_foreign & ~is_newer))[ROW]
        if spared.is_empty():
            return chunk
        self._spared[chunk.number] = spared
        operation = pl.when(pl.col(ROW).is_in(spared.implode())).then(pl.lit(Operation.UNCHANGED)).otherwise(OPERATION)
        note = Text("rows that ScheduleHub got later from elsewhere, left as they are there")
        return chunk.with_rows(chunk.rows.with_columns(operation.alias(OPERATION))).with_note(note, len(spared))

    def _own_keys(self, chunk: Chunk) -> pl.DataFrame:
        """ROW and, as `own`, the key that the record of a row has."""
        sent = hashed(chunk.raw, chunk.raw[ROW])
        own = [records[0].key_hash if (records := self._of(sent_hash)) else None for sent_hash in sent["raw_hash"]]
        return sent.select(ROW).with_columns(pl.Series("own", own, dtype=pl.String))

    def failed(self, rows: list[FailedRow]) -> list[FailedRow]:
        """Advanced by one attempt; none where an edit failed: its record stays as it was."""
        self._tell(rows)
        if self._request.edit is not None:
            return []
        now = self._clock.now()
        return [self._advanced(row, now) for row in rows]

    def _advanced(self, row: FailedRow, now: datetime) -> FailedRow:
        records = self._of(row.raw_hash)
        attempts = 1 + max((record.retry_count for record in records), default=0)
        return replace(
            row,
            retry_count=attempts,
            max_retries=self._rule.attempts,
            next_retry_at=self._rule.next_attempt(attempts, row.temporary, now, self._rng),
            batch_uid=records[-1].batch_uid if records else None,
        )

    def _tell(self, rows: list[FailedRow]) -> None:
        told = [
            FailedAgain(record.uid, row.stage_failed, row.field, row.error_type, row.error_message)
            for row in rows[:FAILURES_TOLD]
            for record in self._of(row.raw_hash)
        ]
        failures = (*self.tally.failures, *told)[:FAILURES_TOLD]
        self.tally = replace(self.tally, failed=self.tally.failed + len(rows), failures=failures)

    def closing(self, chunk: Chunk, ignored: pl.DataFrame) -> Close:
        spared = self._spared.pop(chunk.number, pl.Series(dtype=pl.UInt32))
        sent = hashed(chunk.raw, chunk.raw[ROW])
        there = sent.join(chunk.rows.select(ROW), on=ROW, how="semi")
        is_spared = pl.col(ROW).is_in(spared.implode())
        passed = self._uids(there.filter(~is_spared))
        superseded = self._uids(there.filter(is_spared)) + self._uids(sent.join(ignored, on=ROW, how="semi"))
        self.reached.update(self._uids(sent))
        tally = self.tally
        self.tally = replace(tally, passed=tally.passed + len(passed), superseded=tally.superseded + len(superseded))
        for sent_hash in sent["raw_hash"]:
            self._records.pop(sent_hash, None)
        return self._close(passed, superseded)

    def _close(self, passed: list[UUID], superseded: list[UUID]) -> Close:
        request = self._request

        def close(connection: Connection, now: datetime) -> None:
            if request.edit is None:
                failed_records.close_these(connection, passed, SUCCEEDED, request.batch, now)
                failed_records.close_these(connection, superseded, SUPERSEDED, request.batch, now)
                return
            for uid in passed:
                failed_decisions.edit(connection, uid, request.edit.before, request.edit.after, request.edit.decision)

        return close

    def _of(self, sent_hash: str) -> tuple[Record, ...]:
        return self._records.get(sent_hash, ())

    def _uids(self, sent: pl.DataFrame) -> list[UUID]:
        return [record.uid for sent_hash in sent["raw_hash"] for record in self._of(sent_hash)]


def raw_rows(records: Sequence[Record]) -> pl.DataFrame:
    """The raw rows as the source sent them, one String column for each source column. What could not be read then
    cannot be read now: it says so again."""
    if not records:
        return pl.DataFrame()
    lines = "\n".join(record.raw_data for record in records).encode()
    rows = pl.read_ndjson(lines, infer_schema_length=None).cast(pl.String)
    unreadable = [record.error_message if record.stage_failed == UNREADABLE_STAGE else None for record in records]
    if any(unreadable):
        return rows.with_columns(pl.Series(UNREADABLE, unreadable, dtype=pl.String))
    return rows


def _rowversions(rows: pl.DataFrame, plan: Plan, held: Known) -> pl.DataFrame:
    """ROW and KEY with the rowversions, as values that order, `ours` and `theirs` (the target's)."""
    theirs = pl.repeat(None, rows.height, dtype=pl.String, eager=True)
    if held.rowversion is not None and len(held):
        places = pl.Series(held.places(words(rows[KEY], 2)))
        theirs = pl.select(pl.when(places != ABSENT).then(held.rowversion.gather(places.clip(0)))).to_series()
    both = sortable(pl.concat([rows[ROWVERSION], theirs]), plan)
    return rows.select(ROW, KEY).with_columns(
        both.head(rows.height).alias("ours"), both.tail(rows.height).alias("theirs")
    )
