"""The halt of a day: by anybody on it, released by the facilitator.

It does not wait until the runs are restored.
"""

from typing import Annotated

from fastapi import Depends

from api.admission import admitted_router
from api.dependencies import CurrentAudience, CurrentSaid, OnDay, Services, only
from api.problems import problems
from api.views.halts import HaltedView, HaltView, ReasonRequest
from orchestrator.domain.identity import Role
from orchestrator.services.admitting import Guest

router = admitted_router("/days/{day}/halt", tag="halts")

EVERYBODY = (Role.FACILITATOR, Role.AGENT, Role.RESPONDER)

Halter = Annotated[Guest, Depends(only(*EVERYBODY, to="halt a day"))]
Releaser = Annotated[Guest, Depends(only(Role.FACILITATOR, to="release a halt"))]


async def _shown(services: Services, audience: CurrentAudience) -> HaltedView:
    state = await services.revealing.halt_state(audience)
    return HaltedView.of(await services.revealing.halt(audience), state)


@router.post("", summary="Halt a day", responses=problems(404, 413))
async def halt_day(
    _: Halter,
    audience: CurrentAudience,
    asked: ReasonRequest,
    services: Services,
    said: CurrentSaid,
) -> HaltedView:
    """Stop everything on a day and restore it. Latched; the first halt stays in force."""
    await services.halting.halt(audience.day.id, said=said, reason=asked.reason)
    services.nudge()
    return await _shown(services, audience)


@router.get("", summary="Show the halt", responses=problems(404))
async def show_halt(audience: CurrentAudience, services: Services) -> HaltedView:
    """Whether the day is halted."""
    return await _shown(services, audience)


@router.post("/release", summary="Release the halt", responses=problems(404, 409))
async def release_halt(_: Releaser, day: OnDay, services: Services, said: CurrentSaid) -> HaltView:
    """Let the day go on once nothing of ours is left in the cluster. For facilitators."""
    released = await services.halting.release(day, said=said)
    services.nudge()
    return HaltView.of(released)
