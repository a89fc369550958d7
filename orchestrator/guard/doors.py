"""Listening sockets that come from outside, because a runner's own network is none of the guard's.

Whoever keeps a runner in sends them through a door, a datagram socket whose other end the guard
gets from its conductor. What was made in an empty network is answered from here, so that nothing
in between carries bytes. It does not look at what is asked.
"""

import json
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from typing import Final, TypeAlias

import anyio

Answering: TypeAlias = Callable[[socket.socket], Awaitable[None]]
"""Begins to answer on a listening socket, which it then owns."""

_LONGEST: Final = 1024
_MOST: Final = 4


@asynccontextmanager
async def opened(door: int | None, answering: Mapping[str, Answering]) -> AsyncIterator[None]:
    """Answer on whatever comes through the door, until the context is left.

    Shape: door is a descriptor, None for none; answering goes by the name that a socket is sent
    with.
    """
    if door is None:
        yield
        return
    problem: Exception | None = None
    with socket.socket(fileno=door) as ours:
        ours.setblocking(False)
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(_take, ours, answering)
            try:
                yield
            except Exception as error:  # noqa: BLE001 - passed on below, outside the group
                problem = error
            tasks.cancel_scope.cancel()
    if problem is not None:
        raise problem


async def _take(door: socket.socket, answering: Mapping[str, Answering]) -> None:
    while True:
        await anyio.wait_readable(door)
        for name, listener in _received(door):
            await _begin(answering, name, listener)


async def _begin(answering: Mapping[str, Answering], name: str, listener: socket.socket) -> None:
    begin = answering.get(name)
    if begin is None or not _listens(listener):
        listener.close()
        return
    listener.setblocking(False)
    with suppress(OSError):
        await begin(listener)


def _received(door: socket.socket) -> list[tuple[str, socket.socket]]:
    """What has come with one datagram; whatever is not as it should be is closed."""
    try:
        text, descriptors, _, _ = socket.recv_fds(door, _LONGEST, _MOST)
    except (BlockingIOError, OSError):
        return []
    name = ""
    with suppress(ValueError, AttributeError):
        name = str(json.loads(text).get("door"))
    return [(name, socket.socket(fileno=each)) for each in descriptors]


def _listens(listener: socket.socket) -> bool:
    if listener.family not in {socket.AF_INET, socket.AF_INET6}:
        return False
    with suppress(OSError):
        return bool(listener.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN))
    return False
