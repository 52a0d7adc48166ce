"""The first tables: the specification's seven, and four of our own."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision: str = "0001"
down_revision: str | None = None
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    _sync_batches()
    _batch_chunks()
    _failed_records()
    _pending_children()
    _erp_sync_state()
    _background_sync_schedule()
    _entity_config()
    _field_mappings()
    _withheld_deletes()
    _audit_log()
    _target_identities()


def downgrade() -> None:
    for table in (
        "target_identities",
        "audit_log",
        "withheld_deletes",
        "field_mappings",
        "entity_config",
        "background_sync_schedule",
        "erp_sync_state",
        "pending_children",
        "failed_records",
        "batch_chunks",
        "sync_batches",
    ):
        op.drop_table(table)


def _sync_batches() -> None:
    op.create_table(
        "sync_batches",
        sa.Column("uid", sa.UUID(), nullable=False),
        sa.Column("batch_group", sa.UUID()),
        sa.Column("entity_name", sa.Text(), nullable=False),
        sa.Column("sync_type", sa.Text(), nullable=False),
        sa.Column("delta_strategy", sa.Text(), nullable=False),
        sa.Column("source_system", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("requested_by", sa.Text(), nullable=False),
        sa.Column("requested_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True)),
        sa.Column("completed_at", sa.DateTime(timezone=True)),
        sa.Column("claim_epoch", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("heartbeat_at", sa.DateTime(timezone=True)),
        sa.Column("rows_fetched", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("rows_normalized", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("rows_validated", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("rows_mapped", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("rows_inserted", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("rows_updated", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("rows_deleted", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("rows_unchanged", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("rows_duplicate", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("rows_pending", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("rows_failed", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("delete_candidates", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("deletes_withheld", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("deletes_refused", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("deletes_still_at_source", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("success_rate", sa.Numeric(precision=6, scale=3)),
        sa.Column("error_message", sa.Text()),
        sa.Column("notes", postgresql.JSONB(), server_default="[]", nullable=False),
        sa.Column("plan", postgresql.BYTEA()),
        sa.Column("plan_hash", sa.Text()),
        sa.Column("watermark_before", sa.Text()),
        sa.Column("watermark_after", sa.Text()),
        sa.CheckConstraint(
            "delta_strategy IN ('full', 'rowversion', 'hash')", name=op.f("ck_sync_batches_delta_strategy")
        ),
        sa.CheckConstraint(
            "status IN ('queued', 'running', 'cancelling', 'interrupted', 'completed', "
            "'completed_with_errors', 'failed', 'cancelled')",
            name=op.f("ck_sync_batches_status"),
        ),
        sa.CheckConstraint(
            "status NOT IN ('completed', 'completed_with_errors') OR (rows_fetched = rows_inserted + "
            "rows_updated + rows_unchanged + rows_duplicate + rows_pending + rows_failed AND "
            "delete_candidates = rows_deleted + deletes_withheld + deletes_refused + "
            "deletes_still_at_source)",
            name=op.f("ck_sync_batches_conservation"),
        ),
        sa.CheckConstraint(
            "sync_type IN ('full', 'incremental', 'background', 'retry')", name=op.f("ck_sync_batches_sync_type")
        ),
        sa.CheckConstraint("claim_epoch >= 0", name=op.f("ck_sync_batches_claim_epoch")),
        sa.CheckConstraint(
            "least(rows_fetched, rows_normalized, rows_validated, rows_mapped, rows_inserted, rows_updated, "
            "rows_deleted, rows_unchanged, rows_duplicate, rows_pending, rows_failed, delete_candidates, "
            "deletes_withheld, deletes_refused, deletes_still_at_source) >= 0",
            name=op.f("ck_sync_batches_counts"),
        ),
        sa.PrimaryKeyConstraint("uid", name=op.f("pk_sync_batches")),
    )
    op.create_index(
        "ix_sync_batches_entity_name_requested_at",
        "sync_batches",
        ["entity_name", sa.literal_column("requested_at DESC")],
        unique=False,
    )
    op.create_index("ix_sync_batches_status", "sync_batches", ["status"], unique=False)
    op.create_index(
        "uq_sync_batches_running",
        "sync_batches",
        ["entity_name"],
        unique=True,
        postgresql_where=sa.text("status IN ('running', 'cancelling')"),
    )


def _batch_chunks() -> None:
    op.create_table(
        "batch_chunks",
        sa.Column("batch_uid", sa.UUID(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("claim_epoch", sa.BigInteger(), nullable=False),
        sa.Column("rows", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("cursor", postgresql.JSONB()),
        sa.Column("seen_keys", postgresql.BYTEA()),
        sa.Column("intent", postgresql.BYTEA()),
        sa.Column("counters", postgresql.JSONB()),
        sa.Column("intended_at", sa.DateTime(timezone=True)),
        sa.Column("settled_at", sa.DateTime(timezone=True)),
        sa.CheckConstraint("state IN ('intent', 'done')", name=op.f("ck_batch_chunks_state")),
        sa.CheckConstraint('number >= 0 AND "rows" >= 0', name=op.f("ck_batch_chunks_counts")),
        sa.ForeignKeyConstraint(
            ["batch_uid"], ["sync_batches.uid"], name=op.f("fk_batch_chunks_batch_uid"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("batch_uid", "number", name=op.f("pk_batch_chunks")),
    )
    op.execute(
        "ALTER TABLE batch_chunks ALTER COLUMN seen_keys SET STORAGE EXTERNAL, ALTER COLUMN intent SET STORAGE EXTERNAL"
    )


def _failed_records() -> None:
    op.create_table(
        "failed_records",
        sa.Column("uid", sa.UUID(), server_default=sa.text("gen_random_uuid()"), nullable=False),
        sa.Column("batch_uid", sa.UUID(), nullable=False),
        sa.Column("entity_name", sa.Text(), nullable=False),
        sa.Column("key_hash", sa.Text()),
        sa.Column("raw_hash", sa.Text(), nullable=False),
        sa.Column("source_system", sa.Text(), nullable=False),
        sa.Column("raw_data", sa.JSON(), nullable=False),
        sa.Column("normalized_data", sa.JSON()),
        sa.Column("mapped_data", sa.JSON()),
        sa.Column("stage_failed", sa.Text(), nullable=False),
        sa.Column("field", sa.Text()),
        sa.Column("error_type", sa.Text(), nullable=False),
        sa.Column("error_message", sa.Text(), nullable=False),
        sa.Column("stack_trace", sa.Text()),
        sa.Column("retry_count", sa.Integer(), server_default="0", nullable=False),
        sa.Column("max_retries", sa.Integer(), server_default="5", nullable=False),
        sa.Column("next_retry_at", sa.DateTime(timezone=True)),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("resolved_at", sa.DateTime(timezone=True)),
        sa.Column("resolved_by", sa.Text()),
        sa.Column("resolution", sa.Text()),
        sa.CheckConstraint("key_hash ~ '^[0-9a-f]{32}$'", name=op.f("ck_failed_records_key_hash")),
        sa.CheckConstraint("raw_hash ~ '^[0-9a-f]{32}$'", name=op.f("ck_failed_records_raw_hash")),
        sa.CheckConstraint("retry_count >= 0 AND max_retries >= 0", name=op.f("ck_failed_records_attempts")),
        sa.PrimaryKeyConstraint("uid", name=op.f("pk_failed_records")),
    )
    op.create_index("ix_failed_records_batch_uid", "failed_records", ["batch_uid"], unique=False)
    op.create_index(
        "ix_failed_records_due",
        "failed_records",
        ["next_retry_at"],
        unique=False,
        postgresql_where=sa.text("resolved_at IS NULL"),
    )
    op.create_index(
        "ix_failed_records_signature",
        "failed_records",
        ["entity_name", "stage_failed", "field", "error_type"],
        unique=False,
    )
    op.create_index(
        "uq_failed_records_open",
        "failed_records",
        ["entity_name", sa.literal_column("COALESCE(key_hash, raw_hash)")],
        unique=True,
        postgresql_where=sa.text("resolved_at IS NULL"),
    )


def _pending_children() -> None:
    op.create_table(
        "pending_children",
        sa.Column("uid", sa.UUID(), server_default=sa.text("gen_random_uuid()"), nullable=False),
        sa.Column("batch_uid", sa.UUID(), nullable=False),
        sa.Column("child_entity", sa.Text(), nullable=False),
        sa.Column("child_key_hash", sa.Text(), nullable=False),
        sa.Column("parent_entity", sa.Text(), nullable=False),
        sa.Column("parent_ref", sa.Text(), nullable=False),
        sa.Column("parent_bk_hash", sa.Text(), nullable=False),
        sa.Column("parent_key", sa.Text(), nullable=False),
        sa.Column("child_payload", sa.JSON(), nullable=False),
        sa.Column("retry_count", sa.Integer(), server_default="0", nullable=False),
        sa.Column("max_retries", sa.Integer(), server_default="5", nullable=False),
        sa.Column("next_retry_at", sa.DateTime(timezone=True)),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("resolved_at", sa.DateTime(timezone=True)),
        sa.CheckConstraint("child_key_hash ~ '^[0-9a-f]{32}$'", name=op.f("ck_pending_children_child_key_hash")),
        sa.CheckConstraint("parent_bk_hash ~ '^[0-9a-f]{32}$'", name=op.f("ck_pending_children_parent_bk_hash")),
        sa.CheckConstraint("retry_count >= 0 AND max_retries >= 0", name=op.f("ck_pending_children_attempts")),
        sa.PrimaryKeyConstraint("uid", name=op.f("pk_pending_children")),
    )
    op.create_index("ix_pending_children_batch_uid", "pending_children", ["batch_uid"], unique=False)
    op.create_index(
        "ix_pending_children_due",
        "pending_children",
        ["next_retry_at"],
        unique=False,
        postgresql_where=sa.text("resolved_at IS NULL"),
    )
    op.create_index(
        "ix_pending_children_parent",
        "pending_children",
        ["parent_entity", "parent_bk_hash"],
        unique=False,
        postgresql_where=sa.text("resolved_at IS NULL"),
    )
    op.create_index(
        "uq_pending_children_open",
        "pending_children",
        ["child_entity", "child_key_hash"],
        unique=True,
        postgresql_where=sa.text("resolved_at IS NULL"),
    )


def _erp_sync_state() -> None:
    op.create_table(
        "erp_sync_state",
        sa.Column("entity_name", sa.Text(), nullable=False),
        sa.Column("watermark", sa.Text()),
        sa.Column("watermark_type", sa.Text()),
        sa.Column("last_completed_batch", sa.UUID()),
        sa.Column("last_full_at", sa.DateTime(timezone=True)),
        sa.Column("plan_hash", sa.Text()),
        sa.Column("total_rows", sa.BigInteger()),
        sa.PrimaryKeyConstraint("entity_name", name=op.f("pk_erp_sync_state")),
    )


def _background_sync_schedule() -> None:
    op.create_table(
        "background_sync_schedule",
        sa.Column("entity_name", sa.Text(), nullable=False),
        sa.Column("window_start", sa.Time(), server_default="19:00", nullable=False),
        sa.Column("window_end", sa.Time(), server_default="07:00", nullable=False),
        sa.Column("time_zone", sa.Text(), server_default="UTC", nullable=False),
        sa.Column("days_of_week", sa.ARRAY(sa.SmallInteger()), server_default="{1,2,3,4,5,6,7}", nullable=False),
        sa.Column("days_to_complete", sa.Integer(), server_default="7", nullable=False),
        sa.Column("rows_per_night", sa.BigInteger()),
        sa.Column("current_offset", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("last_key", postgresql.JSONB()),
        sa.Column("cycle", sa.Integer(), server_default="1", nullable=False),
        sa.Column("enabled", sa.Boolean(), server_default="true", nullable=False),
        sa.Column("paused", sa.Boolean(), server_default="false", nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True)),
        sa.CheckConstraint(
            "days_of_week <@ '{1,2,3,4,5,6,7}'::smallint[]", name=op.f("ck_background_sync_schedule_days_of_week")
        ),
        sa.CheckConstraint("current_offset >= 0", name=op.f("ck_background_sync_schedule_current_offset")),
        sa.CheckConstraint("cycle >= 1", name=op.f("ck_background_sync_schedule_cycle")),
        sa.CheckConstraint("days_to_complete >= 1", name=op.f("ck_background_sync_schedule_days_to_complete")),
        sa.PrimaryKeyConstraint("entity_name", name=op.f("pk_background_sync_schedule")),
    )


def _entity_config() -> None:
    op.create_table(
        "entity_config",
        sa.Column("entity_name", sa.Text(), nullable=False),
        sa.Column("api_slug", sa.Text(), nullable=False),
        sa.Column("business_key_fields", sa.ARRAY(sa.Text()), nullable=False),
        sa.Column("parent_refs_config", postgresql.JSONB(), server_default="[]", nullable=False),
        sa.Column("delta_strategy", sa.Text(), nullable=False),
        sa.Column("rowversion_field", sa.Text()),
        sa.Column("lookback", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("paging", sa.Text(), nullable=False),
        sa.Column("delete_mode", sa.Text(), nullable=False),
        sa.Column("drift_mode", sa.Text(), nullable=False),
        sa.Column("conventions", postgresql.JSONB(), server_default="{}", nullable=False),
        sa.Column("column_types", postgresql.JSONB(), server_default="{}", nullable=False),
        sa.Column("hash_exclude", sa.ARRAY(sa.Text()), server_default="{}", nullable=False),
        sa.Column("sync_enabled", sa.Boolean(), server_default="true", nullable=False),
        sa.Column("sync_schedule", sa.Text()),
        sa.Column("version", sa.Integer(), server_default="1", nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("delete_mode IN ('hard', 'soft', 'ignore')", name=op.f("ck_entity_config_delete_mode")),
        sa.CheckConstraint(
            "delta_strategy IN ('full', 'rowversion', 'hash')", name=op.f("ck_entity_config_delta_strategy")
        ),
        sa.CheckConstraint("drift_mode IN ('evolve', 'freeze')", name=op.f("ck_entity_config_drift_mode")),
        sa.CheckConstraint("paging IN ('keyset', 'pages')", name=op.f("ck_entity_config_paging")),
        sa.CheckConstraint("cardinality(business_key_fields) > 0", name=op.f("ck_entity_config_business_key_fields")),
        sa.CheckConstraint("lookback >= 0", name=op.f("ck_entity_config_lookback")),
        sa.PrimaryKeyConstraint("entity_name", name=op.f("pk_entity_config")),
    )


def _field_mappings() -> None:
    op.create_table(
        "field_mappings",
        sa.Column("entity_name", sa.Text(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("target", sa.Text(), nullable=False),
        sa.Column("transformation", sa.Text(), nullable=False),
        sa.Column("default_value", sa.Text()),
        sa.Column("is_required", sa.Boolean(), server_default="false", nullable=False),
        sa.Column("validation_rule", sa.Text()),
        sa.Column("options", postgresql.JSONB(), server_default="{}", nullable=False),
        sa.CheckConstraint(
            "transformation IN ('none', 'uppercase', 'lowercase', 'trim', 'title_case', 'capitalize', "
            "'strip_whitespace', 'remove_special_chars', 'fold_persian')",
            name=op.f("ck_field_mappings_transformation"),
        ),
        sa.ForeignKeyConstraint(
            ["entity_name"],
            ["entity_config.entity_name"],
            name=op.f("fk_field_mappings_entity_name"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("entity_name", "position", name=op.f("pk_field_mappings")),
        sa.UniqueConstraint("entity_name", "source", name=op.f("uq_field_mappings_entity_name_source")),
        sa.UniqueConstraint("entity_name", "target", name=op.f("uq_field_mappings_entity_name_target")),
    )


def _withheld_deletes() -> None:
    op.create_table(
        "withheld_deletes",
        sa.Column("batch_uid", sa.UUID(), nullable=False),
        sa.Column("key_hash", sa.Text(), nullable=False),
        sa.Column("entity_name", sa.Text(), nullable=False),
        sa.Column("target_uid", sa.UUID()),
        sa.Column("ref_str", sa.Text()),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("decided_at", sa.DateTime(timezone=True)),
        sa.Column("decided_by", sa.Text()),
        sa.CheckConstraint("key_hash ~ '^[0-9a-f]{32}$'", name=op.f("ck_withheld_deletes_key_hash")),
        sa.CheckConstraint(
            "state IN ('withheld', 'approved', 'discarded', 'superseded')", name=op.f("ck_withheld_deletes_state")
        ),
        sa.PrimaryKeyConstraint("batch_uid", "key_hash", name=op.f("pk_withheld_deletes")),
    )
    op.create_index("ix_withheld_deletes_entity_name_state", "withheld_deletes", ["entity_name", "state"], unique=False)


def _audit_log() -> None:
    op.create_table(
        "audit_log",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("act", sa.Text(), nullable=False),
        sa.Column("entity", sa.Text()),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("before", postgresql.JSONB()),
        sa.Column("after", postgresql.JSONB()),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_audit_log")),
    )
    op.create_index("ix_audit_log_at", "audit_log", ["at"], unique=False)


def _target_identities() -> None:
    op.create_table(
        "target_identities",
        sa.Column("target", sa.Text(), nullable=False),
        sa.Column("entity", sa.Text(), nullable=False),
        sa.Column("key_hash", postgresql.BYTEA(), nullable=False),
        sa.Column("data_hash", postgresql.BYTEA(), nullable=False),
        sa.Column("uid", sa.UUID()),
        sa.Column("rowversion", sa.Text()),
        sa.CheckConstraint("octet_length(data_hash) = 32", name=op.f("ck_target_identities_data_hash")),
        sa.CheckConstraint("octet_length(key_hash) = 16", name=op.f("ck_target_identities_key_hash")),
        sa.PrimaryKeyConstraint("target", "entity", "key_hash", name=op.f("pk_target_identities")),
    )
