"""`failed_records`: rows that could not be loaded, with their payload; at most one open record a key."""

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from itertools import islice
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy import Connection

from syncflow.store.beginnings import begins_with
from syncflow.store.failed_filter import FailedFilter, among, conditions
from syncflow.store.tables import failed_records as table
from syncflow.uuid7 import uuid7_column

SUPERSEDED, SUCCEEDED = "superseded", "succeeded"
EDITED, IGNORED, RESOLVED, WITHDRAWN = "edited", "ignored", "resolved", "withdrawn"
OVERRIDES = (EDITED, IGNORED)
"""Decisions that hold for as long as the source sends the same raw row."""

ROWS_AT_ONCE = 1_000
"""Rows with their payload in one statement: a few megabytes, and a few milliseconds of Python at a time."""


@dataclass(frozen=True)
class FailedRow:
    """A row that failed. `raw_data` and the others are JSON texts of one object; `key_hash` is None where no key could
    be made, then `raw_hash` alone tells the row. `value` is what the source sent in `field`; `temporary` says that the
    same row may pass later unchanged; `plan_hash` is the configuration under which it failed. `retry_count` of
    `max_retries` attempts to mend it have failed, the next is due at `next_retry_at`. `batch_uid` is the batch that
    read it at the source, None for the one at work: by it a complete extract knows which rows it has seen."""

    key_hash: str | None
    raw_hash: str
    raw_data: str
    normalized_data: str | None
    mapped_data: str | None
    stage_failed: str
    field: str | None
    error_type: str
    error_message: str
    stack_trace: str | None
    value: str | None = None
    value_shape: str = ""
    temporary: bool = False
    plan_hash: str | None = None
    retry_count: int = 0
    max_retries: int = 0
    next_retry_at: datetime | None = None
    batch_uid: UUID | None = None


@dataclass(frozen=True)
class FailedRecord:
    """A failed record as it is listed; `resolution` and what belongs to it are None while it is open."""

    uid: UUID
    batch_uid: UUID
    entity_name: str
    key_hash: str | None
    raw_data: dict[str, object]
    stage_failed: str
    field: str | None
    error_type: str
    error_message: str
    created_at: datetime
    raw_hash: str = ""
    value: str | None = None
    temporary: bool = False
    retry_count: int = 0
    next_retry_at: datetime | None = None
    resolved_at: datetime | None = None
    resolved_by: str | None = None
    resolution: str | None = None
    reason: str | None = None


@dataclass(frozen=True)
class FailedDetail(FailedRecord):
    """All that is known of one record."""

    source_system: str = ""
    normalized_data: dict[str, object] | None = None
    mapped_data: dict[str, object] | None = None
    stack_trace: str | None = None
    value_shape: str = ""
    plan_hash: str | None = None
    max_retries: int = 0
    updated_at: datetime | None = None
    override: dict[str, str | None] | None = None
    purged_at: datetime | None = None


_TYPES = {
    "temporary": "boolean",
    "retry_count": "integer",
    "max_retries": "integer",
    "next_retry_at": "timestamptz",
    "batch_uid": "uuid",
}
_JSON = ("raw_data", "normalized_data", "mapped_data")
_COLUMNS = tuple(part.name for part in fields(FailedRow))


def put(
    connection: Connection, batch: UUID, entity: str, source_system: str, rows: Sequence[FailedRow], now: datetime
) -> None:
    """Open a record for each row; an open one of the same key or raw row is replaced (the newest failure counts). A
    record from when a row had no key gives way to the one under its key."""
    common = {"batch": batch, "entity": entity, "source_system": source_system, "now": now}
    for part in _parts({row.key_hash or row.raw_hash: row for row in rows}.values(), ROWS_AT_ONCE):
        columns = {name: [getattr(row, name) for row in part] for name in _COLUMNS}
        connection.execute(_PUT, {**common, "uid": uuid7_column(len(part)).to_list(), **columns})
        keyed = [row.raw_hash for row in part if row.key_hash is not None]
        slot = sa.func.coalesce(table.c.key_hash, table.c.raw_hash)
        without_key = (*_open(entity), table.c.key_hash.is_(None), slot == sa.any_(_array(keyed)))
        _resolve(connection, without_key, SUPERSEDED, batch, now)


