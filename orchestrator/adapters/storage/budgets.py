"""The parts of a day's budget that its runs hold.

A part is held for as long as its run may touch anything: it is given back by the run's end and by
nothing else, so that none is lost with a process. It does not decide how much a run needs.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from sqlalchemy import delete, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from orchestrator.adapters.storage import rows, tables
from orchestrator.adapters.storage.stored import Stored
from orchestrator.domain.day_budget import DayBudget, Reservation
from orchestrator.domain.errors import BudgetExhausted, LeaseLost
from orchestrator.domain.identity import DayId
from orchestrator.domain.run import Phase, Run
from orchestrator.domain.undo import UndoState

_runs = tables.runs.c
_held = tables.reservations.c
_OVER: Final = (Phase.CONCLUDED, Phase.CANCELLED)
"""Phases of a run that touches nothing any more; one that is stranded may."""


class Budgets(Stored):
    """Reservations."""

    async def reserve(self, run: Run, reservation: Reservation, *, budget: DayBudget) -> None:
        """Hold a part of the day's budget for a run, in the place of one that it held.

        Raises: BudgetExhausted; LeaseLost: the fence is another.
        """
        async with self._database.writing() as connection:
            # Whoever reserves on the same day waits here, so that two never count each other out.
            await self._lock_day(connection, run.day)
            fence = await connection.scalar(select(_runs.fence).where(_runs.id == run.id))
            if fence != run.fence:
                raise LeaseLost(run=run.id)
            held = await self._held(connection, run.day)
            if problem := budget.overdrawn(held, reservation):
                raise BudgetExhausted(run=run.id, problem=problem)
            await connection.execute(delete(tables.reservations).where(_held.run == run.id))
            await connection.execute(
                insert(tables.reservations).values(
                    run=run.id, day=run.day, document=rows.to_json(reservation)
                )
            )

    async def reservations(self, day: DayId) -> Sequence[Reservation]:
        """The parts that runs of a day hold, each with what its run has touched so far."""
        async with self._database.reading() as connection:
            return await self._held(connection, day)

    @staticmethod
    async def _held(connection: AsyncConnection, day: DayId) -> list[Reservation]:
        found = await connection.execute(
            select(tables.reservations)
            .join(tables.runs, _runs.id == _held.run)
            .where(_held.day == day, _runs.phase.not_in(_OVER))
            .order_by(_held.run)
        )
        parts = [rows.from_json(row.document, Reservation) for row in found]
        records = tables.undo_records.c
        written = await connection.execute(
            select(records.run, records.ref, records.lost).where(
                records.run.in_([part.run for part in parts]),
                records.state != UndoState.UNDONE,
            )
        )
        touched: dict[str, set[str]] = {part.run: set() for part in parts}
        for row in written:
            touched[row.run] |= {rows.ref_from_json(row.ref).key, *row.lost}
        return [replace(part, targets=part.targets | touched[part.run]) for part in parts]
