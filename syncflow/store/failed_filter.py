"""Which failed records are meant: the one place that turns a choice into SQL."""

import json
from dataclasses import dataclass, fields
from datetime import datetime
from enum import StrEnum
from uuid import UUID

import sqlalchemy as sa

from syncflow.errors import UsageError
from syncflow.store.tables import failed_records as table


class RecordState(StrEnum):
    """Which records are looked at: those that still have to be dealt with, the others, or both."""

    OPEN = "open"
    RESOLVED = "resolved"
    ALL = "all"


@dataclass(frozen=True)
class FailedFilter:
    """All that is given must be true of a record; `text` stands somewhere in its message or in its raw row, in capital
    or small letters. `since` counts from the first failure. `uids`, where given, are the only records meant; with
    `raw_hashes`, one for each of them, only for as long as the source's row is still that one.

    Raises UsageError for a text that no database can hold.
    """

    entity: str | None = None
    stage: str | None = None
    field: str | None = None
    error_type: str | None = None
    value_shape: str | None = None
    batch: UUID | None = None
    text: str | None = None
    since: datetime | None = None
    state: RecordState = RecordState.OPEN
    uids: tuple[UUID, ...] | None = None
    raw_hashes: tuple[str, ...] | None = None

    def __post_init__(self) -> None:
        for part in fields(self):
            value = getattr(self, part.name)
            if isinstance(value, str):
                check_text(part.name, value)

    @property
    def chooses(self) -> bool:
        """Whether anything but the state is given."""
        return self != FailedFilter(state=self.state)


def check_text(name: str, text: str) -> None:
    """Raises UsageError for characters that are none: NUL, or half of a surrogate pair (bytes that are not UTF-8)."""
    if any(sign == "\0" or "\ud800" <= sign <= "\udfff" for sign in text):
        shown = text.encode("utf-8", "backslashreplace").decode().replace("\0", "\\0")
        raise UsageError(
            "{name} holds {shown}, which is no text: a NUL or a broken character. Leave that out.",
            name=name,
            shown=repr(shown),
        )


def conditions(chosen: FailedFilter) -> list[sa.ColumnElement[bool]]:
    """What a record must be like."""
    equal = {
        table.c.entity_name: chosen.entity,
        table.c.stage_failed: chosen.stage,
        table.c.field: chosen.field,
        table.c.error_type: chosen.error_type,
        table.c.value_shape: chosen.value_shape,
        table.c.batch_uid: chosen.batch,
    }
    which = [column == value for column, value in equal.items() if value is not None]
    if chosen.state is not RecordState.ALL:
        is_open = table.c.resolved_at.is_(None)
        which.append(is_open if chosen.state is RecordState.OPEN else ~is_open)
    if chosen.since is not None:
        which.append(table.c.created_at >= chosen.since)
    if chosen.text is not None:
        which.append(_holds(chosen.text))
    if chosen.uids is not None:
        which.append(among(chosen.uids))
    if chosen.uids is not None and chosen.raw_hashes is not None:
        which.append(_still(chosen.uids, chosen.raw_hashes))
    return which


def among(uids: tuple[UUID, ...] | list[UUID]) -> sa.ColumnElement[bool]:
    """One array instead of a parameter a uid, of which PostgreSQL takes 65,535 at most."""
    return table.c.uid == sa.any_(sa.cast(list(uids), sa.ARRAY(sa.Uuid)))


def _still(uids: tuple[UUID, ...], raw_hashes: tuple[str, ...]) -> sa.ColumnElement[bool]:
    """Each uid with its own hash."""
    seen = sa.func.unnest(sa.cast(list(uids), sa.ARRAY(sa.Uuid)), sa.cast(list(raw_hashes), sa.ARRAY(sa.Text)))
    pairs = sa.select(seen.table_valued("uid", "raw_hash").render_derived())
    return sa.tuple_(table.c.uid, table.c.raw_hash).in_(pairs)


def _holds(text: str) -> sa.ColumnElement[bool]:
    in_json = json.dumps(text, ensure_ascii=False)[1:-1]  # as the row's JSON text writes quotes and backslashes
    raw = sa.cast(table.c.raw_data, sa.Text)
    return table.c.error_message.icontains(text, autoescape=True) | raw.icontains(in_json, autoescape=True)
