"""One halt for everything, by anyone on the day, until the facilitator releases it.

From the moment on at which it is stored no guard stores the intent of a method's write, and no
write goes out without one; holders of runs read the flag as well and roll back. It does not wait
for the runs to be restored.
"""

from dataclasses import replace
from datetime import timedelta
from typing import Final

import anyio
import structlog

from orchestrator.domain.errors import Conflict, InvalidValue
from orchestrator.domain.halt import Halt, HaltState, state_of
from orchestrator.domain.identity import DayId, RunId
from orchestrator.domain.run import Phase
from orchestrator.domain.timeline import Kind, Lane, VisibleAfter
from orchestrator.ports import Clock, Storage
from orchestrator.services.recording import Recording, Said

log = structlog.get_logger()


_LOOK: Final = timedelta(milliseconds=20)
"""How often it is looked whether a halt is engaged."""


class Halting:
    """Halts days, releases them, and aborts single runs."""

    def __init__(self, *, storage: Storage, clock: Clock, recording: Recording) -> None:
        self._storage = storage
        self._clock = clock
        self._recording = recording

    async def halt(self, day: DayId, *, said: Said, reason: str) -> Halt:
        """Stop everything on a day. Safe to repeat; the first reason stays in force."""
        await self._storage.day(day)
        halt = Halt(day=day, by=said.by, reason=_said(reason), engaged_at=self._clock.now())
        entry = self._recording.entry(
            day,
            Lane.DAY,
            Kind.HALTED,
            "the day is halted",
            said=said,
            visible_after=VisibleAfter.NOW,
            details={"reason": halt.reason},
        )
        await self._storage.engage(halt, [entry])
        log.warning("day halted", day=day, by=said.by.name, source=said.source)
        return await self._storage.halt(day) or halt

    async def state(self, day: DayId) -> HaltState:
        """How far the halt of a day is: engaged when no write is on its way any more."""
        return state_of(await self._storage.writing(day))

    async def engaged(self, day: DayId, *, within: timedelta) -> HaltState:
        """Wait until no write of a method is on its way any more, for so long at the most."""
        state = await self.state(day)
        with anyio.move_on_after(within.total_seconds()):
            while state is HaltState.ENGAGING:
                await anyio.sleep(_LOOK.total_seconds())
                state = await self.state(day)
        return state

    async def release(self, day: DayId, *, said: Said) -> Halt:
        """Let the day go on. Raises: Conflict: it is not halted, or a run still holds a fault."""
        halt = await self._storage.halt(day)
        if halt is None:
            raise Conflict(f"day {day} is not halted")
        for run in await self._storage.runs(day):
            if run.phase.may_hold_fault:
                raise Conflict(
                    f"{run.title} ({run.id}) is still {run.phase};"
                    " release the halt when it is restored"
                )
        released = replace(halt, released_at=self._clock.now(), released_by=said.by.name)
        entry = self._recording.entry(
            day,
            Lane.DAY,
            Kind.RELEASED,
            "the halt is released",
            said=said,
            visible_after=VisibleAfter.NOW,
        )
        await self._storage.release_halt(released, [entry])
        log.info("halt released", day=day, by=said.by.name, source=said.source)
        return released

    async def abort(self, run_id: RunId, *, said: Said, reason: str) -> None:
        """Ask the holder of one run to stop and roll back.

        Raises: Conflict: there is nothing to abort.
        """
        run = await self._storage.run(run_id)
        if run.phase not in {Phase.ARMED, Phase.INJECTING, Phase.HOLDING}:
            raise Conflict(f"{run.title} ({run.id}) is {run.phase}: there is nothing to abort")
        log.warning("run is to be aborted", day=run.day, run=run_id, by=said.by.name)
        await self._storage.request_stop(
            run_id, reason=f"aborted by {said.by.name}: {_said(reason)}"
        )
        await self._storage.append(
            [
                self._recording.entry(
                    run.day,
                    Lane.MECHANICS,
                    Kind.NOTE,
                    f"abort of {run.title} asked for: {reason}",
                    said=said,
                    run=run_id,
                )
            ]
        )


def _said(reason: str) -> str:
    if not reason.strip():
        raise InvalidValue(
            field="reason", value=reason, problem="is empty", way_out="say in a few words why"
        )
    return reason.strip()
