"""A halt latches at once, and is engaged when no write of a method is on its way any more."""

from dataclasses import replace
from datetime import timedelta

import anyio
import pytest

from orchestrator.domain.errors import DayHalted
from orchestrator.domain.guarding import STOP
from orchestrator.domain.halt import HaltState
from orchestrator.domain.run import Finding, Phase
from orchestrator.domain.undo import UndoState
from orchestrator.ports import ActionEnded, WriteRefused
from tests.builders import DAY, RUN, an_undo_record, at
from tests.doubles.storage import MemoryUndoJournal
from tests.unit.services.house import KIM, House

SOON = timedelta(seconds=5)
AT_ONCE = timedelta(milliseconds=100)


async def test_a_halt_is_engaged_and_the_run_is_restrained_and_restored(house: House) -> None:
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


async def test_a_halt_is_engaged_although_the_conductor_is_frozen(house: House) -> None:
    await house.with_run(phase=Phase.HOLDING)
    await house.halting.halt(DAY, said=KIM, reason="a real fire")

    assert await house.halting.engaged(DAY, within=AT_ONCE) is HaltState.ENGAGED
    house.stage.fault_is_in = False


async def test_a_halt_engages_while_a_write_is_on_its_way(house: House) -> None:
    await house.with_run(phase=Phase.HOLDING)
    journal = MemoryUndoJournal(house.storage)
    record = await journal.intend(an_undo_record(), fence=0)
    await house.halting.halt(DAY, said=KIM, reason="a real fire")

    with anyio.fail_after(5):
        before = await house.halting.engaged(DAY, within=AT_ONCE)
    await journal.settle(replace(record, state=UndoState.DONE))

    assert before is HaltState.ENGAGING
    assert await house.halting.engaged(DAY, within=SOON) is HaltState.ENGAGED
    house.stage.fault_is_in = False


async def test_a_halt_is_heard_long_before_the_lease_is_renewed(house: House) -> None:
    house.at_pace(lease=timedelta(minutes=5))
    await house.with_run()
    house.script(hold=timedelta(seconds=60))

    async with house.conducted():
        await house.stage.until("-> holding")
        await house.halting.halt(DAY, said=KIM, reason="a real fire")
        with anyio.fail_after(2):
            await house.stage.until("restrain")


async def test_a_run_that_its_guard_stopped_first_was_stopped_by_the_halt(house: House) -> None:
    await house.with_run()
    house.script(hold=timedelta(seconds=60))

    async with house.conducted():
        await house.stage.until("-> holding")
        # The guard refuses, and so the action fails, before this process has heard of the halt.
        refused = WriteRefused(at=at(60), target="pods/shop/x", rule=STOP, reason="it is to stop")
        failed = ActionEnded(
            name="break it", at=at(60), succeeded=False, part="method", problem="403"
        )
        house.stage.act.happen(refused)
        house.stage.act.happen(failed)
        await house.halting.halt(DAY, said=KIM, reason="a real fire")

    assert (await house.run()).reason == "halted by Kim: a real fire"


async def test_a_run_that_its_guard_stopped_is_restored_although_no_reason_is_heard(
    house: House,
) -> None:
    await house.with_run()
    house.script(hold=timedelta(seconds=60))

    async with house.conducted():
        await house.stage.until("-> holding")
        house.stage.act.happen(
            WriteRefused(at=at(60), target="pods/shop/x", rule=STOP, reason="it is to stop")
        )

    assert (await house.run()).reason == "it is to stop"
    assert (await house.run()).finding is Finding.ABORTED


async def test_nothing_is_armed_while_the_day_is_halted(house: House) -> None:
    await house.with_run(phase=Phase.PLANNED)
    await house.halting.halt(DAY, said=KIM, reason="a real fire")

    with pytest.raises(DayHalted, match="a real fire"):
        await house.opening.arm(RUN, said=KIM)
