"""What is wrong and whom it was told, which daemons are there and how they are, and which mornings were reported."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0005"
down_revision: str | None = "0004"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

_TIME = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "alerts",
        sa.Column("uid", sa.UUID(), server_default=sa.text("gen_random_uuid()"), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("next_step", sa.Text(), nullable=False),
        sa.Column("began_at", _TIME, nullable=False),
        sa.Column("ended_at", _TIME),
        sa.Column("begin_told", sa.ARRAY(sa.Text()), server_default="{}", nullable=False),
        sa.Column("end_told", sa.ARRAY(sa.Text()), server_default="{}", nullable=False),
        sa.PrimaryKeyConstraint("uid", name=op.f("pk_alerts")),
    )
    op.create_index(
        "uq_alerts_open", "alerts", ["kind", "subject"], unique=True, postgresql_where=sa.text("ended_at IS NULL")
    )
    op.create_index(op.f("ix_alerts_ended_at"), "alerts", ["ended_at"])
    op.create_table(
        "daemons",
        sa.Column("worker", sa.Text(), nullable=False),
        sa.Column("host", sa.Text(), nullable=False),
        sa.Column("version", sa.Text(), nullable=False),
        sa.Column("since", _TIME, nullable=False),
        sa.Column("beat_at", _TIME, nullable=False),
        sa.Column("worker_state", sa.Text(), nullable=False),
        sa.Column("scheduler_state", sa.Text(), nullable=False),
        sa.Column("running", sa.Integer(), nullable=False),
        sa.Column("silent_seconds", sa.Double(), nullable=False),
        sa.CheckConstraint("running >= 0 AND silent_seconds >= 0", name=op.f("ck_daemons_counts")),
        sa.PrimaryKeyConstraint("worker", name=op.f("pk_daemons")),
    )
    op.create_table(
        "night_reports",
        sa.Column("closed_at", _TIME, nullable=False),
        sa.Column("told_at", _TIME, nullable=False),
        sa.PrimaryKeyConstraint("closed_at", name=op.f("pk_night_reports")),
    )


def downgrade() -> None:
    for table in ("night_reports", "daemons", "alerts"):
        op.drop_table(table)
