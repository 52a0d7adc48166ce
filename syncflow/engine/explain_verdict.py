"""How it stands with one record: the verdict, why in a sentence, what the next sync does with it, and the next step."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from syncflow.chunk import UNKNOWN_HASH
from syncflow.engine.explain import Origin, ParentStory, RowStory
from syncflow.engine.explain_books import History
from syncflow.engine.explain_source import Found
from syncflow.engine.explain_target import Compared, Held, Operations
from syncflow.engine.extract import Approach, is_passed_by
from syncflow.i18n.texts import Text
from syncflow.model import Batch, BatchStatus, DeleteMode, DeltaStrategy, Entity, Plan, SyncType
from syncflow.stages.s8_delta import Compare
from syncflow.store.erp_sync_state import SyncState
from syncflow.store.failed_decisions import Override
from syncflow.store.pending_children import PARENT_MISSING
from syncflow.store.record_history import Failure, Wait, WithheldDeletion


class Verdict(StrEnum):
    """How it stands with the record."""

    IN_STEP = "in_step"
    """The target holds what the source says."""
    ALTERED = "altered"
    """The target holds other values than were loaded into it, and no sync notices it."""
    OUTDATED = "outdated"
    TO_COME = "to_come"
    """Nothing keeps it from being loaded by the next sync."""
    PASSED_BY = "passed_by"
    """By its rowversion it is not new, so that increments do not fetch or not write it."""
    WAITING = "waiting"
    FAILED = "failed"
    IGNORED = "ignored"
    WITHHELD = "withheld"
    GONE = "gone"
    """The target holds it, the source no longer shows it."""
    DELETED = "deleted"
    """The target held it, and neither side does any more."""
    NOT_AT_SOURCE = "not_at_source"
    SEVERAL = "several"
    """The source shows several rows of this key, and nothing says which one counts."""
    CLOSED = "closed"
    """A failed record without a key that is closed."""
    UNKNOWN = "unknown"
    """The source or the target could not be asked."""


class Decision(StrEnum):
    """What the next sync does with the record."""

    INSERT = "insert"
    UPDATE = "update"
    UNCHANGED = "unchanged"
    NOT_FETCHED = "not_fetched"
    WAIT = "wait"
    FAIL = "fail"
    LEAVE_OUT = "leave_out"
    DELETE = "delete"
    WITHHOLD = "withhold"
    KEEP = "keep"
    """It is gone from the source and stays in the target."""
    NOTHING = "nothing"
    UNKNOWN = "unknown"


@dataclass(frozen=True)
class Judgement:
    """`command` is the next step, None where none is needed."""

    verdict: Verdict
    decision: Decision
    sentence: str
    command: str | None = None


@dataclass(frozen=True)
class Facts:
    """All that a verdict goes by. `found` is None where the source was not or could not be asked; then `compared` may
    be of a row that stands in a queue. `awaited` is the parent that an open waiting row waits for, `deleted_at` when
    the target's row was softly deleted; `target_known` says whether the target could be asked."""

    entity: Entity
    plan: Plan
    approach: Approach
    state: SyncState
    history: History
    found: Found | None = None
    compared: Compared | None = None
    held: Held | None = None
    deleted_at: str | None = None
    awaited: ParentStory | None = None
    again: str | None = None
    """The command that asks once more."""
    target_known: bool = True
    reconfigured: bool = False
    """The entity's configuration is not that of its last batch."""

    @property
    def row(self) -> RowStory | None:
        return None if self.compared is None else self.compared.row

    @property
    def is_absent(self) -> bool:
        """The source was asked and does not show it."""
        return self.found is not None and self.found.rows.is_empty()


_DECISIONS = {
    Operations.INSERT: Decision.INSERT,
    Operations.UPDATE: Decision.UPDATE,
    Operations.UNCHANGED: Decision.UNCHANGED,
    Operations.REFUSED: Decision.FAIL,
    Operations.IGNORED: Decision.LEAVE_OUT,
}


def judge(facts: Facts) -> Judgement:
    return next(judgement for judgement in _judgements(facts) if judgement is not None)


