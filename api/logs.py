"""One log event for each request, and the last resort for errors that nobody foresaw.

It never logs a token, a query, a body or a name: the role and the route's template say enough.
"""

import time
from http import HTTPStatus
from typing import Final

import structlog

from api.asgi import App, Message, Receive, Scope, Send
from api.problems import Problem, plain_problem

log = structlog.get_logger()

_QUIET: Final = frozenset({"/livez", "/readyz"})
"""Asked every few seconds by whoever watches the process."""


class RequestLog:
    """ASGI middleware that logs each request when its answer has ended."""

    def __init__(self, app: App) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on; an unforeseen error becomes a problem without internals."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started, status = time.perf_counter(), 0

        async def noted(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self._app(scope, receive, noted)
        except Exception:
            # The outermost loop of a request: whatever comes here must not end the service.
            log.exception("request broke off", method=scope["method"], route=_route(scope))
            if not status:
                await _sorry(scope)(scope, receive, noted)
        finally:
            _tell(scope, status, (time.perf_counter() - started) * 1000)


def _sorry(scope: Scope) -> Problem:
    status = HTTPStatus.INTERNAL_SERVER_ERROR
    detail = "the service failed in a way that nobody foresaw; its log says how"
    return Problem(plain_problem(status, detail=detail, instance=scope["path"]))


def _tell(scope: Scope, status: int, took_ms: float) -> None:
    guest = scope.get("state", {}).get("guest")
    write = log.debug if scope["path"] in _QUIET else log.info
    write(
        "request",
        method=scope["method"],
        route=_route(scope),
        status=status,
        ms=round(took_ms, 1),
        role=str(guest.role) if guest else None,
    )


def _route(scope: Scope) -> str:
    return str(getattr(scope.get("route"), "path", "none"))
