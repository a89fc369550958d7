"""port-forward over plain WebSocket channels: two for each port, one for bytes, one for errors.

kubectl speaks another way to do the same, see `tunnel`.
"""

import asyncio
import struct
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from typing import Final, TypeAlias

import anyio
from aiohttp import web

from orchestrator.practice.nodes.kubelet.port.channels import frame_of
from orchestrator.practice.nodes.kubelet.port.refusals import bad
from orchestrator.practice.nodes.network import Address

PROTOCOLS: Final = ("v4.channel.k8s.io",)
CHUNK: Final = 64 * 1024
_LARGEST: Final = 65535

Find: TypeAlias = Callable[[int], Address | None]
Write: TypeAlias = Callable[[bytes], Awaitable[None]]


class NobodyListens(Exception):
    """A port of the pod that nobody answers at."""

    def __init__(self, port: int, pod: str) -> None:
        super().__init__(
            f"error forwarding port {port} to pod {pod}, uid : failed to connect to "
            f"localhost:{port} inside the pod: dial tcp4 127.0.0.1:{port}: connect: "
            "connection refused"
        )


class Pipe:
    """One connection to a port of a pod."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    @classmethod
    async def to(cls, find: Find, port: int, pod: str) -> "Pipe":
        """Connect.

        Raises: NobodyListens.
        """
        address = find(port)
        if address is None:
            raise NobodyListens(port, pod)
        try:
            return cls(*await asyncio.open_connection(address.host, address.port))
        except OSError as error:
            raise NobodyListens(port, pod) from error

    async def send(self, content: bytes) -> None:
        """Hand bytes on to the pod; in vain if it has hung up."""
        with suppress(OSError):
            self._writer.write(content)
            await self._writer.drain()

    def finish(self) -> None:
        """Nothing more will be sent."""
        with suppress(OSError):
            if self._writer.can_write_eof() and not self._writer.is_closing():
                self._writer.write_eof()

    async def pour(self, write: Write) -> None:
        """Hand on what the pod sends, to its end."""
        with suppress(OSError):
            while chunk := await self._reader.read(CHUNK):
                await write(chunk)

    def close(self) -> None:
        """Hang up."""
        self._writer.transport.abort()


def ports_of(query: Mapping[str, str]) -> list[int]:
    """The ports that a query names.

    Raises: Refused: 400, none, or what is no port.
    """
    text = query.get("port", "")
    if not text:
        raise bad('query parameter "port" is required')
    numbers = text.split(",")
    for number in numbers:
        if not number.isdigit() or not 0 < int(number) <= _LARGEST:
            raise bad(f'unable to parse "{number}" as a port')
    return [int(number) for number in numbers]


class ChannelForwarding:
    """Forwards ports over the channels of a WebSocket until the client leaves."""

    def __init__(self, socket: web.WebSocketResponse, find: Find, pod: str) -> None:
        self._socket = socket
        self._find = find
        self._pod = pod
        self._pipes: dict[int, Pipe] = {}

    async def serve(self, ports: list[int]) -> None:
        """Forward the ports."""
        try:
            async with anyio.create_task_group() as tasks:
                # Before anything is heard, so that nothing comes for a pipe that is not there yet.
                for index, port in enumerate(ports):
                    pipe = await self._open(2 * index, port)
                    if pipe is not None:
                        tasks.start_soon(self._pour, 2 * index, pipe)
                await self._listen()
                tasks.cancel_scope.cancel()
        finally:
            for pipe in self._pipes.values():
                pipe.close()

    async def _open(self, channel: int, port: int) -> Pipe | None:
        for each in (channel, channel + 1):
            await self._write(each, struct.pack("<H", port))
        try:
            pipe = await Pipe.to(self._find, port, self._pod)
        except NobodyListens as nobody:
            await self._write(channel + 1, str(nobody).encode())
            return None
        self._pipes[channel] = pipe
        return pipe

    async def _pour(self, channel: int, pipe: Pipe) -> None:
        await pipe.pour(lambda content: self._write(channel, content))
        if all(other is pipe for other in self._pipes.values()):
            await self._socket.close()

    async def _listen(self) -> None:
        async for message in self._socket:
            frame = frame_of(message)
            pipe = self._pipes.get(frame[0]) if frame else None
            if pipe is not None:
                await pipe.send(frame[1:])

    async def _write(self, channel: int, content: bytes) -> None:
        with suppress(ConnectionError):
            await self._socket.send_bytes(bytes([channel]) + content)