def _judgements(facts: Facts) -> Iterator[Judgement | None]:
    """In the order of their weight: the first that applies counts."""
    failed = next((each for each in facts.history.failures if each.resolved_at is None), None)
    yield None if failed is None else _failed(facts, failed)
    wait = next((each for each in facts.history.waits if each.resolved_at is None), None)
    yield None if wait is None else _waiting(facts, wait)
    withheld = next((each for each in facts.history.withheld if each.state == "withheld"), None)
    yield None if withheld is None or not (facts.is_absent or facts.found is None) else _withheld(facts, withheld)
    yield _absent(facts) if facts.is_absent else None
    yield _unknown(facts) if facts.found is None or facts.compared is None or facts.row is None else None
    if facts.compared is not None and facts.row is not None:
        yield _of_row(facts, facts.compared, facts.row)


def _failed(facts: Facts, failed: Failure) -> Judgement:
    place = f"{failed.stage}, {failed.field}" if failed.field else failed.stage
    said = _said(
        "It failed in {place}: {reason} (Failed record {record}.)",
        place=place,
        reason=_ended(failed.message),
        record=failed.uid,
    )
    row, show = facts.row, f"syncflow failed show {failed.uid}"
    missing = _missing(facts)
    if facts.is_absent:
        closes = _said("The source no longer shows it: a whole extract closes the record.")
        return Judgement(Verdict.FAILED, Decision.NOTHING, f"{said} {closes}", _whole_sync(facts))
    if failed.error_type == PARENT_MISSING and missing is not None:
        return Judgement(Verdict.FAILED, Decision.FAIL, f"{said} {missing.why or ''}".strip(), missing.command or show)
    passes = row is not None and row.refusal is None and row.origin is Origin.SOURCE and missing is None
    if passes and failed.stage != "s9_load":
        retry = f"syncflow failed retry {failed.uid}"
        return Judgement(
            Verdict.FAILED, _operation(facts), f"{said} {_said('As the source has it now it would pass.')}", retry
        )
    if failed.next_retry_at is not None:
        said += " " + _said("It is tried again by itself at {time}.", time=_clock(failed.next_retry_at))
    return Judgement(Verdict.FAILED, Decision.FAIL, said, show)


def _waiting(facts: Facts, wait: Wait) -> Judgement:
    parent = {"entity": wait.parent_entity, "key": wait.parent_key}
    if facts.awaited is not None and facts.awaited.is_there:
        there = _said("It waits for its parent {entity} {key}, which is in ScheduleHub by now.", **parent)
        return Judgement(Verdict.WAITING, _operation(facts), there, f"syncflow pending retry {wait.uid}")
    why = "" if facts.awaited is None or facts.awaited.why is None else f" {facts.awaited.why}"
    without = _said("ScheduleHub holds it without this reference, or as it was before.")
    held = f" {without}" if facts.held is not None else ""
    command = facts.awaited.command if facts.awaited is not None else None
    said = _said(
        "It waits for its parent {entity} {key}, which ScheduleHub does not have (attempt {number} of {most}).",
        **parent,
        number=wait.retry_count,
        most=wait.max_retries,
    )
    return Judgement(
        Verdict.WAITING,
        Decision.WAIT,
        f"{said}{why}{held}",
        command or f"syncflow pending show {wait.uid}",
    )


def _withheld(facts: Facts, withheld: WithheldDeletion) -> Judgement:
    reason = _ended(withheld.reason)
    said = _said("Its deletion is withheld until somebody approves or discards it: {reason}", reason=reason)
    if facts.is_absent:
        said = _said(
            "The source no longer shows it, and its deletion is withheld until somebody approves or discards it: "
            "{reason}",
            reason=reason,
        )
    return Judgement(Verdict.WITHHELD, Decision.WITHHOLD, said, f"syncflow withheld {withheld.batch}")


