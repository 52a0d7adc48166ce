"""What people decided about failed records. Every decision and its line in the audit log are one statement, so that
neither is there without the other, and saying it twice changes nothing."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy import Connection

from syncflow.store.audit_log import tell
from syncflow.store.failed_filter import among
from syncflow.store.failed_records import EDITED, OVERRIDES, RESOLVED, SUPERSEDED, WITHDRAWN, FailedRow
from syncflow.store.tables import audit_log, sync_batches
from syncflow.store.tables import failed_records as table
from syncflow.uuid7 import uuid7


@dataclass(frozen=True)
class Decision:
    """Who decided, why, and when."""

    actor: str
    reason: str | None
    now: datetime


@dataclass(frozen=True)
class Override:
    """A decision that holds: `edit` gives columns other values, None leaves the row out. The rest is why the row had
    failed."""

    uid: UUID
    raw_hash: str
    edit: Mapping[str, str | None] | None
    stage_failed: str
    field: str | None
    error_type: str
    error_message: str


@dataclass(frozen=True)
class ActiveOverride:
    """A decision that holds, for the row of a key while it is sent as it was; `key_hash` is None where no key could be
    made."""

    uid: UUID
    key_hash: str | None
    raw_hash: str
    stage_failed: str


_HOLDS = table.c.resolution.in_(OVERRIDES)
_JUDGED_SINCE = sa.exists().where(
    sync_batches.c.entity_name == table.c.entity_name, sync_batches.c.completed_at > table.c.resolved_at
)
_CLOSED_BY_HAND = (table.c.resolution == RESOLVED) & table.c.purged_at.is_(None) & ~_JUDGED_SINCE
"""What was closed by hand, and what no batch of its entity can have brought since."""
_BEFORE = ("stage_failed", "field", "error_type", "error_message", "retry_count")
_COPIED = tuple(
    part.name
    for part in fields(FailedRow)
    if part.name not in ("retry_count", "max_retries", "next_retry_at", "batch_uid")
)
_EMPTIED = {"raw_data": "{}", "normalized_data": None, "mapped_data": None, "stack_trace": None, "value": None}


def active(connection: Connection, entity: str) -> list[ActiveOverride]:
    columns = (table.c.uid, table.c.key_hash, table.c.raw_hash, table.c.stage_failed)
    query = sa.select(*columns).where(table.c.entity_name == entity, _HOLDS)
    return [ActiveOverride(*row) for row in connection.execute(query)]


def of_rows(connection: Connection, entity: str, raw_hashes: Sequence[str]) -> dict[str, Override]:
    """The decisions about these raw rows by their hash; the newest, should there be several."""
    columns = ("uid", "raw_hash", "override", "stage_failed", "field", "error_type", "error_message")
    wanted = sa.cast(list(raw_hashes), sa.ARRAY(sa.Text))
    query = (
        sa.select(*(table.c[name] for name in columns))
        .where(table.c.entity_name == entity, table.c.raw_hash == sa.any_(wanted), _HOLDS)
        .order_by(table.c.resolved_at)
    )
    return {row.raw_hash: Override(*row) for row in connection.execute(query)}


def outdated(connection: Connection, uids: Sequence[UUID], now: datetime) -> None:
    """Decisions about rows that the source sends otherwise by now: they hold no longer."""
    if uids:
        statement = table.update().where(among(list(uids)), _HOLDS)
        connection.execute(statement.values(resolution=SUPERSEDED, updated_at=now))


def close(
    connection: Connection, which: Sequence[sa.ColumnElement[bool]], resolution: str, act: str, decision: Decision
) -> int:
    """Close all open records that are meant, `ignored` or `resolved`; how many there were."""
    values = {"resolution": resolution, "override": None}
    return _decide(connection, [*which, table.c.resolved_at.is_(None)], act, decision, values, None)


def edit(
    connection: Connection,
    uid: UUID,
    before: Mapping[str, str | None],
    after: Mapping[str, str | None],
    decision: Decision,
) -> bool:
    """Close an open record whose row passed with these values instead of those before."""
    which = [table.c.uid == uid, table.c.resolved_at.is_(None)]
    values = {"resolution": EDITED, "override": json.dumps(dict(after), ensure_ascii=False)}
    told = {"values": _storable(before)}, {"values": _storable(after)}
    return _decide(connection, which, "failed_record.edit", decision, values, told) > 0


def withdraw(connection: Connection, uid: UUID, decision: Decision) -> bool:
    """A decision holds no longer: its row stands open again under a new uid, unless its key has an open record already.
    False when the decision did not hold any more; a record that was closed by hand can be opened until its entity is
    synced."""
    which = [table.c.uid == uid, _HOLDS | _CLOSED_BY_HAND]
    if not _decide(connection, which, "failed_record.withdraw", decision, {"resolution": WITHDRAWN}, None):
        return False
    connection.execute(_REOPEN, {"new": uuid7(), "now": decision.now, "uid": uid})
    return True


def _reopen_statement() -> sa.TextClause:
    # An extract under way may have read the row already; in its name, it does not take the row for gone at its end.
    unfinished = (
        "SELECT b.uid FROM sync_batches b WHERE b.entity_name = f.entity_name AND b.sync_type <> 'retry' "
        "AND b.status IN ('running', 'cancelling', 'interrupted') ORDER BY b.requested_at LIMIT 1"
    )
    same = ", ".join(("entity_name", "source_system", *_COPIED))
    return sa.text(
        f"INSERT INTO {table.name} (uid, batch_uid, created_at, updated_at, retry_count, max_retries, {same}) "
        f"SELECT :new, COALESCE(({unfinished}), batch_uid), :now, :now, 0, max_retries, {same} "
        f"FROM {table.name} f WHERE uid = :uid ON CONFLICT DO NOTHING"
    )


_REOPEN = _reopen_statement()


def tell_retry(connection: Connection, uids: Sequence[UUID], batch: UUID, actor: str, now: datetime) -> None:
    """Somebody asked for these open records to be tried again."""
    before = sa.func.jsonb_build_object(*_pairs(table, _BEFORE))
    after = sa.func.jsonb_build_object("batch", sa.cast(str(batch), sa.Text))
    lines = sa.select(
        sa.literal(now, sa.DateTime(True)),
        sa.literal(actor),
        sa.literal("failed_record.retry"),
        table.c.entity_name,
        sa.cast(table.c.uid, sa.Text),
        before,
        after,
    ).where(among(list(uids)), table.c.resolved_at.is_(None))
    connection.execute(audit_log.insert().from_select(_LINE, lines))
    tell(connection, actor, "failed_record.retry", None, _records(len(uids)))


def purge(connection: Connection, closed_before: datetime, now: datetime) -> int:
    """Empty the payloads of records closed before that time; of decisions that hold, nothing is taken."""
    statement = table.update().where(*purgeable(closed_before))
    return connection.execute(statement.values(**_EMPTIED, override=None, purged_at=now)).rowcount


def count_purgeable(connection: Connection, closed_before: datetime) -> int:
    query = sa.select(sa.func.count()).select_from(table).where(*purgeable(closed_before))
    return int(connection.execute(query).scalar_one())


def purgeable(closed_before: datetime) -> list[sa.ColumnElement[bool]]:
    holds = sa.func.coalesce(_HOLDS, False)
    return [table.c.resolved_at < closed_before, table.c.purged_at.is_(None), ~holds]


_LINE = ["at", "actor", "act", "entity", "subject", "before", "after"]


def _decide(
    connection: Connection,
    which: Sequence[sa.ColumnElement[bool]],
    act: str,
    decision: Decision,
    values: Mapping[str, object],
    told: tuple[Mapping[str, object], Mapping[str, object]] | None,
) -> int:
    """Change the records that are meant and write a line each into the audit log; `told` adds to before and after.
    Decisions of before about the same raw rows give way."""
    common = {"resolved_at": decision.now, "updated_at": decision.now, "resolved_by": decision.actor}
    was = sa.select(table.c.uid, table.c.resolution.label("was"), table.c.reason.label("because")).where(*which)
    meant = was.with_for_update().cte("meant")
    changed = (
        table.update()
        .where(table.c.uid == meant.c.uid)
        .values(**common, **values, reason=decision.reason, next_retry_at=None)
        .returning(*table.columns, meant.c.was, meant.c.because)
        .cte("changed")
    )
    new_state = {"resolution": values["resolution"], "reason": decision.reason}
    before_more, after_more = told or ({}, {})
    lines = sa.select(
        sa.literal(decision.now, sa.DateTime(True)),
        sa.literal(decision.actor),
        sa.literal(act),
        changed.c.entity_name,
        sa.cast(changed.c.uid, sa.Text),
        sa.func.jsonb_build_object(*_pairs(changed, _BEFORE), "resolution", changed.c.was, "reason", changed.c.because)
        .op("||")(sa.literal(before_more, audit_log.c.before.type)),
        sa.literal({**new_state, **after_more}, audit_log.c.after.type),
    )  # fmt: skip
    older = (
        table.update()
        .where(
            _HOLDS,
            sa.tuple_(table.c.entity_name, table.c.raw_hash).in_(sa.select(changed.c.entity_name, changed.c.raw_hash)),
            table.c.uid.not_in(sa.select(changed.c.uid)),
        )
        .values(resolution=SUPERSEDED, updated_at=decision.now)
        .cte("older")
    )
    log = audit_log.insert().from_select(_LINE, lines).cte("log")
    entity = changed.c.entity_name
    counted = sa.select(sa.func.count(), sa.func.min(entity), sa.func.max(entity)).select_from(changed).add_cte(log)
    if values["resolution"] in OVERRIDES:
        counted = counted.add_cte(older)
    rows, first, last = connection.execute(counted).one()
    if rows:
        tell(connection, decision.actor, act, first if first == last else None, _records(rows))
    return int(rows)


def _records(rows: int) -> str:
    return "1 failed record" if rows == 1 else f"{rows} failed records"


def _pairs(record: sa.FromClause, names: Sequence[str]) -> list[object]:
    """The arguments of `jsonb_build_object`."""
    return [part for name in names for part in (name, record.c[name])]


def _storable(values: Mapping[str, str | None]) -> dict[str, str | None]:
    """As the audit log's jsonb takes it, which holds no NUL character: it shows as its symbol."""
    return {name: None if value is None else value.replace("\0", "\u2400") for name, value in values.items()}
