"""Tokens for the people of a day, and whom a token stands for.

It shows a token once, in the answer to issuing it.
"""

from typing import Annotated

from fastapi import Depends

from api.admission import admitted_router
from api.dependencies import CurrentGuest, OnDay, Services, only
from api.problems import problems
from api.views.guests import MeView, TokenRequest, TokenView
from orchestrator.domain.identity import Role
from orchestrator.services.admitting import Guest

router = admitted_router("", tag="guests")

Issuer = Annotated[Guest, Depends(only(Role.FACILITATOR, to="issue tokens"))]


@router.post(
    "/days/{day}/tokens",
    status_code=201,
    summary="Issue a token",
    responses=problems(404, 413),
)
async def issue_token(_: Issuer, day: OnDay, asked: TokenRequest, services: Services) -> TokenView:
    """Issue a token for one person on one day. It cannot be read again. For facilitators."""
    token = await services.admitting.issue(
        name=asked.name, role=asked.role, day=day, is_script=asked.scripted
    )
    return TokenView(
        token=token,
        name=asked.name.strip(),
        role=asked.role,
        day=day,
        is_scripted=asked.scripted,
    )


@router.get("/me", summary="Say who I am")
async def who_am_i(guest: CurrentGuest) -> MeView:
    """Whom the token stands for."""
    return MeView.of(guest)
