"""`batch_chunks`: what a chunk intends, committed before it is sent, and what came of it."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy import Connection
from sqlalchemy.dialects.postgresql import Insert, insert

from syncflow.store.tables import batch_chunks as table

INTENT, DONE = "intent", "done"
INTENT_BYTES = 49
"""One intended row: operation (1), key hash (16), data hash (32)."""


@dataclass(frozen=True)
class Checkpoint:
    """The last chunk that is settled. `cursor` is where reading goes on (JSON)."""

    number: int
    cursor: Mapping[str, object]


@dataclass(frozen=True)
class ChunkLine:
    """A chunk as it is listed; `settled_at` is None while its outcome is in doubt. Times in UTC."""

    number: int
    rows: int
    intended_at: datetime | None
    settled_at: datetime | None


def lines(connection: Connection, batch: UUID, limit: int) -> list[ChunkLine]:
    """The last chunks of a batch, in their order."""
    query = sa.select(table.c.number, table.c.rows, table.c.intended_at, table.c.settled_at)
    query = query.where(table.c.batch_uid == batch).order_by(table.c.number.desc()).limit(limit)
    return [ChunkLine(*row) for row in connection.execute(query)][::-1]


def intend(connection: Connection, batch: UUID, number: int, epoch: int, intent: bytes, now: datetime) -> None:
    """`intent`: INTENT_BYTES a row."""
    values = {"state": INTENT, "claim_epoch": epoch, "intent": intent, "intended_at": now}
    connection.execute(_put(insert(table).values(batch_uid=batch, number=number, rows=0, **values), values))


def settle(
    connection: Connection,
    batch: UUID,
    number: int,
    epoch: int,
    rows: int,
    cursor: Mapping[str, object],
    seen_keys: bytes,
    counters: Mapping[str, int],
    now: datetime,
) -> None:
    """`seen_keys`: 16 bytes a key. The intent is dropped: it is fulfilled."""
    values = {
        "state": DONE,
        "claim_epoch": epoch,
        "rows": rows,
        "cursor": cursor,
        "seen_keys": seen_keys,
        "intent": None,
        "counters": dict(counters),
        "settled_at": now,
    }
    connection.execute(_put(insert(table).values(batch_uid=batch, number=number, **values), values))


def _put(statement: Insert, names: Iterable[str]) -> Insert:
    """Insert, or write these over what stands there; what is long is sent once."""
    new = {name: statement.excluded[name] for name in names}
    return statement.on_conflict_do_update(index_elements=["batch_uid", "number"], set_=new)


def checkpoint(connection: Connection, batch: UUID) -> Checkpoint | None:
    query = (
        sa.select(table.c.number, table.c.cursor)
        .where(table.c.batch_uid == batch, table.c.state == DONE)
        .order_by(table.c.number.desc())
        .limit(1)
    )
    row = connection.execute(query).first()
    return None if row is None else Checkpoint(row.number, row.cursor)


def seen_keys(connection: Connection, batch: UUID) -> Iterator[bytes]:
    """The key hashes of all settled chunks, 16 bytes each, a chunk at a time."""
    numbers = connection.execute(
        sa.select(table.c.number).where(table.c.batch_uid == batch, table.c.state == DONE).order_by(table.c.number)
    ).scalars()
    for number in numbers.all():
        query = sa.select(table.c.seen_keys).where(table.c.batch_uid == batch, table.c.number == number)
        yield bytes(connection.execute(query).scalar_one())


def intents(connection: Connection, batch: UUID) -> list[bytes]:
    """Intents without an outcome: in doubt."""
    query = (
        sa.select(table.c.intent).where(table.c.batch_uid == batch, table.c.state == INTENT).order_by(table.c.number)
    )
    return [bytes(intent) for intent in connection.execute(query).scalars()]


def in_doubt(connection: Connection, batch: UUID) -> int:
    """How many rows are intended and not settled: under way in a batch at work, in doubt in any other."""
    lengths = sa.select(sa.func.coalesce(sa.func.sum(sa.func.octet_length(table.c.intent)), 0))
    return (
        int(connection.execute(lengths.where(table.c.batch_uid == batch, table.c.state == INTENT)).scalar_one())
        // INTENT_BYTES
    )


def forget_intents(connection: Connection, batch: UUID) -> None:
    connection.execute(table.delete().where(table.c.batch_uid == batch, table.c.state == INTENT))


def forget_seen_keys(connection: Connection, batch: UUID) -> None:
    """A batch that has ended is not resumed: its keys are not needed any more."""
    connection.execute(table.update().where(table.c.batch_uid == batch).values(seen_keys=b"", intent=None))
