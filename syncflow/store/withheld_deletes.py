"""`withheld_deletes`: deletions that wait for somebody's word."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import Connection
from sqlalchemy.dialects.postgresql import insert

from syncflow.store.tables import withheld_deletes as table

WITHHELD, SUPERSEDED = "withheld", "superseded"


@dataclass(frozen=True)
class WithheldRow:
    """A row of the target that the source no longer shows. `ref_str` is its readable key."""

    key_hash: str
    target_uid: UUID | None
    ref_str: str | None
    reason: str


def put(connection: Connection, batch: UUID, entity: str, rows: Sequence[WithheldRow], now: datetime) -> None:
    """A row that this batch has withheld already, before it was interrupted, stays as it is."""
    if rows:
        common = {"batch_uid": batch, "entity_name": entity, "state": WITHHELD, "created_at": now}
        statement = insert(table).on_conflict_do_nothing(index_elements=["batch_uid", "key_hash"])
        connection.execute(statement, [{**common, **asdict(row)} for row in rows])


def supersede(connection: Connection, entity: str, batch: UUID, now: datetime) -> int:
    """A newer judgement of an entity's deletions replaces the older ones."""
    statement = table.update().where(
        table.c.entity_name == entity, table.c.state == WITHHELD, table.c.batch_uid != batch
    )
    return connection.execute(statement.values(state=SUPERSEDED, decided_at=now)).rowcount
