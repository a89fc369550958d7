"""Accepts connections on a listening socket and gives each a protocol.

asyncio's own server loses a connection that was accepted in the moment when it
is closed: neither served nor reset, its client waits in vain. It knows nothing
of what is spoken over the connections.
"""

import asyncio
import socket
from collections.abc import Callable
from functools import partial
from ssl import SSLContext
from typing import Final, TypeAlias

BACKLOG: Final = 128

NewProtocol: TypeAlias = Callable[[], asyncio.Protocol]


class Acceptor:
    """Takes connections in, from its creation until `close`."""

    def __init__(
        self,
        listening: socket.socket,
        new_protocol: NewProtocol,
        *,
        tls: SSLContext | None = None,
    ) -> None:
        self._listening = listening
        self._new_protocol = new_protocol
        self._tls = tls
        self._beginning: set[asyncio.Task[None]] = set()
        asyncio.get_running_loop().add_reader(listening, self._accept)

    def close(self) -> None:
        """Refuse new connections; those accepted but not begun are reset."""
        if self._listening.fileno() >= 0:
            asyncio.get_running_loop().remove_reader(self._listening)
            self._listening.close()
        for task in tuple(self._beginning):
            task.cancel()

    def _accept(self) -> None:
        for _ in range(BACKLOG):
            try:
                connection, _ = self._listening.accept()
            except OSError:
                return
            connection.setblocking(False)
            # Out of a callback there is no scope to start it in; `close` ends it.
            task = asyncio.get_running_loop().create_task(self._begin(connection))
            self._beginning.add(task)
            task.add_done_callback(partial(self._begun, connection))

    async def _begin(self, connection: socket.socket) -> None:
        loop = asyncio.get_running_loop()
        await loop.connect_accepted_socket(self._new_protocol, connection, ssl=self._tls)

    def _begun(self, connection: socket.socket, task: asyncio.Task[None]) -> None:
        self._beginning.discard(task)
        if task.cancelled() or task.exception() is not None:
            # Nobody took the connection over. A client that is gone is no complaint.
            connection.close()
