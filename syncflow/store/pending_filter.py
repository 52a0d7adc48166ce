"""Which waiting rows are meant: the one place that turns a choice into SQL."""

from dataclasses import dataclass, fields
from datetime import datetime
from uuid import UUID

import sqlalchemy as sa

from syncflow.store.failed_filter import check_text
from syncflow.store.tables import pending_children as table


@dataclass(frozen=True)
class PendingFilter:
    """All that is given must be true of an open line. `parent_key` is the parent's readable key (`order_no=4711`) or
    its hash; `since` counts from when the row began to wait; `due_at` leaves out rows that are to be tried again only
    later.

    Raises UsageError for a text that no database can hold.
    """

    entity: str | None = None
    parent_entity: str | None = None
    parent_key: str | None = None
    since: datetime | None = None
    due_at: datetime | None = None
    uids: tuple[UUID, ...] | None = None

    def __post_init__(self) -> None:
        for part in fields(self):
            value = getattr(self, part.name)
            if isinstance(value, str):
                check_text(part.name, value)


EVERY_LINE = PendingFilter()


def conditions(chosen: PendingFilter) -> list[sa.ColumnElement[bool]]:
    """What an open line must be like."""
    equal = {
        table.c.child_entity: chosen.entity,
        table.c.parent_entity: chosen.parent_entity,
    }
    which: list[sa.ColumnElement[bool]] = [table.c.resolved_at.is_(None)]
    which += [column == value for column, value in equal.items() if value is not None]
    if chosen.parent_key is not None:
        which.append((table.c.parent_key == chosen.parent_key) | (table.c.parent_bk_hash == chosen.parent_key))
    if chosen.since is not None:
        which.append(table.c.created_at >= chosen.since)
    if chosen.due_at is not None:
        which.append(sa.func.coalesce(table.c.next_retry_at, chosen.due_at) <= chosen.due_at)
    if chosen.uids is not None:
        which.append(table.c.uid == sa.any_(sa.cast(list(chosen.uids), sa.ARRAY(sa.Uuid))))
    return which
