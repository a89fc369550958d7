"""A day is opened within the window that its plan names, and at no other time."""

from datetime import timedelta

import pytest

from orchestrator.domain.day import DayState
from orchestrator.domain.errors import Conflict
from orchestrator.domain.run import Phase
from tests.builders import DAY
from tests.unit.services.house import KIM, House


@pytest.mark.parametrize("late", [timedelta(seconds=-1), timedelta(hours=8)])
async def test_day_is_not_opened_outside_its_window(house: House, late: timedelta) -> None:
    await house.with_run(phase=Phase.PLANNED, day={"state": DayState.PLANNED, "opened_at": None})
    window = (await house.storage.day(DAY)).plan.window
    house.clock.skip(window.opens_at + late - house.clock.now())

    with pytest.raises(Conflict, match="open the day within it"):
        await house.opening.open(DAY, said=KIM)

    assert (await house.run()).phase is Phase.PLANNED
