"""What the routes depend on: the services, who asks, on which day, and what they may do.

It decides no more than whether a role may ask at all; the rules are in the services.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Final, cast

from fastapi import Depends, Header, Path, Request

from orchestrator.domain.errors import NoSuchDay, NoSuchRun, Unavailable
from orchestrator.domain.identity import DayId, Role, RunId
from orchestrator.ports import Catalogue, Clock, Storage
from orchestrator.services.admitting import Admitting, Guest
from orchestrator.services.debriefing import Debriefing
from orchestrator.services.halting import Halting
from orchestrator.services.opening import Opening
from orchestrator.services.planning import Planning
from orchestrator.services.previewing import Previewing
from orchestrator.services.recording import Said
from orchestrator.services.responding import Responding
from orchestrator.services.revealing import Audience, Revealing

CLI: Final = "chaosday-cli/"
"""How the command line's User-Agent begins, by which its entries are told from others."""

_ID: Final = re.compile(r"[A-Za-z0-9._-]{1,64}")


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiServices:
    """All that the API calls."""

    admitting: Admitting
    planning: Planning
    previewing: Previewing
    opening: Opening
    halting: Halting
    responding: Responding
    revealing: Revealing
    debriefing: Debriefing
    storage: Storage
    """Read only, here."""
    clock: Clock
    catalogue: Catalogue
    nudge: Callable[[], None]
    """Has the pacing loop look at once."""
    is_ready: Callable[[], bool]
    """Whether every run of a lost conductor has been restored."""
    version: str


def services_of(request: Request) -> ApiServices:
    """The services that the app was made with."""
    return cast(ApiServices, request.app.state.services)


def guest_of(request: Request) -> Guest:
    """Who asks; known, since `AdmittedRoute` let them in."""
    return cast(Guest, request.state.guest)


Services = Annotated[ApiServices, Depends(services_of)]
CurrentGuest = Annotated[Guest, Depends(guest_of)]


def only(*roles: Role, to: str) -> Callable[[Guest], Guest]:
    """A dependency that lets these roles pass, before the body is looked at.

    Raises: NotAllowed.
    """

    def allowed(guest: CurrentGuest) -> Guest:
        guest.must_be(*roles, to=to)
        return guest

    return allowed


def day_of(
    day: Annotated[str, Path(description="The day's id.", examples=["checkout-chaos-day-4f2a"])],
    guest: CurrentGuest,
) -> DayId:
    """The day in the path. Raises: NotAllowed: the token is another day's. NoSuchDay."""
    guest.must_be_on(DayId(day))
    if not _ID.fullmatch(day):
        raise NoSuchDay(day=day)
    return DayId(day)


def run_of(
    run: Annotated[str, Path(description="The run's id, from the agenda.", examples=["run-5e1f"])],
) -> RunId:
    """The run in the path; whether it exists is for those to know who may. Raises: NoSuchRun."""
    if not _ID.fullmatch(run):
        raise NoSuchRun(run=run)
    return RunId(run)


OnDay = Annotated[DayId, Depends(day_of)]
OfRun = Annotated[RunId, Depends(run_of)]


async def audience_of(services: Services, guest: CurrentGuest, day: OnDay) -> Audience:
    """The guest as somebody who looks at the day in the path. Raises: NoSuchDay."""
    return await services.revealing.audience(day, guest.role)


CurrentAudience = Annotated[Audience, Depends(audience_of)]


def said_by(
    guest: CurrentGuest, user_agent: Annotated[str, Header(include_in_schema=False)] = ""
) -> Said:
    """Whose word an entry is, and by which way it came."""
    return Said(by=guest.actor, source="cli" if user_agent.startswith(CLI) else "api")


CurrentSaid = Annotated[Said, Depends(said_by)]


def must_be_ready(services: Services) -> None:
    """Let nothing start while runs of a lost conductor are being restored. Raises: Unavailable."""
    if not services.is_ready():
        raise Unavailable(
            "runs that an earlier process left behind are being restored, and nothing starts"
            " before; ask again in a few seconds"
        )
