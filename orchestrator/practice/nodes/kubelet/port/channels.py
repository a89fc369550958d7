"""The streams of a command over one WebSocket: each message begins with the number of its channel.

It speaks `v4.channel.k8s.io` and `v5.channel.k8s.io`, of which the latter can close a channel.
"""

from collections.abc import Awaitable, Callable, Mapping
from typing import Final

import anyio
import msgspec
from aiohttp import WSMessage, WSMsgType, web
from anyio.streams.memory import MemoryObjectReceiveStream, MemoryObjectSendStream

from orchestrator.practice.nodes.client import Json
from orchestrator.practice.nodes.executables.around import Streams
from orchestrator.practice.nodes.kubelet.port.refusals import bad

STDIN, STDOUT, STDERR, ERROR, RESIZE, CLOSE = 0, 1, 2, 3, 4, 255
PROTOCOLS: Final = ("v5.channel.k8s.io", "v4.channel.k8s.io")
INTERRUPT: Final = 0x03
_MOST_WAITING: Final = 64
_OUTPUTS: Final = ((STDOUT, "output", "stdout"), (STDERR, "error", "stderr"))


def upgrade(request: web.BaseRequest, protocols: tuple[str, ...]) -> web.WebSocketResponse:
    """A WebSocket of one of the protocols, not yet open.

    Raises: Refused: 400, the client asks for no WebSocket, or for none of these.
    """
    wanted = request.headers.get("Upgrade", "")
    if not wanted:
        raise bad("Upgrade request required")
    if wanted.lower() != "websocket":
        raise bad(f"practice nodes speak WebSocket, not {wanted}; so does kubectl from 1.31 on")
    offered = request.headers.get("Sec-WebSocket-Protocol", "").replace(" ", "").split(",")
    chosen = [name for name in protocols if name in offered]
    if not chosen:
        raise bad(
            "unable to upgrade connection: unable to negotiate protocol: client supports "
            f"{offered}, server accepts {list(protocols)}"
        )
    return web.WebSocketResponse(protocols=chosen[:1], compress=False)


def frame_of(message: WSMessage) -> bytes:
    """The bytes of a message; there are clients that send text."""
    if message.type is WSMsgType.TEXT:
        return str(message.data).encode()
    return bytes(message.data) if message.type is WSMsgType.BINARY else b""


def asks_for(query: Mapping[str, str], *names: str) -> bool:
    """Whether a query asks for a stream, by one of the names it has had."""
    return any(query.get(name, "").lower() in {"1", "true"} for name in names)


def _nobody_runs() -> None:
    """There is nothing to interrupt."""


class Channels:
    """The channels of one command, while its WebSocket is open."""

    def __init__(self, socket: web.WebSocketResponse, query: Mapping[str, str]) -> None:
        self._socket = socket
        self._open = {channel for channel, *names in _OUTPUTS if asks_for(query, *names)}
        self.is_terminal = asks_for(query, "tty")
        self.has_input = asks_for(query, "input", "stdin")
        self.interrupted: Callable[[], None] = _nobody_runs
        self._send: MemoryObjectSendStream[bytes]
        self._receive: MemoryObjectReceiveStream[bytes]
        self._send, self._receive = anyio.create_memory_object_stream(_MOST_WAITING)

    async def serve(self, work: Callable[[Streams], Awaitable[Json]]) -> None:
        """Run something with the streams, and tell its status; it ends when the client leaves."""
        async with self._receive, anyio.create_task_group() as tasks:
            tasks.start_soon(self._listen, tasks.cancel_scope)
            # An empty message tells the client that the connection stands.
            await self._write(min(self._open, default=ERROR), b"")
            status = await work(Streams(read=self._read, out=self._out, err=self._err))
            await self._write(ERROR, msgspec.json.encode({"metadata": {}, **status}))
            with anyio.move_on_after(2):
                await self._socket.close()
            tasks.cancel_scope.cancel()

    async def _listen(self, scope: anyio.CancelScope) -> None:
        async with self._send:
            async for message in self._socket:
                frame = frame_of(message)
                if not frame:
                    continue
                channel, content = frame[0], frame[1:]
                if channel == STDIN and self.has_input:
                    await self._hand_on(content)
                elif channel == CLOSE and content[:1] == bytes([STDIN]):
                    self._send.close()
        scope.cancel()

    async def _hand_on(self, content: bytes) -> None:
        if self.is_terminal and INTERRUPT in content:
            self.interrupted()
        if content:
            try:
                await self._send.send(content)
            except (anyio.ClosedResourceError, anyio.BrokenResourceError):
                return

    async def _read(self) -> bytes:
        if not self.has_input:
            return b""
        try:
            return await self._receive.receive()
        except anyio.EndOfStream:
            return b""

    async def _out(self, content: bytes) -> None:
        await self._write(STDOUT, content)

    async def _err(self, content: bytes) -> None:
        # A terminal has but one screen.
        await self._write(STDOUT if self.is_terminal else STDERR, content)

    async def _write(self, channel: int, content: bytes) -> None:
        if channel not in self._open and channel != ERROR:
            return
        try:
            await self._socket.send_bytes(bytes([channel]) + content)
        except ConnectionError:
            # The client has left; listening notices as well and ends the work.
            return


SUCCESS: Final[Json] = {"status": "Success"}


def exit_status(code: int) -> Json:
    """What the client is told of a command that ended with a code."""
    if code == 0:
        return SUCCESS
    return {
        "status": "Failure",
        "message": (
            "command terminated with non-zero exit code: error executing command in container: "
            f"command terminated with exit code {code}"
        ),
        "reason": "NonZeroExitCode",
        "details": {"causes": [{"reason": "ExitCode", "message": str(code)}]},
    }


def failure(text: str) -> Json:
    """What the client is told when no command ran."""
    return {
        "status": "Failure",
        "message": f"Internal error occurred: {text}",
        "reason": "InternalError",
        "details": {"causes": [{"message": text}]},
        "code": 500,
    }
