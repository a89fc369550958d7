"""A command's WebSocket, passed on frame by frame in both directions until one side ends.

It does not look into the frames: what a command may do is decided before it begins.
"""

from collections.abc import Sequence
from typing import Final, TypeAlias

import aiohttp
import anyio
from aiohttp import web

from orchestrator.guard.refusals import NotLetThrough

PROTOCOLS: Final = ("v5.channel.k8s.io", "v4.channel.k8s.io")
"""Those that a command speaks, the better one first."""

_FAREWELL: Final = 1.0
"""Units: seconds."""

_End: TypeAlias = web.WebSocketResponse | aiohttp.ClientWebSocketResponse


def protocols_of(request: web.BaseRequest, *, target: str) -> Sequence[str]:
    """The protocols that both the client and the guard know. Raises: NotLetThrough: none."""
    header = ",".join(request.headers.getall("Sec-WebSocket-Protocol", ()))
    offered = {each.strip() for each in header.split(",")}
    if found := [each for each in PROTOCOLS if each in offered]:
        return found
    raise NotLetThrough(
        target=target, rule="headers", reason=f"it speaks none of {', '.join(PROTOCOLS)}"
    )


async def bridged(
    request: web.BaseRequest, pod: aiohttp.ClientWebSocketResponse
) -> web.WebSocketResponse:
    """Go on as a WebSocket and pass everything on until one side ends."""
    chosen = (pod.protocol,) if pod.protocol else ()
    client = web.WebSocketResponse(protocols=chosen, compress=False)
    await client.prepare(request)
    try:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(_pass_on, client, pod, tasks.cancel_scope)
            tasks.start_soon(_pass_on, pod, client, tasks.cancel_scope)
    except anyio.get_cancelled_exc_class():
        # There is no time for a farewell: whoever cut it off waits.
        if request.transport is not None:
            request.transport.close()
        raise
    if pod.close_code == aiohttp.WSCloseCode.ABNORMAL_CLOSURE and request.transport is not None:
        # It broke off without a farewell, and none is made up for it.
        request.transport.close()
        return client
    with anyio.move_on_after(_FAREWELL):
        await client.close(code=pod.close_code or aiohttp.WSCloseCode.GOING_AWAY)
    return client


async def _pass_on(source: _End, sink: _End, scope: anyio.CancelScope) -> None:
    try:
        async for message in source:
            if message.type is aiohttp.WSMsgType.BINARY:
                await sink.send_bytes(message.data)
            elif message.type is aiohttp.WSMsgType.TEXT:
                await sink.send_str(message.data)
    except (aiohttp.ClientError, OSError):
        # One side went away in the middle of a frame: both end.
        pass
    scope.cancel()
