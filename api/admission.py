"""The door: a route behind it knows who asks before anything else of the request is read.

It accepts a token in the Authorization header and nowhere else: addresses end up in logs.
"""

from collections.abc import Callable, Coroutine, Mapping
from typing import Any, Final

from fastapi import APIRouter, Depends, Request, Response
from fastapi.routing import APIRoute
from fastapi.security import HTTPBearer

from api.dependencies import services_of
from api.problems import problems

PREFIX: Final = "/api/v1"

_bearer: Final = HTTPBearer(
    auto_error=False,
    scheme_name="token",
    bearerFormat="cd_<id>_<secret>",
    description="A token that the facilitator issued; it names a role and mostly a day.",
)


class AdmittedRoute(APIRoute):
    """A route for guests only, whose answers no cache may keep for others."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handle = super().get_route_handler()

        async def admitted(request: Request) -> Response:
            token = token_of(request.headers)
            request.state.guest = await services_of(request).admitting.admit(token)
            response = await handle(request)
            response.headers["Cache-Control"] = "no-store"
            return response

        return admitted


def token_of(headers: Mapping[str, str]) -> str | None:
    """The token that a request brings along."""
    scheme, _, token = headers.get("authorization", "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" else None


def admitted_router(path: str, *, tag: str) -> APIRouter:
    """A router whose every route is behind the door."""
    return APIRouter(
        prefix=PREFIX + path,
        tags=[tag],
        route_class=AdmittedRoute,
        dependencies=[Depends(_bearer)],
        responses=problems(401, 403, 422, 503),
    )
