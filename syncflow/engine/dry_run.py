"""A batch planned to its end without writing anything: the engine with a Target and with books that only take note.

What is told apart: nothing would change; something would; the sync would fail; and it cannot be previewed.
"""

import math
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from functools import partial
from uuid import UUID

import polars as pl

from syncflow.chunk import KEY, REF
from syncflow.engine.dispatcher import load_order
from syncflow.engine.masked import masked_fields, masked_message, masked_parent_key, masked_ref, masked_values
from syncflow.engine.plan import target_table
from syncflow.engine.planned_books import FailureGroup, FailureSample, MissingParent, PlannedBooks
from syncflow.engine.planning import FieldChange, PlanningTarget, UpdateSample
from syncflow.engine.runner import BatchRun, Surroundings
from syncflow.events import BatchEnded, Listener
from syncflow.i18n.catalog import N_
from syncflow.i18n.texts import Text
from syncflow.model import BatchStatus, Counters, DeltaStrategy, Entity, Plan, SyncType, TargetTable
from syncflow.protocols import Target
from syncflow.store.claims import Claim, held_elsewhere, holder_of
from syncflow.store.sync_batches import Claimed

SAMPLES = 20


class Verdict(StrEnum):
    """What a dry run comes to. STOPPED: somebody ended it; what it tells is of the rows up to there."""

    CHANGES = "changes"
    NO_CHANGE = "no_change"
    WOULD_FAIL = "would_fail"
    CANNOT_BE_PREVIEWED = "cannot_be_previewed"
    STOPPED = "stopped"


@dataclass(frozen=True)
class ToldRow:
    """A row by its readable key, and why it would be withheld or refused."""

    ref: str
    reason: str


@dataclass(frozen=True)
class DeletionPlan:
    """Samples of the deletions; how many they are, the counters say."""

    deleted: tuple[str, ...] = ()
    withheld: tuple[ToldRow, ...] = ()
    refused: tuple[ToldRow, ...] = ()


@dataclass(frozen=True)
class BatchPlan:
    """What a sync of one entity would do. `cannot_be_previewed` are sentences about what the dry run cannot know;
    `resumes` is the batch that the sync would go on with."""

    entity: str
    verdict: Verdict
    sync_type: SyncType
    delta_strategy: DeltaStrategy
    counters: Counters = Counters()
    seconds: float = 0.0
    message: str | None = None
    error_exit_code: int | None = None
    cannot_be_previewed: tuple[str, ...] = ()
    resumes: UUID | None = None
    first_load: bool = False
    table_changes: tuple[str, ...] = ()
    updates: tuple[UpdateSample, ...] = ()
    deletions: DeletionPlan = DeletionPlan()
    failures: tuple[FailureGroup, ...] = ()
    missing_parents: tuple[MissingParent, ...] = ()
    notes: tuple[str, ...] = ()


class DryRun:
    """Plans batches, one after the other, in the order in which a sync would run them."""

    def __init__(self, around: Surroundings) -> None:
        self._around = around

    def heard_by(self, listener: Listener | None, stopping: threading.Event | None) -> "DryRun":
        """The same with another listener, and with an end of its own; None leaves either as it is."""
        around = self._around
        listener, stopping = listener or around.listener, stopping or around.stopping
        return DryRun(replace(around, listener=listener, stopping=stopping))

    def run(
        self, batches: Sequence[Claimed], entities: Mapping[str, Entity], make_plan: Callable[[str], Plan]
    ) -> list[BatchPlan]:
        """The plans in the order of the loads. Parents that would be loaded count as there for their children."""
        by_entity = {claimed.batch.entity_name: claimed for claimed in batches}
        order = load_order(entities[name] for name in by_entity)
        target = PlanningTarget(self._around.target, frozenset(by_entity))
        around = replace(self._around, target=target)
        rehearsals = {name: _Rehearsed(around, by_entity[name], partial(make_plan, name)) for name in order}
        for rehearsed in rehearsals.values():
            rehearsed.load()
        for name in reversed(order):
            rehearsals[name].close()
        return [rehearsed.told(target, self._around.target) for rehearsed in rehearsals.values()]


