"""What the nights need beside the first tables: how far a cycle is, and what each night brought."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0003"
down_revision: str | None = "0002"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

_SCHEDULE = "background_sync_schedule"
_REASONS = "'slice_done', 'window_end', 'cycle_done', 'source_down', 'stopped', 'failed'"


def upgrade() -> None:
    op.add_column(_SCHEDULE, sa.Column("uid", sa.UUID(), server_default=sa.text("gen_random_uuid()"), nullable=False))
    op.add_column(_SCHEDULE, sa.Column("cycle_started_at", sa.DateTime(timezone=True)))
    op.add_column(_SCHEDULE, sa.Column("nights", sa.Integer(), server_default="0", nullable=False))
    op.add_column(_SCHEDULE, sa.Column("source_rows", sa.BigInteger()))
    op.add_column(_SCHEDULE, sa.Column("plan_hash", sa.Text()))
    op.add_column(_SCHEDULE, sa.Column("version", sa.Integer(), server_default="1", nullable=False))
    op.create_unique_constraint(op.f("uq_background_sync_schedule_uid"), _SCHEDULE, ["uid"])
    op.create_check_constraint(
        op.f("ck_background_sync_schedule_days_not_empty"), _SCHEDULE, "cardinality(days_of_week) > 0"
    )
    op.create_check_constraint(
        op.f("ck_background_sync_schedule_nights"), _SCHEDULE, "nights >= 0 AND source_rows >= 0"
    )
    op.create_table(
        "background_nights",
        sa.Column("schedule_uid", sa.UUID(), nullable=False),
        sa.Column("batch_uid", sa.UUID(), nullable=False),
        sa.Column("night", sa.Date(), nullable=False),
        sa.Column("cycle", sa.Integer(), nullable=False),
        sa.Column("planned", sa.BigInteger(), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True)),
        sa.Column("rows", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("seconds", sa.Double(), server_default="0", nullable=False),
        sa.Column("reason", sa.Text()),
        sa.CheckConstraint(f"reason IN ({_REASONS})", name=op.f("ck_background_nights_reason")),
        sa.CheckConstraint(
            'cycle >= 1 AND planned >= 0 AND "rows" >= 0 AND seconds >= 0', name=op.f("ck_background_nights_counts")
        ),
        sa.ForeignKeyConstraint(
            ["schedule_uid"],
            ["background_sync_schedule.uid"],
            name=op.f("fk_background_nights_schedule_uid"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("schedule_uid", "batch_uid", name=op.f("pk_background_nights")),
    )


def downgrade() -> None:
    op.drop_table("background_nights")
    op.drop_constraint(op.f("ck_background_sync_schedule_nights"), _SCHEDULE)
    op.drop_constraint(op.f("ck_background_sync_schedule_days_not_empty"), _SCHEDULE)
    op.drop_constraint(op.f("uq_background_sync_schedule_uid"), _SCHEDULE)
    for column in ("version", "plan_hash", "source_rows", "nights", "cycle_started_at", "uid"):
        op.drop_column(_SCHEDULE, column)
