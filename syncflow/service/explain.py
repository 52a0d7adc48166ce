"""Why is this record as it is? Its way through all nine stages, what the target holds, and what the books know."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

import polars as pl

from syncflow.engine.explain import FieldStory as FieldStory  # what an explanation is made of
from syncflow.engine.explain import Held, RowStory, Sought, at_source, changes, held_values, shown_ref, sought, told
from syncflow.engine.extract import PageSizes, approach, is_passed_by
from syncflow.engine.plan import Planner, nearest
from syncflow.engine.planning import FieldChange
from syncflow.errors import SyncFlowError, UsageError
from syncflow.model import Batch, DeltaStrategy, Entity, Plan, SyncType
from syncflow.protocols import Source, Target
from syncflow.service.batches import Definitions, observe
from syncflow.store import entity_config, erp_sync_state, record_history, sync_batches
from syncflow.store.database import Database
from syncflow.store.record_history import AuditLine, Failure, Wait, WithheldDeletion

BATCHES = 5


class Verdict(StrEnum):
    """How it stands with the record."""

    IN_STEP = "in_step"
    """The target holds what the source says."""
    OUTDATED = "outdated"
    TO_COME = "to_come"
    """Nothing keeps it from being loaded by the next sync."""
    PASSED_BY = "passed_by"
    """Its rowversion is not newer than the watermark, so that increments do not fetch it."""
    WAITING = "waiting"
    FAILED = "failed"
    IGNORED = "ignored"
    WITHHELD = "withheld"
    GONE = "gone"
    """The target holds it, the source no longer shows it."""
    NOT_AT_SOURCE = "not_at_source"
    SEVERAL = "several"
    """The source shows several rows of this key."""
    UNKNOWN = "unknown"
    """The source could not be asked."""


@dataclass(frozen=True)
class History:
    """What the books know of the record, the newest first; `batches` are the entity's latest."""

    failures: tuple[Failure, ...]
    waits: tuple[Wait, ...]
    withheld: tuple[WithheldDeletion, ...]
    acts: tuple[AuditLine, ...]
    batches: tuple[Batch, ...]


@dataclass(frozen=True)
class Explanation:
    """`sentence` says the verdict and why; `command` is the next step, None where none is needed. `row` is what the
    source sends now (of several rows the first), `held` what the target holds, `changes` where they differ."""

    entity: str
    key: str
    key_hash: str
    verdict: Verdict
    sentence: str
    command: str | None
    row: RowStory | None
    held: Held | None
    changes: tuple[FieldChange, ...]
    history: History
    rows_at_source: int | None = None
    source_problem: str | None = None


