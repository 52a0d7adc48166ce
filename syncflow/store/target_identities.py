"""`target_identities`: the ledger of what was loaded into a target that cannot list what it holds."""

from collections.abc import Iterator, Sequence

import sqlalchemy as sa
from sqlalchemy import Connection

from syncflow.store.tables import target_identities as table

PAGE = 50_000


def put(connection: Connection, target: str, entity: str, keys: Sequence[bytes], data: Sequence[bytes]) -> None:
    """Remember rows that the target holds now; keys of 16 bytes, data hashes of 32."""
    if not keys:
        return
    statement = sa.text(
        f"INSERT INTO {table.fullname} (target, entity, key_hash, data_hash) "
        "SELECT :target, :entity, k, d FROM unnest(CAST(:keys AS bytea[]), CAST(:data AS bytea[])) AS new (k, d) "
        "ON CONFLICT (target, entity, key_hash) DO UPDATE SET data_hash = excluded.data_hash"
    )
    connection.execute(statement, {"target": target, "entity": entity, "keys": list(keys), "data": list(data)})


def forget(connection: Connection, target: str, entity: str, keys: Sequence[bytes]) -> None:
    if keys:
        wanted = sa.cast(list(keys), sa.ARRAY(sa.LargeBinary))
        connection.execute(
            table.delete().where(
                table.c.target == target, table.c.entity == entity, table.c.key_hash == sa.any_(wanted)
            )
        )


def count(connection: Connection, target: str, entity: str) -> int:
    query = sa.select(sa.func.count()).where(table.c.target == target, table.c.entity == entity)
    return int(connection.execute(query).scalar_one())


def keys(connection: Connection, target: str, entity: str) -> Iterator[list[bytes]]:
    """All keys of an entity, in order, a page at a time."""
    after = b""
    while True:
        query = (
            sa.select(table.c.key_hash)
            .where(table.c.target == target, table.c.entity == entity, table.c.key_hash > after)
            .order_by(table.c.key_hash)
            .limit(PAGE)
        )
        page = [bytes(key) for key in connection.execute(query).scalars()]
        if not page:
            return
        yield page
        after = page[-1]
