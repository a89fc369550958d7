"""The first schema.

It does not go back: a database is left as it is when chaosday is taken away.
"""

from typing import Any

import sqlalchemy as sa
from alembic import op

revision: str = "0001"
down_revision: str | None = None


def _instant() -> Any:
    return sa.DateTime(timezone=True)


def upgrade() -> None:
    """Create the tables, and the triggers that keep the timeline append-only."""
    op.create_table(
        "days",
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("plan", sa.JSON(), nullable=False),
        sa.Column("plan_source", sa.Text(), nullable=False),
        sa.Column("experiments", sa.JSON(), nullable=False),
        sa.Column("is_scripted", sa.Boolean(), nullable=False),
        sa.Column("created_at", _instant(), nullable=False),
        sa.Column("opened_at", _instant(), nullable=True),
        sa.Column("closed_at", _instant(), nullable=True),
        sa.Column("revealed_at", _instant(), nullable=True),
        sa.Column("last_seq", sa.Integer(), nullable=False),
        sa.Column("last_incident", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_days"),
    )
    op.create_table(
        "halts",
        sa.Column("id", sa.Integer(), autoincrement=True, nullable=False),
        sa.Column("day", sa.String(length=64), nullable=False),
        sa.Column("by", sa.JSON(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("engaged_at", _instant(), nullable=False),
        sa.Column("released_at", _instant(), nullable=True),
        sa.Column("released_by", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["day"], ["days.id"], name="fk_halts_day"),
        sa.PrimaryKeyConstraint("id", name="pk_halts"),
    )
    op.create_index("ix_halts_day_released_at", "halts", ["day", "released_at"], unique=False)
    op.create_table(
        "runs",
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("day", sa.String(length=64), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("box", sa.String(length=64), nullable=False),
        sa.Column("experiment", sa.Text(), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("planned_at", _instant(), nullable=False),
        sa.Column("phase", sa.String(length=16), nullable=False),
        sa.Column("fence", sa.Integer(), nullable=False),
        sa.Column("finding", sa.String(length=16), nullable=True),
        sa.Column("injection", sa.String(length=16), nullable=True),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("started_at", _instant(), nullable=True),
        sa.Column("injected_at", _instant(), nullable=True),
        sa.Column("proven_at", _instant(), nullable=True),
        sa.Column("rolled_back_at", _instant(), nullable=True),
        sa.Column("ended_at", _instant(), nullable=True),
        sa.Column("holder", sa.String(length=64), nullable=True),
        sa.Column("held_until", sa.Float(), nullable=True),
        sa.Column("stop", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(["day"], ["days.id"], name="fk_runs_day"),
        sa.PrimaryKeyConstraint("id", name="pk_runs"),
    )
    op.create_index("ix_runs_day_position", "runs", ["day", "position"], unique=False)
    op.create_index("ix_runs_phase_planned_at", "runs", ["phase", "planned_at"], unique=False)
    op.create_table(
        "timeline",
        sa.Column("day", sa.String(length=64), nullable=False),
        sa.Column("seq", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("occurred_at", _instant(), nullable=False),
        sa.Column("recorded_at", _instant(), nullable=False),
        sa.Column("lane", sa.String(length=16), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("actor", sa.JSON(), nullable=False),
        sa.Column("source", sa.String(length=32), nullable=False),
        sa.Column("visible_after", sa.String(length=8), nullable=False),
        sa.Column("precision", sa.String(length=16), nullable=False),
        sa.Column("run", sa.String(length=64), nullable=True),
        sa.Column("incident", sa.String(length=64), nullable=True),
        sa.Column("corrects", sa.String(length=64), nullable=True),
        sa.Column("details", sa.JSON(), nullable=False),
        sa.ForeignKeyConstraint(["day"], ["days.id"], name="fk_timeline_day"),
        sa.PrimaryKeyConstraint("day", "seq", name="pk_timeline"),
        sa.UniqueConstraint("id", name="uq_timeline_id"),
    )
    op.create_table(
        "tokens",
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("secret_hash", sa.String(length=64), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("role", sa.String(length=16), nullable=False),
        sa.Column("day", sa.String(length=64), nullable=True),
        sa.Column("is_script", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(["day"], ["days.id"], name="fk_tokens_day"),
        sa.PrimaryKeyConstraint("id", name="pk_tokens"),
    )
    op.create_table(
        "baselines",
        sa.Column("run", sa.String(length=64), nullable=False),
        sa.Column("document", sa.JSON(), nullable=False),
        sa.ForeignKeyConstraint(["run"], ["runs.id"], name="fk_baselines_run"),
        sa.PrimaryKeyConstraint("run", name="pk_baselines"),
    )
    op.create_table(
        "incidents",
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("day", sa.String(length=64), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("key", sa.String(length=32), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("status", sa.String(length=16), nullable=False),
        sa.Column("opened_at", _instant(), nullable=False),
        sa.Column("recorded_at", _instant(), nullable=False),
        sa.Column("opened_by", sa.Text(), nullable=False),
        sa.Column("visible_after", sa.String(length=8), nullable=False),
        sa.Column("service", sa.Text(), nullable=False),
        sa.Column("run", sa.String(length=64), nullable=True),
        sa.ForeignKeyConstraint(["day"], ["days.id"], name="fk_incidents_day"),
        sa.ForeignKeyConstraint(["run"], ["runs.id"], name="fk_incidents_run"),
        sa.PrimaryKeyConstraint("id", name="pk_incidents"),
    )
    op.create_index("ix_incidents_day_key", "incidents", ["day", "key"], unique=True)
    op.create_table(
        "samples",
        sa.Column("id", sa.Integer(), autoincrement=True, nullable=False),
        sa.Column("run", sa.String(length=64), nullable=False),
        sa.Column("probe", sa.Text(), nullable=False),
        sa.Column("at", _instant(), nullable=False),
        sa.Column("within", sa.Boolean(), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.Column("took_ms", sa.Float(), nullable=False),
        sa.Column("problem", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["run"], ["runs.id"], name="fk_samples_run"),
        sa.PrimaryKeyConstraint("id", name="pk_samples"),
    )
    op.create_index("ix_samples_run_at", "samples", ["run", "at"], unique=False)
    op.create_table(
        "undo_records",
        sa.Column("run", sa.String(length=64), nullable=False),
        sa.Column("seq", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("at", _instant(), nullable=False),
        sa.Column("verb", sa.String(length=16), nullable=False),
        sa.Column("ref", sa.JSON(), nullable=False),
        sa.Column("before", sa.JSON(), nullable=True),
        sa.Column("after", sa.JSON(), nullable=True),
        sa.Column("lost", sa.JSON(), nullable=False),
        sa.Column("workloads", sa.JSON(), nullable=True),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["run"], ["runs.id"], name="fk_undo_records_run"),
        sa.PrimaryKeyConstraint("run", "seq", name="pk_undo_records"),
    )
    op.create_table(
        "run_links",
        sa.Column("run", sa.String(length=64), nullable=False),
        sa.Column("incident", sa.String(length=64), nullable=False),
        sa.Column("decided_by", sa.Text(), nullable=False),
        sa.Column("decided_at", _instant(), nullable=False),
        sa.Column("because", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["incident"], ["incidents.id"], name="fk_run_links_incident"),
        sa.ForeignKeyConstraint(["run"], ["runs.id"], name="fk_run_links_run"),
        sa.PrimaryKeyConstraint("run", "incident", name="pk_run_links"),
    )
    if op.get_bind().dialect.name == "sqlite":
        _seal_sqlite()
    else:
        _seal_postgresql()


def _seal_sqlite() -> None:
    for event in ("UPDATE", "DELETE"):
        op.execute(
            f"CREATE TRIGGER timeline_no_{event.lower()} BEFORE {event} ON timeline"
            " BEGIN SELECT RAISE(ABORT, 'the timeline is append-only'); END"
        )


def _seal_postgresql() -> None:
    op.execute(
        "CREATE FUNCTION timeline_is_append_only() RETURNS trigger LANGUAGE plpgsql AS"
        " $$ BEGIN RAISE EXCEPTION 'the timeline is append-only'; END $$"
    )
    op.execute(
        "CREATE TRIGGER timeline_no_change BEFORE UPDATE OR DELETE OR TRUNCATE ON timeline"
        " FOR EACH STATEMENT EXECUTE FUNCTION timeline_is_append_only()"
    )
