"""The tables of the metadata database: the specification's seven, and eight of our own.

Times are `timestamptz` in UTC. Key hashes and data hashes are hex digits as text, but for the bulk columns of
`batch_chunks` and `target_identities`, which hold them as bytes. `raw_data` and its kin are `json`, not `jsonb`: a row
is kept as it came, also with a character that jsonb refuses.
"""

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import BYTEA, JSONB, UUID

from syncflow.model import BatchStatus, DeleteMode, DeltaStrategy, DriftMode, Paging, SyncType, Transformation
from syncflow.schedules import NightEnd


class JsonText(sa.types.UserDefinedType[object]):
    """A `json` column that is written as the JSON text which the stages made, without parsing it in between. Reading
    gives Python values."""

    cache_ok = True

    def get_col_spec(self, **_: object) -> str:
        return "JSON"


metadata = sa.MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
        "pk": "pk_%(table_name)s",
    }
)

_TIME = sa.DateTime(timezone=True)


def _words(column: str, words: type) -> sa.CheckConstraint:
    listed = ", ".join(f"'{word}'" for word in words)  # type: ignore[attr-defined]
    return sa.CheckConstraint(f"{column} IN ({listed})", name=column)


def _count(name: str) -> sa.Column[int]:
    return sa.Column(name, sa.BigInteger, nullable=False, server_default="0")


def _hex(column: str, digits: int) -> sa.CheckConstraint:
    return sa.CheckConstraint(f"{column} ~ '^[0-9a-f]{{{digits}}}$'", name=column)


def _octets(column: str, length: int) -> sa.CheckConstraint:
    return sa.CheckConstraint(f"octet_length({column}) = {length}", name=column)


def _attempts() -> sa.CheckConstraint:
    return sa.CheckConstraint("retry_count >= 0 AND max_retries >= 0", name="attempts")


def _new_uid() -> sa.Column[object]:
    return sa.Column("uid", UUID, primary_key=True, server_default=sa.text("gen_random_uuid()"))


sync_batches = sa.Table(
    "sync_batches",
    metadata,
    sa.Column("uid", UUID, primary_key=True),
    sa.Column("batch_group", UUID),
    sa.Column("entity_name", sa.Text, nullable=False),
    sa.Column("sync_type", sa.Text, nullable=False),
    sa.Column("delta_strategy", sa.Text, nullable=False),
    sa.Column("source_system", sa.Text, nullable=False),
    sa.Column("status", sa.Text, nullable=False),
    sa.Column("requested_by", sa.Text, nullable=False),
    sa.Column("requested_at", _TIME, nullable=False),
    sa.Column("started_at", _TIME),
    sa.Column("completed_at", _TIME),
    sa.Column("claim_epoch", sa.BigInteger, nullable=False, server_default="0"),
    sa.Column("heartbeat_at", _TIME),
    _count("rows_fetched"),
    _count("rows_normalized"),
    _count("rows_validated"),
    _count("rows_mapped"),
    _count("rows_inserted"),
    _count("rows_updated"),
    _count("rows_deleted"),
    _count("rows_unchanged"),
    _count("rows_duplicate"),
    _count("rows_pending"),
    _count("rows_failed"),
    _count("delete_candidates"),
    _count("deletes_withheld"),
    _count("deletes_refused"),
    _count("deletes_still_at_source"),
    sa.Column("success_rate", sa.Numeric(6, 3)),
    sa.Column("error_message", sa.Text),
    sa.Column("notes", JSONB, nullable=False, server_default="[]"),
    sa.Column("plan", BYTEA),
    sa.Column("plan_hash", sa.Text),
    sa.Column("watermark_before", sa.Text),
    sa.Column("watermark_after", sa.Text),
    _count("rows_ignored"),
    sa.Column("worker", sa.Text),
    sa.Column("schedule_uid", UUID),
    sa.Column("cycle", sa.Integer),
    sa.Column("night", sa.Date),
    sa.Column("nights_left", sa.Integer),
    sa.Column("window_end", _TIME),
    sa.Column("by_hand", sa.Boolean, nullable=False, server_default="false"),
    sa.Column("stopped", sa.Boolean, nullable=False, server_default="false"),
    _words("sync_type", SyncType),
    _words("delta_strategy", DeltaStrategy),
    _words("status", BatchStatus),
    sa.CheckConstraint("claim_epoch >= 0", name="claim_epoch"),
    sa.CheckConstraint(
        "least(rows_fetched, rows_normalized, rows_validated, rows_mapped, rows_inserted, rows_updated, rows_deleted, "
        "rows_unchanged, rows_duplicate, rows_pending, rows_failed, delete_candidates, deletes_withheld, "
        "deletes_refused, deletes_still_at_source) >= 0",
        name="counts",
    ),
    sa.CheckConstraint("rows_ignored BETWEEN 0 AND rows_failed", name="ignored"),
    # The conservation law (pipeline): no batch is marked completed that does not balance, whoever marks it.
    sa.CheckConstraint(
        "status NOT IN ('completed', 'completed_with_errors') OR ("
        "rows_fetched = rows_inserted + rows_updated + rows_unchanged + rows_duplicate + rows_pending + rows_failed "
        "AND delete_candidates = rows_deleted + deletes_withheld + deletes_refused + deletes_still_at_source)",
        name="conservation",
    ),
    sa.Index("ix_sync_batches_entity_name_requested_at", "entity_name", sa.text("requested_at DESC")),
    sa.Index("ix_sync_batches_status", "status"),
    sa.Index(
        "uq_sync_batches_running", "entity_name", unique=True,
        postgresql_where=sa.text("status IN ('running', 'cancelling')"),
    ),
    sa.CheckConstraint(
        "schedule_uid IS NULL OR (cycle >= 1 AND nights_left >= 1 AND night IS NOT NULL)", name="night"
    ),
    sa.Index(
        "uq_sync_batches_night", "schedule_uid", "night", "sync_type", unique=True,
        postgresql_where=sa.text("NOT by_hand"),
    ),
)  # fmt: skip

