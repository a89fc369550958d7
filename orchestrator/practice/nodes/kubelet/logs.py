"""The log of one execution of a container, kept in memory for whoever asks.

It knows lines, not requests: what part of it somebody wants is the port's affair.
"""

from collections import deque
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final

import anyio

from orchestrator.practice.nodes.moments import now

MOST_LINES: Final = 2000


class Stream(StrEnum):
    """What a line was written to."""

    OUT = "Stdout"
    ERR = "Stderr"


@dataclass(frozen=True, slots=True)
class Line:
    """One line and when it was written."""

    at: datetime
    text: str
    stream: Stream = Stream.OUT


class ContainerLog:
    """The last lines that a container wrote; closed when it has ended."""

    def __init__(self) -> None:
        self._lines: deque[Line] = deque(maxlen=MOST_LINES)
        self._written = 0
        self._is_closed = False
        self._changed: anyio.Event | None = None

    def write(self, text: str, stream: Stream = Stream.OUT) -> None:
        """Add a line, or several at once."""
        for line in text.split("\n"):
            self._lines.append(Line(now(), line, stream))
            self._written += 1
        self._tell()

    def close(self) -> None:
        """No line will follow."""
        self._is_closed = True
        self._tell()

    def lines(self) -> Sequence[Line]:
        """What is kept, oldest first."""
        return tuple(self._lines)

    async def following(self, *, already: int = 0) -> AsyncIterator[Sequence[Line]]:
        """New lines as they are written, until the log is closed.

        Shape: `already` is a number of lines as `position` gave it; those before are left out.
        """
        while True:
            fresh = min(self._written - already, len(self._lines))
            already = self._written
            if fresh:
                yield tuple(self._lines)[-fresh:]
            elif self._is_closed:
                return
            else:
                await self._change()

    @property
    def position(self) -> int:
        """How many lines were written so far."""
        return self._written

    async def _change(self) -> None:
        if self._changed is None:
            self._changed = anyio.Event()
        await self._changed.wait()

    def _tell(self) -> None:
        if self._changed is not None:
            self._changed.set()
            self._changed = None
