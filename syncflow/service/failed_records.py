"""What an operator does with failed records: look, retry, edit, leave out, close, take back, export, purge."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from random import SystemRandom
from tempfile import TemporaryDirectory
from typing import BinaryIO
from uuid import UUID

from syncflow.engine.failed_retries import FailedRetries, Retried
from syncflow.engine.plan import Planner
from syncflow.engine.runner import Surroundings
from syncflow.errors import UsageError
from syncflow.events import BatchEnded
from syncflow.i18n.texts import Sentences, Text
from syncflow.model import Entity
from syncflow.service.batches import Definitions, observe
from syncflow.service.failed_edit import edit_of
from syncflow.service.failed_export import ExportFormat, write, write_file
from syncflow.service.failed_masks import as_shown, retried_as_shown
from syncflow.service.failed_refusals import (
    closed_already,
    gone,
    must_be_configured,
    nothing_to_withdraw,
    sent_otherwise,
)
from syncflow.store import audit_log, entity_config, failed_decisions, failed_records
from syncflow.store.database import Connection
from syncflow.store.failed_decisions import Decision
from syncflow.store.failed_filter import FailedFilter as FailedFilter
from syncflow.store.failed_filter import RecordState as RecordState
from syncflow.store.failed_filter import check_text, conditions
from syncflow.store.failed_records import IGNORED, RESOLVED, ROWS_AT_ONCE
from syncflow.store.failed_records import FailedDetail as FailedDetail
from syncflow.store.failed_records import FailedRecord as FailedRecord

NAMED = 20
"""So many records that begin alike are looked for."""
TOLD = 3
"""So many refusals are told where nothing else is to be said."""
_NONE_OPEN = Text("No open failed record is like that. See: syncflow failed list")


@dataclass(frozen=True)
class RetryResult:
    """What came of a retry, a batch an entity; `woken` are batches of children that had waited for its rows. `refused`
    says, a sentence each, what was not tried."""

    retried: tuple[Retried, ...]
    woken: tuple[BatchEnded, ...] = ()
    refused: tuple[str, ...] = ()


@dataclass(frozen=True)
class Closed:
    """How many records were closed, and a sentence for each that could not be."""

    rows: int
    refused: tuple[str, ...] = ()


@dataclass(frozen=True)
class _Meant:
    """Open records of these entities, and why others were refused."""

    chosen: FailedFilter
    entities: tuple[str, ...]
    refused: tuple[str, ...]


class FailedRecordService:
    """Every act on failed records, for the console and the command line alike; each stands in the audit log."""

    def __init__(self, around: Surroundings, first_page: int, actor: str) -> None:
        """`first_page` is how many rows are looked at for columns that nobody declares; `actor` is who asks."""
        self._around = around
        self._database = around.database
        self._first_page = first_page
        self._actor = actor

    def page(self, chosen: FailedFilter, after: UUID | None, limit: int, skip: int = 0) -> list[FailedRecord]:
        """The newest first; `after` is the last uid of the page before, `skip` leaves out so many rows first."""
        with self._database.begin() as connection:
            found = failed_records.page(connection, chosen, after, limit, skip)
        return as_shown(found, self._entities())

    def count(self, chosen: FailedFilter, most: int | None = None) -> int:
        """With `most`, the counting stops there."""
        with self._database.begin() as connection:
            return failed_records.count(connection, chosen, most)

    def open_among(self, chosen: FailedFilter) -> dict[str, int]:
        """How many of these records are open, by entity. Raises UsageError when none is, saying what became of them."""
        with self._database.begin() as connection:
            rows = failed_records.count_by_entity(connection, replace(chosen, state=RecordState.OPEN))
            if not rows:
                raise UsageError(Sentences(self._closed(connection, chosen)[:TOLD] or [_NONE_OPEN]))
            return rows

    def rank(self, chosen: FailedFilter, uid: UUID) -> int | None:
        """At which place of the list this record stands, from 0; None when it is not in it."""
        with self._database.begin() as connection:
            return failed_records.rank(connection, chosen, uid)

    def get(self, beginning: str) -> FailedDetail:
        """The record whose uid begins like this. Raises UsageError when there is none, or more than one."""
        with self._database.begin() as connection:
            found = self._detail(connection, self._uid(connection, beginning))
        return as_shown([found], self._entities())[0]

    def named(self, beginnings: Sequence[str]) -> FailedFilter:
        """The records whose uids begin like these, whatever their state."""
        with self._database.begin() as connection:
            uids = tuple(dict.fromkeys(self._uid(connection, beginning) for beginning in beginnings))
        return FailedFilter(uids=uids, state=RecordState.ALL)

    def retry(self, chosen: FailedFilter) -> RetryResult:
        """Try the open ones of these records again. Raises UsageError when there is none of them to be tried."""
        entities = self._entities()
        with self._database.begin() as connection:
            meant = self._meant(connection, chosen, entities)
            uids = {
                name: failed_records.uids(connection, replace(meant.chosen, entity=name)) for name in meant.entities
            }
        retried, woken = self._retries(entities).asked(uids)
        return RetryResult(retried_as_shown(retried, entities), tuple(woken), meant.refused)

    def retry_due(self) -> RetryResult:
        """Try again what is due by itself: failures that may pass, and those of another configuration than today's."""
        entities = self._entities()
        retried, woken = self._retries(entities).due()
        return RetryResult(retried_as_shown(retried, entities), tuple(woken))

    def edit(
        self,
        beginning: str,
        values: Mapping[str, str | None],
        reason: str | None = None,
        seen: str | None = None,
    ) -> RetryResult:
        """Try a record with other values in some columns (None: NULL). If it passes, the edit holds for as long as
        the source sends the same raw row; if not, the tally says why, and nothing has changed. `seen` is the hash of
        the raw row that the values were made for: refused when the source has sent another one since."""
        entities = self._entities()
        with self._database.begin() as connection:
            record = self._detail(connection, self._uid(connection, beginning))
            if record.resolved_at is not None:
                raise UsageError(closed_already(record))
            if seen not in (None, record.raw_hash):
                raise UsageError(sent_otherwise(record))
            must_be_configured(connection, record.entity_name, entities)
        edit = edit_of(record, values, self._decision(reason))
        retried, woken = self._retries(entities).edited(record.entity_name, edit)
        return RetryResult(retried_as_shown([retried], entities), tuple(woken))

    def ignore(self, chosen: FailedFilter, reason: str) -> Closed:
        """Leave these rows out for as long as the source sends them as they are."""
        return self._close(chosen, IGNORED, reason, self._entities())

    def resolve(self, chosen: FailedFilter, reason: str) -> Closed:
        """Close these records; rows that fail again open new ones. Also for entities that are gone."""
        return self._close(chosen, RESOLVED, reason, None)

    def withdraw(self, beginning: str, reason: str | None = None) -> FailedRecord:
        """Take an edit or an ignore back, or a closing by hand until the entity is synced again: the row stands in the
        queue again, as a record of its own or as the one that its key has by now. Raises UsageError when the decision
        does not hold any more."""
        entities = self._entities()
        with self._database.begin() as connection:
            uid = self._uid(connection, beginning)
            failed_records.lock(connection, [uid])
            record = self._detail(connection, uid)
            must_be_configured(connection, record.entity_name, entities)
            if not failed_decisions.withdraw(connection, uid, self._decision(reason)):
                raise UsageError(nothing_to_withdraw(record))
            return failed_records.open_like(connection, record, record.raw_hash) or record

    def export(self, chosen: FailedFilter, file: Path, format_: ExportFormat) -> int:
        """Write these records into a file; how many there are. Raises UsageError when it cannot be written."""
        return write_file(self._pages(chosen), file, format_)

    def stream(self, chosen: FailedFilter, out: BinaryIO, format_: ExportFormat) -> int:
        """The same into a stream that is open; a folder of the system takes what is in between."""
        with TemporaryDirectory() as folder:
            return write(self._pages(chosen), out, format_, Path(folder))

    def purgeable(self, days: int) -> int:
        """How many closed records `purge` would empty."""
        with self._database.begin() as connection:
            return failed_decisions.count_purgeable(connection, self._days_ago(days))

    def purge(self, days: int) -> int:
        """Empty the payloads of records closed more than so many days ago, decisions that hold apart."""
        now, before = self._around.clock.now(), self._days_ago(days)
        with self._database.begin() as connection:
            rows = failed_decisions.purge(connection, before, now)
            subject = f"payloads of records closed before {before:%Y-%m-%d %H:%M} UTC"
            act = audit_log.Act(self._actor, "failed_record.purge", None, subject, None, {"rows": rows})
            audit_log.record(connection, act, now)
        return rows

    def _close(
        self, chosen: FailedFilter, resolution: str, reason: str, entities: Mapping[str, Entity] | None
    ) -> Closed:
        """`entities` are those that are configured, None when it does not matter."""
        if not reason.strip():
            raise UsageError("Say why, for those who come after you: --reason TEXT")
        act = {IGNORED: "failed_record.ignore", RESOLVED: "failed_record.resolve"}[resolution]
        with self._database.begin() as connection:
            meant = self._meant(connection, chosen, entities)
            names = [conditions(replace(meant.chosen, entity=name)) for name in meant.entities]
            rows = [
                failed_decisions.close(connection, which, resolution, act, self._decision(reason)) for which in names
            ]
        return Closed(sum(rows), meant.refused)

    def _meant(self, connection: Connection, chosen: FailedFilter, entities: Mapping[str, Entity] | None) -> "_Meant":
        """The open ones among these records, locked where they were named one by one. Raises UsageError when nothing
        can be done with any of them."""
        if chosen.uids is not None:
            failed_records.lock(connection, chosen.uids)
        refused = self._closed(connection, chosen)
        open_ones = replace(chosen, state=RecordState.OPEN)
        rows = failed_records.count_by_entity(connection, open_ones)
        here = [name for name in rows if entities is None or name in entities]
        refused += [gone(connection, name, rows[name]) for name in rows if name not in here]
        if not here:
            raise UsageError(Sentences(refused[:TOLD] or [_NONE_OPEN]))
        return _Meant(open_ones, tuple(here), tuple(map(str, refused)))

    def _closed(self, connection: Connection, chosen: FailedFilter) -> list[Text]:
        """Why records that were named one by one cannot be dealt with, a sentence each."""
        if chosen.uids is None:
            return []
        named = FailedFilter(uids=chosen.uids, state=RecordState.ALL)
        hashes = dict(zip(chosen.uids, chosen.raw_hashes or (), strict=False))
        records = failed_records.page(connection, named, None, len(chosen.uids))
        return [closed_already(one) for one in records if one.resolved_at is not None] + [
            sent_otherwise(one)
            for one in records
            if one.resolved_at is None and hashes.get(one.uid, one.raw_hash) != one.raw_hash
        ]

    def _decision(self, reason: str | None) -> Decision:
        check_text("reason", reason or "")
        return Decision(self._actor, reason, self._around.clock.now())

    def _uid(self, connection: Connection, beginning: str) -> UUID:
        found = failed_records.beginning_with(connection, beginning, NAMED)
        if len(found) == 1:
            return found[0]
        if not found:
            raise UsageError(
                "There is no failed record {beginning}. See: syncflow failed list --state all",
                beginning=repr(beginning),
            )
        if len(found) == NAMED:
            raise UsageError(
                "{count} or more failed records begin with {beginning}; give more of the number.",
                count=NAMED,
                beginning=repr(beginning),
            )
        raise UsageError(
            "{count} failed records begin with {beginning}; give more of the number.",
            count=len(found),
            beginning=repr(beginning),
        )

    def _detail(self, connection: Connection, uid: UUID) -> FailedDetail:
        return failed_records.details(connection, FailedFilter(uids=(uid,), state=RecordState.ALL), None, 1)[0]

    def _pages(self, chosen: FailedFilter) -> Iterator[list[FailedDetail]]:
        after: UUID | None = None
        entities = self._entities()
        while True:
            with self._database.begin() as connection:
                page = failed_records.details(connection, chosen, after, ROWS_AT_ONCE)
            if not page:
                return
            yield as_shown(page, entities)
            after = page[-1].uid

    def _retries(self, entities: Mapping[str, Entity]) -> FailedRetries:
        source = self._around.source
        planner = Planner(entities, Definitions(source), lambda api: observe(source, api, self._first_page))
        return FailedRetries(self._around, entities, planner.plan, self._actor, SystemRandom())

    def _entities(self) -> dict[str, Entity]:
        with self._database.begin() as connection:
            return entity_config.load_all(connection)

    def _days_ago(self, days: int) -> datetime:
        return self._around.clock.now() - timedelta(days=days)
