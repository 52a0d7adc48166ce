"""Why a parent of a record is missing: as the queues know it, and, where they do not, as the source shows it."""

from dataclasses import replace

import polars as pl

from syncflow.canonical import parse_ref
from syncflow.clock import Clock
from syncflow.engine.explain import ParentStory
from syncflow.engine.explain_source import look_up, sought_by_ref
from syncflow.engine.explain_target import Compared
from syncflow.engine.extract import PageSizes, approach
from syncflow.engine.masked import masked_parent_key
from syncflow.errors import SyncFlowError
from syncflow.field_masks import MASK
from syncflow.i18n.texts import Text
from syncflow.model import Plan, SyncType
from syncflow.protocols import Target
from syncflow.service.explain_key import explain_command
from syncflow.service.explain_plans import Plans
from syncflow.service.pending_children import Why, why_missing
from syncflow.service.pending_masks import parent_as_shown
from syncflow.stages.s9_load import held
from syncflow.store import erp_sync_state, record_history
from syncflow.store.database import Database
from syncflow.store.pending_lists import MissingParent


class MissingParents:
    """Looks for the parents of one record."""

    def __init__(self, database: Database, plans: Plans, target: Target | None, sizes: PageSizes, clock: Clock) -> None:
        """`target` is None where it cannot be asked: then nobody knows whether a parent is there."""
        self._database = database
        self._plans = plans
        self._target = target
        self._sizes = sizes
        self._clock = clock

    def looked_for(self, row: Compared) -> Compared:
        """The row with each of its parents looked for, and why the missing ones are missing."""
        parents = tuple(self._looked_for(parent, row.parent_refs.get(parent.ref)) for parent in row.row.parents)
        return replace(row, row=replace(row.row, parents=parents))

    def awaited(self, plan: Plan, key_hash: str) -> ParentStory | None:
        """The parent that the record's open waiting row waits for."""
        with self._database.begin() as connection:
            waits = record_history.waits(connection, plan.entity, key_hash)
        for wait in waits:
            if wait.resolved_at is None:
                story = ParentStory(wait.parent_ref, wait.parent_entity, wait.parent_key, wait.parent_bk_hash)
                known = any(parent.name == wait.parent_ref for parent in plan.parents)
                shown = masked_parent_key(wait.parent_key, wait.parent_ref, plan) if known else MASK
                return self._looked_for(replace(story, key=shown), wait.parent_key)
        return None

    def _looked_for(self, parent: ParentStory, ref: str | None) -> ParentStory:
        """`ref` is the parent's readable key as it is."""
        if ref is None or parent.key_hash is None or self._target is None:
            return parent
        there = len(held(self._target, parent.entity, pl.Series([parent.key_hash], dtype=pl.String))) > 0
        if there:
            return replace(parent, is_there=True)
        why, command = self._why(parent, ref)
        return replace(parent, is_there=False, why=why, command=command)

    def _why(self, parent: ParentStory, ref: str) -> tuple[str, str]:
        standing = self._standing(parent, ref)
        with self._database.begin() as connection:
            synced = erp_sync_state.get(connection, parent.entity).last_completed_batch is not None
        entities = self._plans.entities
        shown = parent_as_shown(standing, entities)
        why, reason = why_missing(shown, configured=parent.entity in entities, synced=synced)
        if why is Why.FAILED:
            return reason, f"syncflow failed show {standing.failed_uid}"
        if why is Why.NOT_CONFIGURED:
            return reason, "syncflow entities list"
        explain = "syncflow pending blockers" if parent.key != ref else explain_command(parent.entity, parse_ref(ref))
        if why is Why.PENDING:
            return reason, explain
        return self._by_source(parent, ref) or (reason, f"syncflow sync {parent.entity}" if not synced else explain)

    def _standing(self, parent: ParentStory, ref: str) -> MissingParent:
        """What the queues know of it."""
        with self._database.begin() as connection:
            failures = record_history.failures(connection, parent.entity, key_hash=parent.key_hash)
            waits = record_history.waits(connection, parent.entity, parent.key_hash or "")
        failure = next((each for each in failures if each.resolved_at is None), None)
        wait = next((each for each in waits if each.resolved_at is None), None)
        return MissingParent(
            entity=parent.entity,
            bk_hash=parent.key_hash or "",
            key=ref,
            since=self._clock.now(),
            failed_uid=None if failure is None else failure.uid,
            failed_message=None if failure is None else failure.message,
            failed_field=None if failure is None else failure.field,
            awaits_entity=None if wait is None else wait.parent_entity,
            awaits_key=None if wait is None else wait.parent_key,
        )

    def _by_source(self, parent: ParentStory, ref: str) -> tuple[str, str] | None:
        """None where the source cannot tell."""
        if self._plans.source is None or self._plans.problem is not None:
            return None
        try:
            plan = self._plans.plan(parent.entity)
            whole = approach(plan, SyncType.FULL, None, self._sizes)
            found = look_up(self._plans.source, plan, whole, sought_by_ref(ref, parent.key_hash or ""))
        except SyncFlowError:
            return None
        if not found.rows.is_empty():
            said = Text("The source has it, and {entity} is to be synced first.", entity=parent.entity)
            return str(said), f"syncflow sync {parent.entity}"
        explain = "syncflow pending blockers" if parent.key != ref else explain_command(parent.entity, parse_ref(ref))
        if found.complete:
            return str(Text("The source does not show it either.")), explain
        said = Text(
            "The source does not show it either (among the first {rows} rows that were looked through).",
            rows=found.read,
        )
        return str(said), explain
