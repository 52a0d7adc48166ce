"""Why is this record as it is? Its way through all nine stages, what the target holds, and what the books know."""

from collections.abc import Sequence
from dataclasses import dataclass

import polars as pl

from syncflow.clock import Clock
from syncflow.engine.explain import FieldStory as FieldStory  # what an explanation is made of
from syncflow.engine.explain import Origin as Origin
from syncflow.engine.explain import RowStory as RowStory
from syncflow.engine.explain import told
from syncflow.engine.explain_books import History as History
from syncflow.engine.explain_books import history, history_without_key
from syncflow.engine.explain_source import Found, Sought, look_up, shown_ref, sought
from syncflow.engine.explain_target import Compared, Standing, compared, standing
from syncflow.engine.explain_target import Held as Held
from syncflow.engine.explain_verdict import Decision as Decision
from syncflow.engine.explain_verdict import Facts, Judgement, judge
from syncflow.engine.explain_verdict import Verdict as Verdict
from syncflow.engine.extract import Approach, PageSizes, approach
from syncflow.engine.plan import identity_hash
from syncflow.engine.planning import FieldChange
from syncflow.errors import SyncFlowError, UsageError
from syncflow.i18n.catalog import N_
from syncflow.i18n.texts import Text
from syncflow.model import Plan, SyncType
from syncflow.protocols import FOUND_SCHEMA, Source, Target
from syncflow.service.explain_key import ask_again, key_parts
from syncflow.service.explain_parents import MissingParents
from syncflow.service.explain_plans import Plans
from syncflow.store import entity_config, erp_sync_state, record_history
from syncflow.store.database import Database
from syncflow.store.record_history import Failure, QueuedRow


@dataclass(frozen=True)
class Explanation:
    """`sentence` says the verdict and why, `decision` what the next sync does with the record; `command` is the next
    step, None where none is needed. `row` is what the source sends now (of several rows the one that counts), or the
    row of a queue where the source was not asked; `held` what the target holds, `changes` where they differ.
    `rows_at_source` is None where the source was not asked; to find the row, `rows_read` rows were looked through.
    `source_problem` and `target_problem` say why either could not be asked."""

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
    decision: Decision = Decision.UNKNOWN
    target_problem: str | None = None
    rows_read: int = 0
    deleted_at: str | None = None


@dataclass(frozen=True)
class _Seen:
    """What the source shows, None where it was not asked, and why not."""

    found: Found | None
    problem: str | None = None


@dataclass(frozen=True)
class _Refusals:
    """What is said of a row of a queue that cannot be found."""

    none: str
    several: str
    of_another: str


_OF_FAILED = _Refusals(
    N_("There is no failed record {beginning}. See: syncflow failed list --state all"),
    N_("{count} or more failed records begin with {beginning}; give more of the number."),
    N_("The failed record {beginning} is one of {entity}, not of {asked}."),
)
_OF_WAITING = _Refusals(
    N_("There is no waiting row {beginning}. See: syncflow pending list"),
    N_("{count} or more waiting rows begin with {beginning}; give more of the number."),
    N_("The waiting row {beginning} is one of {entity}, not of {asked}."),
)


@dataclass(frozen=True)
class _There:
    """What the target holds, None where it could not be asked, and why not."""

    standing: Standing | None
    problem: str | None = None


