"""Halts in the store; it does not stop anything, it sets the flags that holders read."""

from collections.abc import Sequence
from typing import Final

from sqlalchemy import insert, select, update

from orchestrator.adapters.storage import rows, tables
from orchestrator.adapters.storage.stored import Stored
from orchestrator.domain.errors import Conflict
from orchestrator.domain.halt import Halt
from orchestrator.domain.identity import DayId
from orchestrator.domain.run import Phase
from orchestrator.domain.timeline import TimelineEntry

_halts = tables.halts.c
_runs = tables.runs.c
_STOPPABLE = (Phase.ARMED, Phase.INJECTING, Phase.HOLDING)
OF_A_HALT: Final = "halted by "
"""How the flags that a halt sets begin, which tells them from those of a single run's abort."""


class Halts(Stored):
    """Halts."""

    async def engage(self, halt: Halt, entries: Sequence[TimelineEntry]) -> None:
        """Latch a halt and ask every running run of the day to stop.

        A second halt of a halted day adds its entries and leaves the first in force.
        """
        async with self._database.writing() as connection:
            # This serialises it with the start of a run.
            await self._lock_day(connection, halt.day)
            await self._append(connection, entries)
            already = await connection.scalar(
                select(_halts.id).where(_halts.day == halt.day, _halts.released_at.is_(None))
            )
            if already is None:
                await connection.execute(
                    insert(tables.halts).values(
                        day=halt.day,
                        by=rows.to_json(halt.by),
                        reason=halt.reason,
                        engaged_at=halt.engaged_at,
                        released_by="",
                    )
                )
            await connection.execute(
                update(tables.runs)
                .where(_runs.day == halt.day, _runs.phase.in_(_STOPPABLE), _runs.stop.is_(None))
                .values(stop=f"{OF_A_HALT}{halt.by.name}: {halt.reason}")
            )
        self._announce()

    async def release_halt(self, halt: Halt, entries: Sequence[TimelineEntry]) -> None:
        """Store that the day's halt is released. Raises: Conflict: the day is not halted."""
        async with self._database.writing() as connection:
            await self._lock_day(connection, halt.day)
            released = await connection.execute(
                update(tables.halts)
                .where(_halts.day == halt.day, _halts.released_at.is_(None))
                .values(released_at=halt.released_at, released_by=halt.released_by)
            )
            if released.rowcount == 0:
                raise Conflict(f"day {halt.day} is not halted")
            await connection.execute(
                update(tables.runs)
                .where(
                    _runs.day == halt.day,
                    _runs.phase.in_((Phase.PLANNED, Phase.ARMED)),
                    _runs.stop.startswith(OF_A_HALT),
                )
                .values(stop=None)
            )
            await self._append(connection, entries)
        self._announce()

    async def halt(self, day: DayId) -> Halt | None:
        """The halt that is engaged on the day."""
        async with self._database.reading() as connection:
            found = await connection.execute(
                select(tables.halts).where(_halts.day == day, _halts.released_at.is_(None))
            )
            row = found.first()
        return None if row is None else rows.halt_from_row(row)
