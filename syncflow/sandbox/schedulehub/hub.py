"""What a ScheduleHub does, without HTTP: every method is one transaction."""

import json
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TypeVar

import polars as pl
from psycopg import Connection, OperationalError
from psycopg.rows import TupleRow
from psycopg_pool import ConnectionPool, PoolTimeout

from syncflow.sandbox.errors import ApiError, SandboxError
from syncflow.sandbox.schedulehub.batches import Batch
from syncflow.sandbox.schedulehub.deletes import delete_records
from syncflow.sandbox.schedulehub.entity import Entity, parse_entity
from syncflow.sandbox.schedulehub.inserts import Written, insert_records, upsert_records
from syncflow.sandbox.schedulehub.reads import (
    find_by_uid,
    find_columns,
    find_records,
    identity_frames,
    stream_identities,
)
from syncflow.sandbox.schedulehub.staging import Failure
from syncflow.sandbox.schedulehub.tables import Db, Tables
from syncflow.sandbox.schedulehub.updates import update_records

_CONNECT_SECONDS = 15.0
_MOST_CONNECTIONS = 8
T = TypeVar("T")


class Hub:
    """The entity tables of one schema. Thread-safe; raises ApiError 404 for an unknown entity, 503 without database."""

    def __init__(self, database_url: str, schema: str = "public") -> None:
        self._tables = Tables(schema)
        try:
            with Connection.connect(database_url, connect_timeout=int(_CONNECT_SECONDS)) as db:
                self._tables.create_schema(db)
        except OperationalError as error:
            reason = str(error).strip().splitlines()[-1]
            raise SandboxError(
                f"ScheduleHub's PostgreSQL cannot be reached: {reason}. Start it, or give another --database-url."
            ) from error
        self._pool: ConnectionPool[Connection[TupleRow]] = ConnectionPool(
            database_url,
            min_size=1,
            max_size=_MOST_CONNECTIONS,
            timeout=_CONNECT_SECONDS,
            configure=_configure,
            open=True,
        )

    def close(self) -> None:
        self._pool.close()

    def put_table(self, name: str, body: object) -> dict[str, object]:
        """PUT /tables/{entity}."""
        wanted = parse_entity(name, body)

        def put(db: Db) -> dict[str, object]:
            db.execute("SELECT pg_advisory_xact_lock(hashtext('schedulehub.tables'))")
            existing = self._tables.load(db, name).get(name)
            added = self._tables.put(db, wanted, existing)
            return {"entity": name, "created": existing is None, "added": added}

        return self._run(put)

    def read_tables_file(self, path: Path) -> None:
        """Create the tables of a JSON file: an object of entity name and body of PUT /tables/{entity}."""
        try:
            content = json.loads(path.read_text("utf-8"))
        except (OSError, ValueError) as error:
            raise SandboxError(f"{path}: the tables file cannot be read: {error}.") from error
        if not isinstance(content, dict):
            raise SandboxError(f"{path}: the tables file must be an object of entity names and tables.")
        for name, body in content.items():
            try:
                self.put_table(name, body)
            except ApiError as error:
                raise SandboxError(f"{path}, entity '{name}': {error.error}") from error

    def find(self, name: str, key_hashes: Sequence[str]) -> list[bytes]:
        return self._run(lambda db: find_records(db, self._tables, self._tables.find(db, name), key_hashes))

    def find_columns(self, name: str, key_hashes: Sequence[str]) -> pl.DataFrame:
        return self._run(lambda db: find_columns(db, self._tables, self._tables.find(db, name), key_hashes))

    def find_by_uid(self, name: str, uid: str) -> bytes | None:
        return self._run(lambda db: find_by_uid(db, self._tables, self._tables.find(db, name), uid))

    def insert(self, entity: Entity, batch: Batch) -> Written:
        return self._run(lambda db: insert_records(db, self._tables, entity, batch))

    def upsert(self, entity: Entity, batch: Batch) -> Written:
        return self._run(lambda db: upsert_records(db, self._tables, entity, batch))

    def update(self, entity: Entity, batch: Batch) -> list[Failure]:
        return self._run(lambda db: update_records(db, self._tables, entity, batch))

    def delete(self, entity: Entity, uids: Sequence[object]) -> list[Failure]:
        return self._run(lambda db: delete_records(db, self._tables, entity, uids))

    def entity(self, name: str) -> Entity:
        return self._run(lambda db: self._tables.find(db, name))

    def identities(self, name: str) -> Iterator[bytes]:
        """All identities, streamed while the connection is held."""
        with self._pool.connection() as db:
            yield from stream_identities(db, self._tables, self._tables.find(db, name))

    def identity_frames(self, name: str) -> Iterator[pl.DataFrame]:
        """The same in columns."""
        with self._pool.connection() as db:
            yield from identity_frames(db, self._tables, self._tables.find(db, name))

    def _run(self, work: Callable[[Db], T]) -> T:
        try:
            with self._pool.connection() as db:
                return work(db)
        except (OperationalError, PoolTimeout) as error:
            raise ApiError(503, f"The database is not there: {error}", code="database") from error


def _configure(db: Db) -> None:
    db.execute("SET TIME ZONE 'UTC'")
    db.commit()
