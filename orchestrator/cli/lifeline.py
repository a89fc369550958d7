"""Ends a process whose parent is gone, however it went: its standard input ends then.

It ends it by the same signal that a person would send.
"""

import os
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial

import anyio


async def end_with_parent(*, grace: float = 0) -> None:
    """Wait for the end of standard input, and for a grace, then send ourselves SIGTERM.

    Units: grace in seconds; what others still need to restore goes on for so long.
    """
    os.set_blocking(0, False)
    while True:
        await anyio.wait_readable(0)
        try:
            if not os.read(0, 4096):
                break
        except BlockingIOError:
            continue
        except OSError:
            break
    await anyio.sleep(grace)
    os.kill(os.getpid(), signal.SIGTERM)


@asynccontextmanager
async def while_parent_lives(*, until_eof: bool, grace: float) -> AsyncIterator[None]:
    """A scope in which the end of standard input ends the process, if that is asked for."""
    async with anyio.create_task_group() as tasks:
        if until_eof:
            tasks.start_soon(partial(end_with_parent, grace=grace))
        yield
        tasks.cancel_scope.cancel()