def _absent(facts: Facts) -> Judgement:
    """The source was asked and does not show it."""
    entity, looked = facts.plan.entity, _how_far(facts)
    if facts.held is not None:
        decision, kept = _why_kept(facts)
        said = f"{_said('The source no longer shows it; ScheduleHub still holds it.')} {kept}{looked}"
        return Judgement(Verdict.GONE, decision, said, None if decision is Decision.KEEP else _whole_sync(facts))
    if not facts.target_known:
        said = _said("The source does not show it; whether ScheduleHub holds it is not known.") + looked
        return Judgement(Verdict.UNKNOWN, Decision.UNKNOWN, said, facts.again)
    deleted = _deleted(facts)
    if deleted is not None:
        return Judgement(Verdict.DELETED, Decision.NOTHING, f"{deleted}{looked}")
    said = _said(
        "The source does not show it, and ScheduleHub does not hold it: {entity} has no such row.", entity=entity
    )
    said += _never_synced(facts) + looked
    return Judgement(Verdict.NOT_AT_SOURCE, Decision.NOTHING, said, f"syncflow entities show {entity}")


def _how_far(facts: Facts) -> str:
    if facts.found is None or facts.found.complete:
        return ""
    return " " + _said(
        "(The source was asked for this key, and its first {rows} rows were looked through; a row further behind whose "
        "key is written otherwise would not have been seen.)",
        rows=facts.found.read,
    )


def _deleted(facts: Facts) -> str | None:
    if facts.deleted_at is not None:
        return _said(
            "The source does not show it, and in ScheduleHub it stands as deleted since {time}.", time=facts.deleted_at
        )
    for each in facts.history.withheld:
        if each.outcome == "deleted":
            return _said(
                "The source does not show it, and it was deleted from ScheduleHub, as {person} approved on {time}.",
                person=each.decided_by or Text("somebody"),
                time="?" if each.decided_at is None else _clock(each.decided_at),
            )
    once = any(each.resolution in ("succeeded", "edited") for each in facts.history.failures)
    if once or any(each.resolution == "loaded" for each in facts.history.waits):
        return _said(
            "The source does not show it, and ScheduleHub, which it was loaded into once, does not hold it any more: "
            "it was deleted there."
        )
    return None


def _why_kept(facts: Facts) -> tuple[Decision, str]:
    entity = facts.plan.entity
    if facts.plan.delete_mode is DeleteMode.IGNORE:
        return Decision.KEEP, _said("{entity} keeps rows that are gone (delete_mode: ignore).", entity=entity)
    if not facts.approach.finds_deletions:
        said = _said("An increment by rowversion does not notice deletions; a whole extract does.")
        return Decision.NOT_FETCHED, said
    return Decision.DELETE, _said("The next whole comparison deletes it.")


def _unknown(facts: Facts) -> Judgement:
    if not facts.target_known:
        said = _said("What ScheduleHub holds is not known; what the source says is not known.")
    elif facts.deleted_at is not None:
        said = _said(
            "In ScheduleHub it stands as deleted since {time}; what the source says is not known.",
            time=facts.deleted_at,
        )
    elif facts.held is not None:
        said = _said("ScheduleHub holds it; what the source says is not known.")
    else:
        said = _said("ScheduleHub does not hold it; what the source says is not known.")
    return Judgement(Verdict.UNKNOWN, Decision.UNKNOWN, said + _never_synced(facts), facts.again)


def _never_synced(facts: Facts) -> str:
    return "" if facts.history.batches else " " + _said("{entity} was never synced.", entity=facts.plan.entity)


