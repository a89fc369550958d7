"""Who holds a run, and until when by the database's clock.

A holder is new with each life of a process, and each claim raises the run's fence, so that
whatever an earlier holder still tries is lost. It does not move runs.
"""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import Row, Select, and_, exists, func, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from orchestrator.adapters.storage import rows, tables
from orchestrator.adapters.storage.runs import _UNFINISHED
from orchestrator.adapters.storage.stored import Stored
from orchestrator.domain.day import DayState
from orchestrator.domain.errors import Conflict, LeaseLost
from orchestrator.domain.identity import DayId, WorkerId
from orchestrator.domain.run import Phase, Run
from orchestrator.ports import Held

_runs = tables.runs.c
_LEASES: Final = 10
_LONGEST: Final = timedelta(minutes=1)
"""No lease ends later than this, or than so many of ours: the clock was set back meanwhile, and
whoever lives on renews by it within a moment."""


class Leases(Stored):
    """Leases of runs."""

    async def claim(
        self, *, worker: WorkerId, now: datetime, lease: timedelta, day: DayId | None = None
    ) -> Run | None:
        """Take hold of one unfinished run whose lease is over, else of one armed run that is due.

        The run returned has a fence one higher than before; None when there is none.
        """
        async with self._database.writing() as connection:
            for wanted in (self._abandoned(lease), self._due(now, day, lease)):
                row = (await connection.execute(wanted)).first()
                if row is not None:
                    return await self._take(connection, row, worker, lease)
        return None

    def _free(self, lease: timedelta = _LONGEST) -> Any:
        """Nobody's: its lease is over, or ends when none can that was taken by today's clock."""
        now = self._database.seconds_now()
        far = max(lease * _LEASES, _LONGEST).total_seconds()
        held_until = _runs.held_until
        return or_(held_until.is_(None), held_until < now, held_until > now + far)

    def _abandoned(self, lease: timedelta) -> Select[Any]:
        return (
            select(tables.runs)
            .where(_runs.phase.in_(_UNFINISHED), self._free(lease))
            .order_by(_runs.planned_at)
            .limit(1)
            .with_for_update(skip_locked=True)
        )

    def _due(self, now: datetime, day: DayId | None, lease: timedelta) -> Select[Any]:
        wanted = and_(
            _runs.phase == Phase.ARMED,
            _runs.planned_at <= now,
            self._free(lease),
            ~_is_halted(),
            _is_open(),
        )
        if day is not None:
            wanted = and_(wanted, _runs.day == day)
        return (
            select(tables.runs)
            .where(wanted)
            .order_by(_runs.planned_at)
            .limit(1)
            .with_for_update(skip_locked=True)
        )

    async def take(self, run: Run, *, worker: WorkerId, lease: timedelta) -> Run:
        """Take hold of one run that nobody holds. Raises: Conflict: somebody does."""
        async with self._database.writing() as connection:
            wanted = select(tables.runs).where(_runs.id == run.id, self._free(lease))
            row = (await connection.execute(wanted.with_for_update())).first()
            taken = row and await self._take(connection, row, worker, lease)
        if not taken:
            raise Conflict(f"run {run.id} is held by another conductor, which restores it")
        return taken

    async def _take(
        self, connection: AsyncConnection, row: Row[Any], worker: WorkerId, lease: timedelta
    ) -> Run | None:
        run = rows.run_from_row(row)
        taken = await connection.execute(
            update(tables.runs)
            .where(_runs.id == run.id, _runs.fence == run.fence)
            .values(fence=run.fence + 1, holder=worker, held_until=self._until(lease))
        )
        return replace(run, fence=run.fence + 1) if taken.rowcount else None

    def _until(self, lease: timedelta) -> Any:
        return self._database.seconds_now() + lease.total_seconds()

    async def renew(self, run: Run, *, worker: WorkerId, lease: timedelta) -> Held:
        """Prolong the lease by the database's clock. Raises: LeaseLost."""
        async with self._database.writing() as connection:
            found = await connection.execute(
                update(tables.runs)
                .where(_runs.id == run.id, _runs.fence == run.fence, _runs.holder == worker)
                .values(held_until=self._until(lease))
                .returning(_runs.stop)
            )
            row = found.one_or_none()
        if row is None:
            raise LeaseLost(run=run.id)
        return Held(stop=row.stop)

    async def release(self, run: Run, *, worker: WorkerId) -> None:
        """Let go of a run. Harmless when it is lost already."""
        async with self._database.writing() as connection:
            await connection.execute(
                update(tables.runs)
                .where(_runs.id == run.id, _runs.fence == run.fence, _runs.holder == worker)
                .values(holder=None, held_until=None)
            )

    async def next_due(self, day: DayId | None = None) -> datetime | None:
        """When the next armed run of an open day is due; None when none is armed."""
        wanted = select(func.min(_runs.planned_at)).where(
            _runs.phase == Phase.ARMED, self._free(), _is_open(), ~_is_halted()
        )
        if day is not None:
            wanted = wanted.where(_runs.day == day)
        async with self._database.reading() as connection:
            due: datetime | None = await connection.scalar(wanted)
        return due


def _is_halted() -> Any:
    halted = tables.halts.c
    return exists().where(halted.day == _runs.day, halted.released_at.is_(None))


def _is_open() -> Any:
    days = tables.days.c
    return exists().where(days.id == _runs.day, days.state == DayState.OPEN)
