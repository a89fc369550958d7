"""A halt latches at once, and is engaged when no guard lets a method write any more."""

from datetime import timedelta

import anyio
import pytest

from orchestrator.domain.errors import DayHalted
from orchestrator.domain.halt import HaltState
from orchestrator.domain.run import Finding, Phase
from tests.builders import DAY, RUN
from tests.unit.services.house import KIM, House

SOON = timedelta(seconds=5)


async def test_a_halt_is_engaging_until_the_run_is_restrained(house: House) -> None:
    await house.with_run()
    house.script(hold=timedelta(seconds=60))

    async with house.conducted():
        await house.stage.until("-> holding")
        before = await house.halting.state(DAY)
        await house.halting.halt(DAY, said=KIM, reason="a real fire")
        after = await house.halting.engaged(DAY, within=SOON)

    assert (before, after) == (HaltState.ENGAGING, HaltState.ENGAGED)
    assert house.story.index("restrain") < house.story.index("-> rolling_back")
    assert (await house.run()).finding is Finding.ABORTED


async def test_whoever_waits_for_a_halt_of_a_frozen_conductor_learns_that_it_engages_still(
    house: House,
) -> None:
    await house.with_run(phase=Phase.HOLDING)
    await house.halting.halt(DAY, said=KIM, reason="a real fire")

    with anyio.fail_after(5):
        state = await house.halting.engaged(DAY, within=timedelta(milliseconds=100))

    assert state is HaltState.ENGAGING
    house.stage.fault_is_in = False


async def test_nothing_is_armed_while_a_halt_engages(house: House) -> None:
    await house.with_run(phase=Phase.PLANNED)
    await house.halting.halt(DAY, said=KIM, reason="a real fire")

    with pytest.raises(DayHalted, match="a real fire"):
        await house.opening.arm(RUN, said=KIM)
