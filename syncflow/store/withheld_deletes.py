"""`withheld_deletes`: deletions that wait for somebody's word.

A row is `withheld`; then `approved` (and from then on the affair of the batch `applied_in`, which leaves an `outcome`),
`discarded`, or `superseded` by a newer judgement.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy import Connection
from sqlalchemy.dialects.postgresql import insert

from syncflow.store.tables import withheld_deletes as table

WITHHELD, APPROVED, DISCARDED, SUPERSEDED = "withheld", "approved", "discarded", "superseded"
DELETED, REFUSED, STILL_AT_SOURCE = "deleted", "refused", "still_at_source"


@dataclass(frozen=True)
class WithheldRow:
    """A row of the target that the source no longer shows. `ref_str` is its readable key."""

    key_hash: str
    target_uid: UUID | None
    ref_str: str | None
    reason: str


@dataclass(frozen=True)
class WithheldSet:
    """The rows of one batch that share a fate: how many, since when, and who decided when."""

    batch: UUID
    entity: str
    state: str
    outcome: str | None
    reason: str
    rows: int
    created_at: datetime
    decided_at: datetime | None
    decided_by: str | None
    applied_in: UUID | None


def put(connection: Connection, batch: UUID, entity: str, rows: Sequence[WithheldRow], now: datetime) -> None:
    """A row that this batch has withheld already, before it was interrupted, stays as it is."""
    if rows:
        common = {"batch_uid": batch, "entity_name": entity, "state": WITHHELD, "created_at": now}
        statement = insert(table).on_conflict_do_nothing(index_elements=["batch_uid", "key_hash"])
        connection.execute(statement, [{**common, **asdict(row)} for row in rows])


def supersede(connection: Connection, entity: str, batch: UUID, now: datetime) -> int:
    """A newer judgement of an entity's deletions replaces the older ones, also those that somebody approved and that
    were never carried out."""
    statement = table.update().where(table.c.entity_name == entity, _undone(), table.c.batch_uid != batch)
    return connection.execute(statement.values(state=SUPERSEDED, decided_at=now)).rowcount


def sets(connection: Connection, batch: UUID | None = None) -> list[WithheldSet]:
    """The rows of a batch by their fate; without one, those of all batches that wait for somebody's word. The newest
    batch first."""
    common = (
        table.c.batch_uid, table.c.entity_name, table.c.state, table.c.outcome, table.c.reason,
        table.c.decided_at, table.c.decided_by, table.c.applied_in,
    )  # fmt: skip
    since = sa.func.min(table.c.created_at).label("created_at")
    query = sa.select(*common, sa.func.count().label("rows"), since).group_by(*common)
    query = query.where(table.c.state == WITHHELD if batch is None else table.c.batch_uid == batch)
    found = connection.execute(query.order_by(since.desc(), table.c.batch_uid, table.c.state, table.c.outcome))
    return [
        WithheldSet(
            row["batch_uid"], row["entity_name"], row["state"], row["outcome"], row["reason"], row["rows"],
            row["created_at"], row["decided_at"], row["decided_by"], row["applied_in"],
        )
        for row in found.mappings()
    ]  # fmt: skip


def rows(connection: Connection, batch: UUID, limit: int) -> list[WithheldRow]:
    """Rows that a batch has withheld, whatever became of them, in the order of their readable keys."""
    query = _rows().where(table.c.batch_uid == batch).order_by(table.c.ref_str, table.c.key_hash).limit(limit)
    return _read(connection, query)


def approve(
    connection: Connection, batch: UUID, given_up: Sequence[UUID], applied_in: UUID, actor: str, now: datetime
) -> int:
    """Give the rows that wait for somebody's word to the batch `applied_in`, and with them those that the approvals
    `given_up` left undone; how many they are. Of two who do it at once one finds none."""
    left = sa.and_(table.c.state == APPROVED, table.c.outcome.is_(None), table.c.applied_in.in_(given_up))
    statement = table.update().where(table.c.batch_uid == batch, sa.or_(table.c.state == WITHHELD, left))
    values = {"state": APPROVED, "decided_at": now, "decided_by": actor, "applied_in": applied_in}
    return connection.execute(statement.values(values)).rowcount


def discard(connection: Connection, batch: UUID, actor: str, now: datetime) -> int:
    """How many rows were dropped."""
    statement = table.update().where(table.c.batch_uid == batch, table.c.state == WITHHELD)
    return connection.execute(statement.values(state=DISCARDED, decided_at=now, decided_by=actor)).rowcount


def to_apply(connection: Connection, applied_in: UUID, limit: int) -> list[WithheldRow]:
    """The next rows that an approval's batch has to deal with."""
    mine = _rows().where(table.c.applied_in == applied_in, table.c.state == APPROVED, table.c.outcome.is_(None))
    return _read(connection, mine.order_by(table.c.key_hash).limit(limit))


def settle(connection: Connection, applied_in: UUID, outcomes: Mapping[str, Sequence[str]]) -> None:
    """Write down what became of rows: their key hashes by outcome."""
    for outcome, keys in outcomes.items():
        wanted = sa.cast(list(keys), sa.ARRAY(sa.Text))
        mine = table.update().where(table.c.applied_in == applied_in, table.c.key_hash == sa.any_(wanted))
        connection.execute(mine.values(outcome=outcome))


def give_back(connection: Connection, applied_in: UUID) -> int:
    """The rows that an approval's batch did not come to wait for somebody's word again."""
    mine = table.update().where(table.c.applied_in == applied_in, _undone())
    nobody = {"state": WITHHELD, "decided_at": None, "decided_by": None, "applied_in": None}
    return connection.execute(mine.values(nobody)).rowcount


def _undone() -> sa.ColumnElement[bool]:
    return sa.or_(table.c.state == WITHHELD, sa.and_(table.c.state == APPROVED, table.c.outcome.is_(None)))


def _rows() -> "sa.Select[tuple[str, UUID | None, str | None, str]]":
    return sa.select(table.c.key_hash, table.c.target_uid, table.c.ref_str, table.c.reason)


def _read(connection: Connection, query: "sa.Select[tuple[str, UUID | None, str | None, str]]") -> list[WithheldRow]:
    return [WithheldRow(**row) for row in connection.execute(query).mappings()]