class _Rehearsed:
    """One batch that does not take place. `claimed` is how it stands: new, or to be gone on with."""

    def __init__(self, around: Surroundings, claimed: Claimed, make_plan: Callable[[], Plan]) -> None:
        self._around = around
        self._claimed = claimed
        self._books = PlannedBooks(around.database, around.clock, claimed.batch, claimed.epoch)
        self._run = BatchRun(around, Claim(claimed, math.inf), make_plan, books=self._books)
        self._ended: BatchEnded | None = None
        self._held_by: str | None = None

    def load(self) -> None:
        database, uid = self._around.database, self._claimed.batch.uid
        if held_elsewhere(database, uid):
            self._held_by = holder_of(database, uid)
        elif not self._around.stopping.is_set():
            self._ended = self._run.try_load()

    def close(self) -> None:
        began = self._books.plan is not None
        if began and self._ended is None:
            self._ended = self._run.close()

    def told(self, planning: PlanningTarget, target: Target) -> BatchPlan:
        batch = self._claimed.batch
        common = BatchPlan(batch.entity_name, Verdict.STOPPED, batch.sync_type, batch.delta_strategy)
        if self._claimed.plan is not None:
            common = replace(common, resumes=batch.uid)
        if self._held_by is not None:
            return replace(common, verdict=Verdict.CANNOT_BE_PREVIEWED, message=self._busy(self._held_by))
        if self._ended is None:
            return replace(common, message=N_("The dry run was stopped before its turn came."))
        return self._planned(common, self._ended, planning, target)

    def _busy(self, holder: str) -> str:
        uid = self._claimed.batch.uid
        said = Text(
            "Its batch {uid} is at work now ({holder}), and the target moves. Watch it with: syncflow status {uid}",
            uid=str(uid), holder=holder,
        )  # fmt: skip
        return str(said)

    def _planned(self, common: BatchPlan, ended: BatchEnded, planning: PlanningTarget, target: Target) -> BatchPlan:
        rehearsed = planning.rehearsed(common.entity)
        verdict, message = self._verdict(ended)
        return replace(
            common,
            verdict=verdict,
            counters=ended.counters,
            seconds=ended.seconds,
            message=message,
            error_exit_code=ended.error_exit_code,
            cannot_be_previewed=tuple(self._limits(ended, planning)),
            first_load=rehearsed is not None and not rehearsed.exists,
            table_changes=() if rehearsed is None else rehearsed.changes,
            updates=self._updates(planning),
            deletions=self._deletions(target),
            failures=self._failures(),
            missing_parents=self._missing_parents(),
            notes=ended.notes,
        )

    @property
    def _hidden(self) -> frozenset[str]:
        return frozenset() if self._books.plan is None else masked_fields(self._books.plan)

    def _updates(self, planning: PlanningTarget) -> tuple[UpdateSample, ...]:
        return tuple(
            UpdateSample(masked_ref(sample.ref, self._hidden), tuple(map(self._change, sample.changes)))
            for sample in planning.samples(self._claimed.batch.entity_name)
        )

    def _change(self, change: FieldChange) -> FieldChange:
        both = {"before": change.before, "after": change.after}
        return FieldChange(change.field, **masked_values(both, both if change.field in self._hidden else ()))

    def _failures(self) -> tuple[FailureGroup, ...]:
        return tuple(
            replace(group, samples=tuple(self._failure(sample, group.field) for sample in group.samples))
            for group in self._books.failures
        )

    def _failure(self, sample: FailureSample, field: str | None) -> FailureSample:
        message = masked_message(sample.message, field, self._hidden)
        return FailureSample(message, masked_values(sample.raw, self._hidden))

    def _missing_parents(self) -> tuple[MissingParent, ...]:
        plan = self._books.plan
        return tuple(
            each if each.key is None or plan is None else replace(each, key=masked_parent_key(each.key, each.ref, plan))
            for each in self._books.missing_parents
        )

    def _verdict(self, ended: BatchEnded) -> tuple[Verdict, str | None]:
        counters = ended.counters
        if ended.status is BatchStatus.INTERRUPTED and self._around.stopping.is_set():
            said = Text("The dry run was stopped; it tells of the first {rows} rows alone.", rows=counters.fetched)
            return Verdict.STOPPED, str(said)
        if ended.status is BatchStatus.INTERRUPTED:
            return Verdict.CANNOT_BE_PREVIEWED, ended.error_message
        if ended.error_message is not None:
            return Verdict.WOULD_FAIL, ended.error_message
        moved = counters.inserted + counters.updated + counters.deleted + counters.withheld
        return (Verdict.CHANGES if moved else Verdict.NO_CHANGE), None

    def _limits(self, ended: BatchEnded, planning: PlanningTarget) -> list[str]:
        plan, rehearsed = self._books.plan, planning.rehearsed(ended.entity)
        if plan is None:
            return []
        limits: list[str] = []
        if rehearsed is not None and not rehearsed.exists:
            limits.append(
                N_("ScheduleHub has no table for it yet: this would be the first load, compared with nothing.")
            )
        if plan.delta_strategy is DeltaStrategy.FULL and ended.counters.updated:
            limits.append(N_("The strategy full writes every row again, whether it differs or not."))
        if plan.delta_strategy is DeltaStrategy.ROWVERSION and ended.sync_type is not SyncType.FULL:
            limits.append(
                N_("The strategy rowversion does not notice rows that are gone from the source; --type full does.")
            )
        untold = planning.untold_refusals(ended.entity)
        if untold:
            said = Text(
                "Whether ScheduleHub would refuse some of the {rows} deletions for the sake of rows that refer to "
                "them, it tells only when it is asked to delete.",
                rows=untold,
            )
            limits.append(str(said))
        return limits

    def _deletions(self, target: Target) -> DeletionPlan:
        judged, plan = self._books.judged, self._books.plan
        if plan is None:
            return DeletionPlan()
        return DeletionPlan(
            tuple(masked_ref(ref, self._hidden) for ref in _refs(judged.deleted, target_table(plan), target)),
            self._told_rows(judged.withheld),
            self._told_rows(judged.refused),
        )

    def _told_rows(self, rows: pl.DataFrame) -> tuple[ToldRow, ...]:
        shown = rows.select(REF, "reason").head(SAMPLES).iter_rows()
        return tuple(ToldRow(masked_ref(str(ref), self._hidden), reason) for ref, reason in shown)


def _refs(keys: pl.Series, table: TargetTable, target: Target) -> tuple[str, ...]:
    if keys.is_empty():
        return ()
    return tuple(str(ref) for ref in target.find(table, keys.head(SAMPLES)).sort(REF, KEY)[REF])
