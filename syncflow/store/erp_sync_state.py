"""`erp_sync_state`: what is settled of each entity: the watermark, and under which configuration."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy import Connection
from sqlalchemy.dialects.postgresql import insert

from syncflow.store.tables import erp_sync_state as table


@dataclass(frozen=True)
class SyncState:
    """`watermark` is the last settled rowversion, canonical; `plan_hash` that of the last completed batch."""

    entity_name: str
    watermark: str | None = None
    watermark_type: str | None = None
    last_completed_batch: UUID | None = None
    last_full_at: datetime | None = None
    plan_hash: str | None = None
    total_rows: int | None = None


def get(connection: Connection, entity: str) -> SyncState:
    """The state of an entity; an empty one before its first batch."""
    columns = [table.c[name] for name in SyncState.__dataclass_fields__]
    row = connection.execute(sa.select(*columns).where(table.c.entity_name == entity)).mappings().first()
    return SyncState(entity) if row is None else SyncState(**row)


def load_all(connection: Connection) -> dict[str, SyncState]:
    """The states by entity; one that was never synced is missing."""
    columns = [table.c[name] for name in SyncState.__dataclass_fields__]
    return {row["entity_name"]: SyncState(**row) for row in connection.execute(sa.select(*columns)).mappings()}


def put(connection: Connection, state: SyncState) -> None:
    values = {name: getattr(state, name) for name in SyncState.__dataclass_fields__}
    statement = insert(table).values(**values)
    connection.execute(statement.on_conflict_do_update(index_elements=["entity_name"], set_=values))


def forget(connection: Connection, entity: str) -> None:
    connection.execute(table.delete().where(table.c.entity_name == entity))
