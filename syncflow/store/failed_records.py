"""`failed_records`: rows that could not be loaded, with their payload; at most one open record a key."""

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy import Connection
from sqlalchemy.dialects.postgresql import insert

from syncflow.store.tables import failed_records as table

SUPERSEDED, SUCCEEDED = "superseded", "succeeded"


@dataclass(frozen=True)
class FailedRow:
    """A row that failed. `raw_data` and the others are JSON texts of one object; `key_hash` is None where no key could
    be made, then `raw_hash` alone tells the row."""

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
    next_retry_at: datetime | None = None


@dataclass(frozen=True)
class FailedRecord:
    """An open failed record as it is listed."""

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


def put(
    connection: Connection, batch: UUID, entity: str, source_system: str, rows: Sequence[FailedRow], now: datetime
) -> None:
    """Open a record for each row; an open one of the same key or raw row is replaced (the newest failure counts)."""
    if not rows:
        return
    common = {"batch_uid": batch, "entity_name": entity, "source_system": source_system}
    values = [{**common, **asdict(row), "created_at": now, "updated_at": now, "retry_count": 0} for row in rows]
    statement = insert(table)
    renewed = (*FailedRow.__dataclass_fields__, "batch_uid", "source_system", "updated_at")
    replaced = {name: statement.excluded[name] for name in renewed}
    upsert = statement.on_conflict_do_update(
        index_elements=[table.c.entity_name, sa.func.coalesce(table.c.key_hash, table.c.raw_hash)],
        index_where=table.c.resolved_at.is_(None),
        set_=replaced,
    )
    connection.execute(upsert, values)


def any_open(connection: Connection, entity: str) -> bool:
    query = sa.select(sa.literal(1)).where(table.c.entity_name == entity, table.c.resolved_at.is_(None)).limit(1)
    return connection.execute(query).first() is not None


def close(connection: Connection, entity: str, keys: Iterable[str], batch: UUID, now: datetime) -> int:
    """A success of these keys closes their open records."""
    open_ones = (
        table.c.entity_name == entity,
        table.c.resolved_at.is_(None),
        table.c.key_hash == sa.any_(_array(keys)),
    )
    return _resolve(connection, open_ones, SUCCEEDED, batch, now)


def supersede(connection: Connection, entity: str, batch: UUID, now: datetime) -> int:
    """After a complete extract: records that this batch did not open anew speak of rows that are gone."""
    open_ones = (table.c.entity_name == entity, table.c.resolved_at.is_(None), table.c.batch_uid != batch)
    return _resolve(connection, open_ones, SUPERSEDED, batch, now)


def of_batch(connection: Connection, batch: UUID, limit: int) -> list[FailedRecord]:
    """The open records that a batch has opened, spread over different errors first."""
    rank = sa.func.row_number().over(partition_by=(table.c.error_type, table.c.field), order_by=table.c.uid)
    columns = [table.c[name] for name in FailedRecord.__dataclass_fields__]
    query = (
        sa.select(*columns)
        .where(table.c.batch_uid == batch, table.c.resolved_at.is_(None))
        .order_by(rank, table.c.uid)
        .limit(limit)
    )
    return [FailedRecord(**row) for row in connection.execute(query).mappings()]


def _resolve(
    connection: Connection, which: Sequence[sa.ColumnElement[bool]], resolution: str, batch: UUID, now: datetime
) -> int:
    statement = table.update().where(*which)
    result = connection.execute(
        statement.values(resolved_at=now, resolved_by=f"batch {batch}", resolution=resolution, updated_at=now)
    )
    return result.rowcount


def _array(values: Iterable[str]) -> sa.ColumnElement[Sequence[str]]:
    return sa.cast(list(values), sa.ARRAY(sa.Text))