class ExplainService:
    """One call for the command line and the console. Writes nothing."""

    def __init__(self, database: Database, source: Source, target: Target, sizes: PageSizes) -> None:
        self._database = database
        self._source = source
        self._target = target
        self._sizes = sizes

    def explain(self, entity: str, key: Sequence[str], *, ask_source: bool = True) -> Explanation:
        """The record that `key` names: the parts of the business key in its order, or as `field=value`. Raises
        UsageError for an entity that is not configured and for what cannot be its key."""
        plan = self._plan(entity)
        parts = _parts(plan, key)
        wanted = sought(plan, parts)
        return self._explained(plan, wanted, parts[plan.business_key[0]], ask_source=ask_source)

    def of_queue(
        self, entity: str, *, failed: str | None = None, pending: str | None = None, ask_source: bool = True
    ) -> Explanation:
        """The record that a failed record or a waiting row (uid, or its beginning) is about: its key is read from the
        raw row that stands there. Raises UsageError when there is no such entry, or no key can be read in it."""
        plan = self._plan(entity)
        with self._database.begin() as connection:
            raw = record_history.raw_of(connection, entity, failed=failed, pending=pending)
        if raw is None:
            raise UsageError(
                f"{entity} has no such entry in its queues: {failed or pending}. See: syncflow failed list"
            )
        parts = {column.target: str(raw.get(column.source) or "") for column in plan.key_columns}
        if not all(parts.values()):
            return self._without_key(plan, raw)
        return self.explain(entity, [f"{name}={value}" for name, value in parts.items()], ask_source=ask_source)

    def _without_key(self, plan: Plan, raw: Mapping[str, object]) -> Explanation:
        """A row that has no identity: all there is to tell is how far it comes."""
        sent = {column.source: None for column in plan.columns} | {name: _text(value) for name, value in raw.items()}
        row = told(pl.DataFrame([sent], schema=dict.fromkeys(sent, pl.String)), plan, self._target)
        refusal = row.refusal
        sentence = "It has no key." if refusal is None else f"It fails in {refusal.stage}: {refusal.message}"
        with self._database.begin() as connection:
            history = History((), (), (), (), tuple(sync_batches.recent(connection, plan.entity, BATCHES)))
        command = f"syncflow failed list --entity {plan.entity}"
        return Explanation(plan.entity, "", "", Verdict.FAILED, sentence, command, row, None, (), history)

    def _explained(self, plan: Plan, wanted: Sought, typed: str, *, ask_source: bool) -> Explanation:
        found, problem = None, None if ask_source else "The source was not asked."
        if ask_source:
            whole = approach(plan, SyncType.FULL, None, self._sizes)
            try:
                found = at_source(self._source, plan, whole, wanted, typed)
            except SyncFlowError as error:
                problem = str(error)
        held = held_values(self._target, plan, wanted.key_hash)
        row = None if found is None or found.is_empty() else told(found.head(1), plan, self._target)
        differing: tuple[FieldChange, ...] = ()
        if row is not None and held is not None and found is not None and row.data_hash != held.data_hash:
            differing = changes(row, found.head(1), plan, self._target)
        history = self._history(plan.entity, wanted.key_hash)
        judged = _Judged(plan, row, held, history, None if found is None else found.height, self._watermark(plan))
        verdict, sentence, command = judged.verdict()
        return Explanation(
            entity=plan.entity,
            key=shown_ref(wanted, plan),
            key_hash=wanted.key_hash,
            verdict=verdict,
            sentence=sentence if problem is None or verdict is not Verdict.UNKNOWN else f"{sentence} {problem}",
            command=command,
            row=row,
            held=held,
            changes=differing,
            history=history,
            rows_at_source=None if found is None else found.height,
            source_problem=problem,
        )

    def _history(self, entity: str, key_hash: str) -> History:
        with self._database.begin() as connection:
            failures = record_history.failures(connection, entity, key_hash)
            waits = record_history.waits(connection, entity, key_hash)
            subjects = [str(each.uid) for each in failures] + [str(each.uid) for each in waits]
            return History(
                tuple(failures),
                tuple(waits),
                tuple(record_history.withheld(connection, entity, key_hash)),
                tuple(record_history.acts(connection, entity, subjects)),
                tuple(sync_batches.recent(connection, entity, BATCHES)),
            )

    def _watermark(self, plan: Plan) -> str | None:
        with self._database.begin() as connection:
            return erp_sync_state.get(connection, plan.entity).watermark

    def _plan(self, name: str) -> Plan:
        with self._database.begin() as connection:
            entities: dict[str, Entity] = entity_config.load_all(connection)
        if name not in entities:
            raise UsageError(f"There is no entity {name!r}{nearest(name, entities)}. See: syncflow entities list")
        look = lambda api: observe(self._source, api, self._sizes.increment)  # noqa: E731
        return Planner(entities, Definitions(self._source), look).plan(name)


def _text(value: object) -> str | None:
    return None if value is None else str(value)


def _parts(plan: Plan, key: Sequence[str]) -> dict[str, str]:
    """Target name -> text. Raises UsageError."""
    names = plan.business_key
    form = f"The key of {plan.entity} is {', '.join(names)}: syncflow explain {plan.entity} {' '.join(names).upper()}"
    named = [part.partition("=") for part in key]
    if key and all(sign and name in names for name, sign, _value in named):
        given = {name: value for name, _sign, value in named}
    elif len(key) == len(names):
        given = dict(zip(names, key, strict=True))
    else:
        raise UsageError(f"{len(key)} values were given for a key of {len(names)}. {form}")
    missing = [name for name in names if not given.get(name)]
    if missing:
        raise UsageError(f"Nothing was given for {', '.join(missing)}. {form}")
    return given


