"""What goes straight to the database, because the service may not answer.

It does not wait for holders of runs, which read the flags that it sets.
"""

from orchestrator import wiring
from orchestrator.cli.conducting import ourselves
from orchestrator.domain.day import DayState
from orchestrator.domain.errors import Conflict
from orchestrator.domain.identity import DayId


async def halt_directly(day: str, reason: str, release: bool) -> list[str]:
    """Halt or release one day, or every open one; returns which. Raises: Conflict: none."""
    async with wiring.services() as services:
        opened = [each.id for each in await services.storage.days() if each.state is DayState.OPEN]
        days = [DayId(day)] if day else opened
        if not days:
            raise Conflict("no day is open, so there is nothing to halt")
        for each in days:
            if release:
                await services.halting.release(each, said=ourselves())
            else:
                await services.halting.halt(each, said=ourselves(), reason=reason)
        return [str(each) for each in days]