def _of_row(facts: Facts, compared: Compared, row: RowStory) -> Judgement:
    """The source shows it, and it stands in no queue."""
    if compared.operation is Operations.IGNORED and compared.override is not None:
        return _ignored(facts, compared.override)
    if row.refusal is not None and row.refusal.error_type == "ambiguous_key":
        said = _said(
            "The source shows several rows of this key, and none of them is loaded: {reason}",
            reason=_ended(row.refusal.message),
        )
        return Judgement(Verdict.SEVERAL, Decision.FAIL, said, f"syncflow entities show {facts.plan.entity}")
    if row.refusal is not None:
        return _would_fail(facts, row)
    if not facts.target_known:
        said = _said("The source shows it, and it passes all stages; whether ScheduleHub holds it is not known.")
        return Judgement(Verdict.UNKNOWN, Decision.UNKNOWN, said, facts.again)
    if facts.held is not None and row.data_hash == facts.held.data_hash:
        return _equal(facts, compared)
    if _is_passed_by(facts, row):
        said = _said(
            "Its {field} is {version}, not newer than the watermark {watermark}: increments pass it by.",
            field=facts.plan.rowversion_field,
            version=row.rowversion,
            watermark=facts.state.watermark,
        )
        return Judgement(Verdict.PASSED_BY, Decision.NOT_FETCHED, said, _full_sync(facts))
    missing = _missing(facts)
    if missing is not None and compared.operation is not Operations.UNCHANGED:
        return _would_wait(facts, missing)
    return _loaded_next(facts, compared, row)


def _ignored(facts: Facts, override: Override) -> Judgement:
    decided = next((each for each in facts.history.failures if each.uid == override.uid), None)
    who: object = Text("Somebody") if decided is None else decided.resolved_by
    before = _said("What ScheduleHub holds is the row as it was before.")
    held = f" {before}" if facts.held is not None else ""
    if decided is None or decided.reason is None:
        said = _said("{person} left it out for as long as the source sends it like this.", person=who)
    else:
        said = _said(
            "{person} left it out for as long as the source sends it like this: {reason}",
            person=who,
            reason=_ended(decided.reason),
        )
    return Judgement(Verdict.IGNORED, Decision.LEAVE_OUT, said + held, f"syncflow failed withdraw {override.uid}")


def _would_fail(facts: Facts, row: RowStory) -> Judgement:
    refusal = row.refusal
    if refusal is None:
        raise ValueError("a row that passes does not fail")
    place = f"{refusal.stage}, {refusal.field}" if refusal.field else refusal.stage
    said = _said("It would fail in {place}: {reason}", place=place, reason=_ended(refusal.message)) + _earlier(facts)
    return Judgement(Verdict.FAILED, Decision.FAIL, said, _next_sync(facts)[1])


def _equal(facts: Facts, compared: Compared) -> Judgement:
    if compared.changes and facts.approach.compare is not Compare.NOTHING:
        fields = ", ".join(change.field for change in compared.changes)
        said = _said(
            "It was loaded as the source has it, but ScheduleHub holds other values by now: {fields}. Somebody "
            "changed them there; a sync does not notice that, because it compares hashes.",
            fields=fields,
        )
        return Judgement(Verdict.ALTERED, Decision.UNCHANGED, said)
    said = _said("It is in ScheduleHub as the source has it.")
    if compared.override is not None:
        said = _said("It is in ScheduleHub with the values that somebody gave it in place of what the source sends.")
    if facts.approach.compare is Compare.NOTHING:
        said += " " + _said("Every sync writes it again (delta_strategy: full).")
    if compared.duplicates:
        said += " " + _said(
            "The source shows {rows} rows of this key; one counts, the others are duplicates.",
            rows=compared.duplicates + 1,
        )
    return Judgement(Verdict.IN_STEP, _operation(facts), said)


def _is_passed_by(facts: Facts, row: RowStory) -> bool:
    if facts.approach.complete or row.rowversion is None or facts.state.watermark is None:
        return False
    return is_passed_by(facts.plan, row.rowversion, facts.state.watermark)


def _would_wait(facts: Facts, missing: ParentStory) -> Judgement:
    said = _said(
        "It would wait for its parent {entity} {key}, which ScheduleHub does not have.",
        entity=missing.entity,
        key=missing.key,
    )
    why = f"{said} {missing.why or ''}{_earlier(facts)}".strip()
    return Judgement(Verdict.WAITING, Decision.WAIT, why, missing.command)


def _earlier(facts: Facts) -> str:
    return "" if facts.held is None else " " + _said("ScheduleHub holds an earlier state of it.")


