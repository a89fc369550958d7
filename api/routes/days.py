"""Days: planned, shown, opened, closed and revealed.

What of a day an audience sees is decided by `revealing`.
"""

from typing import Annotated

from fastapi import Depends

from api.admission import admitted_router
from api.dependencies import (
    ApiServices,
    CurrentAudience,
    CurrentGuest,
    CurrentSaid,
    OnDay,
    Services,
    must_be_ready,
    only,
)
from api.idempotency import OnlyOnce
from api.plans import BODY, Posted
from api.problems import problems
from api.views.agenda import AgendaView
from api.views.days import DaysView, DayView
from orchestrator.domain.errors import NotAllowed
from orchestrator.domain.identity import DayId, Role
from orchestrator.services.admitting import Guest

router = admitted_router("/days", tag="days")


async def _shown(services: ApiServices, guest: Guest, day: DayId) -> DayView:
    audience = await services.revealing.audience(day, guest.role)
    return DayView.of(audience, await services.revealing.halt(audience))


Planner = Annotated[Guest, Depends(only(Role.FACILITATOR, to="plan a day"))]
Opener = Annotated[Guest, Depends(only(Role.FACILITATOR, to="open a day"))]
Closer = Annotated[Guest, Depends(only(Role.FACILITATOR, to="close a day"))]
Revealer = Annotated[Guest, Depends(only(Role.FACILITATOR, to="reveal a day"))]


@router.post(
    "",
    status_code=201,
    summary="Plan a day",
    openapi_extra=BODY,
    responses=problems(404, 413, 415),
)
async def plan_day(
    guest: Planner, posted: Posted, services: Services, said: CurrentSaid, once: OnlyOnce
) -> DayView:
    """Take a plan, pin its experiments and lay out its runs; nothing is armed.

    For a facilitator whose token is good for every day. All faults of a plan are told at once,
    and a plan with a fault leaves nothing behind.
    """
    if guest.day is not None:
        raise NotAllowed(role=guest.role, move="plan a day with a token of another day")

    async def plan() -> DayView:
        day = await services.planning.plan(
            posted.text,
            source="plan",
            said=said,
            documents=posted.documents,
            is_scripted=posted.is_scripted,
        )
        return await _shown(services, guest, day.id)

    return await once(posted.fingerprint, plan)


@router.get("", summary="List the days")
async def list_days(guest: CurrentGuest, services: Services) -> DaysView:
    """The days that the token is good for, newest first."""
    days = await services.storage.days()
    own = [day.id for day in days if guest.day in {None, day.id}]
    return DaysView(days=[await _shown(services, guest, day) for day in own])


@router.get("/{day}", summary="Show a day", responses=problems(404))
async def show_day(audience: CurrentAudience, services: Services) -> DayView:
    """What anybody on the day may know of it."""
    return DayView.of(audience, await services.revealing.halt(audience))


@router.get("/{day}/agenda", summary="Show the agenda", responses=problems(404))
async def show_agenda(audience: CurrentAudience, services: Services) -> AgendaView:
    """The time boxes with their experiments, limits and runs; a secret until the reveal."""
    audience.must_see_all(to="see the agenda")
    return AgendaView.of(audience.day, await services.storage.runs(audience.day.id))


@router.post(
    "/{day}/open",
    summary="Open a day",
    responses=problems(404, 409),
    dependencies=[Depends(must_be_ready)],
)
async def open_day(guest: Opener, day: OnDay, services: Services, said: CurrentSaid) -> DayView:
    """Open a day and arm every planned run of its agenda. For facilitators."""
    await services.opening.open(day, said=said)
    services.nudge()
    return await _shown(services, guest, day)


@router.post("/{day}/close", summary="Close a day", responses=problems(404, 409))
async def close_day(guest: Closer, day: OnDay, services: Services, said: CurrentSaid) -> DayView:
    """Close a day whose runs have ended; what never started is cancelled. For facilitators."""
    await services.opening.close(day, said=said)
    return await _shown(services, guest, day)


@router.post("/{day}/reveal", summary="Reveal a day", responses=problems(404, 409))
async def reveal_day(guest: Revealer, day: OnDay, services: Services, said: CurrentSaid) -> DayView:
    """Let everybody see what was planned and what ran. For facilitators, after closing."""
    await services.opening.reveal(day, said=said)
    return await _shown(services, guest, day)
