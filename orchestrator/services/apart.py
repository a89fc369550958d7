"""Makes a day for one run, which is nobody's plan: that of `run`, or of a hand without a box.

A halt is of one day, and whoever halted it did not know of this one. So none is opened on a
cluster on which another open day is halted. It does not conduct the run.
"""

from collections.abc import Mapping
from contextlib import suppress

from orchestrator.domain.day import ChaosDay, PinnedExperiment
from orchestrator.domain.errors import Conflict, DayHalted, KubeconfigUnreadable
from orchestrator.domain.identity import DayId
from orchestrator.domain.plan import Cluster, Plan
from orchestrator.ports import Kubeconfigs, Storage
from orchestrator.services.halting import Halting
from orchestrator.services.opening import Opening
from orchestrator.services.planning import Planning
from orchestrator.services.recording import Said


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
    ) -> None:
        self._storage = storage
        self._planning = planning
        self._opening = opening
        self._halting = halting
        self._kubeconfigs = kubeconfigs

    async def open(
        self, plan: Plan, experiments: Mapping[str, PinnedExperiment], *, said: Said
    ) -> ChaosDay:
        """Lay a day out and open it.

        Raises: DayHalted: of another open day, whose cluster this may be; InvalidPlan; Conflict.
        """
        await self._refuse_beside_a_halt(plan.cluster)
        day = await self._planning.lay_out(plan, experiments, plan_source="", said=said)
        day = await self._opening.open(day.id, said=said)
        try:
            # A halt of every open day that came until now did not find this one.
            await self._refuse_beside_a_halt(plan.cluster)
        except DayHalted as error:
            await self._give_up(day.id, said, reason=str(error))
            raise
        return day

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
