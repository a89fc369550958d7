"""Days in the store; it does not move runs."""

from collections.abc import Sequence

from sqlalchemy import insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from orchestrator.adapters.storage import rows, tables
from orchestrator.adapters.storage.stored import Stored
from orchestrator.domain.day import ChaosDay
from orchestrator.domain.errors import Conflict, NoSuchDay
from orchestrator.domain.identity import DayId
from orchestrator.domain.run import Run
from orchestrator.domain.timeline import TimelineEntry


class Days(Stored):
    """Days."""

    async def add_day(
        self, day: ChaosDay, runs: Sequence[Run], entries: Sequence[TimelineEntry]
    ) -> None:
        """Store a new day with the runs of its agenda."""
        async with self._database.writing() as connection:
            await connection.execute(insert(tables.days).values(rows.day_to_row(day)))
            if runs:
                await connection.execute(
                    insert(tables.runs),
                    [rows.run_to_row(run) | {"position": i} for i, run in enumerate(runs)],
                )
            await self._append(connection, entries)
        self._announce()

    async def day(self, day: DayId) -> ChaosDay:
        """Read a day. Raises: NoSuchDay."""
        async with self._database.reading() as connection:
            found = await connection.execute(select(tables.days).where(tables.days.c.id == day))
            row = found.one_or_none()
        if row is None:
            raise NoSuchDay(day=day)
        return rows.day_from_row(row)

    async def days(self) -> Sequence[ChaosDay]:
        """All days, newest first."""
        async with self._database.reading() as connection:
            found = await connection.execute(
                select(tables.days).order_by(tables.days.c.created_at.desc(), tables.days.c.id)
            )
            return [rows.day_from_row(row) for row in found]

    async def save_day(
        self, day: ChaosDay, *, was: ChaosDay, entries: Sequence[TimelineEntry]
    ) -> None:
        """Store a day's move, if its state is still as it was. Raises: Conflict."""
        async with self._database.writing() as connection:
            await self._set_day(connection, day, was)
            await self._append(connection, entries)
        self._announce()

    @staticmethod
    async def _set_day(connection: AsyncConnection, day: ChaosDay, was: ChaosDay) -> None:
        saved = await connection.execute(
            update(tables.days)
            .where(tables.days.c.id == day.id, tables.days.c.state == was.state)
            .values(rows.day_to_row(day))
        )
        if saved.rowcount == 0:
            raise Conflict(f"day {day.id} is no longer {was.state}; read it again")
