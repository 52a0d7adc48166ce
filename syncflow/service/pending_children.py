"""What an operator does with rows that wait for their parents: look, see who blocks most, retry."""

from collections.abc import Collection, Sequence
from dataclasses import asdict, dataclass, fields, replace
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from syncflow.engine.plan import Planner
from syncflow.engine.retries import wake
from syncflow.engine.runner import Surroundings
from syncflow.errors import UsageError
from syncflow.events import BatchEnded
from syncflow.i18n.texts import Text
from syncflow.model import Entity
from syncflow.queues.pending_children import Awaited, most_awaited
from syncflow.service.batches import Definitions, observe
from syncflow.service.pending_masks import (
    asked_as_shown,
    child_key,
    detail_as_shown,
    parent_as_shown,
    rows_as_shown,
)
from syncflow.store import audit_log, entity_config, erp_sync_state, pending_children, pending_lists
from syncflow.store.database import Connection
from syncflow.store.pending_filter import PendingFilter as PendingFilter
from syncflow.store.pending_lists import MissingParent, PendingDetail
from syncflow.store.pending_lists import PendingChild as PendingChild

_ALIKE = 20


class Why(StrEnum):
    """Why a parent is missing."""

    FAILED = "failed"
    PENDING = "pending"
    NOT_CONFIGURED = "not_configured"
    NEVER_SYNCED = "never_synced"
    ABSENT = "absent"
    """It stands in no queue: the source did not send it, or it was deleted."""


@dataclass(frozen=True)
class ListedChild(PendingChild):
    """A waiting row with its own readable key; that is empty where its entity is not configured any more."""

    child_key: str


@dataclass(frozen=True)
class Blocker:
    """A missing parent. `children` rows wait for it directly, `descendants` these and those that wait for them, and so
    on. `key_hash` chooses them (`PendingFilter.parent_key`) also where `key` is masked. `reason` is a sentence;
    `failed_record` the parent's own failed record, if it has one."""

    entity: str
    key: str
    key_hash: str
    descendants: int
    children: int
    since: datetime
    why: Why
    reason: str
    failed_record: UUID | None = None


@dataclass(frozen=True)
class PendingView:
    """A waiting row with its readable key (see `ListedChild`), and what is known of the parent that it waits for."""

    row: PendingDetail
    blocker: Blocker
    child_key: str


@dataclass(frozen=True)
class RetryOutcome:
    """What came of a retry: `asked` rows were looked after, `waiting` rows like these wait now. `batches` are those
    that were run or could not be begun, also for rows that waited for the ones that were asked for."""

    asked: int
    waiting: int
    batches: tuple[BatchEnded, ...]


