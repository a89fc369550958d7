"""Serves an ASGI app on loopback for as long as a scope lasts.

It binds before it serves, so that a client which comes early waits instead of
being refused. It knows nothing of what the app answers.
"""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Final

import anyio
import uvicorn
from anyio.lowlevel import checkpoint

from orchestrator.practice.certificate import Certificate
from orchestrator.practice.nodes.accepting import BACKLOG
from orchestrator.practice.nodes.listening import listening_socket

# An accepted connection shows up, and a reset one is closed, a turn of the loop later.
LOOKS: Final = 4


@asynccontextmanager
async def served(
    app: Any, *, port: int, certificate: Certificate | None = None
) -> AsyncIterator[str]:
    """Serve the app and give its URL; with a certificate, by TLS.

    Raises:
        PortTaken: the port is occupied.
    """
    sock = listening_socket(port)
    try:
        host, number = sock.getsockname()
        server = _Server(_config(app, certificate))
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(server.serve, [sock])
            try:
                yield f"{'https' if certificate else 'http'}://{host}:{number}"
            finally:
                tasks.cancel_scope.cancel()
                await server.drop(sock)
    finally:
        if sock.fileno() >= 0:
            # uvicorn was cancelled while it began to serve, and does not know of it.
            asyncio.get_running_loop().remove_reader(sock)
            sock.close()


class _Server(uvicorn.Server):
    """uvicorn without its signal handlers, ended by its scope.

    Its own shutdown waits for connections; a watch would keep one for minutes.
    """

    async def serve(self, sockets: list[socket.socket] | None = None) -> None:
        await self._serve(sockets)

    async def drop(self, sock: socket.socket) -> None:
        """Listen no more and reset every connection, those just accepted included."""
        # asyncio's server loses connections that it has accepted when it is closed, so it
        # gets no more of them first, and time to begin with those it has.
        asyncio.get_running_loop().remove_reader(sock)
        with anyio.CancelScope(shield=True):
            await checkpoint()
            await checkpoint()
            for server in getattr(self, "servers", ()):
                server.close()
            for _ in range(LOOKS):
                self._reset_connections()
                await checkpoint()

    def _reset_connections(self) -> None:
        for connection in tuple(self.server_state.connections):
            transport = getattr(connection, "transport", None)
            if isinstance(transport, asyncio.Transport):
                transport.abort()


def _config(app: Any, certificate: Certificate | None) -> uvicorn.Config:
    config = uvicorn.Config(
        app,
        log_config=None,
        access_log=False,
        lifespan="off",
        ws="wsproto",
        ws_per_message_deflate=False,
        server_header=False,
        timeout_keep_alive=75,
        backlog=BACKLOG,
    )
    if certificate is None:
        return config
    with certificate.as_file() as path:
        config.ssl_certfile = path
        config.load()
    return config
