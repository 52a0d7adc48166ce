"""What one process tells the others through PostgreSQL (LISTEN/NOTIFY): short JSON texts on one channel a schema.

A notice of a change is sent in the transaction of the change, so nobody hears of what was rolled back.
"""

import json
import select
from collections.abc import Iterator, Mapping

import psycopg
import sqlalchemy as sa
import structlog
from psycopg import sql
from sqlalchemy import Connection

from syncflow.store.database import Database

BATCH, ACT, EVENT, ALERT = "batch", "act", "event", "alert"
"""A batch's status changed; somebody did something; the engine of another process told an event; something is wrong, or
well again."""
LONGEST = 7_500
"""Bytes of a payload; PostgreSQL takes 8,000."""
_log = structlog.get_logger()
_NOTIFY = sa.text("SELECT pg_notify('syncflow_' || current_schema(), :payload)")


def notify(connection: Connection, kind: str, **told: object) -> None:
    """Tell all who listen, when the transaction is committed. Values are JSON values; a notice that would be too long
    is sent without them."""
    payload = json.dumps({"kind": kind, **told}, default=str)
    if len(payload.encode()) > LONGEST:
        payload = json.dumps({"kind": kind})
    connection.execute(_NOTIFY, {"payload": payload})


def listen(database: Database, seconds: float, ended: int) -> Iterator[Mapping[str, object] | None]:
    """What is told from now on, on a session of its own. None at the beginning, and whenever nothing was told for so
    many seconds or something can be read from the file descriptor `ended`, so that the caller can see whether it is to
    end. Raises SyncFlowError when the connection is lost."""
    with database.dedicated() as session:
        session.execute(sql.SQL("LISTEN {}").format(sql.Identifier(f"syncflow_{database.schema}")))
        yield None
        while True:
            heard = _heard(session, seconds, ended)
            yield from heard or (None,)


def _heard(session: psycopg.Connection, seconds: float, ended: int) -> list[Mapping[str, object]]:
    told = [notice.payload for notice in session.notifies(timeout=0)]
    if not told:
        select.select([session.fileno(), ended], [], [], seconds)
        told = [notice.payload for notice in session.notifies(timeout=0)]
    if not told:
        session.execute("SELECT 1")  # a connection that is gone is noticed here
    return [notice for payload in told if (notice := _read(payload)) is not None]


def _read(payload: str) -> Mapping[str, object] | None:
    """None for what no SyncFlow sent: anybody who may connect may also notify."""
    try:
        notice = json.loads(payload)
    except (ValueError, RecursionError):
        notice = None
    if isinstance(notice, dict):
        return notice
    _log.debug("a notice cannot be read", payload=payload[:200])
    return None
