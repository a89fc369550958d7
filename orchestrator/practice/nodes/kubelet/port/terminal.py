"""A terminal between a person who types and a command: echo, lines, Ctrl-C and Ctrl-D.

It edits a line by backspace alone.
"""

from typing import Final

import anyio

from orchestrator.practice.nodes.executables.around import Streams, Work

INTERRUPT, END, BACKSPACES = 0x03, 0x04, frozenset({0x08, 0x7F})
INTERRUPTED: Final = 130
PROMPT: Final = b"/ # "


class Terminal:
    """Gives a command whole lines, and shows what it and its user write."""

    def __init__(self, streams: Streams, *, prompts: bool) -> None:
        self._streams = streams
        self._prompts = prompts
        self._line = bytearray()
        self._pending = bytearray()
        self._has_ended = False
        self._running: anyio.CancelScope | None = None

    @property
    def streams(self) -> Streams:
        """The streams as the command sees them."""
        return Streams(read=self._read, out=self._show, err=self._show, foreground=self.foreground)

    async def foreground(self, work: Work) -> int:
        """Run something till it ends, or till its user has enough of it."""
        with anyio.CancelScope() as self._running:
            return await work()
        self._running = None
        await self._streams.out(b"^C\r\n")
        return INTERRUPTED

    def interrupt(self) -> None:
        """The user has enough."""
        if self._running is not None:
            self._running.cancel()

    async def _show(self, content: bytes) -> None:
        await self._streams.out(content.replace(b"\n", b"\r\n"))

    async def _read(self) -> bytes:
        """A line with its end; nothing at the end of the input."""
        if self._prompts:
            await self._streams.out(PROMPT)
        while not self._has_ended:
            while self._pending:
                line = await self._type(self._pending.pop(0))
                if line is not None:
                    return line
            if not self._has_ended:
                self._pending.extend(chunk := await self._streams.read())
                self._has_ended = not chunk
        return b""

    async def _type(self, key: int) -> bytes | None:
        """Take in one byte; a finished line, if it finishes one."""
        if key == INTERRUPT:
            self._line.clear()
            await self._streams.out(b"^C\r\n" + (PROMPT if self._prompts else b""))
        elif key == END and not self._line:
            self._has_ended = True
            await self._streams.out(b"\r\n")
        elif key in BACKSPACES:
            if self._line:
                self._line.pop()
                await self._streams.out(b"\b \b")
        elif key in b"\r\n":
            await self._streams.out(b"\r\n")
            line, self._line = bytes(self._line) + b"\n", bytearray()
            return line
        else:
            self._line.append(key)
            await self._streams.out(bytes([key]))
        return None