@dataclass(frozen=True)
class _Judged:
    """All that the verdict goes by."""

    plan: Plan
    row: RowStory | None
    held: Held | None
    history: History
    rows: int | None
    watermark: str | None

    def verdict(self) -> tuple[Verdict, str, str | None]:
        """The verdict, its sentence, the next step."""
        return self._of_queues() or self._of_rows()

    def _of_queues(self) -> tuple[Verdict, str, str | None] | None:
        ignored = next((each for each in self.history.failures if each.resolution == "ignored"), None)
        failed = next((each for each in self.history.failures if each.resolved_at is None), None)
        if failed is not None:
            at = failed.next_retry_at
            again = "" if at is None else f" It is tried again at {at:%Y-%m-%d %H:%M} UTC."
            said = f"It failed in {failed.stage}: {failed.message}{again}"
            return Verdict.FAILED, said, f"syncflow failed show {failed.uid}"
        wait = next((each for each in self.history.waits if each.resolved_at is None), None)
        if wait is not None:
            said = (
                f"It waits for its parent {wait.parent_entity} {wait.parent_key}, which ScheduleHub does not have "
                f"(attempt {wait.retry_count} of {wait.max_retries})."
            )
            return Verdict.WAITING, said, f"syncflow pending show {wait.uid}"
        withheld = next((each for each in self.history.withheld if each.state == "withheld"), None)
        if withheld is not None and not self.rows:
            said = f"The source no longer shows it, and its deletion is withheld: {withheld.reason}."
            return Verdict.WITHHELD, said, f"syncflow withheld {withheld.batch}"
        if ignored is not None and self.held is None and self.rows:
            said = f"{ignored.resolved_by} left it out: {ignored.reason}."
            return Verdict.IGNORED, said, f"syncflow failed withdraw {ignored.uid}"
        return None

    def _of_rows(self) -> tuple[Verdict, str, str | None]:
        entity = self.plan.entity
        sync = f"syncflow sync {entity}"
        if self.rows is None:
            there = "ScheduleHub holds it" if self.held is not None else "ScheduleHub does not hold it"
            return Verdict.UNKNOWN, f"{there}; what the source says is not known.", None
        if self.rows > 1:
            said = f"The source shows {self.rows} rows of this key; a business key must name one row."
            return Verdict.SEVERAL, said, f"syncflow entities show {entity}"
        if self.row is None:
            if self.held is None:
                said = f"The source does not show it, and ScheduleHub does not hold it: {entity} has no such row."
                return Verdict.NOT_AT_SOURCE, said, None
            said = "The source no longer shows it; ScheduleHub still holds it."
            return Verdict.GONE, f"{said} {self._why_kept()}", f"syncflow sync {entity} --type full"
        if self.row.refusal is not None:
            said = f"It would fail in {self.row.refusal.stage}: {self.row.refusal.message}."
            return Verdict.FAILED, said, sync
        missing = [parent for parent in self.row.parents if parent.is_there is False]
        if self.held is None and missing:
            said = (
                f"It would wait for its parent {missing[0].entity} {missing[0].key}, which ScheduleHub does not have."
            )
            return Verdict.WAITING, said, f"syncflow explain {missing[0].entity} {missing[0].key}"
        return self._compared(sync)

    def _compared(self, sync: str) -> tuple[Verdict, str, str | None]:
        if self.row is not None and self.held is not None and self.row.data_hash == self.held.data_hash:
            return Verdict.IN_STEP, "It is in ScheduleHub as the source has it.", None
        if self._is_passed_by():
            said = (
                f"Its {self.plan.rowversion_field} is {self.row.rowversion if self.row else None}, not newer than the "
                f"watermark {self.watermark}: increments pass it by."
            )
            return Verdict.PASSED_BY, said, f"{sync} --type full"
        if self.held is None:
            since = "" if self.history.batches else f" {self.plan.entity} was never synced."
            said = f"It is at the source and nothing keeps it back: the next sync loads it.{since}"
            return Verdict.TO_COME, said, sync
        return Verdict.OUTDATED, "It changed at the source since it was loaded: the next sync updates it.", sync

    def _is_passed_by(self) -> bool:
        if self.plan.delta_strategy is not DeltaStrategy.ROWVERSION or self.row is None or self.watermark is None:
            return False
        return self.row.rowversion is not None and is_passed_by(self.plan, self.row.rowversion, self.watermark)

    def _why_kept(self) -> str:
        if str(self.plan.delete_mode) == "ignore":
            return f"{self.plan.entity} keeps rows that are gone (delete_mode: ignore)."
        if self.plan.delta_strategy is DeltaStrategy.ROWVERSION:
            return "An increment by rowversion does not notice deletions; a whole extract does."
        return "The next whole comparison deletes it."
