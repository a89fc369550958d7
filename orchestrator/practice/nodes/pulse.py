"""A way to wait for something that plain callbacks bring about.

It carries no value: whoever wakes looks for itself.
"""

from collections.abc import Callable

import anyio


class Pulse:
    """Wakes whoever waits for a condition, each time it may have come true."""

    def __init__(self) -> None:
        self._next = anyio.Event()

    def beat(self) -> None:
        """Something changed: look again."""
        self._next.set()
        self._next = anyio.Event()

    async def until(self, holds: Callable[[], bool]) -> None:
        """Wait till the condition holds."""
        while not holds():
            await self._next.wait()
