"""Runs and their samples in the store: every move is one compare-and-set.

It does not hand out leases.
"""

from collections.abc import Collection, Mapping, Sequence

from sqlalchemy import exists, insert, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from orchestrator.adapters.storage import rows, tables
from orchestrator.adapters.storage.halts import OF_A_HALT
from orchestrator.adapters.storage.stored import Stored
from orchestrator.domain.errors import Conflict, DayHalted, LeaseLost, NoSuchRun
from orchestrator.domain.hypothesis import Sample
from orchestrator.domain.identity import DayId, RunId
from orchestrator.domain.run import Phase, Run
from orchestrator.domain.timeline import TimelineEntry

_runs = tables.runs.c
_UNFINISHED = (Phase.INJECTING, Phase.HOLDING, Phase.ROLLING_BACK, Phase.VERIFYING)


class Runs(Stored):
    """Runs and samples."""

    async def run(self, run: RunId) -> Run:
        """Read a run. Raises: NoSuchRun."""
        async with self._database.reading() as connection:
            found = await connection.execute(select(tables.runs).where(_runs.id == run))
            row = found.one_or_none()
        if row is None:
            raise NoSuchRun(run=run)
        return rows.run_from_row(row)

    async def runs(self, day: DayId) -> Sequence[Run]:
        """The runs of a day in the order of the agenda."""
        async with self._database.reading() as connection:
            found = await connection.execute(
                select(tables.runs).where(_runs.day == day).order_by(_runs.position)
            )
            return [rows.run_from_row(row) for row in found]

    async def unfinished(self) -> Sequence[Run]:
        """Every run that may hold a fault and is not stranded, held by whomever."""
        async with self._database.reading() as connection:
            found = await connection.execute(
                select(tables.runs).where(_runs.phase.in_(_UNFINISHED)).order_by(_runs.planned_at)
            )
            return [rows.run_from_row(row) for row in found]

    async def move(self, run: Run, *, was: Run, entries: Sequence[TimelineEntry]) -> None:
        """Store a run's move with its entries, if phase and fence are still as they were.

        Raises:
            LeaseLost: the fence is another.
            Conflict: the phase is another.
            DayHalted: it would start on a halted day.
        """
        async with self._database.writing() as connection:
            await self._lock_day(connection, run.day)
            if run.phase is Phase.INJECTING:
                await self._refuse_if_halted(connection, run)
            await self._set_run(connection, run, was)
            await self._append(connection, entries)
        self._announce()

    async def _set_run(self, connection: AsyncConnection, run: Run, was: Run) -> None:
        moved = await connection.execute(
            update(tables.runs)
            .where(_runs.id == run.id, _runs.fence == was.fence, _runs.phase == was.phase)
            .values(rows.run_to_row(run))
        )
        if moved.rowcount == 0:
            await self._explain(connection, run, was)

    @staticmethod
    async def _refuse_if_halted(connection: AsyncConnection, run: Run) -> None:
        # A halt locks the day as well, so the two come one after the other.
        halted = tables.halts.c
        reason = await connection.scalar(
            select(halted.reason).where(halted.day == run.day, halted.released_at.is_(None))
        )
        if reason is not None:
            raise DayHalted(day=run.day, reason=reason)

    @staticmethod
    async def _explain(connection: AsyncConnection, run: Run, was: Run) -> None:
        found = await connection.execute(select(_runs.fence, _runs.phase).where(_runs.id == run.id))
        row = found.one_or_none()
        if row is None:
            raise NoSuchRun(run=run.id)
        if row.fence != was.fence:
            raise LeaseLost(run=run.id)
        raise Conflict(f"run {run.id} is {row.phase}, no longer {was.phase}; read it again")

    async def request_stop(self, run: RunId, *, reason: str) -> None:
        """Set the flag that the holder of a run reads; the first reason stays.

        Only that of a halt gives way: it is taken back when the halt is released, and an abort
        that was asked for meanwhile is to outlast it.
        """
        async with self._database.writing(urgent=True) as connection:
            await connection.execute(
                update(tables.runs)
                .where(_runs.id == run, or_(_runs.stop.is_(None), _runs.stop.startswith(OF_A_HALT)))
                .values(stop=reason)
            )
            known = await connection.scalar(select(exists().where(_runs.id == run)))
        if not known:
            raise NoSuchRun(run=run)
        self._announce()

    async def stops(self, runs: Collection[RunId]) -> Mapping[RunId, str]:
        """Why some of these runs are to stop; those that are not are not in it."""
        async with self._database.reading() as connection:
            found = await connection.execute(
                select(_runs.id, _runs.stop).where(_runs.id.in_(runs), _runs.stop.is_not(None))
            )
            return {RunId(row.id): row.stop for row in found}

    async def add_samples(self, samples: Sequence[Sample]) -> None:
        """Store observations of the steady state."""
        async with self._database.writing() as connection:
            await connection.execute(
                insert(tables.samples), [rows.sample_to_row(sample) for sample in samples]
            )

    async def samples(self, run: RunId) -> Sequence[Sample]:
        """The observations of a run, oldest first."""
        table = tables.samples
        async with self._database.reading() as connection:
            found = await connection.execute(
                select(table).where(table.c.run == run).order_by(table.c.at, table.c.id)
            )
            return [rows.sample_from_row(row) for row in found]
