"""What an operator does with deletions that were withheld: look at them, approve them, drop them."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from uuid import UUID

from syncflow.engine.approvals import ApprovedDeletions
from syncflow.engine.deletions import ALLOWED_SHARE
from syncflow.engine.masked import masked_names, masked_ref
from syncflow.engine.plan import Planner, identity_hash
from syncflow.engine.runner import Surroundings
from syncflow.errors import BusyError, UsageError
from syncflow.events import BatchEnded
from syncflow.i18n.texts import Sentences, Text
from syncflow.model import Batch, BatchStatus, DeleteMode, Entity, Plan, SyncType
from syncflow.service.batches import BatchService, Definitions, observe
from syncflow.store import audit_log, entity_config, sync_batches, withheld_deletes
from syncflow.store.claims import claimed, held_elsewhere
from syncflow.store.database import Connection
from syncflow.store.withheld_deletes import APPROVED, DISCARDED, SUPERSEDED, WITHHELD, WithheldSet
from syncflow.store.withheld_deletes import WithheldRow as WithheldRow  # what is shown of them
from syncflow.uuid7 import uuid7

_BEGINNING = timedelta(seconds=60)
"""So long an approval that was given may take until its batch is claimed."""


@dataclass(frozen=True)
class Withheld:
    """The deletions that a batch withheld. `waiting` of them wait for somebody's word; `held` is how many rows the
    target had when they were judged. `rows` are a sample of all of them."""

    batch: Batch
    sets: tuple[WithheldSet, ...]
    given_up: tuple[UUID, ...]
    """Batches of approvals whose process is gone; what they left undone waits again."""
    waiting: int
    held: int
    needs_count: bool
    """Whether an approval must name the number: all would go, or more than a tenth, or the extract was empty."""
    rows: tuple[WithheldRow, ...]


class ApprovalService:
    """Every act on withheld deletions; each stands in the audit log."""

    def __init__(self, around: Surroundings, batches: BatchService, first_page: int, actor: str) -> None:
        self._around = around
        self._database = around.database
        self._batches = batches
        self._first_page = first_page
        self._actor = actor

    def waiting(self) -> list[WithheldSet]:
        """What waits for somebody's word, the newest batch first."""
        with self._database.begin() as connection:
            return withheld_deletes.sets(connection)

    def withheld(self, beginning: str, sample: int = 20) -> Withheld:
        """What a batch withheld and what became of it. Raises UsageError when there is no such batch, or when it
        withheld nothing."""
        batch = self._batches.find(beginning)
        with self._database.begin() as connection:
            sets = withheld_deletes.sets(connection, batch.uid)
            rows = withheld_deletes.rows(connection, batch.uid, sample)
        if not sets:
            raise UsageError(
                "The batch {batch} of {entity} withheld no deletions. Those that wait for your word: syncflow withheld",
                batch=batch.uid,
                entity=batch.entity_name,
            )
        undone = {each.applied_in for each in sets if _is_undone(each)}
        given_up = {uid for uid in undone if uid is not None and self._is_given_up(uid)}
        waiting = sum(
            each.rows for each in sets if each.state == WITHHELD or (_is_undone(each) and each.applied_in in given_up)
        )
        counters = batch.counters
        held = counters.updated + counters.unchanged + counters.delete_candidates
        needs_count = counters.fetched == 0 or waiting > held * ALLOWED_SHARE
        shown = tuple(self._shown(rows, batch.entity_name))
        return Withheld(batch, tuple(sets), tuple(given_up), waiting, held, needs_count, shown)

    def approve(self, beginning: str, count: int | None = None) -> BatchEnded:
        """Delete what is still gone after a fresh look at the source. `count` is the number of rows that the caller
        means; it may be left out where little would go (see `Withheld.needs_count`).

        Raises UsageError for what was decided already, for a number that is not right, and where the entity is not
        what it was when the rows were judged; BusyError while another batch of the entity runs.
        """
        found = self.withheld(beginning)
        self._refuse_if_decided(found)
        _check_count(found, count)
        plan = self._plan(found.batch)
        batch = self._new_batch(found.batch)
        try:
            with self._database.begin() as connection:
                self._give_to(connection, batch, found)
        except _OutrunError:
            self._refuse_if_decided(self.withheld(beginning))
            raise UsageError(
                "Somebody else decided about some of these rows a moment ago. Look again, then repeat: "
                "syncflow withheld {batch}",
                batch=found.batch.uid,
            ) from None
        return self._carry_out(found, batch, plan)

    def discard(self, beginning: str) -> int:
        """Drop what a batch withheld: the rows stay in ScheduleHub, until a later sync finds them gone again. How many
        they were. Raises UsageError for what was decided already."""
        found = self.withheld(beginning)
        self._refuse_if_decided(found)
        with self._database.begin() as connection:
            rows = withheld_deletes.discard(connection, found.batch.uid, self._actor, self._around.clock.now())
            if rows:
                self._record(connection, "deletions.discard", found, {"rows": rows})
        if not rows:
            self._refuse_if_decided(self.withheld(beginning))
        return rows

    def _shown(self, rows: Sequence[WithheldRow], entity: str) -> Iterator[WithheldRow]:
        configured = self._entities().get(entity)
        names = frozenset[str]() if configured is None else masked_names(configured.mappings)
        for row in rows:
            yield replace(row, ref_str=None if row.ref_str is None else masked_ref(row.ref_str, names))

    def _give_to(self, connection: Connection, batch: Batch, found: Withheld) -> None:
        """Decide: the rows are the affair of `batch` from now on. Raises _OutrunError when somebody was quicker."""
        sync_batches.create(connection, batch)
        now = self._around.clock.now()
        rows = withheld_deletes.approve(connection, found.batch.uid, found.given_up, batch.uid, self._actor, now)
        if rows != found.waiting:
            raise _OutrunError
        dead = [uid for uid in sync_batches.running_retries(connection, batch.entity_name) if not self._is_alive(uid)]
        for uid in {*dead, *found.given_up}:
            sync_batches.release(connection, uid, BatchStatus.CANCELLED)
        self._record(connection, "deletions.approve", found, {"batch": str(batch.uid), "rows": rows})

    def _carry_out(self, found: Withheld, batch: Batch, plan: Plan) -> BatchEnded:
        try:
            with claimed(self._database, batch.uid) as claim:
                return ApprovedDeletions(self._around, claim, plan, found.waiting).run()
        except BusyError as busy:
            with self._database.begin() as connection:
                rows = withheld_deletes.give_back(connection, batch.uid)
                sync_batches.ask_to_stop(connection, batch.uid)
                self._record(connection, "deletions.give_back", found, {"batch": str(batch.uid), "rows": rows})
            raise BusyError(
                "{entity}: a batch of it is running, so nothing was deleted. Approve again when it has "
                "ended. See: syncflow status",
                entity=batch.entity_name,
            ) from busy

    def _plan(self, batch: Batch) -> Plan:
        """Today's plan. Raises UsageError when it is not the one under which the rows were judged: their keys may not
        mean the same any more."""
        entities = self._entities()
        entity = entities.get(batch.entity_name)
        if entity is None:
            raise UsageError(
                "The entity {entity} is not configured any more; nothing of it is deleted.", entity=batch.entity_name
            )
        if entity.delete_mode is DeleteMode.IGNORE:
            raise UsageError(
                "{entity} ignores deletions by now (delete_mode: ignore). Change it, then sync it again, which judges "
                "anew: syncflow sync {entity}",
                entity=batch.entity_name,
            )
        observed = Planner(
            entities, Definitions(self._around.source), lambda api: observe(self._around.source, api, self._first_page)
        )
        plan = observed.plan(batch.entity_name)
        if identity_hash(plan) != batch.plan_hash:
            raise UsageError(
                "{entity} was changed since the batch {batch} judged these rows; sync it again, which judges anew: "
                "syncflow sync {entity}",
                entity=batch.entity_name,
                batch=batch.uid,
            )
        return plan

    def _entities(self) -> dict[str, Entity]:
        with self._database.begin() as connection:
            return entity_config.load_all(connection)

    def _new_batch(self, judged: Batch) -> Batch:
        return Batch(
            uid=uuid7(),
            entity_name=judged.entity_name,
            sync_type=SyncType.RETRY,
            delta_strategy=judged.delta_strategy,
            source_system=judged.source_system,
            status=BatchStatus.QUEUED,
            requested_by=self._actor,
            requested_at=self._around.clock.now(),
            batch_group=judged.batch_group,
        )

    def _is_alive(self, uid: UUID) -> bool:
        return held_elsewhere(self._database, uid)

    def _is_given_up(self, uid: UUID) -> bool:
        """Whether the process that carried out an approval is gone."""
        with self._database.begin() as connection:
            batch = sync_batches.get(connection, uid)
        if batch is None:
            return True
        begins = batch.status is BatchStatus.QUEUED and batch.requested_at > self._around.clock.now() - _BEGINNING
        return not begins and not self._is_alive(uid)

    def _refuse_if_decided(self, found: Withheld) -> None:
        """Raises UsageError that says who decided what, and when."""
        if found.waiting:
            return
        told = Sentences(dict.fromkeys(_decision(each) for each in found.sets), "; ")
        raise UsageError(
            "Nothing of the batch {batch} of {entity} waits for your word any more: {told}.",
            batch=found.batch.uid,
            entity=found.batch.entity_name,
            told=told,
        )

    def _record(self, connection: Connection, act: str, found: Withheld, after: Mapping[str, object]) -> None:
        before = {"withheld": found.waiting, "held": found.held, "reason": found.sets[0].reason}
        subject, entity = str(found.batch.uid), found.batch.entity_name
        told = audit_log.Act(self._actor, act, entity, subject, before, after)
        audit_log.record(connection, told, self._around.clock.now())


