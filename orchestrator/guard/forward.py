"""The guard's forward proxy: the way out of a runner that has no network of its own.

It speaks what HTTP clients speak to a proxy: an absolute address, or CONNECT for what is
encrypted. It reads the head of a request, decides where it may go, and passes bytes on; it does
not look into them.
"""

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from socket import socket
from typing import Final
from urllib.parse import urlsplit

import anyio

from orchestrator.domain.destinations import Destination, destination_of
from orchestrator.domain.errors import InvalidValue
from orchestrator.domain.guarding import write_refused
from orchestrator.guard.committing import Say
from orchestrator.guard.reaching import RULE, Address, NotReached, Reach
from orchestrator.ports import Clock

_LONGEST_HEAD: Final = 64 * 1024
_CHUNK: Final = 64 * 1024
_HEAD: Final = 10.0
"""Units: seconds. How long a client may take to say what it wants."""
_CONNECT: Final = 5.0
"""Units: seconds."""
_HOP: Final = frozenset(
    {b"connection", b"proxy-connection", b"proxy-authorization", b"keep-alive", b"upgrade", b"te"}
)


class _Misread(Exception):
    """The request is none that a proxy understands."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Asked:
    """Where a request wants to go, and what is sent there first."""

    destination: Destination
    head: bytes
    is_tunnel: bool


class Forward:
    """Forwards the requests of one run."""

    def __init__(self, *, reach: Reach, clock: Clock, say: Say) -> None:
        self._reach = reach
        self._clock = clock
        self._say = say
        self._told: set[str] = set()
        self._servers: list[asyncio.Server] = []
        self._open: set[asyncio.StreamWriter] = set()

    async def answer_on(self, listener: socket) -> None:
        """Answer on a listening socket from now on."""
        server = await asyncio.start_server(self._answer, sock=listener, limit=_LONGEST_HEAD)
        self._servers.append(server)

    async def __aenter__(self) -> "Forward":
        """Be ready to forward until the context is left."""
        return self

    async def __aexit__(self, *_: object) -> None:
        """Forward nothing from now on, and end what is under way."""
        for server in self._servers:
            server.close()
        for writer in self._open:
            writer.transport.abort()

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._open.add(writer)
        try:
            await self._forward(reader, writer)
        except NotReached as error:
            if error.is_refused:
                await self._tell(error)
            _say_no(writer, "403 Forbidden" if error.is_refused else "502 Bad Gateway", str(error))
        except (_Misread, InvalidValue) as error:
            _say_no(writer, "400 Bad Request", str(error))
        except (OSError, TimeoutError, EOFError, asyncio.LimitOverrunError) as error:
            _say_no(writer, "502 Bad Gateway", f"no answer ({str(error) or type(error).__name__})")
        finally:
            self._open.discard(writer)
            await _closed(writer)

    async def _forward(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        async with asyncio.timeout(_HEAD):
            asked = _read_head(await reader.readuntil(b"\r\n\r\n"))
        host, port = asked.destination.host, asked.destination.port
        addresses = await self._reach.addresses(host, port)
        there_reader, there_writer = await _connected(addresses)
        self._open.add(there_writer)
        try:
            if asked.is_tunnel:
                writer.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
            else:
                there_writer.write(asked.head)
            await _pass_on(reader, writer, there_reader, there_writer)
        finally:
            self._open.discard(there_writer)
            await _closed(there_writer)

    async def _tell(self, error: NotReached) -> None:
        """Say once for each destination that it was refused: probes try again and again."""
        reason = error.denied.reason
        if reason in self._told:
            return
        self._told.add(reason)
        target = reason.partition(" ")[0]
        await self._say(
            write_refused(at=self._clock.now(), target=target, rule=RULE, reason=reason)
        )


def _read_head(head: bytes) -> _Asked:
    """What a request asks for. Raises: _Misread; InvalidValue: it names no host and port."""
    line, *fields = head[:-4].split(b"\r\n")
    words = line.split(b" ")
    if len(words) != 3 or not words[2].startswith(b"HTTP/1.") or b"\n" in line:
        raise _Misread("this is the guard's proxy, and no request of HTTP/1.1")
    method, target = words[0], words[1].decode("latin-1")
    if method == b"CONNECT":
        return _Asked(destination=destination_of(target), head=b"", is_tunnel=True)
    try:
        parts = urlsplit(target)
    except ValueError as error:
        raise _Misread(str(error)) from error
    if parts.scheme != "http" or not parts.hostname:
        raise _Misread("a proxy is asked for an address that begins with http://")
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    destination = destination_of(f"{host}:{_port_of(parts.netloc)}")
    path = parts._replace(scheme="", netloc="", fragment="").geturl() or "/"
    kept = [each for each in fields if each.partition(b":")[0].strip().lower() not in _HOP]
    kept = [each for each in kept if each.partition(b":")[0].strip().lower() != b"host"]
    shown = str(destination).removesuffix(":80").encode()
    first = b" ".join((method, path.encode("latin-1"), words[2]))
    lines = [first, b"Host: " + shown, *kept, b"Connection: close", b"", b""]
    return _Asked(destination=destination, head=b"\r\n".join(lines), is_tunnel=False)


def _port_of(place: str) -> str:
    after = place.rpartition("@")[2].rpartition("]")[2]
    return after.rpartition(":")[2] if ":" in after else "80"


async def _connected(
    addresses: Sequence[Address],
) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """A connection to the first address that takes one. Raises: OSError; TimeoutError."""
    problem: Exception = OSError("there is no address")
    for host, port in addresses:
        try:
            async with asyncio.timeout(_CONNECT):
                return await asyncio.open_connection(host, port)
        except (OSError, TimeoutError) as error:
            problem = error
    raise problem


async def _pass_on(
    reader: asyncio.StreamReader,
    writer: asyncio.StreamWriter,
    there_reader: asyncio.StreamReader,
    there_writer: asyncio.StreamWriter,
) -> None:
    """Carry bytes both ways until the other side has no more to say."""
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(_carry, reader, there_writer)
        await _carry(there_reader, writer)
        tasks.cancel_scope.cancel()


async def _carry(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(OSError):
        while chunk := await reader.read(_CHUNK):
            writer.write(chunk)
            await writer.drain()
        if writer.can_write_eof():
            writer.write_eof()


def _say_no(writer: asyncio.StreamWriter, status: str, why: str) -> None:
    text = f"{why}\n".encode(errors="replace")
    head = (
        f"HTTP/1.1 {status}\r\nContent-Type: text/plain; charset=utf-8\r\n"
        f"Content-Length: {len(text)}\r\nConnection: close\r\n\r\n"
    )
    with suppress(OSError):
        writer.write(head.encode() + text)


async def _closed(writer: asyncio.StreamWriter) -> None:
    writer.close()
    with suppress(OSError, asyncio.CancelledError):
        await writer.wait_closed()
