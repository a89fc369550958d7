"""What the service says of itself, to anybody who asks.

It names neither a day nor the database, and says why it is not ready to those alone who know the
plan: that runs are being restored tells a responder that there were some.
"""

from typing import Annotated, Final

from fastapi import APIRouter, Depends, Request

from api.admission import token_of
from api.dependencies import Services, must_be_ready
from api.problems import problems
from api.views.health import LiveView, ReadyView, VersionView
from orchestrator.domain.errors import NotAuthenticated, Unavailable
from orchestrator.domain.identity import Role

router = APIRouter(tags=["service"])

_KNOWING: Final = (Role.FACILITATOR, Role.AGENT)


async def may_know_why(request: Request, services: Services) -> bool:
    """Whether a token was sent of somebody who knows the plan; a bad one is as good as none."""
    token = token_of(request.headers)
    if token is None:
        return False
    try:
        return (await services.admitting.admit(token)).role in _KNOWING
    except (NotAuthenticated, Unavailable):
        return False


MayKnowWhy = Annotated[bool, Depends(may_know_why)]


@router.get("/livez", summary="Say whether the process answers", responses=problems(500))
async def live() -> LiveView:
    """Whether the process answers; if not, start it anew."""
    return LiveView()


@router.get("/readyz", summary="Say whether runs may start", responses=problems(503))
async def ready(services: Services, knows: MayKnowWhy) -> ReadyView:
    """Whether the service can do everything. Facilitators and agents learn what is missing."""
    try:
        must_be_ready(services)
        await _must_remember(services)
    except Unavailable as error:
        if knows:
            raise
        raise Unavailable("the service is not ready; ask again in a few seconds") from error
    return ReadyView()


async def _must_remember(services: Services) -> None:
    try:
        await services.storage.unfinished()
    except Unavailable as error:
        raise Unavailable("the database does not answer; the service's log says why") from error


@router.get("/version", summary="Say which release answers", responses=problems(500))
async def version(services: Services) -> VersionView:
    """Which release answers."""
    return VersionView(version=services.version)
