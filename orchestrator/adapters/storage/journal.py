"""The undo journal on SQL: durable before it returns, readable by any process.

It does not restore anything.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

from sqlalchemy import exists, func, insert, or_, select, update
from sqlalchemy.dialects import postgresql, sqlite

from orchestrator.adapters.storage import rows, tables
from orchestrator.adapters.storage.database import Database
from orchestrator.domain.errors import LeaseLost
from orchestrator.domain.identity import RunId
from orchestrator.domain.undo import UndoRecord

_records = tables.undo_records.c


class SqlUndoJournal:
    """What each run changed, in SQLite or PostgreSQL."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def is_held(self, run: RunId, *, fence: int, grace: timedelta) -> bool:
        """Whether the holder with that fence still holds the run, or did until so shortly ago."""
        runs = tables.runs.c
        overdue = self._database.seconds_now() - grace.total_seconds()
        held = or_(runs.held_until.is_(None), runs.held_until >= overdue)
        async with self._database.reading() as connection:
            found = await connection.scalar(
                select(exists().where(runs.id == run, runs.fence == fence, held))
            )
        return bool(found)

    async def intend(self, record: UndoRecord, *, fence: int) -> UndoRecord:
        """Store an intent; returns it with its number. Durable when it returns.

        Raises: LeaseLost: the run's fence is another.
        """
        async with self._database.writing() as connection:
            # Two guards may write for one run, when one takes over while the other is leaving;
            # the lock puts them in order, and a take-over before or after this intent.
            runs = tables.runs.c
            now = await connection.scalar(
                select(runs.fence).where(runs.id == record.run).with_for_update(key_share=True)
            )
            if now != fence:
                raise LeaseLost(run=record.run)
            last = await connection.scalar(
                select(func.coalesce(func.max(_records.seq), 0)).where(_records.run == record.run)
            )
            record = replace(record, seq=int(last or 0) + 1)
            await connection.execute(insert(tables.undo_records).values(rows.record_to_row(record)))
        return record

    async def settle(self, record: UndoRecord) -> None:
        """Store a record's new state, after-image and note."""
        async with self._database.writing() as connection:
            await connection.execute(
                update(tables.undo_records)
                .where(_records.run == record.run, _records.seq == record.seq)
                .values(rows.record_to_row(record))
            )

    async def records(self, run: RunId) -> Sequence[UndoRecord]:
        """All records of a run in the order written."""
        async with self._database.reading() as connection:
            found = await connection.execute(
                select(tables.undo_records).where(_records.run == run).order_by(_records.seq)
            )
            return [rows.record_from_row(row) for row in found]

    async def keep_baseline(self, run: RunId, baseline: Mapping[str, Any]) -> None:
        """Store how the cluster was before a run; the first one stays."""
        dialect = sqlite if self._database.is_sqlite else postgresql
        async with self._database.writing() as connection:
            await connection.execute(
                dialect.insert(tables.baselines)
                .values(run=run, document=dict(baseline))
                .on_conflict_do_nothing()
            )

    async def baseline(self, run: RunId) -> Mapping[str, Any] | None:
        """How the cluster was before the run."""
        table = tables.baselines
        async with self._database.reading() as connection:
            document: Mapping[str, Any] | None = await connection.scalar(
                select(table.c.document).where(table.c.run == run)
            )
        return document