class _OutrunError(Exception):
    """Somebody else decided in the meantime: roll back."""


def _is_undone(each: WithheldSet) -> bool:
    return each.state == APPROVED and each.outcome is None


def _check_count(found: Withheld, count: int | None) -> None:
    if count is None and found.needs_count:
        raise UsageError(
            "This would delete {waiting} of the {held} rows of {entity}. If that is "
            "what you mean, say the number: syncflow approve {batch} --count {typed}",
            waiting=found.waiting,
            held=found.held,
            entity=found.batch.entity_name,
            batch=found.batch.uid,
            typed=str(found.waiting),
        )
    if count is not None and count != found.waiting:
        raise UsageError(
            "{waiting} deletions of the batch {batch} are withheld, not {count}; nothing was "
            "deleted. Look at them first: syncflow withheld {batch}",
            waiting=found.waiting,
            batch=found.batch.uid,
            count=count,
        )


def _decision(each: WithheldSet) -> Text:
    when = f"{each.decided_at.astimezone():%Y-%m-%d %H:%M:%S}" if each.decided_at else Text("at some time")
    if each.state == SUPERSEDED:
        return Text("superseded by a newer batch of {entity}, {when}", entity=each.entity, when=when)
    if each.state == DISCARDED:
        return Text("discarded by {by}, {when}", by=each.decided_by, when=when)
    if each.outcome is None:
        return Text(
            "approved by {by}, {when} (batch {batch}, which is at work on them)",
            by=each.decided_by,
            when=when,
            batch=each.applied_in,
        )
    return Text("approved by {by}, {when} (batch {batch})", by=each.decided_by, when=when, batch=each.applied_in)
