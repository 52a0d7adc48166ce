"""`daemons`: which processes serve without a screen, and how they are. Each writes its own line every few seconds; one
whose line grows old hangs, or is gone with its host."""

from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy import Connection
from sqlalchemy.dialects.postgresql import insert

from syncflow.store.tables import daemons as table

_NOW = sa.func.clock_timestamp()
THERE_SECONDS = 60.0
"""A daemon that has said nothing for so long is not there."""
FORGOTTEN_SECONDS = 86_400
"""A daemon that was silent for so long will not come back."""


@dataclass(frozen=True)
class Beat:
    """What a daemon says of itself. `silent_seconds` is since when its worker or its scheduler has not turned."""

    worker: str
    host: str
    version: str
    worker_state: str
    scheduler_state: str
    running: int
    silent_seconds: float


@dataclass(frozen=True)
class Daemon(Beat):
    """`age` is how many seconds ago it said so, by the database's clock; `leads`: of those that are there it has been
    there the longest, and does what only one is to do."""

    since: datetime
    age: float
    leads: bool


def beat(connection: Connection, said: Beat) -> None:
    """Write one's own line."""
    values = {**said.__dict__, "beat_at": _NOW}
    statement = insert(table).values(since=_NOW, **values)
    connection.execute(statement.on_conflict_do_update(index_elements=["worker"], set_=values))


def leave(connection: Connection, worker: str) -> None:
    """A daemon ends, and nobody is to miss it."""
    connection.execute(table.delete().where(table.c.worker == worker))


def succeed(connection: Connection, host: str) -> None:
    """Forget the daemons of this host that have no session any more: another one has begun in their place. And those of
    any host that have been silent for a day."""
    sessions = sa.table("pg_stat_activity", sa.column("application_name", sa.Text))
    gone = ~sa.exists().where(sessions.c.application_name == table.c.worker)
    old = table.c.beat_at < _NOW - sa.func.make_interval(0, 0, 0, 0, 0, 0, FORGOTTEN_SECONDS)
    connection.execute(table.delete().where(old | ((table.c.host == host) & gone)))


def load_all(connection: Connection, there_seconds: float) -> list[Daemon]:
    """Those that have been there the longest first; one that said something within so many seconds is there."""
    age = sa.extract("epoch", _NOW - table.c.beat_at).label("age")
    rows = connection.execute(sa.select(table, age).order_by(table.c.since, table.c.worker)).mappings().all()
    leader = next((row["worker"] for row in rows if row["age"] < there_seconds), None)
    return [
        Daemon(
            **{name: row[name] for name in Beat.__dataclass_fields__},
            since=row["since"],
            age=float(row["age"]),
            leads=row["worker"] == leader,
        )
        for row in rows
    ]
