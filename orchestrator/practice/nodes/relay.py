"""Bytes between a client and a backend, one pair of connections at a time.

It knows no HTTP and no services. An end that breaks off is passed on as a
reset, one that closes as a close.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final, TypeAlias, cast

from orchestrator.practice.nodes.network import Address

CONNECT_SECONDS: Final = 1.0

Choose: TypeAlias = Callable[[], Address | None]


class Inbound(asyncio.Protocol):
    """The client's side: finds a backend and hands on what comes."""

    def __init__(self, choose: Choose, relays: "set[Inbound]") -> None:
        self._choose = choose
        self._relays = relays
        self._early: list[bytes] = []
        self._client_done = False
        self._backend_done = False
        self._connecting: asyncio.Task[None] | None = None
        self.transport: asyncio.Transport | None = None
        self.backend: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Look for a backend at once, as a connection does in a real cluster."""
        self.transport = cast(asyncio.Transport, transport)
        self._relays.add(self)
        address = self._choose()
        if address is None:
            self.transport.abort()
            return
        loop = asyncio.get_running_loop()
        # A protocol has no scope of its own; the task ends with the connection.
        self._connecting = loop.create_task(self._connect(address))

    def data_received(self, data: bytes) -> None:
        """Hand on, or keep until there is a backend."""
        if self.backend is None:
            self._early.append(data)
        else:
            self.backend.write(data)

    def eof_received(self) -> bool:
        """The client has said all; it may still listen."""
        self._client_done = True
        if self.backend is not None:
            self.backend.write_eof()
        self._close_when_done()
        return True

    def backend_finished(self) -> None:
        """The backend has said all; it may still listen."""
        self._backend_done = True
        if self.transport is not None and not self.transport.is_closing():
            self.transport.write_eof()
        self._close_when_done()

    def connection_lost(self, exc: Exception | None) -> None:
        """Let the backend know, in the same manner."""
        self._relays.discard(self)
        if self._connecting is not None:
            self._connecting.cancel()
        if self.backend is not None:
            _end(self.backend, abruptly=exc is not None)

    def pause_writing(self) -> None:
        """The client reads slowly: let the backend wait."""
        if self.backend is not None and not self.backend.is_closing():
            self.backend.pause_reading()

    def resume_writing(self) -> None:
        """The client reads again."""
        if self.backend is not None and not self.backend.is_closing():
            self.backend.resume_reading()

    def abort(self) -> None:
        """Reset both sides."""
        for transport in (self.transport, self.backend):
            if transport is not None:
                transport.abort()

    def _close_when_done(self) -> None:
        if self._client_done and self._backend_done:
            for transport in (self.transport, self.backend):
                if transport is not None:
                    transport.close()

    async def _connect(self, address: Address) -> None:
        loop = asyncio.get_running_loop()
        connecting: Awaitable[tuple[asyncio.Transport, Outbound]] = loop.create_connection(
            lambda: Outbound(self), address.host, address.port
        )
        try:
            async with asyncio.timeout(CONNECT_SECONDS):
                self.backend, _ = await connecting
        except OSError:
            if self.transport is not None:
                self.transport.abort()
            return
        self.backend.writelines(self._early)
        self._early.clear()
        if self._client_done:
            self.backend.write_eof()


class Outbound(asyncio.Protocol):
    """The backend's side: hands back what comes."""

    def __init__(self, inbound: Inbound) -> None:
        self._inbound = inbound

    def data_received(self, data: bytes) -> None:
        """Hand back to the client."""
        if self._inbound.transport is not None:
            self._inbound.transport.write(data)

    def eof_received(self) -> bool:
        """The backend has said all."""
        self._inbound.backend_finished()
        return True

    def connection_lost(self, exc: Exception | None) -> None:
        """Let the client know, in the same manner."""
        if self._inbound.transport is not None:
            _end(self._inbound.transport, abruptly=exc is not None)

    def pause_writing(self) -> None:
        """The backend reads slowly: let the client wait."""
        client = self._inbound.transport
        if client is not None and not client.is_closing():
            client.pause_reading()

    def resume_writing(self) -> None:
        """The backend reads again."""
        client = self._inbound.transport
        if client is not None and not client.is_closing():
            client.resume_reading()


def _end(transport: asyncio.Transport, *, abruptly: bool) -> None:
    if abruptly:
        transport.abort()
    else:
        transport.close()