class PendingChildService:
    """Every act on waiting rows, for the console and the command line alike."""

    def __init__(self, around: Surroundings, first_page: int, actor: str) -> None:
        """`first_page` is how many rows are looked at for columns that nobody declares; `actor` is who asks."""
        self._around = around
        self._database = around.database
        self._first_page = first_page
        self._actor = actor

    def page(self, chosen: PendingFilter, after: UUID | None, limit: int, skip: int = 0) -> list[ListedChild]:
        """The newest first; `after` is the last uid of the page before, `skip` leaves out so many rows first."""
        with self._database.begin() as connection:
            entities = entity_config.load_all(connection)
            rows = rows_as_shown(pending_lists.page(connection, chosen, after, limit, skip), entities)
            payloads = pending_lists.payloads(connection, [row.uid for row in rows])
        return [_listed(row, child_key(entities.get(row.child_entity), payloads.get(row.uid, {}))) for row in rows]

    def rank(self, chosen: PendingFilter, uid: UUID) -> int | None:
        """At which place of the list this row stands, from 0; None when it is not in it."""
        with self._database.begin() as connection:
            return pending_lists.rank(connection, chosen, uid)

    def count(self, chosen: PendingFilter) -> int:
        with self._database.begin() as connection:
            return pending_lists.count(connection, chosen)

    def get(self, beginning: str) -> PendingView:
        """The waiting row whose uid begins like this. Raises UsageError when there is none, or more than one."""
        with self._database.begin() as connection:
            row = pending_lists.detail(connection, self._uid(connection, beginning))
            if row is None:
                raise UsageError(
                    "The row {beginning} does not wait any more. See: syncflow pending list", beginning=repr(beginning)
                )
            blocker = self._blockers(connection, [Awaited(row.parent_bk_hash, 1, 1)])
            entities = entity_config.load_all(connection)
            key = child_key(entities.get(row.child_entity), row.child_payload)
            row = detail_as_shown(row, entities)
        if not blocker:
            raise UsageError(
                "The row {beginning} does not wait any more. See: syncflow pending list", beginning=repr(beginning)
            )
        return PendingView(row, blocker[0], key)

    def blockers(self, limit: int) -> list[Blocker]:
        """The missing parents that most rows wait for, directly or through others."""
        with self._database.begin() as connection:
            return self._blockers(connection, most_awaited(pending_lists.waits(connection), limit))

    def retry(self, chosen: PendingFilter) -> RetryOutcome:
        """Load the chosen rows whose parents are there now, however long they were to wait yet, and what this lets in.
        Raises UsageError when no row is chosen."""
        with self._database.begin() as connection:
            asked = pending_lists.count(connection, chosen)
            if asked == 0:
                raise UsageError("No row waits that is like that. See: syncflow pending list")
            parents = pending_children.awaited_entities(connection, chosen)
            told = {name: str(value) for name, value in asdict(chosen).items() if value is not None}
            if chosen.parent_key is not None:
                told["parent_key"] = asked_as_shown(chosen.parent_key, entity_config.load_all(connection))
            act = audit_log.Act(
                self._actor, "pending.retry", chosen.entity, f"{asked} waiting rows", None, {"rows": asked, **told}
            )
            audit_log.record(connection, act, self._around.clock.now())
        return self._retried(asked, parents, chosen)

    def retry_due(self) -> RetryOutcome:
        """The same for all whose wait is over, as the schedule does it; it stands in no audit log."""
        due = PendingFilter(due_at=self._around.clock.now())
        with self._database.begin() as connection:
            asked = pending_lists.count(connection, due)
            parents = pending_children.awaited_entities(connection, due)
        return self._retried(asked, parents, due)

    def _retried(self, asked: int, parents: list[str], chosen: PendingFilter) -> RetryOutcome:
        entities = self._entities()
        planner = Planner(
            entities,
            Definitions(self._around.source),
            lambda api: observe(self._around.source, api, self._first_page),
        )
        ended = wake(self._around, parents, entities, planner.plan, self._actor, chosen)
        with self._database.begin() as connection:
            waiting = pending_lists.count(connection, replace(chosen, due_at=None))
        return RetryOutcome(asked, waiting, tuple(ended))

    def _uid(self, connection: Connection, beginning: str) -> UUID:
        found = pending_lists.beginning_with(connection, beginning, _ALIKE)
        if len(found) == 1:
            return found[0]
        if not found:
            raise UsageError(
                "No waiting row has the number {beginning}. See: syncflow pending list", beginning=repr(beginning)
            )
        raise UsageError(
            "{count} waiting rows or more begin with {beginning}; give more of the number.",
            count=len(found),
            beginning=repr(beginning),
        )

    def _entities(self) -> dict[str, Entity]:
        with self._database.begin() as connection:
            return entity_config.load_all(connection)

    def _blockers(self, connection: Connection, most: Sequence[Awaited]) -> list[Blocker]:
        """In the same order, those that somebody still waits for."""
        entities = entity_config.load_all(connection)
        hashes = [awaited.parent_bk_hash for awaited in most]
        found = {parent.bk_hash: parent for parent in pending_lists.missing_parents(connection, hashes)}
        known = {parent.entity for parent in found.values()}
        synced = {name for name in known if erp_sync_state.get(connection, name).last_completed_batch is not None}
        return [
            _blocker(parent_as_shown(found[awaited.parent_bk_hash], entities), awaited, entities, synced)
            for awaited in most
            if awaited.parent_bk_hash in found
        ]


def _listed(row: PendingChild, key: str) -> ListedChild:
    return ListedChild(**{part.name: getattr(row, part.name) for part in fields(PendingChild)}, child_key=key)


def _blocker(parent: MissingParent, awaited: Awaited, configured: Collection[str], synced: Collection[str]) -> Blocker:
    why, reason = why_missing(parent, configured=parent.entity in configured, synced=parent.entity in synced)
    return Blocker(
        entity=parent.entity,
        key=parent.key,
        key_hash=parent.bk_hash,
        descendants=awaited.descendants,
        children=awaited.children,
        since=parent.since,
        why=why,
        reason=reason,
        failed_record=parent.failed_uid,
    )


def why_missing(parent: MissingParent, *, configured: bool, synced: bool) -> tuple[Why, str]:
    """Why rows wait for it, and the same as a sentence."""
    if parent.failed_message is not None:
        return Why.FAILED, str(Text("It failed itself: {reason}", reason=parent.failed_message))
    if parent.awaits_entity is not None:
        awaited = f"{parent.awaits_entity} {parent.awaits_key}"
        return Why.PENDING, str(Text("It waits itself for {parent}.", parent=awaited))
    if not configured:
        said = Text(
            "The entity {entity} is not configured any more. Import it again, or remove the reference to it.",
            entity=parent.entity,
        )
        return Why.NOT_CONFIGURED, str(said)
    if not synced:
        said = Text("{entity} was never synced to its end. Begin with: syncflow sync {entity}", entity=parent.entity)
        return Why.NEVER_SYNCED, str(said)
    said = Text("It stands in no queue: {entity} did not bring it when it was synced last.", entity=parent.entity)
    return Why.ABSENT, str(said)
