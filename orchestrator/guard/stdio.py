"""The guard's lines on standard input and output.

Reading ends when the conductor is gone, or when the process is asked to end. Writing never
waits: a conductor that does not listen must not hold up an undo.
"""

import asyncio
import json
import os
import signal
import stat
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from typing import Any, Final, TextIO

from orchestrator.domain.errors import InvalidValue
from orchestrator.domain.guarding import Line, excuse
from orchestrator.domain.undo import Restoration
from orchestrator.guard.process import serve_guard
from orchestrator.ports import Clock, UndoJournal

_LONGEST_LINE: Final = 4 * 1024 * 1024
_FLUSH: Final = 1.0
"""Units: seconds."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Lines:
    """Both directions of the talk with the conductor."""

    reader: asyncio.StreamReader
    writer: asyncio.WriteTransport

    async def commands(self) -> AsyncIterator[Line]:
        """What the conductor says, until it says no more."""
        while raw := await self._next():
            try:
                line = json.loads(raw)
            except ValueError:
                line = None
            if isinstance(line, dict):
                yield line
            else:
                await self.say(excuse(None, "a line is a JSON object"))

    async def _next(self) -> bytes:
        try:
            return await self.reader.readline()
        except (ValueError, OSError):
            # Whoever sends a line without end is no conductor.
            return b""

    async def say(self, line: Mapping[str, Any]) -> None:
        """Tell the conductor something, if it is still there."""
        if not self.writer.is_closing():
            self.writer.write(json.dumps(line, default=str).encode() + b"\n")

    async def flush(self) -> None:
        """Wait a moment for what was said to go out."""
        pause = 0.005
        for _ in range(int(_FLUSH / pause)):
            if self.writer.is_closing() or not self.writer.get_write_buffer_size():
                return
            await asyncio.sleep(pause)


def _check_pipe(stream: TextIO) -> None:
    mode = os.fstat(stream.fileno()).st_mode
    if not stat.S_ISFIFO(mode) and not stat.S_ISSOCK(mode):
        raise InvalidValue(
            field=stream.name,
            value="no pipe",
            problem="a guard talks to a conductor over pipes",
            way_out="let `chaosday conduct` start it",
        )


@asynccontextmanager
async def standard_lines() -> AsyncIterator[Lines]:
    """Standard input and output as lines, until the context is left.

    SIGTERM means the same as a conductor that is gone; SIGINT is meant for the conductor.
    Raises: InvalidValue: when they are no pipes, whose end could not be seen.
    """
    for stream in (sys.stdin, sys.stdout):
        _check_pipe(stream)
    loop = asyncio.get_running_loop()
    reader = asyncio.StreamReader(limit=_LONGEST_LINE)
    incoming, _ = await loop.connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(reader), os.fdopen(os.dup(sys.stdin.fileno()), "rb")
    )
    writer, _ = await loop.connect_write_pipe(
        asyncio.BaseProtocol, os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    )
    loop.add_signal_handler(signal.SIGTERM, incoming.close)
    loop.add_signal_handler(signal.SIGINT, lambda: None)
    lines = Lines(reader=reader, writer=writer)
    try:
        yield lines
    finally:
        await lines.flush()
        incoming.close()
        writer.close()


async def guard_on_stdio(
    *,
    journal: AbstractAsyncContextManager[UndoJournal],
    clock: Clock,
    door: int | None = None,
) -> Restoration | None:
    """Guard one run, with the conductor on standard input and output.

    Shape: the journal is opened once there is a run to guard: the process may have been started
    ahead of it, beside a conductor that brings the database up to date; door as in `serve_guard`.
    Returns what came of the undo that nobody asked for; None when the conductor ended the
    guard in order, or it could not begin.
    """
    async with standard_lines() as lines:
        commands = lines.commands()
        assignment = await anext(commands, None)
        if assignment is None:
            return None
        async with journal as opened:
            return await serve_guard(
                journal=opened,
                commands=_from_the_first(assignment, commands),
                say=lines.say,
                clock=clock,
                door=door,
            )


async def _from_the_first(first: Line, others: AsyncIterator[Line]) -> AsyncIterator[Line]:
    yield first
    async for line in others:
        yield line
