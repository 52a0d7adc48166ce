"""`audit_log`: every act of a person, with who, when, and what was before and after."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy import Connection

from syncflow.store import notices
from syncflow.store.tables import audit_log as table

_TOLD = 200
"""Characters of a subject that other processes are told."""


@dataclass(frozen=True)
class Act:
    """What somebody did: `act` is a word such as `entity.update`, `subject` names the thing."""

    actor: str
    act: str
    entity: str | None
    subject: str
    before: Mapping[str, object] | None = None
    after: Mapping[str, object] | None = None


@dataclass(frozen=True)
class AuditLine(Act):
    """An act as it stands in the log; `id` grows with time, `at` in UTC."""

    id: int = 0
    at: datetime = datetime.min


def lines(connection: Connection, limit: int) -> list[AuditLine]:
    """The newest first."""
    return find(connection, AuditFilter(), limit)


@dataclass(frozen=True)
class AuditFilter:
    """All that is given must fit. `act` is a whole word, or its beginning up to a dot: `entity` fits `entity.update`;
    `since` in UTC."""

    actor: str | None = None
    act: str | None = None
    entity: str | None = None
    since: datetime | None = None


def find(connection: Connection, wanted: AuditFilter, limit: int) -> list[AuditLine]:
    """The newest first."""
    query = sa.select(table).order_by(table.c.id.desc()).limit(limit)
    if wanted.actor is not None:
        query = query.where(table.c.actor == wanted.actor)
    if wanted.act is not None:
        query = query.where((table.c.act == wanted.act) | table.c.act.startswith(f"{wanted.act}.", autoescape=True))
    if wanted.entity is not None:
        query = query.where(table.c.entity == wanted.entity)
    if wanted.since is not None:
        query = query.where(table.c.at >= wanted.since)
    return [AuditLine(**row) for row in connection.execute(query).mappings()]


def record(connection: Connection, act: Act, now: datetime) -> None:
    connection.execute(
        table.insert().values(
            at=now,
            actor=act.actor,
            act=act.act,
            entity=act.entity,
            subject=act.subject,
            before=act.before,
            after=act.after,
        )
    )
    tell(connection, act.actor, act.act, act.entity, act.subject)


def tell(connection: Connection, actor: str, act: str, entity: str | None, subject: str) -> None:
    """Let all who listen know of an act whose lines are in the log; of many lines it is said once."""
    notices.notify(connection, notices.ACT, actor=actor, act=act, entity=entity, subject=subject[:_TOLD])


def latest(connection: Connection, act: str, entity: str) -> tuple[str, datetime] | None:
    """Who did this last to an entity, and when."""
    query = sa.select(table.c.actor, table.c.at).where(table.c.act == act, table.c.entity == entity)
    row = connection.execute(query.order_by(table.c.id.desc()).limit(1)).first()
    return None if row is None else (row.actor, row.at)