def _loaded_next(facts: Facts, compared: Compared, row: RowStory) -> Judgement:
    entity, held = facts.plan.entity, facts.held
    hurdle, command = _next_sync(facts)
    if held is None:
        said = _said("It is at the source and nothing keeps it back: the next sync loads it.")
        if facts.deleted_at is not None:
            said += " " + _said("It was deleted there on {time} and comes back.", time=facts.deleted_at)
        return Judgement(Verdict.TO_COME, Decision.INSERT, f"{said}{hurdle}", command)
    if compared.operation is Operations.UNCHANGED:
        field = facts.plan.rowversion_field
        said = _said(
            "Its values differ from what ScheduleHub holds, but its {field} ({version}) is not newer than the one that "
            "was loaded ({loaded}): {entity} goes by it, so a sync leaves the row as it is.",
            field=field,
            version=row.rowversion,
            loaded=held.rowversion,
            entity=entity,
        )
        return Judgement(Verdict.PASSED_BY, Decision.UNCHANGED, said, _full_sync(facts))
    if held.data_hash == UNKNOWN_HASH:
        said = _said("ScheduleHub's copy is marked to be written again: the next sync updates it.")
    elif facts.reconfigured and not compared.changes:
        said = _said("The configuration of the entity changed since it was loaded: the next sync updates it.")
    else:
        said = _said("It changed at the source since it was loaded: the next sync updates it.")
    return Judgement(Verdict.OUTDATED, Decision.UPDATE, f"{said}{hurdle}", command)


def _next_sync(facts: Facts) -> tuple[str, str]:
    """What stands before the next sync (a sentence with a blank before it, or nothing), and the next step."""
    entity, sync = facts.plan.entity, f"syncflow sync {facts.plan.entity}"
    batch = next((each for each in facts.history.batches if each.sync_type is not SyncType.RETRY), None)
    if batch is None:
        return " " + _said("{entity} was never synced.", entity=entity), sync
    hurdle = _hurdle(batch)
    if hurdle is not None:
        return hurdle
    if not facts.entity.sync_enabled:
        return " " + _said("{entity} is disabled: only a sync that names it loads it.", entity=entity), sync
    return "", sync


def _hurdle(batch: Batch) -> tuple[str, str] | None:
    status = f"syncflow status {batch.uid}"
    if batch.status is BatchStatus.FAILED:
        why = _ended(batch.error_message or "nobody said why")
        return " " + _said("Its last batch failed: {reason}", reason=why), status
    if batch.status is BatchStatus.INTERRUPTED:
        said = _said("Its batch {batch} was interrupted before its end.", batch=batch.uid)
        return f" {said}", f"syncflow resume {batch.uid}"
    if batch.status in (BatchStatus.RUNNING, BatchStatus.CANCELLING):
        return " " + _said("Its batch {batch} has not ended yet.", batch=batch.uid), status
    if batch.status is BatchStatus.QUEUED:
        return " " + _said("Its batch {batch} has not begun yet.", batch=batch.uid), status
    return None


def _missing(facts: Facts) -> ParentStory | None:
    """The first parent of the row that the target does not have."""
    parents = () if facts.row is None else facts.row.parents
    return next((parent for parent in parents if parent.is_there is False), None)


def _operation(facts: Facts) -> Decision:
    if not facts.target_known or facts.compared is None:
        return Decision.UNKNOWN
    return _DECISIONS[facts.compared.operation]


def _full_sync(facts: Facts) -> str:
    return f"syncflow sync {facts.plan.entity} --type full"


def _whole_sync(facts: Facts) -> str:
    """The sync that reads the whole table."""
    increments = facts.plan.delta_strategy is DeltaStrategy.ROWVERSION
    return _full_sync(facts) if increments else f"syncflow sync {facts.plan.entity}"


def _said(template: str, /, **values: object) -> str:
    """In English; a reader's language is put on it sentence by sentence (`retold`)."""
    return str(Text(template, **values))


def _clock(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M} UTC"


def _ended(text: str) -> str:
    return text if text.endswith((".", "!", "?", "…")) else f"{text}."
