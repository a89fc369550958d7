"""HTTP listeners on loopback that can end at once or gracefully.

An ended listener refuses connections from that moment on. What is answered is
up to the handler given.
"""

import asyncio
import errno
import logging
import socket
from collections.abc import Awaitable, Callable
from datetime import timedelta
from ssl import SSLContext
from typing import TypeAlias

import anyio
from aiohttp import web

from orchestrator.practice.nodes.accepting import BACKLOG, Acceptor
from orchestrator.practice.nodes.network import LOOPBACK, Address

Answering: TypeAlias = Callable[[web.BaseRequest], Awaitable[web.StreamResponse]]

_log = logging.getLogger("chaosday.practice.http")

# aiohttp would print a traceback for every malformed request of a stranger.
_silent = logging.getLogger("chaosday.practice.http.library")
_silent.disabled = True


class PortTaken(OSError):
    """A port that was asked for is occupied."""

    def __init__(self, port: int) -> None:
        super().__init__(errno.EADDRINUSE, f"port {port} on {LOOPBACK} is already in use")
        self.port = port


def bound_socket(port: int = 0) -> socket.socket:
    """A socket bound to loopback, not yet listening.

    Raises:
        PortTaken: another process or listener has the port.
    """
    # asyncio turns Nagle's delay off only where the protocol is named.
    sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    sock.setblocking(False)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        sock.bind((LOOPBACK, port))
    except OSError as error:
        sock.close()
        if error.errno == errno.EADDRINUSE:
            raise PortTaken(port) from error
        raise
    return sock


def listening_socket(port: int = 0) -> socket.socket:
    """A socket that listens on loopback.

    Raises:
        PortTaken: another process or listener has the port.
    """
    sock = bound_socket(port)
    try:
        sock.listen(BACKLOG)
    except OSError as error:
        sock.close()
        raise PortTaken(port) from error
    return sock


class _Http(web.Server):
    """aiohttp's server, which resets whoever was accepted and comes in after the end."""

    ended = False

    def connection_made(self, handler: web.RequestHandler, transport: asyncio.Transport) -> None:
        super().connection_made(handler, transport)
        if self.ended:
            transport.abort()

    def abort(self) -> None:
        """Reset every connection, those to come included."""
        self.ended = True
        for connection in self.connections:
            if connection.transport is not None:
                connection.transport.abort()


class HttpListener:
    """One listener, from `open` to `abort` or `end`."""

    def __init__(self, answering: Answering, *, tls: SSLContext | None = None) -> None:
        self._answering = answering
        self._tls = tls
        self._acceptor: Acceptor | None = None
        self._http: _Http | None = None

    def open(self, port: int = 0) -> Address:
        """Start to listen, and say where.

        Raises:
            PortTaken: another process or listener has the port.
        """
        sock = listening_socket(port)
        self._http = _Http(
            self._answer,
            access_log=None,
            logger=_silent,
            handler_cancellation=True,
            auto_decompress=False,
        )
        self._acceptor = Acceptor(sock, self._http, tls=self._tls)
        return Address(*sock.getsockname())

    async def end(self, patience: timedelta) -> None:
        """Refuse new connections and give open requests a little time."""
        if self._acceptor is None or self._http is None:
            return
        self._acceptor.close()
        # Who was accepted but not yet heard would slip through aiohttp's own shutdown.
        self._http.ended = True
        with anyio.move_on_after(patience.total_seconds()):
            await self._http.shutdown(patience.total_seconds())
        self.abort()

    async def _answer(self, request: web.BaseRequest) -> web.StreamResponse:
        try:
            return await self._answering(request)
        except web.HTTPException:
            # An answer of the library's own, such as 413.
            raise
        except Exception as error:  # noqa: BLE001
            # The outermost loop of a listener: one request fails, the next is served. After
            # the end nobody waits for the answer, and what it needed may be gone.
            if self._http is not None:
                _log.error("%s %s failed: %r", request.method, request.path, error)
            return web.Response(status=500, text="internal error\n")

    def abort(self) -> None:
        """Refuse new connections and reset the open ones, at once."""
        if self._acceptor is not None:
            self._acceptor.close()
            self._acceptor = None
        if self._http is not None:
            self._http.abort()
            self._http = None