batch_chunks = sa.Table(
    "batch_chunks",
    metadata,
    sa.Column("batch_uid", UUID, sa.ForeignKey("sync_batches.uid", ondelete="CASCADE"), primary_key=True),
    sa.Column("number", sa.Integer, primary_key=True),
    sa.Column("state", sa.Text, nullable=False),
    sa.Column("claim_epoch", sa.BigInteger, nullable=False),
    sa.Column("rows", sa.BigInteger, nullable=False, server_default="0"),
    sa.Column("cursor", JSONB),
    sa.Column("seen_keys", BYTEA),
    sa.Column("intent", BYTEA),
    sa.Column("counters", JSONB),
    sa.Column("intended_at", _TIME),
    sa.Column("settled_at", _TIME),
    sa.CheckConstraint("state IN ('intent', 'done')", name="state"),
    sa.CheckConstraint('number >= 0 AND "rows" >= 0', name="counts"),
)
# Hashes do not compress: stored outside the row as they are, without PostgreSQL trying each time.
sa.event.listen(
    batch_chunks,
    "after_create",
    sa.DDL(  # type: ignore[no-untyped-call]
        "ALTER TABLE %(fullname)s ALTER COLUMN seen_keys SET STORAGE EXTERNAL, ALTER COLUMN intent SET STORAGE EXTERNAL"
    ),
)

failed_records = sa.Table(
    "failed_records",
    metadata,
    _new_uid(),
    sa.Column("batch_uid", UUID, nullable=False),
    sa.Column("entity_name", sa.Text, nullable=False),
    sa.Column("key_hash", sa.Text),
    sa.Column("raw_hash", sa.Text, nullable=False),
    sa.Column("source_system", sa.Text, nullable=False),
    sa.Column("raw_data", JsonText, nullable=False),
    sa.Column("normalized_data", JsonText),
    sa.Column("mapped_data", JsonText),
    sa.Column("stage_failed", sa.Text, nullable=False),
    sa.Column("field", sa.Text),
    sa.Column("error_type", sa.Text, nullable=False),
    sa.Column("error_message", sa.Text, nullable=False),
    sa.Column("stack_trace", sa.Text),
    sa.Column("retry_count", sa.Integer, nullable=False, server_default="0"),
    sa.Column("max_retries", sa.Integer, nullable=False, server_default="5"),
    sa.Column("next_retry_at", _TIME),
    sa.Column("created_at", _TIME, nullable=False),
    sa.Column("updated_at", _TIME, nullable=False),
    sa.Column("resolved_at", _TIME),
    sa.Column("resolved_by", sa.Text),
    sa.Column("resolution", sa.Text),
    sa.Column("value", sa.Text),
    sa.Column("value_shape", sa.Text, nullable=False, server_default=""),
    sa.Column("temporary", sa.Boolean, nullable=False, server_default="false"),
    sa.Column("plan_hash", sa.Text),
    sa.Column("override", JsonText),
    sa.Column("reason", sa.Text),
    sa.Column("purged_at", _TIME),
    _hex("key_hash", 32),
    _hex("raw_hash", 32),
    _attempts(),
    sa.CheckConstraint(
        "resolution IN ('succeeded', 'superseded', 'edited', 'ignored', 'resolved', 'withdrawn')", name="resolution"
    ),
    sa.Index(
        "ix_failed_records_override", "entity_name", "raw_hash",
        postgresql_where=sa.text("resolution IN ('edited', 'ignored')"),
    ),
    sa.Index("ix_failed_records_batch_uid", "batch_uid"),
    sa.Index("ix_failed_records_open", "entity_name", "uid", postgresql_where=sa.text("resolved_at IS NULL")),
    sa.Index("ix_failed_records_due", "next_retry_at", postgresql_where=sa.text("resolved_at IS NULL")),
    sa.Index("ix_failed_records_signature", "entity_name", "stage_failed", "field", "error_type"),
    sa.Index(
        "uq_failed_records_open", "entity_name", sa.text("COALESCE(key_hash, raw_hash)"), unique=True,
        postgresql_where=sa.text("resolved_at IS NULL"),
    ),
)  # fmt: skip