def _put_statement() -> sa.TextClause:
    names = ", ".join(_COLUMNS)
    arrays = ", ".join(f"CAST(:{name} AS {_TYPES.get(name, 'text')}[])" for name in _COLUMNS)
    made = {name: f"CAST(new.{name} AS json)" for name in _JSON} | {"batch_uid": "COALESCE(new.batch_uid, :batch)"}
    values = ", ".join(made.get(name, f"new.{name}") for name in _COLUMNS)
    renewed = (*_COLUMNS, "source_system", "updated_at")
    replaced = ", ".join(f"{name} = excluded.{name}" for name in renewed)
    return sa.text(
        f"INSERT INTO {table.name} (uid, entity_name, source_system, created_at, updated_at, {names}) "
        f"SELECT new.uid, :entity, :source_system, :now, :now, {values} "
        f"FROM unnest(CAST(:uid AS uuid[]), {arrays}) AS new (uid, {names}) "
        "ON CONFLICT (entity_name, COALESCE(key_hash, raw_hash)) WHERE resolved_at IS NULL "
        f"DO UPDATE SET {replaced}"
    )


_PUT = _put_statement()


def any_open(connection: Connection, entity: str) -> bool:
    query = sa.select(sa.literal(1)).where(*_open(entity)).limit(1)
    return connection.execute(query).first() is not None


def close(connection: Connection, entity: str, keys: Iterable[str], batch: UUID, now: datetime) -> int:
    """A success of these keys closes their open records."""
    open_ones = (*_open(entity), table.c.key_hash == sa.any_(_array(keys)))
    return _resolve(connection, open_ones, SUCCEEDED, batch, now)


def close_these(connection: Connection, uids: Sequence[UUID], resolution: str, batch: UUID, now: datetime) -> int:
    """Those of the records that are still open."""
    if not uids:
        return 0
    open_ones = (among(list(uids)), table.c.resolved_at.is_(None))
    return _resolve(connection, open_ones, resolution, batch, now)


def supersede(connection: Connection, entity: str, batch: UUID, now: datetime, seen_in: Collection[UUID]) -> int:
    """After a complete extract: records that none of the batches of which it consists has opened anew speak of rows
    that are gone."""
    return _resolve(connection, (*_open(entity), table.c.batch_uid.not_in(seen_in)), SUPERSEDED, batch, now)


def of_batch(connection: Connection, batch: UUID, limit: int) -> list[FailedRecord]:
    """The open records that a batch has opened, spread over different errors first."""
    rank = sa.func.row_number().over(partition_by=(table.c.error_type, table.c.field), order_by=table.c.uid)
    query = (
        sa.select(*_listed(FailedRecord))
        .where(table.c.batch_uid == batch, table.c.resolved_at.is_(None))
        .order_by(rank, table.c.uid)
        .limit(limit)
    )
    return [FailedRecord(**row) for row in connection.execute(query).mappings()]


def page(
    connection: Connection, chosen: FailedFilter, after: UUID | None, limit: int, skip: int = 0
) -> list[FailedRecord]:
    """The newest first; `after` is the last uid of the page before. `skip` leaves out so many rows first; it costs
    time for each of them."""
    query = sa.select(*_listed(FailedRecord)).where(*_behind(chosen, after)).order_by(table.c.uid.desc()).limit(limit)
    if skip:
        query = query.offset(skip)
    return [FailedRecord(**row) for row in connection.execute(query).mappings()]


