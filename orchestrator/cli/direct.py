"""What goes straight to the database, because the service may not answer.

Guards heed a halt by themselves; it waits a moment for the writes that were on their way.
"""

from datetime import timedelta
from typing import Final

from orchestrator import wiring
from orchestrator.cli.conducting import ourselves
from orchestrator.cli.logs import configure_logs
from orchestrator.domain.day import DayState
from orchestrator.domain.errors import Conflict
from orchestrator.domain.identity import DayId

_ENGAGED_WITHIN: Final = timedelta(seconds=5)
"""For what a slow API server has in hand, and for commands, which end with their run's method."""


async def halt_directly(day: str, reason: str, release: bool) -> dict[str, str]:
    """Halt or release one day, or every open one; returns which, and how far the halt is.

    Raises: Conflict: no day is open.
    """
    configure_logs(wiring.settings().log, quiet=True)
    async with wiring.services() as services:
        opened = [each.id for each in await services.storage.days() if each.state is DayState.OPEN]
        days = [DayId(day)] if day else opened
        if not days:
            raise Conflict(
                f"no day is open, so there is nothing to {'release' if release else 'halt'}"
            )
        if release:
            for each in days:
                await services.halting.release(each, said=ourselves())
            return {str(each): "released" for each in days}
        # All are latched before any is waited for.
        for each in days:
            await services.halting.halt(each, said=ourselves(), reason=reason)
        return {
            str(each): str(await services.halting.engaged(each, within=_ENGAGED_WITHIN))
            for each in days
        }
