"""What the books know of one record, as it may be shown: queues, withheld deletions, acts of people, batches."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from syncflow.engine.explain import hidden_in_messages
from syncflow.engine.masked import masked_fields, masked_message, masked_parent_key
from syncflow.field_masks import MASK
from syncflow.model import Batch, Plan
from syncflow.store import record_history, sync_batches
from syncflow.store.database import Connection
from syncflow.store.record_history import AuditLine, Failure, Wait, WithheldDeletion

BATCHES = 5


@dataclass(frozen=True)
class History:
    """What the books know of the record, the newest first; `batches` are the entity's latest."""

    failures: tuple[Failure, ...]
    waits: tuple[Wait, ...]
    withheld: tuple[WithheldDeletion, ...]
    acts: tuple[AuditLine, ...]
    batches: tuple[Batch, ...]


def history(connection: Connection, plan: Plan, key_hash: str) -> History:
    failures = record_history.failures(connection, plan.entity, key_hash=key_hash)
    waits = record_history.waits(connection, plan.entity, key_hash)
    withheld = record_history.withheld(connection, plan.entity, key_hash)
    uids = [each.uid for each in failures] + [each.uid for each in waits] + [each.batch for each in withheld]
    subjects = [str(uid) for uid in uids]
    return _shown(connection, plan, failures, waits, withheld, subjects)


def history_without_key(connection: Connection, plan: Plan, failures: Sequence[Failure]) -> History:
    """Of a row that has no key, its own failed record alone is known."""
    return _shown(connection, plan, failures, (), (), [str(each.uid) for each in failures])


def _shown(
    connection: Connection,
    plan: Plan,
    failures: Sequence[Failure],
    waits: Sequence[Wait],
    withheld: Sequence[WithheldDeletion],
    subjects: list[str],
) -> History:
    hidden = hidden_in_messages(plan)
    return History(
        tuple(replace(each, message=masked_message(each.message, each.field, hidden)) for each in failures),
        tuple(replace(each, parent_key=_parent_key(each, plan)) for each in waits),
        tuple(withheld),
        tuple(record_history.acts(connection, plan.entity, subjects)),
        tuple(sync_batches.recent(connection, plan.entity, BATCHES)),
    )


def _parent_key(wait: Wait, plan: Plan) -> str:
    if any(parent.name == wait.parent_ref for parent in plan.parents):
        return masked_parent_key(wait.parent_key, wait.parent_ref, plan)
    return MASK if masked_fields(plan) else wait.parent_key
