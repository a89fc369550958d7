"""Makes a day for one run, which is nobody's plan: that of `run`, or of a hand without a box.

A halt is of one day, and whoever halted it did not know of this one. So none is opened on a
cluster on which another open day is halted. It does not conduct the run.
"""

from collections.abc import Mapping, Set
from contextlib import suppress
from datetime import timedelta
from typing import Final

import structlog

from orchestrator.domain.day import ChaosDay, DayState, PinnedExperiment
from orchestrator.domain.errors import Conflict, DayHalted, KubeconfigUnreadable, LeaseLost
from orchestrator.domain.identity import DayId, RunId, WorkerId
from orchestrator.domain.plan import Cluster, Plan
from orchestrator.domain.run import Phase, Run
from orchestrator.ports import Clock, Kubeconfigs, Storage
from orchestrator.services.conducting import GONE
from orchestrator.services.halting import Halting
from orchestrator.services.opening import Opened, Opening
from orchestrator.services.planning import Planning
from orchestrator.services.recording import OURSELVES, Said

log = structlog.get_logger()

_CLOSED_WITHIN: Final = timedelta(minutes=1)
"""Within what time of its run's end a command closes its day, if it lives."""


class Apart:
    """Makes and opens days of their own."""

    def __init__(
        self,
        *,
        storage: Storage,
        planning: Planning,
        opening: Opening,
        halting: Halting,
        kubeconfigs: Kubeconfigs,
        clock: Clock,
        worker: WorkerId,
        lease: timedelta,
    ) -> None:
        self._storage = storage
        self._planning = planning
        self._opening = opening
        self._halting = halting
        self._kubeconfigs = kubeconfigs
        self._clock = clock
        self._worker = worker
        self._lease = lease

    async def open(
        self, plan: Plan, experiments: Mapping[str, PinnedExperiment], *, said: Said
    ) -> Opened:
        """Lay a day out and open it.

        A run that goes by the clock is held by this process before it is armed, so that nobody
        takes it up but whoever finds that this process is gone.
        Raises: DayHalted: of another open day, whose cluster this may be; InvalidPlan; Conflict;
        LeaseLost.
        """
        await self._refuse_beside_a_halt(plan.cluster)
        day = await self._planning.lay_out(plan, experiments, plan_source="", said=said)
        held = await self._hold(day)
        opened = await self._opening.open_with_runs(day.id, said=said)
        try:
            # A halt of every open day that came until now did not find this one.
            await self._refuse_beside_a_halt(plan.cluster)
        except DayHalted as error:
            await self._give_up(day.id, said, reason=str(error))
            raise
        if lost := held - {(run.id, run.fence) for run in opened.runs}:
            # This process was asleep for so long that somebody took it for gone.
            raise LeaseLost(run=min(lost)[0])
        return opened

    async def _hold(self, day: ChaosDay) -> Set[tuple[RunId, int]]:
        """Take hold of the runs that go by the clock; returns them with their fences."""
        held = set()
        for run in await self._storage.runs(day.id):
            if not day.plan.box(run.box).by_hand:
                taken = await self._storage.take(run, worker=self._worker, lease=self._lease)
                held.add((taken.id, taken.fence))
        return held

    async def close(self, day: DayId, *, said: Said) -> None:
        """Close a day whose command leaves, unless a fault of it may still be in.

        A run that did not start is cancelled with it.
        """
        if (await self._storage.day(day)).state is not DayState.OPEN:
            return
        if not any(run.phase.may_hold_fault for run in await self._storage.runs(day)):
            await self._opening.close(day, said=said)

    async def close_forsaken(self) -> None:
        """Close the days of commands that are gone; what never started is cancelled.

        One that is halted stays as it is, until somebody releases the halt. One that was not
        opened yet stays planned, and what is armed or planned in it is cancelled.
        """
        for day in await self._storage.days():
            if day.state is DayState.CLOSED or not day.is_apart:
                continue
            # Whoever else does so at this moment may be first.
            with suppress(Conflict):
                await self._close_if_forsaken(day)

    async def _close_if_forsaken(self, day: ChaosDay) -> None:
        if await self._storage.halt(day.id) is not None:
            return
        runs = await self._storage.runs(day.id)
        if not all(self._may_be_forsaken(day, run) for run in runs):
            return
        for run in runs:
            if not run.phase.is_final:
                # From here on a command that was only asleep holds it no more.
                await self._storage.take(run, worker=self._worker, lease=self._lease)
                await self._opening.cancel(run.id, said=OURSELVES, reason=GONE)
        if day.state is DayState.OPEN:
            await self._opening.close(day.id, said=OURSELVES)
            log.warning("day of a command that is gone was closed", day=day.id)

    def _may_be_forsaken(self, day: ChaosDay, run: Run) -> bool:
        """Whether nobody is there for a run of a command, unless somebody holds it."""
        now = self._clock.now()
        if run.phase.may_hold_fault:
            return False
        if run.phase.is_final:
            return run.ended_at is not None and now > run.ended_at + _CLOSED_WITHIN
        # Whoever works by hand holds nothing until it begins.
        is_over = now > run.planned_at + day.plan.box(run.box).lasts
        return run.phase is Phase.ARMED or is_over

    async def _give_up(self, day: DayId, said: Said, *, reason: str) -> None:
        # A conductor elsewhere may have taken the run up already.
        await self._halting.halt(day, said=said, reason=reason)
        with suppress(Conflict):
            await self._opening.close(day, said=said)

    async def _refuse_beside_a_halt(self, cluster: Cluster) -> None:
        for halt in await self._storage.halts():
            halted = (await self._storage.day(halt.day)).plan.cluster
            if await self._may_be_one(halted, cluster):
                raise DayHalted(day=halt.day, reason=halt.reason)

    async def _may_be_one(self, halted: Cluster, ours: Cluster) -> bool:
        """Whether a halted day's cluster may be ours; what cannot be told apart may be.

        A day that names no kubeconfig is of the cluster that its conductor's environment named.
        """
        if not halted.kubeconfig or halted == ours:
            return True
        try:
            theirs = await self._kubeconfigs.address_of(halted)
            return theirs.server == (await self._kubeconfigs.address_of(ours)).server
        except KubeconfigUnreadable:
            return True
