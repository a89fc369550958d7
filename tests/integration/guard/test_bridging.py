"""How a command's WebSocket comes to its end is passed on as it is, and no end is made up."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import aiohttp
import anyio
import pytest
from aiohttp import web

from orchestrator.guard.bridging import PROTOCOLS, bridged
from orchestrator.guard.credentials import Access
from orchestrator.guard.upstream import NoWebSocket, connected

PROTOCOL = PROTOCOLS[0]
Serving = Callable[[web.BaseRequest], Awaitable[web.StreamResponse]]

pytestmark = pytest.mark.anyio


@asynccontextmanager
async def served(handle: Serving) -> AsyncIterator[str]:
    """A server on loopback; yields its address."""
    runner = web.ServerRunner(web.Server(handle), shutdown_timeout=0.1)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


def hanging_up(*, farewell: bool) -> Serving:
    """Says one thing and hangs up at once, after a farewell or without one."""

    async def handle(request: web.BaseRequest) -> web.StreamResponse:
        socket = web.WebSocketResponse(protocols=[PROTOCOL])
        await socket.prepare(request)
        await socket.send_bytes(b"\x01typed")
        assert request.transport is not None
        if farewell:
            # A frame of a farewell with the code 1000, and nobody who waits for its echo.
            request.transport.write(b"\x88\x02\x03\xe8")
            request.transport.close()
        else:
            request.transport.abort()
        return socket

    return handle


def bridging(server: str) -> Serving:
    """Passes every WebSocket on to the server, as the guard does."""
    access = Access(cluster="test", server=server)

    async def handle(request: web.BaseRequest) -> web.StreamResponse:
        async with connected(access) as upstream, upstream.websocket("/", [PROTOCOL]) as pod:
            return await bridged(request, pod)

    return handle


@pytest.mark.parametrize(("farewell", "code"), [(True, aiohttp.WSCloseCode.OK), (False, None)])
async def test_end_of_a_command_is_passed_on_as_it_is(farewell: bool, code: int | None) -> None:
    heard: list[aiohttp.WSMessage] = []
    async with (
        served(hanging_up(farewell=farewell)) as server,
        served(bridging(server)) as guard,
        aiohttp.ClientSession() as session,
    ):
        with anyio.fail_after(20):
            connection = await session.ws_connect(guard, protocols=[PROTOCOL], autoclose=False)
            while (message := await connection.receive()).type is aiohttp.WSMsgType.BINARY:
                heard.append(message)

    assert (message.data if message.type is aiohttp.WSMsgType.CLOSE else None) == code
    if farewell:
        assert [each.data for each in heard] == [b"\x01typed"]


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_a_command_is_not_led_elsewhere_by_its_api_server(status: int) -> None:
    """Whoever is led there would be given what is typed, and the operator's credentials."""
    asked: list[str] = []

    async def lead(request: web.BaseRequest) -> web.StreamResponse:
        asked.append(request.path)
        if request.path == "/":
            return web.Response(status=status, headers={"Location": "/elsewhere"})
        socket = web.WebSocketResponse(protocols=[PROTOCOL])
        await socket.prepare(request)
        return socket

    async with served(lead) as server:
        access = Access(cluster="test", server=server)
        async with connected(access) as upstream:
            with pytest.raises(NoWebSocket) as refused, anyio.fail_after(10):
                async with upstream.websocket("/", [PROTOCOL]):
                    pass

    assert refused.value.status == status
    assert asked == ["/"]
