"""The tables, as they stand after the newest migration.

It does not create them: the migrations do, and a test compares the two.
"""

from datetime import UTC, datetime
from typing import Final

from sqlalchemy import (
    JSON,
    Boolean,
    Column,
    DateTime,
    Dialect,
    Float,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    TypeDecorator,
    text,
)

# Documents are kept as JSON, on PostgreSQL not as JSONB: that refuses a NUL and tidies numbers, and
# what an object of the cluster held has to come back as it was.
metadata: Final = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)


class Instant(TypeDecorator[datetime]):
    """An aware UTC instant, also where the database keeps no zone."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002
        """Refuse naive values; store UTC."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError(f"{value!r} has no zone")
        return value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002
        """Give back UTC."""
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


class Words(TypeDecorator[str]):
    """Text of any length, from anywhere: what no database can hold becomes a replacement sign."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:  # noqa: ARG002
        """Replace NUL and halves of surrogate pairs, such as a probe may bring home."""
        if value is None:
            return None
        return value.replace("\0", "\ufffd").encode("utf-8", "replace").decode()


days = Table(
    "days",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("state", String(16), nullable=False),
    Column("plan", JSON, nullable=False),
    Column("plan_source", Words, nullable=False),
    Column("experiments", JSON, nullable=False),
    Column("is_scripted", Boolean, nullable=False),
    Column("created_at", Instant, nullable=False),
    Column("opened_at", Instant),
    Column("closed_at", Instant),
    Column("revealed_at", Instant),
    # Numbers the day's timeline: tailing an identity column misses rows that commit out of order.
    Column("last_seq", Integer, nullable=False, default=0),
    Column("last_incident", Integer, nullable=False, default=0),
)

runs = Table(
    "runs",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("day", ForeignKey("days.id"), nullable=False),
    Column("position", Integer, nullable=False),
    Column("box", String(64), nullable=False),
    Column("experiment", Words, nullable=False),
    Column("title", Words, nullable=False),
    Column("planned_at", Instant, nullable=False),
    Column("phase", String(16), nullable=False),
    Column("fence", Integer, nullable=False),
    Column("finding", String(16)),
    Column("injection", String(16)),
    Column("reason", Words, nullable=False),
    Column("stranded", Words, nullable=False, server_default=text("''")),
    Column("started_at", Instant),
    Column("injected_at", Instant),
    Column("proven_at", Instant),
    Column("rolled_back_at", Instant),
    Column("ended_at", Instant),
    # Who holds it, and until when by the database's clock, in seconds since 1970.
    Column("holder", String(64)),
    Column("held_until", Float),
    Column("stop", Words),
    Index(None, "day", "position"),
    Index(None, "phase", "planned_at"),
)

halts = Table(
    "halts",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("day", ForeignKey("days.id"), nullable=False),
    Column("by", JSON, nullable=False),
    Column("reason", Words, nullable=False),
    Column("engaged_at", Instant, nullable=False),
    Column("released_at", Instant),
    Column("released_by", Words, nullable=False),
    Index(None, "day", "released_at"),
)

timeline = Table(
    "timeline",
    metadata,
    Column("day", ForeignKey("days.id"), primary_key=True),
    Column("seq", Integer, primary_key=True, autoincrement=False),
    Column("id", String(64), nullable=False, unique=True),
    Column("occurred_at", Instant, nullable=False),
    Column("recorded_at", Instant, nullable=False),
    Column("lane", String(16), nullable=False),
    Column("kind", String(16), nullable=False),
    Column("text", Words, nullable=False),
    Column("actor", JSON, nullable=False),
    Column("source", String(32), nullable=False),
    Column("visible_after", String(8), nullable=False),
    Column("precision", String(16), nullable=False),
    Column("run", String(64)),
    Column("incident", String(64)),
    Column("corrects", String(64)),
    Column("details", JSON, nullable=False),
)

incidents = Table(
    "incidents",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("day", ForeignKey("days.id"), nullable=False),
    Column("position", Integer, nullable=False),
    Column("key", String(32), nullable=False),
    Column("title", Words, nullable=False),
    Column("status", String(16), nullable=False),
    Column("opened_at", Instant, nullable=False),
    Column("recorded_at", Instant, nullable=False),
    Column("opened_by", Words, nullable=False),
    Column("visible_after", String(8), nullable=False),
    Column("service", Words, nullable=False),
    Column("run", ForeignKey("runs.id")),
    Index(None, "day", "key", unique=True),
)

run_links = Table(
    "run_links",
    metadata,
    Column("run", ForeignKey("runs.id"), primary_key=True),
    Column("incident", ForeignKey("incidents.id"), primary_key=True),
    Column("decided_by", Words, nullable=False),
    Column("decided_at", Instant, nullable=False),
    Column("because", Words, nullable=False),
)

samples = Table(
    "samples",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("run", ForeignKey("runs.id"), nullable=False),
    Column("probe", Words, nullable=False),
    Column("at", Instant, nullable=False),
    Column("within", Boolean, nullable=False),
    Column("value", Words, nullable=False),
    Column("took_ms", Float, nullable=False),
    Column("problem", Words, nullable=False),
    Index(None, "run", "at"),
)

tokens = Table(
    "tokens",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("secret_hash", String(64), nullable=False),
    Column("name", Words, nullable=False),
    Column("role", String(16), nullable=False),
    Column("day", ForeignKey("days.id")),
    Column("is_script", Boolean, nullable=False),
)

reservations = Table(
    "reservations",
    metadata,
    Column("run", ForeignKey("runs.id"), primary_key=True),
    Column("day", ForeignKey("days.id"), nullable=False),
    Column("document", JSON, nullable=False),
    Index(None, "day"),
)

previews = Table(
    "previews",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("subject", String(64), nullable=False),
    Column("document", JSON, nullable=False),
    Column("made_at", Instant, nullable=False),
    Column("approved_by", Words, nullable=False),
    Column("approved_at", Instant),
    Index(None, "subject", "approved_at"),
)

undo_records = Table(
    "undo_records",
    metadata,
    Column("run", ForeignKey("runs.id"), primary_key=True),
    Column("seq", Integer, primary_key=True, autoincrement=False),
    Column("at", Instant, nullable=False),
    Column("verb", String(16), nullable=False),
    Column("ref", JSON, nullable=False),
    Column("before", JSON),
    Column("after", JSON),
    Column("lost", JSON, nullable=False),
    Column("workloads", JSON),
    Column("state", String(16), nullable=False),
    Column("note", Words, nullable=False),
)

baselines = Table(
    "baselines",
    metadata,
    Column("run", ForeignKey("runs.id"), primary_key=True),
    Column("document", JSON, nullable=False),
)
