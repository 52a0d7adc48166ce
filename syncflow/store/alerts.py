"""`alerts`: what is wrong, since when, and whom it was told. One open line a cause; it is closed when all is well."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy import Connection
from sqlalchemy.dialects.postgresql import insert

from syncflow.store import notices
from syncflow.store.tables import alerts as table
from syncflow.store.tables import night_reports

_TURN = sa.text("SELECT pg_try_advisory_xact_lock(hashtextextended('syncflow alerts ' || current_schema(), 0))")
_TOLD = 500
"""Characters of a text that other processes are told."""


@dataclass(frozen=True)
class Cause:
    """Something that is wrong: `kind` of what `subject` (an entity, a queue, a neighbour, a host); `text` says it in a
    sentence, `next_step` is the command that helps."""

    kind: str
    subject: str
    text: str
    next_step: str


@dataclass(frozen=True)
class AlertLine(Cause):
    """A cause as it stands in the books. `begin_told` and `end_told` are the names of those who were told."""

    uid: UUID
    began_at: datetime
    ended_at: datetime | None
    begin_told: frozenset[str]
    end_told: frozenset[str]


def take_turn(connection: Connection) -> bool:
    """Whether this transaction may judge and tell: one at a time does, until its end."""
    return bool(connection.execute(_TURN).scalar_one())


def current(connection: Connection) -> list[AlertLine]:
    """The oldest first."""
    return _lines(connection, table.c.ended_at.is_(None))


def begin(connection: Connection, cause: Cause, now: datetime) -> None:
    """Open a cause; one that is open stays as it is."""
    values = {"kind": cause.kind, "subject": cause.subject, "text": cause.text, "next_step": cause.next_step}
    opened = insert(table).values(began_at=now, **values).on_conflict_do_nothing().returning(table.c.uid)
    if connection.execute(opened).first() is not None:
        notices.notify(
            connection, notices.ALERT, began=True, about=cause.kind, subject=cause.subject, text=cause.text[:_TOLD]
        )


def reword(connection: Connection, line: AlertLine, text: str) -> None:
    """The same cause in other figures; nobody is told of it."""
    connection.execute(table.update().where(table.c.uid == line.uid).values(text=text))


def end(connection: Connection, line: AlertLine, now: datetime) -> None:
    connection.execute(table.update().where(table.c.uid == line.uid).values(ended_at=now))
    notices.notify(
        connection, notices.ALERT, began=False, about=line.kind, subject=line.subject, text=line.text[:_TOLD]
    )


def untold(connection: Connection, channel: str) -> list[AlertLine]:
    """What this channel is yet to be told: what is open, and the end of what it was told."""
    knows = sa.literal(channel) == sa.any_(table.c.begin_told)
    began = table.c.ended_at.is_(None) & ~knows
    ended = table.c.ended_at.is_not(None) & knows & (sa.literal(channel) != sa.all_(table.c.end_told))
    return _lines(connection, began | ended)


def told(connection: Connection, line: AlertLine, channel: str) -> None:
    """This channel knows what `untold` gave."""
    column = table.c.begin_told if line.ended_at is None else table.c.end_told
    statement = table.update().where(table.c.uid == line.uid)
    connection.execute(statement.values({column: sa.func.array_append(column, channel)}))


def forget(connection: Connection, before: datetime) -> int:
    """Remove what ended before this time, and the mornings before it; how many alerts they were."""
    connection.execute(night_reports.delete().where(night_reports.c.closed_at < before))
    return connection.execute(table.delete().where(table.c.ended_at < before)).rowcount


def is_reported(connection: Connection, closed_at: datetime) -> bool:
    """Whether the night whose window closed then was reported."""
    query = sa.select(sa.exists().where(night_reports.c.closed_at >= closed_at))
    return bool(connection.execute(query).scalar_one())


def reported(connection: Connection, closed_at: datetime, now: datetime) -> None:
    connection.execute(insert(night_reports).values(closed_at=closed_at, told_at=now).on_conflict_do_nothing())


def _lines(connection: Connection, wanted: sa.ColumnElement[bool]) -> list[AlertLine]:
    rows: Sequence[sa.RowMapping] = (
        connection.execute(sa.select(table).where(wanted).order_by(table.c.began_at, table.c.uid)).mappings().all()
    )
    return [
        AlertLine(
            kind=row["kind"],
            subject=row["subject"],
            text=row["text"],
            next_step=row["next_step"],
            uid=row["uid"],
            began_at=row["began_at"],
            ended_at=row["ended_at"],
            begin_told=frozenset(row["begin_told"]),
            end_told=frozenset(row["end_told"]),
        )
        for row in rows
    ]
