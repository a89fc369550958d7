"""A day for one run alone is not opened beside a halt that may be of its cluster."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

import anyio
import pytest

from orchestrator.domain.day import ChaosDay, DayState
from orchestrator.domain.errors import DayHalted, LeaseLost
from orchestrator.domain.identity import DayId, RunId
from orchestrator.domain.plan import Cluster, ClusterAddress
from orchestrator.domain.run import Phase, Run
from tests.builders import RUN, a_day, a_halt, a_plan, a_run, an_experiment
from tests.doubles.kubeconfigs import HERE
from tests.doubles.storage import MemoryStorage
from tests.doubles.worlds import LONG, OVER, SOMEBODY, a_new_entry, stored
from tests.unit.services.house import KIM, PATIENCE, House

OTHER = DayId("another-day")
ELSEWHERE = ClusterAddress(server="https://192.0.2.7:6443", context="elsewhere")
THERE = Cluster(kubeconfig="/etc/there")
MINE = Cluster(kubeconfig="/home/eve/config")


async def halted(house: House, cluster: Cluster, **changes: Any) -> None:
    await stored(house.storage, day=a_day(id=OTHER, plan=a_plan(cluster=cluster), **changes))
    await house.storage.engage(a_halt(day=OTHER), [a_new_entry(day=OTHER)])


async def opened(house: House, cluster: Cluster) -> ChaosDay:
    plan, experiments = a_plan(cluster=cluster), {"scaled-to-zero": an_experiment()}
    return (await house.apart.open(plan, experiments, said=KIM)).day


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
        async def open_day(self, day: ChaosDay, **more: Any) -> None:
            await self.engage(a_halt(day=OTHER), [a_new_entry(day=OTHER)])
            await super().open_day(day, **more)

    house = House(storage=HaltedMeanwhile())
    await stored(house.storage, day=a_day(id=OTHER))

    with pytest.raises(DayHalted, match="another-day"):
        await opened(house, Cluster())

    (day,) = [day for day in await house.storage.days() if day.id != OTHER]
    (run,) = await house.storage.runs(day.id)
    assert (day.state, run.phase) == (DayState.CLOSED, Phase.CANCELLED)


async def run_of(house: House, day: ChaosDay) -> Run:
    (run,) = await house.storage.runs(day.id)
    return run


async def test_nobody_else_takes_its_run_up_and_its_command_conducts_it(house: House) -> None:
    day = await opened(house, Cluster())
    held = await run_of(house, day)

    somebody = await house.storage.claim(
        worker=SOMEBODY, now=house.clock.now() + timedelta(seconds=1), lease=house.pace.lease
    )
    with anyio.fail_after(PATIENCE):
        await house.pacing.pace(day.id, until_done=True, held=held)

    assert somebody is None
    assert (await run_of(house, day)).phase is Phase.CONCLUDED


async def test_a_run_whose_command_is_gone_is_cancelled_by_whoever_takes_it_up(
    house: House,
) -> None:
    house.apart = house.apart_for(lease=OVER)
    day = await opened(house, Cluster())

    with anyio.fail_after(PATIENCE):
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(house.pacing.pace)
            await house.stage.until("-> cancelled")
            house.pacing.stop("enough")

    run = await run_of(house, day)
    assert (run.phase, run.reason) == (Phase.CANCELLED, "its command is gone")
    assert "open" not in house.story


async def test_its_command_closes_it_early_and_the_run_is_cancelled(house: House) -> None:
    day = await opened(house, Cluster())

    await house.apart.close(day.id, said=KIM)
    await house.apart.close(day.id, said=KIM)

    assert (await house.storage.day(day.id)).state is DayState.CLOSED
    assert (await run_of(house, day)).phase is Phase.CANCELLED


async def test_a_command_that_leaves_its_fault_behind_leaves_the_day_open(house: House) -> None:
    day = await stored(house.storage, a_run(phase=Phase.HOLDING))

    await house.apart.close(day.id, said=KIM)

    assert (await house.storage.day(day.id)).state is DayState.OPEN
    assert (await house.run()).phase is Phase.HOLDING


async def test_a_day_whose_command_is_gone_is_closed_and_one_whose_command_lives_is_not(
    house: House,
) -> None:
    lives = await opened(house, Cluster())
    house.apart = house.apart_for(lease=OVER)
    forsaken = await opened(house, Cluster())

    await house.apart.close_forsaken()

    assert (await house.storage.day(lives.id)).state is DayState.OPEN
    assert (await run_of(house, lives)).phase is Phase.ARMED
    assert (await house.storage.day(forsaken.id)).state is DayState.CLOSED
    assert (await run_of(house, forsaken)).reason == "its command is gone"


async def test_a_run_that_was_lost_while_its_day_was_opened_is_not_taken_for_ours() -> None:
    class AsleepMeanwhile(MemoryStorage):
        async def runs(self, day: DayId) -> Sequence[Run]:
            (run,) = await super().runs(day)
            # It is held by its command, whose lease is over by now.
            return [await self.take(run, worker=SOMEBODY, lease=LONG) if run.fence else run]

    house = House(storage=AsleepMeanwhile())
    house.apart = house.apart_for(lease=OVER)

    with pytest.raises(LeaseLost):
        await opened(house, Cluster())


async def test_what_an_opening_that_was_killed_left_armed_or_planned_is_cancelled(
    house: House,
) -> None:
    planned = a_day(plan_source="", state=DayState.PLANNED, opened_at=None)
    for phase in (Phase.ARMED, Phase.PLANNED):
        day = replace(planned, id=DayId(phase))
        await stored(house.storage, a_run(id=RunId(phase), day=day.id, phase=phase), day=day)

    await house.apart.close_forsaken()
    at_once = [(await house.run(RunId(phase))).phase for phase in (Phase.ARMED, Phase.PLANNED)]
    house.clock.skip(timedelta(minutes=10))
    await house.apart.close_forsaken()
    later = await house.run(RunId(Phase.PLANNED))

    assert at_once == [Phase.CANCELLED, Phase.PLANNED]
    assert (later.phase, later.reason) == (Phase.CANCELLED, "its command is gone")
    assert {each.state for each in await house.storage.days()} == {DayState.PLANNED}


async def test_a_forsaken_day_that_is_halted_and_a_planned_day_are_left_as_they_are(
    house: House,
) -> None:
    house.apart = house.apart_for(lease=OVER)
    day = await opened(house, Cluster())
    await house.halting.halt(day.id, said=KIM, reason="a real incident")
    await stored(house.storage, day=a_day(id=OTHER))

    await house.apart.close_forsaken()

    assert {each.state for each in await house.storage.days()} == {DayState.OPEN}


@pytest.mark.parametrize("phase", [each for each in Phase if each.may_hold_fault])
async def test_a_run_that_may_hold_a_fault_is_left_to_whoever_restores_it(
    house: House, phase: Phase
) -> None:
    """Nobody could restore it while somebody has taken hold of it for nothing."""
    await stored(house.storage, a_run(phase=phase), day=a_day(plan_source=""))
    house.clock.skip(timedelta(days=1))
    before = await house.run()

    await house.apart.close_forsaken()
    taken = await house.storage.take(await house.run(), worker=SOMEBODY, lease=LONG)

    assert (before.phase, taken.fence) == (phase, before.fence + 1)
    assert {each.state for each in await house.storage.days()} == {DayState.OPEN}


async def test_a_day_is_left_to_its_command_for_a_while_after_its_run_has_ended(
    house: House,
) -> None:
    ended = a_run(phase=Phase.CONCLUDED, ended_at=house.clock.now())
    await stored(house.storage, ended, day=a_day(plan_source=""))

    await house.apart.close_forsaken()
    at_once = [each.state for each in await house.storage.days()]
    house.clock.skip(timedelta(minutes=2))
    await house.apart.close_forsaken()
    later = [each.state for each in await house.storage.days()]

    assert (at_once, later) == ([DayState.OPEN], [DayState.CLOSED])
    assert (await house.storage.run(RUN)).phase is Phase.CONCLUDED
