"""What the books know of one record, by its BK_HASH: from the queues, the withheld deletions and the audit log."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy import Connection

from syncflow.store.tables import audit_log, failed_records, pending_children, withheld_deletes

LATEST = 50


@dataclass(frozen=True)
class Failure:
    """A failed record of this key, open while `resolved_at` is None."""

    uid: UUID
    batch: UUID
    stage: str
    field: str | None
    message: str
    created_at: datetime
    next_retry_at: datetime | None
    resolved_at: datetime | None
    resolution: str | None
    resolved_by: str | None
    reason: str | None


@dataclass(frozen=True)
class Wait:
    """The row waited for a parent, or waits while `resolved_at` is None."""

    uid: UUID
    batch: UUID
    parent_entity: str
    parent_ref: str
    parent_key: str
    parent_bk_hash: str
    retry_count: int
    max_retries: int
    created_at: datetime
    resolved_at: datetime | None
    resolution: str | None


@dataclass(frozen=True)
class WithheldDeletion:
    """A deletion of this row that waits for somebody's word (`state` is `withheld`), or waited."""

    batch: UUID
    state: str
    reason: str
    created_at: datetime
    decided_at: datetime | None
    decided_by: str | None
    outcome: str | None


@dataclass(frozen=True)
class AuditLine:
    """An act of a person on one of this record's queue entries."""

    at: datetime
    actor: str
    act: str
    subject: str


def failures(connection: Connection, entity: str, key_hash: str) -> list[Failure]:
    """The newest first, as all lists here."""
    table = failed_records
    query = sa.select(
        table.c.uid, table.c.batch_uid, table.c.stage_failed, table.c.field, table.c.error_message, table.c.created_at,
        table.c.next_retry_at, table.c.resolved_at, table.c.resolution, table.c.resolved_by, table.c.reason,
    ).where(table.c.entity_name == entity, table.c.key_hash == key_hash)  # fmt: skip
    return [Failure(*row) for row in connection.execute(query.order_by(table.c.uid.desc()).limit(LATEST))]


def waits(connection: Connection, entity: str, key_hash: str) -> list[Wait]:
    table = pending_children
    query = sa.select(
        table.c.uid, table.c.batch_uid, table.c.parent_entity, table.c.parent_ref, table.c.parent_key,
        table.c.parent_bk_hash, table.c.retry_count, table.c.max_retries, table.c.created_at, table.c.resolved_at,
        table.c.resolution,
    ).where(table.c.child_entity == entity, table.c.child_key_hash == key_hash)  # fmt: skip
    return [Wait(*row) for row in connection.execute(query.order_by(table.c.uid.desc()).limit(LATEST))]


def withheld(connection: Connection, entity: str, key_hash: str) -> list[WithheldDeletion]:
    table = withheld_deletes
    query = sa.select(
        table.c.batch_uid, table.c.state, table.c.reason, table.c.created_at, table.c.decided_at, table.c.decided_by,
        table.c.outcome,
    ).where(table.c.entity_name == entity, table.c.key_hash == key_hash)  # fmt: skip
    newest = query.order_by(table.c.created_at.desc()).limit(LATEST)
    return [WithheldDeletion(*row) for row in connection.execute(newest)]


def raw_of(connection: Connection, entity: str, *, failed: str | None, pending: str | None) -> dict[str, object] | None:
    """The raw row of the failed record, or of the waiting row, whose uid begins like this; None when there is not
    exactly one."""
    if failed is not None:
        table, payload, owner, beginning = failed_records, "raw_data", "entity_name", failed
    else:
        table, payload, owner, beginning = pending_children, "child_payload", "child_entity", pending or ""
    uid = sa.func.replace(sa.cast(table.c.uid, sa.Text), "-", "")
    query = sa.select(table.c[payload]).where(
        table.c[owner] == entity, uid.startswith(beginning.replace("-", "").lower(), autoescape=True)
    )
    found = connection.execute(query.limit(2)).scalars().all()
    return dict(found[0]) if len(found) == 1 else None


def acts(connection: Connection, entity: str, subjects: list[str]) -> list[AuditLine]:
    """What people did to these queue entries (their uids)."""
    table = audit_log
    query = sa.select(table.c.at, table.c.actor, table.c.act, table.c.subject).where(
        table.c.entity == entity, table.c.subject.in_(subjects)
    )
    return [AuditLine(*row) for row in connection.execute(query.order_by(table.c.id.desc()).limit(LATEST))]
