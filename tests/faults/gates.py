"""Places at which a sync is held up until a test lets it go on, or ends it there: triggers that wait for a lock in
PostgreSQL, so that the process under test runs unchanged."""

from collections.abc import Iterator
from contextlib import contextmanager

import psycopg

from tests.waiting import until

_KEY = 4711
_HELD = "locktype = 'advisory' AND NOT granted"


class Gate:
    """Closed at first. `wait` until somebody stands before it; `open` lets them go on."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._guard = psycopg.connect(url, autocommit=True)
        self._guard.execute(f"SELECT pg_advisory_lock({_KEY})".encode())

    def wait(self) -> None:
        until(lambda: self._ask(f"SELECT count(*) FROM pg_locks WHERE {_HELD}") > 0)

    def open(self) -> None:
        self._guard.close()

    def end_sessions(self) -> int:
        """End the database sessions that stand before it; how many there were."""
        return self._ask(f"SELECT count(pg_terminate_backend(pid)) FROM pg_locks WHERE {_HELD}")

    def _ask(self, statement: str) -> int:
        with psycopg.connect(self._url, autocommit=True) as connection:
            row = connection.execute(statement.encode()).fetchone()
            return int(row[0]) if row else 0


@contextmanager
def gate(url: str, table: str, event: str, condition: str = "true") -> Iterator[Gate]:
    """Hold up every `event` (INSERT, UPDATE, ..) on `table` that fulfils the condition on NEW or OLD."""
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(
            f"CREATE FUNCTION hold_up() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
            f"IF {condition} THEN PERFORM pg_advisory_xact_lock_shared({_KEY}); END IF; "
            "RETURN coalesce(NEW, OLD); END $$".encode()
        )
        connection.execute(
            f"CREATE TRIGGER hold_up BEFORE {event} ON {table} FOR EACH ROW EXECUTE FUNCTION hold_up()".encode()
        )
        held = Gate(url)
        try:
            yield held
        finally:
            held.open()
            connection.execute(f"DROP TRIGGER hold_up ON {table}; DROP FUNCTION hold_up()".encode())
