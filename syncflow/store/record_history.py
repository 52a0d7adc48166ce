"""What the books know of one record, by its BK_HASH: from the queues, the withheld deletions and the audit log."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy import Connection

from syncflow.store.beginnings import begins_with
from syncflow.store.tables import audit_log, failed_records, pending_children, sync_batches, withheld_deletes

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
    error_type: str
    retry_count: int
    max_retries: int


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


@dataclass(frozen=True)
class QueuedRow:
    """A row of a queue as it was sent (`raw`, source name -> value; empty when it was purged). `key_hash` is None where
    no key could be made."""

    uid: UUID
    entity: str
    key_hash: str | None
    raw: Mapping[str, str | None]


def failures(
    connection: Connection, entity: str, *, key_hash: str | None = None, uid: UUID | None = None
) -> list[Failure]:
    """Those of a key, or the one of a uid. The newest first, as all lists here."""
    table = failed_records
    which = table.c.uid == uid if key_hash is None else table.c.key_hash == key_hash
    query = sa.select(
        table.c.uid, table.c.batch_uid, table.c.stage_failed, table.c.field, table.c.error_message, table.c.created_at,
        table.c.next_retry_at, table.c.resolved_at, table.c.resolution, table.c.resolved_by, table.c.reason,
        table.c.error_type, table.c.retry_count, table.c.max_retries,
    ).where(table.c.entity_name == entity, which)  # fmt: skip
    return [Failure(*tuple(row)) for row in connection.execute(query.order_by(table.c.uid.desc()).limit(LATEST))]


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


def failed_rows(connection: Connection, beginning: str) -> list[QueuedRow]:
    """The failed records, open or not, whose uid begins like this."""
    table = failed_records
    query = sa.select(table.c.uid, table.c.entity_name, table.c.key_hash, table.c.raw_data)
    return [_queued(*row) for row in connection.execute(_first(query, table.c.uid, beginning))]


def waiting_rows(connection: Connection, beginning: str) -> list[QueuedRow]:
    """The rows that wait, or waited once, and whose uid begins like this."""
    table = pending_children
    query = sa.select(table.c.uid, table.c.child_entity, table.c.child_key_hash, table.c.child_payload)
    return [_queued(*row) for row in connection.execute(_first(query, table.c.uid, beginning))]


def _first(query: "sa.Select[Any]", uid: "sa.ColumnElement[UUID]", beginning: str) -> "sa.Select[Any]":
    return query.where(begins_with(uid, beginning)).order_by(uid).limit(LATEST)


def _queued(uid: UUID, entity: str, key_hash: str | None, raw: Mapping[str, object]) -> QueuedRow:
    return QueuedRow(
        uid, entity, key_hash, {name: None if value is None else str(value) for name, value in raw.items()}
    )


def open_failure(connection: Connection, entity: str, key_hash: str) -> QueuedRow | None:
    """The row of the open failed record of this key."""
    table = failed_records
    query = sa.select(table.c.uid, table.c.entity_name, table.c.key_hash, table.c.raw_data).where(
        table.c.entity_name == entity, table.c.key_hash == key_hash, table.c.resolved_at.is_(None)
    )
    row = connection.execute(query).first()
    return None if row is None else _queued(*row)


def open_wait(connection: Connection, entity: str, key_hash: str) -> QueuedRow | None:
    """The row of this key that waits."""
    table = pending_children
    query = sa.select(table.c.uid, table.c.child_entity, table.c.child_key_hash, table.c.child_payload).where(
        table.c.child_entity == entity, table.c.child_key_hash == key_hash, table.c.resolved_at.is_(None)
    )
    row = connection.execute(query).first()
    return None if row is None else _queued(*row)


def last_plan(connection: Connection, entity: str) -> bytes | None:
    """The snapshot that the entity's newest batch with one went by."""
    table = sync_batches
    query = sa.select(table.c.plan).where(table.c.entity_name == entity, table.c.plan.is_not(None))
    plan = connection.execute(query.order_by(table.c.requested_at.desc(), table.c.uid.desc()).limit(1)).scalar()
    return None if plan is None else bytes(plan)


def acts(connection: Connection, entity: str, subjects: list[str]) -> list[AuditLine]:
    """What people did to these queue entries and batches (their uids)."""
    table = audit_log
    query = sa.select(table.c.at, table.c.actor, table.c.act, table.c.subject).where(
        table.c.entity == entity, table.c.subject.in_(subjects)
    )
    return [AuditLine(*row) for row in connection.execute(query.order_by(table.c.id.desc()).limit(LATEST))]
