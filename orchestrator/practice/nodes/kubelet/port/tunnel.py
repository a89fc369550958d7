"""port-forward as kubectl asks for it: SPDY within a WebSocket, two streams for each connection.

The streams of one connection share a request id: one carries bytes, the other errors.
"""

from contextlib import suppress
from dataclasses import dataclass
from typing import Final

import anyio
from aiohttp import WSMsgType, web
from anyio.abc import TaskGroup

from orchestrator.practice.nodes.kubelet.port.forwarding import Find, NobodyListens, Pipe
from orchestrator.practice.nodes.kubelet.port.spdy import Broken, Frame, Reader, Type, Writer

PROTOCOLS: Final = ("SPDY/3.1+portforward.k8s.io",)
_REFUSED_STREAM: Final = 3


@dataclass(slots=True)
class _Pair:
    """The two streams of one connection; 0 for one that has not come."""

    port: int
    data: int = 0
    error: int = 0


class TunnelForwarding:
    """Forwards connections to ports of a pod until the client leaves."""

    def __init__(self, socket: web.WebSocketResponse, find: Find, pod: str) -> None:
        self._socket = socket
        self._find = find
        self._pod = pod
        self._writer = Writer()
        self._pairs: dict[str, _Pair] = {}
        self._pipes: dict[int, Pipe] = {}
        self._early: dict[int, list[Frame]] = {}

    async def serve(self) -> None:
        """Answer streams as they come."""
        reader = Reader()
        try:
            async with anyio.create_task_group() as tasks:
                async for message in self._socket:
                    if message.type is WSMsgType.BINARY:
                        for frame in reader.feed(message.data):
                            await self._take(frame, tasks)
                tasks.cancel_scope.cancel()
        except* Broken:
            await self._socket.close()
        finally:
            for pipe in self._pipes.values():
                pipe.close()

    async def _take(self, frame: Frame, tasks: TaskGroup) -> None:
        match frame.type:
            case Type.SYN_STREAM:
                await self._open(frame, tasks)
            case Type.DATA if frame.stream in self._pipes:
                await self._hand_on(self._pipes[frame.stream], frame)
            case Type.DATA if frame.stream in self._early:
                self._early[frame.stream].append(frame)
            case Type.RST_STREAM:
                pipe = self._pipes.pop(frame.stream, None)
                if pipe is not None:
                    pipe.close()
            case Type.PING if frame.stream % 2:
                await self._send(self._writer.ping(frame.stream))

    async def _open(self, frame: Frame, tasks: TaskGroup) -> None:
        kind, port = frame.headers.get("streamtype", ""), frame.headers.get("port", "")
        if kind not in {"data", "error"} or not port.isdigit():
            await self._send(self._writer.reset(frame.stream, _REFUSED_STREAM))
            return
        await self._send(self._writer.reply(frame.stream))
        request = frame.headers.get("requestid", "")
        pair = self._pairs.setdefault(request, _Pair(int(port)))
        if kind == "data":
            pair.data = frame.stream
            self._early[frame.stream] = []
        else:
            pair.error = frame.stream
        if pair.data and pair.error:
            del self._pairs[request]
            tasks.start_soon(self._forward, pair)

    async def _forward(self, pair: _Pair) -> None:
        try:
            pipe = await Pipe.to(self._find, pair.port, self._pod)
        except NobodyListens as nobody:
            self._early.pop(pair.data, None)
            await self._send(self._writer.data(pair.error, str(nobody).encode(), is_last=True))
            await self._send(self._writer.reset(pair.data))
            return
        for frame in self._early.pop(pair.data, ()):
            await self._hand_on(pipe, frame)
        self._pipes[pair.data] = pipe
        await pipe.pour(lambda content: self._send(self._writer.data(pair.data, content)))
        for stream in (pair.data, pair.error):
            await self._send(self._writer.data(stream, b"", is_last=True))
        if self._pipes.pop(pair.data, None) is not None:
            pipe.close()

    async def _hand_on(self, pipe: Pipe, frame: Frame) -> None:
        if frame.content:
            await pipe.send(frame.content)
        if frame.is_last:
            pipe.finish()

    async def _send(self, content: bytes) -> None:
        with suppress(ConnectionError):
            await self._socket.send_bytes(content)
