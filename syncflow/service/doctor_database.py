"""The metadata database: there, migrated, with the right time, and with room for more connections."""

import time
from collections.abc import Iterator
from datetime import timedelta

from syncflow.clock import Clock
from syncflow.errors import SyncFlowError
from syncflow.i18n.catalog import N_
from syncflow.i18n.texts import Text
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
    said = Text(
        "PostgreSQL {version}, {size} MiB, answered in {took} ms: {address}",
        version=about.version, size=round(about.bytes / (1 << 20)), took=round(took * 1000), address=database.address,
    )  # fmt: skip
    yield ok(N_("database"), said)
    yield skew(N_("database: clock"), about.now - here + timedelta(seconds=took / 2))
    yield from _connections(about)
    try:
        database.require_sessions()
    except SyncFlowError as error:
        yield failure(N_("database: sessions"), error.text)
    name = N_("database: tables")
    try:
        migrate.require_current(database)
        yield ok(name, Text("at revision {revision}, as this program needs them", revision=migrate.head()))
    except SyncFlowError as error:
        if embedded and migrate.current(database) is None:
            yield ok(name, Text("made when SyncFlow begins to work"))
        else:
            yield failure(name, error.text)


def _connections(about: Server) -> Iterator[Finding]:
    if about.connections + _CONNECTIONS_KEPT > about.connections_most:
        said = Text("{used} of {most} connections are in use", used=about.connections, most=about.connections_most)
        remedy = Text("Raise max_connections, or end sessions that nobody needs.")
        yield warning(N_("database: connections"), said, remedy)