def details(connection: Connection, chosen: FailedFilter, after: UUID | None, limit: int) -> list[FailedDetail]:
    """The same with all that is known of each."""
    query = sa.select(*_listed(FailedDetail)).where(*_behind(chosen, after)).order_by(table.c.uid.desc()).limit(limit)
    return [FailedDetail(**row) for row in connection.execute(query).mappings()]


def count(connection: Connection, chosen: FailedFilter, most: int | None = None) -> int:
    """With `most`, the counting stops there."""
    which = sa.select(sa.literal(1)).select_from(table).where(*conditions(chosen)).limit(most)
    return int(connection.execute(sa.select(sa.func.count()).select_from(which.subquery())).scalar_one())


def rank(connection: Connection, chosen: FailedFilter, uid: UUID) -> int | None:
    """How many records stand before this one in a list; None when it is not in it."""
    which = conditions(chosen)
    if connection.execute(sa.select(table.c.uid).where(*which, table.c.uid == uid)).first() is None:
        return None
    return int(connection.execute(sa.select(sa.func.count()).where(*which, table.c.uid > uid)).scalar_one())


def count_by_entity(connection: Connection, chosen: FailedFilter) -> dict[str, int]:
    query = (
        sa.select(table.c.entity_name, sa.func.count())
        .where(*conditions(chosen))
        .group_by(table.c.entity_name)
        .order_by(table.c.entity_name)
    )
    return {name: int(rows) for name, rows in connection.execute(query)}


def uids(connection: Connection, chosen: FailedFilter) -> list[UUID]:
    """All records that are meant, the oldest first."""
    query = sa.select(table.c.uid).where(*conditions(chosen)).order_by(table.c.uid)
    return list(connection.execute(query).scalars())


def lock(connection: Connection, chosen: Sequence[UUID]) -> None:
    """Nobody else changes these records until the transaction ends."""
    connection.execute(sa.select(table.c.uid).where(among(list(chosen))).order_by(table.c.uid).with_for_update())


def open_like(connection: Connection, record: FailedRecord, raw_hash: str) -> FailedRecord | None:
    """The open record of the same key, or of the same raw row where there is no key."""
    slot = sa.func.coalesce(table.c.key_hash, table.c.raw_hash)
    query = sa.select(*_listed(FailedRecord)).where(*_open(record.entity_name), slot == (record.key_hash or raw_hash))
    row = connection.execute(query).mappings().first()
    return None if row is None else FailedRecord(**row)


def beginning_with(connection: Connection, beginning: str, limit: int) -> list[UUID]:
    """Records, open or not, by the beginning of their uid."""
    query = sa.select(table.c.uid).where(begins_with(table.c.uid, beginning))
    return list(connection.execute(query.order_by(table.c.uid).limit(limit)).scalars())


def _open(entity: str) -> tuple[sa.ColumnElement[bool], sa.ColumnElement[bool]]:
    return table.c.entity_name == entity, table.c.resolved_at.is_(None)


def _behind(chosen: FailedFilter, after: UUID | None) -> list[sa.ColumnElement[bool]]:
    which = conditions(chosen)
    return which if after is None else [*which, table.c.uid < after]


def _listed(kind: type[FailedRecord]) -> list[sa.Column[object]]:
    return [table.c[part.name] for part in fields(kind)]


def _parts(rows: Iterable[FailedRow], size: int) -> Iterator[list[FailedRow]]:
    remaining = iter(rows)
    while part := list(islice(remaining, size)):
        yield part


def _resolve(
    connection: Connection, which: Sequence[sa.ColumnElement[bool]], resolution: str, batch: UUID, now: datetime
) -> int:
    statement = table.update().where(*which)
    result = connection.execute(
        statement.values(
            resolved_at=now, resolved_by=f"batch {batch}", resolution=resolution, updated_at=now, next_retry_at=None
        )
    )
    return result.rowcount


def _array(values: Iterable[str]) -> sa.ColumnElement[Sequence[str]]:
    return sa.cast(list(values), sa.ARRAY(sa.Text))
