"""Batches that are one night's part of a cycle: of which schedule, cycle and night, and until when they may work; and
whether a person has stopped a batch, so that it waits for one to go on."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0004"
down_revision: str | None = "0003"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

_BATCHES = "sync_batches"


def upgrade() -> None:
    op.add_column(_BATCHES, sa.Column("schedule_uid", sa.UUID()))
    op.add_column(_BATCHES, sa.Column("cycle", sa.Integer()))
    op.add_column(_BATCHES, sa.Column("night", sa.Date()))
    op.add_column(_BATCHES, sa.Column("nights_left", sa.Integer()))
    op.add_column(_BATCHES, sa.Column("window_end", sa.DateTime(timezone=True)))
    op.add_column(_BATCHES, sa.Column("by_hand", sa.Boolean(), server_default="false", nullable=False))
    op.add_column(_BATCHES, sa.Column("stopped", sa.Boolean(), server_default="false", nullable=False))
    op.create_check_constraint(
        op.f("ck_sync_batches_night"),
        _BATCHES,
        "schedule_uid IS NULL OR (cycle >= 1 AND nights_left >= 1 AND night IS NOT NULL)",
    )
    op.create_index(
        "uq_sync_batches_night",
        _BATCHES,
        ["schedule_uid", "night", "sync_type"],
        unique=True,
        postgresql_where=sa.text("NOT by_hand"),
    )


def downgrade() -> None:
    op.drop_index("uq_sync_batches_night", _BATCHES)
    op.drop_constraint(op.f("ck_sync_batches_night"), _BATCHES)
    for column in ("stopped", "by_hand", "window_end", "nights_left", "night", "cycle", "schedule_uid"):
        op.drop_column(_BATCHES, column)
