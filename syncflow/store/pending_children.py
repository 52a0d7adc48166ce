"""`pending_children`: rows that wait for a parent, with their payload; at most one open line a key.

A line is *open* while the row waits. One whose attempts are used up is resolved as `failed`; as long as the failed
record that it became is open, it still tells which parent would mend it.
"""

from collections.abc import Collection, Iterable, Iterator, Sequence
from datetime import datetime
from uuid import UUID

import polars as pl
import sqlalchemy as sa
from sqlalchemy import Connection

from syncflow.model import BatchStatus, SyncType
from syncflow.store.pending_filter import EVERY_LINE, PendingFilter, conditions
from syncflow.store.tables import failed_records, sync_batches
from syncflow.store.tables import pending_children as table
from syncflow.uuid7 import uuid7_column

LOADED, SUPERSEDED, FAILED = "loaded", "superseded", "failed"
PARENT_MISSING = "parent_missing"
"""The error type of a failed record that was a waiting row until its attempts were used up."""

WAITING_SCHEMA = pl.Schema(
    {
        "child_key_hash": pl.String,
        "parent_entity": pl.String,
        "parent_ref": pl.String,
        "parent_bk_hash": pl.String,
        "parent_key": pl.String,
        "child_payload": pl.String,
    }
)
"""Rows whose parent is missing: the first missing one, if there are several. `child_payload` is the raw row as a JSON
text; `parent_ref` names the reference, `parent_key` reads like `order_no=4711`."""

GIVEN_UP_SCHEMA = pl.Schema({"child_key_hash": pl.String, "parent_bk_hash": pl.String})

ROWS_AT_ONCE = 5_000
"""Rows with their payload in one statement."""
PAYLOADS_AT_ONCE = 2_000


def _put_statement() -> sa.TextClause:
    names = ", ".join(WAITING_SCHEMA)
    arrays = ", ".join(f"CAST(:{name} AS text[])" for name in WAITING_SCHEMA)
    values = ", ".join(
        f"CAST(new.{name} AS json)" if name == "child_payload" else f"new.{name}" for name in WAITING_SCHEMA
    )
    renewed = (*WAITING_SCHEMA, "batch_uid", "updated_at")
    replaced = ", ".join(f"{name} = excluded.{name}" for name in renewed if name != "child_key_hash")
    same = "old.parent_bk_hash = excluded.parent_bk_hash"
    return sa.text(
        f"INSERT INTO {table.name} AS old (uid, batch_uid, child_entity, created_at, updated_at, {names}) "
        f"SELECT new.uid, :batch, :child, :now, :now, {values} "
        f"FROM unnest(CAST(:uid AS uuid[]), {arrays}) AS new (uid, {names}) "
        "ON CONFLICT (child_entity, child_key_hash) WHERE resolved_at IS NULL "
        f"DO UPDATE SET {replaced}, "
        f"retry_count = CASE WHEN {same} THEN old.retry_count ELSE 0 END, "
        f"next_retry_at = CASE WHEN {same} THEN old.next_retry_at END, "
        f"tried_at = CASE WHEN {same} THEN old.tried_at ELSE excluded.tried_at END"
    )


_PUT = _put_statement()


def put(connection: Connection, batch: UUID, child: str, rows: pl.DataFrame, now: datetime) -> None:
    """Rows of WAITING_SCHEMA. A newer version of a waiting row replaces the older one; the attempts made are kept as
    long as it waits for the same parent."""
    common = {"batch": batch, "child": child, "now": now}
    for part in rows.unique("child_key_hash", keep="last", maintain_order=True).iter_slices(ROWS_AT_ONCE):
        columns = {name: part[name].to_list() for name in WAITING_SCHEMA}
        given_up = table.update().where(*_of(child, columns["child_key_hash"]), table.c.resolution == FAILED)
        connection.execute(given_up.values(resolution=SUPERSEDED, updated_at=now))
        connection.execute(_PUT, {**common, "uid": uuid7_column(part.height).to_list(), **columns})


def any_open(connection: Connection, child: str) -> bool:
    query = sa.select(sa.literal(1)).where(table.c.child_entity == child, table.c.resolved_at.is_(None)).limit(1)
    return connection.execute(query).first() is not None


def close(connection: Connection, child: str, keys: Iterable[str], resolution: str, now: datetime) -> int:
    """These rows wait no longer: they are LOADED, or stand as FAILED records."""
    statement = table.update().where(*_of(child, keys), table.c.resolved_at.is_(None))
    return connection.execute(statement.values(resolved_at=now, updated_at=now, resolution=resolution)).rowcount


