"""Halts in the store; it does not stop anything, it sets the flags that holders read."""

from collections.abc import Sequence
from typing import Final

import anyio
from sqlalchemy import and_, exists, insert, or_, select, update

from orchestrator.adapters.storage import rows, tables
from orchestrator.adapters.storage.stored import Stored
from orchestrator.domain.day import DayState
from orchestrator.domain.errors import Conflict
from orchestrator.domain.halt import Halt
from orchestrator.domain.identity import DayId, RunId
from orchestrator.domain.run import Phase
from orchestrator.domain.timeline import TimelineEntry
from orchestrator.domain.undo import UndoState, Verb

_halts = tables.halts.c
_runs = tables.runs.c
_records = tables.undo_records.c
_IN_METHOD: Final = (Phase.INJECTING, Phase.HOLDING)
_STOPPABLE = (Phase.ARMED, Phase.INJECTING, Phase.HOLDING)
OF_A_HALT: Final = "halted by "
"""How the flags that a halt sets begin, which tells them from those of a single run's abort."""


_STOP_FREE_WITHIN: Final = 0.1
"""Seconds for which it is tried to stop runs that guards lock for a moment at each of their writes;
whatever is left then is waited for."""


class Halts(Stored):
    """Halts."""

    async def engage(self, halt: Halt, entries: Sequence[TimelineEntry]) -> None:
        """Latch a halt and ask every running run of the day to stop.

        A second halt of a halted day adds its entries and leaves the first in force.
        """
        stop = f"{OF_A_HALT}{halt.by.name}: {halt.reason}"
        await self._stop_free(halt.day, stop)
        async with self._database.writing(urgent=True) as connection:
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
                .values(stop=stop)
            )
        self._announce()

    async def _stop_free(self, day: DayId, stop: str) -> None:
        """Stop the methods whose runs nobody has locked, without waiting for any lock.

        A process that is frozen in a transaction keeps its locks until the database ends it; that
        of the day must not hold up a halt meanwhile, nor that of one run the halt of another.
        SQLite has one lock for all, without which no guard writes either.
        """
        wanted = (_runs.day == day, _runs.phase.in_(_IN_METHOD), _runs.stop.is_(None))
        free = select(_runs.id).where(*wanted).with_for_update(skip_locked=True, key_share=True)
        last = anyio.current_time() + _STOP_FREE_WITHIN
        is_left = not self._database.is_sqlite
        while is_left and anyio.current_time() < last:
            async with self._database.writing() as connection:
                await connection.execute(
                    update(tables.runs).where(_runs.id.in_(free)).values(stop=stop)
                )
                is_left = bool(await connection.scalar(select(exists().where(*wanted))))

    async def writing(self, day: DayId) -> Sequence[RunId]:
        """The runs of a day of whose method something may still reach the cluster.

        A write whose intent was stored before the halt counts until it is settled: until then its
        guard may be about to send it, and a slow API server to make it, even while what the method
        did is undone. A command counts until its run leaves the method.
        """
        unsettled = _records.state == UndoState.INTENT
        command = and_(_records.verb == Verb.EXEC, _records.state == UndoState.DONE)
        of_run = _records.run == _runs.id
        in_method = and_(
            _runs.phase.in_(_IN_METHOD),
            or_(_runs.stop.is_(None), exists().where(of_run, or_(unsettled, command))),
        )
        # What was intended later is of the rollbacks, which a halt lets go on.
        of_method = _records.at <= _runs.rolled_back_at
        left_over = and_(
            _runs.phase == Phase.ROLLING_BACK, exists().where(of_run, unsettled, of_method)
        )
        async with self._database.reading() as connection:
            found = await connection.scalars(
                select(_runs.id)
                .where(_runs.day == day, or_(in_method, left_over))
                .order_by(_runs.position)
            )
            return [RunId(each) for each in found]

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

    async def halts(self) -> Sequence[Halt]:
        """The halts that are engaged on days that are open."""
        is_open = tables.days.c.state == DayState.OPEN
        async with self._database.reading() as connection:
            found = await connection.execute(
                select(tables.halts)
                .join(tables.days, tables.days.c.id == _halts.day)
                .where(_halts.released_at.is_(None), is_open)
                .order_by(_halts.engaged_at)
            )
            return [rows.halt_from_row(row) for row in found]