pending_children = sa.Table(
    "pending_children",
    metadata,
    _new_uid(),
    sa.Column("batch_uid", UUID, nullable=False),
    sa.Column("child_entity", sa.Text, nullable=False),
    sa.Column("child_key_hash", sa.Text, nullable=False),
    sa.Column("parent_entity", sa.Text, nullable=False),
    sa.Column("parent_ref", sa.Text, nullable=False),
    sa.Column("parent_bk_hash", sa.Text, nullable=False),
    sa.Column("parent_key", sa.Text, nullable=False),
    sa.Column("child_payload", JsonText, nullable=False),
    sa.Column("retry_count", sa.Integer, nullable=False, server_default="0"),
    sa.Column("max_retries", sa.Integer, nullable=False, server_default="5"),
    sa.Column("next_retry_at", _TIME),
    sa.Column("created_at", _TIME, nullable=False),
    sa.Column("updated_at", _TIME, nullable=False),
    sa.Column("resolved_at", _TIME),
    sa.Column("resolution", sa.Text),
    sa.Column("tried_at", _TIME, nullable=False, server_default=sa.text("clock_timestamp()")),
    sa.CheckConstraint("resolution IN ('loaded', 'superseded', 'failed')", name="resolution"),
    _hex("child_key_hash", 32),
    _hex("parent_bk_hash", 32),
    _attempts(),
    sa.Index("ix_pending_children_batch_uid", "batch_uid"),
    sa.Index("ix_pending_children_due", "next_retry_at", postgresql_where=sa.text("resolved_at IS NULL")),
    sa.Index(
        "uq_pending_children_open", "child_entity", "child_key_hash", unique=True,
        postgresql_where=sa.text("resolved_at IS NULL"),
    ),
    sa.Index(
        "ix_pending_children_given_up", "child_entity", "child_key_hash",
        postgresql_where=sa.text("resolution = 'failed'"),
    ),
    sa.Index(
        "ix_pending_children_parent", "parent_entity", "parent_bk_hash",
        postgresql_where=sa.text("resolved_at IS NULL OR resolution = 'failed'"),
    ),
)  # fmt: skip

erp_sync_state = sa.Table(
    "erp_sync_state",
    metadata,
    sa.Column("entity_name", sa.Text, primary_key=True),
    sa.Column("watermark", sa.Text),
    sa.Column("watermark_type", sa.Text),
    sa.Column("last_completed_batch", UUID),
    sa.Column("last_full_at", _TIME),
    sa.Column("plan_hash", sa.Text),
    sa.Column("total_rows", sa.BigInteger),
)

