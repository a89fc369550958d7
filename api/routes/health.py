"""What the service says of itself, to anybody who asks.

It names neither a day nor the database.
"""

from fastapi import APIRouter

from api.dependencies import Services, must_be_ready
from api.problems import problems
from api.views.health import LiveView, ReadyView, VersionView
from orchestrator.domain.errors import Unavailable

router = APIRouter(tags=["service"])


@router.get("/livez", summary="Say whether the process answers", responses=problems(500))
async def live() -> LiveView:
    """Whether the process answers; if not, start it anew."""
    return LiveView()


@router.get("/readyz", summary="Say whether runs may start", responses=problems(503))
async def ready(services: Services) -> ReadyView:
    """Whether the database answers and every run of a lost process has been restored."""
    must_be_ready(services)
    try:
        await services.storage.unfinished()
    except Unavailable as error:
        raise Unavailable("the database does not answer; the service's log says why") from error
    return ReadyView()


@router.get("/version", summary="Say which release answers", responses=problems(500))
async def version(services: Services) -> VersionView:
    """Which release answers."""
    return VersionView(version=services.version)
