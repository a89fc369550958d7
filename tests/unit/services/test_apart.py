"""A day for one run alone is not opened beside a halt that may be of its cluster."""

from collections.abc import Sequence
from typing import Any

import pytest

from orchestrator.domain.day import ChaosDay, DayState
from orchestrator.domain.errors import DayHalted
from orchestrator.domain.identity import DayId
from orchestrator.domain.plan import Cluster, ClusterAddress
from orchestrator.domain.run import Phase
from orchestrator.domain.timeline import TimelineEntry
from tests.builders import a_day, a_halt, a_plan, an_experiment
from tests.doubles.kubeconfigs import HERE
from tests.doubles.storage import MemoryStorage
from tests.doubles.worlds import a_new_entry, stored
from tests.unit.services.house import KIM, House

OTHER = DayId("another-day")
ELSEWHERE = ClusterAddress(server="https://192.0.2.7:6443", context="elsewhere")
THERE = Cluster(kubeconfig="/etc/there")
MINE = Cluster(kubeconfig="/home/eve/config")


async def halted(house: House, cluster: Cluster, **changes: Any) -> None:
    await stored(house.storage, day=a_day(id=OTHER, plan=a_plan(cluster=cluster), **changes))
    await house.storage.engage(a_halt(day=OTHER), [a_new_entry(day=OTHER)])


async def opened(house: House, cluster: Cluster) -> ChaosDay:
    plan, experiments = a_plan(cluster=cluster), {"scaled-to-zero": an_experiment()}
    return await house.apart.open(plan, experiments, said=KIM)


@pytest.mark.parametrize(
    ("theirs", "ours"),
    [
        (Cluster(), Cluster()),
        (Cluster(), MINE),
        (THERE, THERE),
        (THERE, MINE),
        (THERE, Cluster()),
        (Cluster(kubeconfig="/gone"), MINE),
    ],
    ids=["unnamed", "theirs-unnamed", "same", "same-server", "ours-unnamed", "unreadable"],
)
async def test_it_is_not_opened_where_the_halt_may_be_of_its_cluster(
    house: House, theirs: Cluster, ours: Cluster
) -> None:
    house.kubeconfigs.leads_to = dict.fromkeys(("", "/etc/there", "/home/eve/config"), HERE)
    await halted(house, theirs)

    with pytest.raises(DayHalted, match="chaosday halt --release --day another-day") as refusal:
        await opened(house, ours)

    assert "a real incident" in str(refusal.value)
    assert [day.id for day in await house.storage.days()] == [OTHER]


async def test_a_halt_of_another_cluster_is_no_hindrance(house: House) -> None:
    house.kubeconfigs.leads_to["/etc/there"] = ELSEWHERE
    await halted(house, THERE)

    assert (await opened(house, Cluster())).state is DayState.OPEN


async def test_a_halt_of_a_day_that_is_over_is_no_hindrance(house: House) -> None:
    await halted(house, Cluster(), state=DayState.CLOSED)

    assert (await opened(house, Cluster())).state is DayState.OPEN


async def test_a_halt_that_comes_while_it_is_opened_closes_it_again() -> None:
    class HaltedMeanwhile(MemoryStorage):
        async def save_day(
            self, day: ChaosDay, *, was: ChaosDay, entries: Sequence[TimelineEntry]
        ) -> None:
            if day.state is DayState.OPEN:
                await self.engage(a_halt(day=OTHER), [a_new_entry(day=OTHER)])
            await super().save_day(day, was=was, entries=entries)

    house = House(storage=HaltedMeanwhile())
    await stored(house.storage, day=a_day(id=OTHER))

    with pytest.raises(DayHalted, match="another-day"):
        await opened(house, Cluster())

    (day,) = [day for day in await house.storage.days() if day.id != OTHER]
    (run,) = await house.storage.runs(day.id)
    assert (day.state, run.phase) == (DayState.CLOSED, Phase.CANCELLED)