background_sync_schedule = sa.Table(
    "background_sync_schedule",
    metadata,
    sa.Column("entity_name", sa.Text, primary_key=True),
    sa.Column("window_start", sa.Time, nullable=False, server_default="19:00"),
    sa.Column("window_end", sa.Time, nullable=False, server_default="07:00"),
    sa.Column("time_zone", sa.Text, nullable=False, server_default="UTC"),
    sa.Column("days_of_week", sa.ARRAY(sa.SmallInteger), nullable=False, server_default="{1,2,3,4,5,6,7}"),
    sa.Column("days_to_complete", sa.Integer, nullable=False, server_default="7"),
    sa.Column("rows_per_night", sa.BigInteger),
    sa.Column("current_offset", sa.BigInteger, nullable=False, server_default="0"),
    sa.Column("last_key", JSONB),
    sa.Column("cycle", sa.Integer, nullable=False, server_default="1"),
    sa.Column("enabled", sa.Boolean, nullable=False, server_default="true"),
    sa.Column("paused", sa.Boolean, nullable=False, server_default="false"),
    sa.Column("updated_at", _TIME),
    sa.Column("uid", UUID, nullable=False, unique=True, server_default=sa.text("gen_random_uuid()")),
    sa.Column("cycle_started_at", _TIME),
    sa.Column("nights", sa.Integer, nullable=False, server_default="0"),
    sa.Column("source_rows", sa.BigInteger),
    sa.Column("plan_hash", sa.Text),
    sa.Column("version", sa.Integer, nullable=False, server_default="1"),
    sa.CheckConstraint("days_to_complete >= 1", name="days_to_complete"),
    sa.CheckConstraint("current_offset >= 0", name="current_offset"),
    sa.CheckConstraint("cycle >= 1", name="cycle"),
    sa.CheckConstraint("days_of_week <@ '{1,2,3,4,5,6,7}'::smallint[]", name="days_of_week"),
    sa.CheckConstraint("cardinality(days_of_week) > 0", name="days_not_empty"),
    sa.CheckConstraint("nights >= 0 AND source_rows >= 0", name="nights"),
)

background_nights = sa.Table(
    "background_nights",
    metadata,
    sa.Column(
        "schedule_uid",
        UUID,
        sa.ForeignKey("background_sync_schedule.uid", ondelete="CASCADE"),
        primary_key=True,
    ),
    sa.Column("batch_uid", UUID, primary_key=True),
    sa.Column("night", sa.Date, nullable=False),
    sa.Column("cycle", sa.Integer, nullable=False),
    sa.Column("planned", sa.BigInteger, nullable=False),
    sa.Column("started_at", _TIME, nullable=False),
    sa.Column("ended_at", _TIME),
    _count("rows"),
    sa.Column("seconds", sa.Double, nullable=False, server_default="0"),
    sa.Column("reason", sa.Text),
    _words("reason", NightEnd),
    sa.CheckConstraint('cycle >= 1 AND planned >= 0 AND "rows" >= 0 AND seconds >= 0', name="counts"),
)

entity_config = sa.Table(
    "entity_config",
    metadata,
    sa.Column("entity_name", sa.Text, primary_key=True),
    sa.Column("api_slug", sa.Text, nullable=False),
    sa.Column("business_key_fields", sa.ARRAY(sa.Text), nullable=False),
    sa.Column("parent_refs_config", JSONB, nullable=False, server_default="[]"),
    sa.Column("delta_strategy", sa.Text, nullable=False),
    sa.Column("rowversion_field", sa.Text),
    sa.Column("lookback", sa.BigInteger, nullable=False, server_default="0"),
    sa.Column("paging", sa.Text, nullable=False),
    sa.Column("delete_mode", sa.Text, nullable=False),
    sa.Column("drift_mode", sa.Text, nullable=False),
    sa.Column("conventions", JSONB, nullable=False, server_default="{}"),
    sa.Column("column_types", JSONB, nullable=False, server_default="{}"),
    sa.Column("hash_exclude", sa.ARRAY(sa.Text), nullable=False, server_default="{}"),
    sa.Column("sync_enabled", sa.Boolean, nullable=False, server_default="true"),
    sa.Column("sync_schedule", sa.Text),
    sa.Column("version", sa.Integer, nullable=False, server_default="1"),
    sa.Column("created_at", _TIME, nullable=False),
    sa.Column("updated_at", _TIME, nullable=False),
    _words("delta_strategy", DeltaStrategy),
    _words("paging", Paging),
    _words("delete_mode", DeleteMode),
    _words("drift_mode", DriftMode),
    sa.CheckConstraint("lookback >= 0", name="lookback"),
    sa.CheckConstraint("cardinality(business_key_fields) > 0", name="business_key_fields"),
)

