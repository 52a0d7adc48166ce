"""The metadata database: there, migrated, with the right time, and with room for more connections."""

import time
from collections.abc import Iterator
from datetime import timedelta

from syncflow.clock import Clock
from syncflow.errors import SyncFlowError
from syncflow.service.findings import Finding, failure, ok, skew, warning
from syncflow.store import migrate, server
from syncflow.store.database import Database
from syncflow.store.server import Server

_CONNECTIONS_KEPT = 16
"""What one process may want at once."""


def examine_database(database: Database, clock: Clock, *, embedded: bool) -> Iterator[Finding]:
    """The embedded one is migrated by itself when SyncFlow begins to work. Raises SyncFlowError when there is none."""
    began = time.monotonic()
    with database.connect() as connection:
        about = server.about(connection)
        took, here = time.monotonic() - began, clock.now()
    size = about.bytes / (1 << 20)
    said = f"PostgreSQL {about.version}, {size:,.0f} MiB, answered in {took * 1000:.0f} ms: {database.address}"
    yield ok("database", said)
    yield skew("database: clock", about.now - here + timedelta(seconds=took / 2))
    yield from _connections(about)
    try:
        database.require_sessions()
    except SyncFlowError as error:
        yield failure("database: sessions", str(error))
    try:
        migrate.require_current(database)
        yield ok("database: tables", f"at revision {migrate.head()}, as this program needs them")
    except SyncFlowError as error:
        if embedded and migrate.current(database) is None:
            yield ok("database: tables", "made when SyncFlow begins to work")
        else:
            yield failure("database: tables", str(error))


def _connections(about: Server) -> Iterator[Finding]:
    if about.connections + _CONNECTIONS_KEPT > about.connections_most:
        said = f"{about.connections} of {about.connections_most} connections are in use"
        yield warning("database: connections", said, "Raise max_connections, or end sessions that nobody needs.")
