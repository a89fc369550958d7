"""The parts of a day's budget that runs hold, and previews with their approvals.

It changes nothing that was there before.
"""

from typing import Any

import sqlalchemy as sa
from alembic import op

revision: str = "0002"
down_revision: str | None = "0001"


def _instant() -> Any:
    return sa.DateTime(timezone=True)


def upgrade() -> None:
    """Create both tables."""
    op.create_table(
        "reservations",
        sa.Column("run", sa.String(length=64), nullable=False),
        sa.Column("day", sa.String(length=64), nullable=False),
        sa.Column("document", sa.JSON(), nullable=False),
        sa.ForeignKeyConstraint(["day"], ["days.id"], name="fk_reservations_day"),
        sa.ForeignKeyConstraint(["run"], ["runs.id"], name="fk_reservations_run"),
        sa.PrimaryKeyConstraint("run", name="pk_reservations"),
    )
    op.create_index("ix_reservations_day", "reservations", ["day"], unique=False)
    op.create_table(
        "previews",
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("subject", sa.String(length=64), nullable=False),
        sa.Column("document", sa.JSON(), nullable=False),
        sa.Column("made_at", _instant(), nullable=False),
        sa.Column("approved_by", sa.Text(), nullable=False),
        sa.Column("approved_at", _instant(), nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_previews"),
    )
    op.create_index(
        "ix_previews_subject_approved_at", "previews", ["subject", "approved_at"], unique=False
    )