field_mappings = sa.Table(
    "field_mappings",
    metadata,
    sa.Column("entity_name", sa.Text, sa.ForeignKey("entity_config.entity_name", ondelete="CASCADE"), primary_key=True),
    sa.Column("position", sa.Integer, primary_key=True),
    sa.Column("source", sa.Text, nullable=False),
    sa.Column("target", sa.Text, nullable=False),
    sa.Column("transformation", sa.Text, nullable=False),
    sa.Column("default_value", sa.Text),
    sa.Column("is_required", sa.Boolean, nullable=False, server_default="false"),
    sa.Column("validation_rule", sa.Text),
    sa.Column("options", JSONB, nullable=False, server_default="{}"),
    _words("transformation", Transformation),
    sa.UniqueConstraint("entity_name", "source"),
    sa.UniqueConstraint("entity_name", "target"),
)

withheld_deletes = sa.Table(
    "withheld_deletes",
    metadata,
    sa.Column("batch_uid", UUID, primary_key=True),
    sa.Column("key_hash", sa.Text, primary_key=True),
    sa.Column("entity_name", sa.Text, nullable=False),
    sa.Column("target_uid", UUID),
    sa.Column("ref_str", sa.Text),
    sa.Column("reason", sa.Text, nullable=False),
    sa.Column("state", sa.Text, nullable=False),
    sa.Column("created_at", _TIME, nullable=False),
    sa.Column("decided_at", _TIME),
    sa.Column("decided_by", sa.Text),
    sa.Column("applied_in", UUID),
    sa.Column("outcome", sa.Text),
    _hex("key_hash", 32),
    sa.CheckConstraint("outcome IN ('deleted', 'refused', 'still_at_source')", name="outcome"),
    sa.CheckConstraint("state IN ('withheld', 'approved', 'discarded', 'superseded')", name="state"),
    sa.Index("ix_withheld_deletes_entity_name_state", "entity_name", "state"),
)

audit_log = sa.Table(
    "audit_log",
    metadata,
    sa.Column("id", sa.BigInteger, sa.Identity(always=True), primary_key=True),
    sa.Column("at", _TIME, nullable=False),
    sa.Column("actor", sa.Text, nullable=False),
    sa.Column("act", sa.Text, nullable=False),
    sa.Column("entity", sa.Text),
    sa.Column("subject", sa.Text, nullable=False),
    sa.Column("before", JSONB),
    sa.Column("after", JSONB),
    sa.Index("ix_audit_log_at", "at"),
)

target_identities = sa.Table(
    "target_identities",
    metadata,
    sa.Column("target", sa.Text, primary_key=True),
    sa.Column("entity", sa.Text, primary_key=True),
    sa.Column("key_hash", BYTEA, primary_key=True),
    sa.Column("data_hash", BYTEA, nullable=False),
    sa.Column("uid", UUID),
    sa.Column("rowversion", sa.Text),
    _octets("key_hash", 16),
    _octets("data_hash", 32),
)

alerts = sa.Table(
    "alerts",
    metadata,
    _new_uid(),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("subject", sa.Text, nullable=False),
    sa.Column("text", sa.Text, nullable=False),
    sa.Column("next_step", sa.Text, nullable=False),
    sa.Column("began_at", _TIME, nullable=False),
    sa.Column("ended_at", _TIME),
    sa.Column("begin_told", sa.ARRAY(sa.Text), nullable=False, server_default="{}"),
    sa.Column("end_told", sa.ARRAY(sa.Text), nullable=False, server_default="{}"),
    sa.Index("uq_alerts_open", "kind", "subject", unique=True, postgresql_where=sa.text("ended_at IS NULL")),
    sa.Index("ix_alerts_ended_at", "ended_at"),
)

daemons = sa.Table(
    "daemons",
    metadata,
    sa.Column("worker", sa.Text, primary_key=True),
    sa.Column("host", sa.Text, nullable=False),
    sa.Column("version", sa.Text, nullable=False),
    sa.Column("since", _TIME, nullable=False),
    sa.Column("beat_at", _TIME, nullable=False),
    sa.Column("worker_state", sa.Text, nullable=False),
    sa.Column("scheduler_state", sa.Text, nullable=False),
    sa.Column("running", sa.Integer, nullable=False),
    sa.Column("silent_seconds", sa.Double, nullable=False),
    sa.CheckConstraint("running >= 0 AND silent_seconds >= 0", name="counts"),
)

night_reports = sa.Table(
    "night_reports",
    metadata,
    sa.Column("closed_at", _TIME, primary_key=True),
    sa.Column("told_at", _TIME, nullable=False),
)
