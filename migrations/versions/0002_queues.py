"""What the queues and the claims need beside the first tables: decisions of people, values to group by, who works."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0002"
down_revision: str | None = "0001"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

_RESOLUTIONS = "'succeeded', 'superseded', 'edited', 'ignored', 'resolved', 'withdrawn'"


def upgrade() -> None:
    op.add_column("sync_batches", sa.Column("rows_ignored", sa.BigInteger(), server_default="0", nullable=False))
    op.add_column("sync_batches", sa.Column("worker", sa.Text()))
    op.create_check_constraint(
        op.f("ck_sync_batches_ignored"), "sync_batches", "rows_ignored BETWEEN 0 AND rows_failed"
    )
    op.add_column("failed_records", sa.Column("value", sa.Text()))
    op.add_column("failed_records", sa.Column("value_shape", sa.Text(), server_default="", nullable=False))
    op.add_column("failed_records", sa.Column("temporary", sa.Boolean(), server_default="false", nullable=False))
    op.add_column("failed_records", sa.Column("plan_hash", sa.Text()))
    op.add_column("failed_records", sa.Column("override", sa.JSON()))
    op.add_column("failed_records", sa.Column("reason", sa.Text()))
    op.add_column("failed_records", sa.Column("purged_at", sa.DateTime(timezone=True)))
    op.create_check_constraint(
        op.f("ck_failed_records_resolution"), "failed_records", f"resolution IN ({_RESOLUTIONS})"
    )
    op.create_index(
        "ix_failed_records_override",
        "failed_records",
        ["entity_name", "raw_hash"],
        postgresql_where=sa.text("resolution IN ('edited', 'ignored')"),
    )
    op.create_index(
        "ix_failed_records_open",
        "failed_records",
        ["entity_name", "uid"],
        postgresql_where=sa.text("resolved_at IS NULL"),
    )
    op.add_column("pending_children", sa.Column("resolution", sa.Text()))
    op.add_column(
        "pending_children",
        sa.Column("tried_at", sa.DateTime(timezone=True), server_default=sa.text("clock_timestamp()"), nullable=False),
    )
    op.create_check_constraint(
        op.f("ck_pending_children_resolution"), "pending_children", "resolution IN ('loaded', 'superseded', 'failed')"
    )
    op.create_index(
        "ix_pending_children_given_up",
        "pending_children",
        ["child_entity", "child_key_hash"],
        postgresql_where=sa.text("resolution = 'failed'"),
    )
    op.drop_index("ix_pending_children_parent", "pending_children")
    op.create_index(
        "ix_pending_children_parent",
        "pending_children",
        ["parent_entity", "parent_bk_hash"],
        postgresql_where=sa.text("resolved_at IS NULL OR resolution = 'failed'"),
    )
    op.add_column("withheld_deletes", sa.Column("applied_in", sa.UUID()))
    op.add_column("withheld_deletes", sa.Column("outcome", sa.Text()))
    op.create_check_constraint(
        op.f("ck_withheld_deletes_outcome"), "withheld_deletes", "outcome IN ('deleted', 'refused', 'still_at_source')"
    )


def downgrade() -> None:
    op.drop_constraint(op.f("ck_withheld_deletes_outcome"), "withheld_deletes")
    for column in ("outcome", "applied_in"):
        op.drop_column("withheld_deletes", column)
    op.drop_index("ix_pending_children_parent", "pending_children")
    op.create_index(
        "ix_pending_children_parent",
        "pending_children",
        ["parent_entity", "parent_bk_hash"],
        postgresql_where=sa.text("resolved_at IS NULL"),
    )
    op.drop_index("ix_pending_children_given_up", "pending_children")
    op.drop_constraint(op.f("ck_pending_children_resolution"), "pending_children")
    op.drop_column("pending_children", "tried_at")
    op.drop_column("pending_children", "resolution")
    op.drop_index("ix_failed_records_open", "failed_records")
    op.drop_index("ix_failed_records_override", "failed_records")
    op.drop_constraint(op.f("ck_failed_records_resolution"), "failed_records")
    for column in ("purged_at", "reason", "override", "plan_hash", "temporary", "value_shape", "value"):
        op.drop_column("failed_records", column)
    op.drop_constraint(op.f("ck_sync_batches_ignored"), "sync_batches")
    for column in ("worker", "rows_ignored"):
        op.drop_column("sync_batches", column)
