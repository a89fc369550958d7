"""Lets an agent of chaos do a run by hand, in the course that every run takes.

    planned ──(somebody comes to it)──> armed ──> the course of any run ──> its end

The run is conducted by the process at whose terminal the person is, since the guard is there. It
does not start the program that the person works with; the execution does.
"""

from datetime import datetime, timedelta

from orchestrator.domain.day import ChaosDay, DayState
from orchestrator.domain.errors import ChaosDayError, Conflict
from orchestrator.domain.identity import DayId, RunId, WorkerId
from orchestrator.domain.plan import TimeBox
from orchestrator.domain.run import Phase, Run
from orchestrator.ports import Clock, Storage
from orchestrator.services.conducting import Conducting
from orchestrator.services.opening import Opening
from orchestrator.services.recording import Said


class ByHand:
    """Takes runs that are done by hand through their course."""

    def __init__(
        self,
        *,
        storage: Storage,
        opening: Opening,
        conducting: Conducting,
        clock: Clock,
        worker: WorkerId,
        lease: timedelta,
    ) -> None:
        self._storage = storage
        self._opening = opening
        self._conducting = conducting
        self._clock = clock
        self._worker = worker
        self._lease = lease

    async def run_of(self, day: DayId, box: str) -> RunId:
        """The run of a box of a day. Raises: NoSuchDay; Conflict: the day has no such box."""
        await self._storage.day(day)
        runs = {run.box: run.id for run in await self._storage.runs(day)}
        if box not in runs:
            raise Conflict(f"the day {day} has no box {box}; it has {', '.join(runs)}")
        return runs[box]

    async def check(self, run_id: RunId) -> Run:
        """The run, if it may be done by hand now. Raises: NoSuchRun; Conflict."""
        run = await self._storage.run(run_id)
        day = await self._storage.day(run.day)
        if problem := _hindrance(run, day, self._clock.now()):
            raise Conflict(f"{run.title} ({run.id}) {problem}")
        return run

    async def conduct(self, run_id: RunId, *, said: Said) -> Run:
        """Take the run to its end; returns it as it was seen last.

        Raises: NoSuchRun; IllegalMove; DayHalted; Conflict: it is not to be done by hand, or not
        now, or somebody holds it.
        """
        run = await self.check(run_id)
        # Held before it is armed, so that nobody takes it up by the clock.
        taken = await self._storage.take(run, worker=self._worker, lease=self._lease)
        try:
            armed = await self._opening.arm(run_id, said=said, has_hand=True)
        except ChaosDayError:
            await self._storage.release(taken, worker=self._worker)
            raise
        return await self._conducting.conduct(armed)


def _hindrance(run: Run, day: ChaosDay, now: datetime) -> str:
    """Why a run cannot be done by hand at this moment; empty when it can."""
    box: TimeBox = day.plan.box(run.box)
    if not box.by_hand:
        return "goes by the clock; a box that is done by hand says `by_hand: true`"
    if day.state is not DayState.OPEN:
        return f"is of a day that is {day.state}; its facilitator opens it"
    if run.phase is not Phase.PLANNED:
        return f"is {run.phase} already, and is done once"
    if now < run.planned_at:
        return f"begins at {run.planned_at.isoformat()}"
    if now >= run.planned_at + box.lasts:
        return f"was over at {(run.planned_at + box.lasts).isoformat()}, when its box ended"
    return ""