class ExplainService:
    """One call for the command line and the console. Writes nothing."""

    def __init__(self, database: Database, source: Source, target: Target, sizes: PageSizes, clock: Clock) -> None:
        """`source` and `target` are best ones that give up soon: where one of them is down, the rest is told."""
        self._database = database
        self._source = source
        self._target = target
        self._sizes = sizes
        self._clock = clock

    def explain(self, entity: str, key: Sequence[str], *, ask_source: bool = True) -> Explanation:
        """The record that `key` names: the parts of the business key in its order, or as `field=value`. Raises
        UsageError for an entity that is not configured and for what cannot be its key."""
        plans = self._plans(ask_source=ask_source)
        plan = plans.plan(entity)
        return self._explained(plans, plan, sought(plan, key_parts(plan, key)))

    def of_queue(
        self, entity: str | None, *, failed: str | None = None, pending: str | None = None, ask_source: bool = True
    ) -> Explanation:
        """The record that a failed record or a waiting row (uid, or its beginning) is about; `entity` is only checked.
        Raises UsageError when there is no such entry, or several."""
        queued = self._queued(entity, failed, pending)
        plans = self._plans(ask_source=ask_source)
        plan = plans.plan(queued.entity)
        parts = {column.target: queued.raw.get(column.source) or "" for column in plan.key_columns}
        try:
            wanted = sought(plan, parts)
        except UsageError:
            return self._without_key(plan, queued)
        return self._explained(plans, plan, wanted)

    def _plans(self, *, ask_source: bool) -> Plans:
        with self._database.begin() as connection:
            entities = entity_config.load_all(connection)
        return Plans(self._database, self._source if ask_source else None, entities, self._sizes.increment)

    def _queued(self, entity: str | None, failed: str | None, pending: str | None) -> QueuedRow:
        beginning = failed or pending or ""
        with self._database.begin() as connection:
            find = record_history.failed_rows if failed else record_history.waiting_rows
            found = find(connection, beginning)
        said = _OF_FAILED if failed else _OF_WAITING
        if not found:
            raise UsageError(said.none, beginning=repr(beginning))
        if len(found) > 1:
            raise UsageError(said.several, count=len(found), beginning=repr(beginning))
        if entity is not None and entity != found[0].entity:
            raise UsageError(said.of_another, beginning=beginning, entity=found[0].entity, asked=entity)
        return found[0]

    def _explained(self, plans: Plans, plan: Plan, wanted: Sought) -> Explanation:
        entity = plans.entities[plan.entity]
        with self._database.begin() as connection:
            state = erp_sync_state.get(connection, plan.entity)
            known = history(connection, plan, wanted.key_hash)
        changed = state.plan_hash is not None and state.plan_hash != identity_hash(plan)
        next_sync = approach(plan, SyncType.INCREMENTAL, state.watermark, self._sizes, changed=changed)
        seen, there = self._seen(plans, plan, wanted), self._there(plan, wanted)
        target = None if there.standing is None else self._target
        parents = MissingParents(self._database, plans, target, self._sizes, self._clock)
        row = self._compared(plan, wanted, next_sync, seen, there)
        facts = Facts(
            entity=entity,
            plan=plan,
            approach=next_sync,
            state=state,
            history=known,
            found=seen.found,
            compared=row and parents.looked_for(row),
            held=None if there.standing is None else there.standing.shown(plan),
            deleted_at=None if there.standing is None else there.standing.deleted_at,
            awaited=parents.awaited(plan, wanted.key_hash),
            again=ask_again(plan, wanted),
            target_known=there.standing is not None,
            reconfigured=changed,
        )
        return _told(facts, wanted, judge(facts), seen, there)

    def _seen(self, plans: Plans, plan: Plan, wanted: Sought) -> _Seen:
        if plans.source is None or plans.problem is not None:
            return _Seen(None, plans.problem or "It was not asked.")
        try:
            return _Seen(look_up(plans.source, plan, self._whole(plan), wanted))
        except SyncFlowError as error:
            return _Seen(None, str(error))

    def _whole(self, plan: Plan) -> Approach:
        return approach(plan, SyncType.FULL, None, self._sizes)

    def _there(self, plan: Plan, wanted: Sought) -> _There:
        try:
            return _There(standing(self._target, plan, wanted.key_hash))
        except SyncFlowError as error:
            return _There(None, str(error))

    def _compared(self, plan: Plan, wanted: Sought, next_sync: Approach, seen: _Seen, there: _There) -> Compared | None:
        """The row that counts: of the source, or where it was not asked, of a queue."""
        raw, origin = pl.DataFrame() if seen.found is None else seen.found.rows, Origin.SOURCE
        if seen.found is None:
            raw, origin = self._of_a_queue(plan, wanted)
        if raw.is_empty():
            return None
        held = there.standing or Standing(pl.DataFrame(schema=FOUND_SCHEMA), {})
        return compared(self._database, plan, next_sync.compare, raw, held, origin)

    def _of_a_queue(self, plan: Plan, wanted: Sought) -> tuple[pl.DataFrame, Origin]:
        with self._database.begin() as connection:
            failed = record_history.open_failure(connection, plan.entity, wanted.key_hash)
            waits = record_history.open_wait(connection, plan.entity, wanted.key_hash)
        queued, origin = (failed, Origin.FAILED_RECORD) if failed is not None else (waits, Origin.WAITING_ROW)
        return (pl.DataFrame() if queued is None else _frame(plan, queued)), origin

    def _without_key(self, plan: Plan, queued: QueuedRow) -> Explanation:
        """A row that has no identity: all there is to tell is how far it comes."""
        with self._database.begin() as connection:
            failures = record_history.failures(connection, plan.entity, uid=queued.uid)
            known = history_without_key(connection, plan, failures)
        row = told(_frame(plan, queued), plan, Origin.FAILED_RECORD) if queued.raw else None
        verdict, sentence = _of_keyless(known.failures[0])
        if not queued.raw:
            sentence = f"{sentence} {Text('Its values were purged, so that nobody knows its key any more.')}"
        show = f"syncflow failed show {queued.uid}"
        decision = Decision.FAIL if verdict is Verdict.FAILED else Decision.UNKNOWN
        return Explanation(
            plan.entity, "", queued.key_hash or "", verdict, sentence, show, row, None, (), known,
            decision=decision,
        )  # fmt: skip


def _of_keyless(failure: Failure) -> tuple[Verdict, str]:
    place = f"{failure.stage}, {failure.field}" if failure.field else failure.stage
    said = Text("It failed in {place}: {reason}. No key can be read in it.", place=place,
                reason=failure.message.rstrip("."))  # fmt: skip
    if failure.resolved_at is None:
        return Verdict.FAILED, f"{said} {Text('(Failed record {uid}.)', uid=str(failure.uid))}"
    if failure.resolution == "ignored":
        why = Text("{person} left it out: {reason}.", person=failure.resolved_by, reason=failure.reason)
        return Verdict.IGNORED, f"{said} {why}"
    return Verdict.CLOSED, f"{said} {Text('The failed record is closed: {resolution}.', resolution=failure.resolution)}"


def _frame(plan: Plan, queued: QueuedRow) -> pl.DataFrame:
    """The row as the stages take it: columns that the source has got since then are NULL."""
    values = {column.source: None for column in plan.columns} | dict(queued.raw)
    return pl.DataFrame([values], schema=dict.fromkeys(values, pl.String))


def _told(facts: Facts, wanted: Sought, judgement: Judgement, seen: _Seen, there: _There) -> Explanation:
    by = facts.compared
    return Explanation(
        entity=facts.plan.entity,
        key=shown_ref(wanted, facts.plan),
        key_hash=wanted.key_hash,
        verdict=judgement.verdict,
        sentence=judgement.sentence,
        command=judgement.command,
        row=facts.row,
        held=facts.held,
        changes=() if by is None else by.changes,
        history=facts.history,
        rows_at_source=None if seen.found is None else seen.found.rows.height,
        source_problem=seen.problem,
        decision=judgement.decision,
        target_problem=there.problem,
        rows_read=0 if seen.found is None else seen.found.read,
        deleted_at=facts.deleted_at,
    )