def supersede(connection: Connection, child: str, seen_in: Collection[UUID], now: datetime) -> int:
    """After a complete extract: lines that none of the batches of which it consists has renewed speak of rows that are
    gone."""
    statement = table.update().where(
        table.c.child_entity == child, table.c.resolved_at.is_(None), table.c.batch_uid.not_in(seen_in)
    )
    return connection.execute(statement.values(resolved_at=now, updated_at=now, resolution=SUPERSEDED)).rowcount


def awaited_entities(connection: Connection, chosen: PendingFilter) -> list[str]:
    """The entities whose rows the chosen ones wait for."""
    query = sa.select(table.c.parent_entity).distinct().where(*conditions(chosen))
    return sorted(connection.execute(query).scalars())


def awaited_parents(
    connection: Connection, parent: str, limit: int, after: str = "", chosen: PendingFilter = EVERY_LINE
) -> pl.Series:
    """Distinct key hashes of an entity's rows that children wait for, in order, a page at a time."""
    query = (
        sa.select(table.c.parent_bk_hash)
        .distinct()
        .where(table.c.parent_entity == parent, table.c.parent_bk_hash > after, *_wakeable(chosen))
        .order_by(table.c.parent_bk_hash)
        .limit(limit)
    )
    return pl.Series(connection.execute(query).scalars().all(), dtype=pl.String)


def children_of(
    connection: Connection, parent: str, parent_keys: pl.Series, chosen: PendingFilter = EVERY_LINE
) -> dict[str, pl.Series]:
    """By entity, the key hashes of the children that wait for these parents."""
    wanted = table.c.parent_bk_hash == sa.any_(_array(parent_keys.to_list()))
    query = (
        sa.select(table.c.child_entity, sa.func.string_agg(sa.distinct(table.c.child_key_hash), ","))
        .where(table.c.parent_entity == parent, wanted, *_wakeable(chosen))
        .group_by(table.c.child_entity)
        .order_by(table.c.child_entity)
    )
    return {child: _split(keys) for child, keys in connection.execute(query)}


# Key by key, so that PostgreSQL cannot take another way than by the index of the keys: right after a great many rows
# began to wait its statistics know nothing of them, and it would read all lines that are open each time.
_PAYLOADS = sa.text(
    "SELECT found.payload FROM unnest(CAST(:keys AS text[])) AS wanted (key) CROSS JOIN LATERAL ("
    f"SELECT CAST(p.child_payload AS text) FROM {table.name} p "
    "WHERE p.child_entity = :child AND p.child_key_hash = wanted.key AND p.resolved_at IS NULL "
    f"UNION ALL SELECT CAST(f.raw_data AS text) FROM {failed_records.name} f "
    "WHERE f.entity_name = :child AND coalesce(f.key_hash, f.raw_hash) = wanted.key AND f.resolved_at IS NULL "
    f"AND f.error_type = '{PARENT_MISSING}') AS found (payload)"
)


def payloads(connection: Connection, child: str, keys: pl.Series) -> Iterator[list[str]]:
    """The raw rows, as JSON texts, of those of the keys that still wait, some at a time."""
    for start in range(0, len(keys), PAYLOADS_AT_ONCE):
        given = {"child": child, "keys": keys.slice(start, PAYLOADS_AT_ONCE).to_list()}
        yield list(connection.execute(_PAYLOADS, given).scalars())


_COMPLETED = ", ".join(f"'{status}'" for status in (BatchStatus.COMPLETED, BatchStatus.COMPLETED_WITH_ERRORS))
_TRY_AGAIN_LATER = sa.text(
    f"UPDATE {table.name} p SET retry_count = p.retry_count + 1, tried_at = clock_timestamp(), updated_at = :now, "
    "next_retry_at = :now + random() * make_interval(secs => "
    "(CAST(:waits AS float8[]))[least(p.retry_count + 1, cardinality(CAST(:waits AS float8[])))]) "
    f"FROM (SELECT entity_name, max(started_at) AS begun FROM {sync_batches.name} "
    f"WHERE entity_name = ANY(:parents) AND status IN ({_COMPLETED}) AND sync_type <> '{SyncType.RETRY}' "
    "GROUP BY entity_name) chance "
    "WHERE p.parent_entity = chance.entity_name AND p.tried_at < chance.begun AND p.resolved_at IS NULL "
    "AND p.child_entity = ANY(:children) AND coalesce(p.next_retry_at, :now) <= :now"
)


