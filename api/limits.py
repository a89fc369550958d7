"""Refuses bodies that are larger than anything that people send here.

It does not look into them.
"""

from typing import Final

from fastapi import HTTPException

from api.asgi import App, Message, Receive, Scope, Send
from api.problems import Problem, plain_problem

LARGEST_BODY: Final = 1_000_000
"""Bytes; a plan with its experiments has some ten thousand."""

_DETAIL: Final = f"the body is larger than {LARGEST_BODY} bytes; send less at once"


class BodyLimit:
    """ASGI middleware that stops reading a body beyond the limit."""

    def __init__(self, app: App) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, unless its body is announced or found to be too large."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        if _announced(scope) > LARGEST_BODY:
            problem = plain_problem(413, detail=_DETAIL, instance=scope["path"])
            await Problem(problem, {"Connection": "close"})(scope, receive, send)
            return
        read = 0

        async def limited() -> Message:
            nonlocal read
            message = await receive()
            read += len(message.get("body", b""))
            if read > LARGEST_BODY:
                raise HTTPException(413, _DETAIL)
            return message

        await self._app(scope, limited, send)


def _announced(scope: Scope) -> int:
    length = dict(scope["headers"]).get(b"content-length", b"")
    return int(length) if length.isdigit() else 0
