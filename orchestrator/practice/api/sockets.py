"""WebSockets between a client and a kubelet, message by message.

It does not look into what they say: commands and connections are the kubelet's affair.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, MutableMapping
from typing import TYPE_CHECKING, Any, Final

import anyio
import msgspec

from orchestrator.practice.api.kubelets import Upgrade, unreachable
from orchestrator.practice.api.requests import Response
from orchestrator.practice.api.statuses import ApiError

if TYPE_CHECKING:
    import aiohttp

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
_NORMAL: Final = 1000


async def bridge(upgrade: Upgrade, protocols: list[str], receive: Receive, send: Send) -> None:
    """Accept a client and hand on what it and the kubelet say, until one of them ends it."""
    # Most clusters are never asked for this, and the client takes long to import.
    import aiohttp  # noqa: PLC0415

    patience = aiohttp.ClientTimeout(total=None, sock_connect=5)
    async with aiohttp.ClientSession(timeout=patience) as session:
        try:
            kubelet = await _opened(session, upgrade, protocols)
        except ApiError as refused:
            await deny(refused, send)
            return
        except aiohttp.WSServerHandshakeError as error:
            text = await _words(session, upgrade, protocols)
            await _answer(error.status, "text/plain; charset=utf-8", text, send)
            return
        async with kubelet:
            await send({"type": "websocket.accept", "subprotocol": kubelet.protocol})
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(_from_client, receive, kubelet, tasks.cancel_scope)
                await _from_kubelet(kubelet, send)
                tasks.cancel_scope.cancel()


async def deny(refused: ApiError, send: Send) -> None:
    """Answer a handshake with a Status instead."""
    body = msgspec.json.encode(refused.status())
    await _answer(refused.code, "application/json", body, send)


async def decline(found: Response, send: Send) -> None:
    """Answer a handshake as if it had not asked for a WebSocket; the path has none."""
    await _answer(found.status, found.content_type, found.body, send)


async def _answer(code: int, content_type: str, body: bytes, send: Send) -> None:
    headers = [
        (b"content-type", content_type.encode()),
        (b"content-length", str(len(body)).encode()),
    ]
    start = {"type": "websocket.http.response.start", "status": code, "headers": headers}
    await send(start)
    await send({"type": "websocket.http.response.body", "body": body})


async def _opened(
    session: aiohttp.ClientSession, upgrade: Upgrade, protocols: list[str]
) -> aiohttp.ClientWebSocketResponse:
    import aiohttp  # noqa: PLC0415

    try:
        return await session.ws_connect(
            upgrade.url, protocols=protocols, headers=upgrade.headers, max_msg_size=0
        )
    except aiohttp.WSServerHandshakeError:
        raise
    except (aiohttp.ClientError, OSError, TimeoutError) as error:
        raise unreachable(upgrade.url, str(error)) from error


async def _words(session: aiohttp.ClientSession, upgrade: Upgrade, protocols: list[str]) -> bytes:
    """What the kubelet refuses a handshake with; the client library drops its words."""
    handshake = {
        "Connection": "Upgrade",
        "Upgrade": "websocket",
        "Sec-WebSocket-Protocol": ",".join(protocols),
    }
    async with session.get(upgrade.url, headers={**upgrade.headers, **handshake}) as response:
        return await response.read() if response.status >= 400 else b""


async def _from_client(
    receive: Receive, kubelet: aiohttp.ClientWebSocketResponse, scope: anyio.CancelScope
) -> None:
    while True:
        message = await receive()
        if message["type"] != "websocket.receive":
            break
        content, text = message.get("bytes"), message.get("text")
        try:
            if content is not None:
                await kubelet.send_bytes(content)
            elif text is not None:
                await kubelet.send_str(text)
        except ConnectionError:
            break
    scope.cancel()


async def _from_kubelet(kubelet: aiohttp.ClientWebSocketResponse, send: Send) -> None:
    import aiohttp  # noqa: PLC0415

    async for message in kubelet:
        if message.type is aiohttp.WSMsgType.BINARY:
            await send({"type": "websocket.send", "bytes": message.data})
        elif message.type is aiohttp.WSMsgType.TEXT:
            await send({"type": "websocket.send", "text": message.data})
    await send({"type": "websocket.close", "code": kubelet.close_code or _NORMAL})