def try_again_later(
    connection: Connection, parents: Sequence[str], children: Collection[str], waits: Sequence[float], now: datetime
) -> int:
    """Count an attempt for the rows of `children` that still wait for rows of `parents`, where it counts: it was due,
    and a batch of the parent's entity has begun since the last one and is completed. `waits` are the longest waits in
    seconds after so many failed attempts; the wait itself is spread evenly below. How many rows that were."""
    given = {"parents": list(parents), "children": list(children), "waits": list(waits), "now": now}
    return connection.execute(_TRY_AGAIN_LATER, given).rowcount


def out_of_attempts(connection: Connection, parents: Sequence[str]) -> dict[str, pl.Series]:
    """By entity, the key hashes of rows that have waited in vain for rows of `parents`."""
    query = (
        sa.select(table.c.child_entity, sa.func.string_agg(table.c.child_key_hash, ","))
        .where(*_used_up(), table.c.parent_entity == sa.any_(_array(parents)))
        .group_by(table.c.child_entity)
        .order_by(table.c.child_entity)
    )
    return {child: _split(keys) for child, keys in connection.execute(query)}


def given_up(connection: Connection, child: str, keys: Sequence[str]) -> pl.DataFrame:
    """GIVEN_UP_SCHEMA: those of the keys that have waited in vain, and for which parent."""
    pairs = tuple(table.c[name] for name in GIVEN_UP_SCHEMA)
    used_up = sa.select(*pairs).where(*_of(child, keys), *_used_up())
    failed = sa.select(*pairs).where(*_of(child, keys), _stands_as_failed())
    found = connection.execute(used_up.union(failed)).fetchall()
    return pl.DataFrame([tuple(row) for row in found], schema=GIVEN_UP_SCHEMA, orient="row")


def waits_among(connection: Connection, entities: Sequence[str]) -> pl.DataFrame:
    """(child_entity, child_key_hash, parent_bk_hash) of the open lines of rows of these entities that wait for rows of
    these entities."""
    names = ("child_entity", "child_key_hash", "parent_bk_hash")
    hashes = table.c.child_key_hash, table.c.parent_bk_hash
    wanted = _array(entities)
    query = (
        sa.select(table.c.child_entity, *(sa.func.string_agg(column, ",") for column in hashes))
        .where(table.c.resolved_at.is_(None), table.c.child_entity == sa.any_(wanted))
        .where(table.c.parent_entity == sa.any_(wanted))
        .group_by(table.c.child_entity)
    )
    parts = [
        pl.DataFrame({names[1]: _split(children), names[2]: _split(parents)}).select(
            pl.lit(entity).alias(names[0]), *names[1:]
        )
        for entity, children, parents in connection.execute(query)
    ]
    return pl.concat([pl.DataFrame(schema=dict.fromkeys(names, pl.String)), *parts])


def open_keys(connection: Connection) -> set[tuple[str, str]]:
    """(child entity, key hash) of all rows that wait."""
    query = sa.select(table.c.child_entity, table.c.child_key_hash).where(table.c.resolved_at.is_(None))
    return {(row.child_entity, row.child_key_hash) for row in connection.execute(query)}


def _of(child: str, keys: Iterable[str]) -> tuple[sa.ColumnElement[bool], sa.ColumnElement[bool]]:
    return table.c.child_entity == child, table.c.child_key_hash == sa.any_(_array(list(keys)))


def _wakeable(chosen: PendingFilter) -> list[sa.ColumnElement[bool]]:
    """Open lines as chosen; without a choice also those of rows that stand as failed records for want of a parent."""
    if chosen != EVERY_LINE:
        return conditions(chosen)
    return [table.c.resolved_at.is_(None) | _stands_as_failed()]


def _stands_as_failed() -> sa.ColumnElement[bool]:
    record = (
        sa.select(sa.literal(1))
        .where(
            failed_records.c.entity_name == table.c.child_entity,
            sa.func.coalesce(failed_records.c.key_hash, failed_records.c.raw_hash) == table.c.child_key_hash,
            failed_records.c.resolved_at.is_(None),
            failed_records.c.error_type == PARENT_MISSING,
        )
        .exists()
    )
    return sa.and_(table.c.resolution == FAILED, record)


def _used_up() -> tuple[sa.ColumnElement[bool], sa.ColumnElement[bool]]:
    return table.c.resolved_at.is_(None), table.c.retry_count >= table.c.max_retries


def _split(joined: str) -> pl.Series:
    """Key hashes that came as one text, without an object a key."""
    return pl.Series([joined], dtype=pl.String).str.split(",").explode()


def _array(values: Sequence[str]) -> sa.ColumnElement[Sequence[str]]:
    return sa.cast(list(values), sa.ARRAY(sa.Text))
