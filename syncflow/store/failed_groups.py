"""Failed records in groups by their error signature: entity, stage, field, error type and shape of the value."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy import Connection

from syncflow.store.failed_filter import FailedFilter, conditions
from syncflow.store.tables import failed_records as table

SAMPLES = 3


@dataclass(frozen=True)
class FailedGroup:
    """`rows` open records that failed alike, first and last seen at these times; `samples` are some of their values and
    `message` is one of their messages. `field` is None where no single field is at fault."""

    entity: str
    stage: str
    field: str | None
    error_type: str
    shape: str
    rows: int
    first_seen: datetime
    last_seen: datetime
    samples: tuple[str, ...]
    message: str


def groups(connection: Connection, chosen: FailedFilter, limit: int) -> list[FailedGroup]:
    """The largest first."""
    signature = (table.c.entity_name, table.c.stage_failed, table.c.field, table.c.error_type, table.c.value_shape)
    count = sa.func.count().label("rows")
    grouped = (
        sa.select(*signature, count, sa.func.min(table.c.created_at).label("first_seen"),
                  sa.func.max(table.c.updated_at).label("last_seen"))
        .where(*conditions(chosen))
        .group_by(*signature)
        .order_by(count.desc(), *signature)
        .limit(limit)
        .subquery()
    )  # fmt: skip
    found = connection.execute(sa.select(grouped).order_by(grouped.c.rows.desc(), *grouped.c[:5])).all()
    return [_with_samples(connection, chosen, row) for row in found]


def _with_samples(connection: Connection, chosen: FailedFilter, row: "sa.Row[tuple[object, ...]]") -> FailedGroup:
    """Some values and a message, out of the first hundred records of a group."""
    alike = (
        table.c.entity_name == row.entity_name,
        table.c.stage_failed == row.stage_failed,
        table.c.field.is_not_distinct_from(row.field),
        table.c.error_type == row.error_type,
        table.c.value_shape == row.value_shape,
    )
    query = sa.select(table.c.value, table.c.error_message).where(*conditions(chosen), *alike).limit(100)
    some = connection.execute(query).all()
    return FailedGroup(
        entity=row.entity_name,
        stage=row.stage_failed,
        field=row.field,
        error_type=row.error_type,
        shape=row.value_shape,
        rows=row.rows,
        first_seen=row.first_seen,
        last_seen=row.last_seen,
        samples=_distinct([value for value, _ in some if value is not None]),
        message=some[0].error_message if some else "",
    )


def _distinct(values: Sequence[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(values))[:SAMPLES]


def raw_texts(connection: Connection, chosen: FailedFilter, after: UUID | None, limit: int) -> list[tuple[UUID, str]]:
    """Records by uid, each with its raw row as the JSON text of an object; `after` is the last uid of the page before.
    Rows that could not be read at all are left out, and payloads that were purged."""
    text = sa.cast(table.c.raw_data, sa.Text)
    query = sa.select(table.c.uid, text).where(*conditions(chosen), table.c.stage_failed != "s1_fetch")
    query = query.where(table.c.purged_at.is_(None))
    if after is not None:
        query = query.where(table.c.uid > after)
    return [(uid, raw) for uid, raw in connection.execute(query.order_by(table.c.uid).limit(limit))]
