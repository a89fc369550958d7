"""One process that speaks JSON lines: started in a session of its own, ended as a whole group.

It does not know what the lines mean.
"""

import json
import os
import signal
import sys
from collections.abc import AsyncIterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import anyio
from anyio.abc import Process
from anyio.streams.buffered import BufferedByteReceiveStream

from orchestrator.domain.errors import EngineUnavailable

_LONGEST_LINE: Final = 4 * 1024 * 1024
_TAIL: Final = 2000
_FROZEN: Final = frozenset({b"T", b"t"})
"""The kernel's letters for a process that was stopped, and for one that is being traced."""


class Child:
    """A process of a run."""

    def __init__(
        self, process: Process, *, name: str, log: Path, may_be_quoted: bool = False
    ) -> None:
        self._process = process
        self._name = name
        self._log = log
        self._may_be_quoted = may_be_quoted
        self._sending = anyio.Lock()
        self._was_killed = False

    @classmethod
    async def start(
        cls,
        command: Sequence[str],
        *,
        name: str,
        log: Path,
        folder: Path,
        environment: Mapping[str, str],
        descriptors: Sequence[int] = (),
        may_be_quoted: bool = False,
    ) -> "Child":
        """Start a process; one that may be quoted writes no secret to its log.

        Shape: descriptors stay open in it, under their numbers.
        Raises: EngineUnavailable.
        """
        try:
            with log.open("ab") as errors:
                process = await anyio.open_process(
                    list(command),
                    stderr=errors,
                    cwd=folder,
                    env=dict(environment),
                    start_new_session=True,
                    pass_fds=tuple(descriptors),
                )
        except OSError as error:
            raise EngineUnavailable(process=name, problem=str(error)) from error
        return cls(process, name=name, log=log, may_be_quoted=may_be_quoted)

    async def say(self, line: Mapping[str, Any]) -> None:
        """Send a line. Raises: EngineUnavailable: the process is gone."""
        assert self._process.stdin is not None
        try:
            async with self._sending:
                await self._process.stdin.send(json.dumps(line).encode() + b"\n")
        except (anyio.BrokenResourceError, anyio.ClosedResourceError, OSError) as error:
            raise EngineUnavailable(process=self._name, problem=self.last_words()) from error

    async def lines(self) -> AsyncIterator[dict[str, Any]]:
        """What the process says, until it ends; whatever is no JSON object is passed over."""
        assert self._process.stdout is not None
        buffered = BufferedByteReceiveStream(self._process.stdout)
        while True:
            try:
                text = await buffered.receive_until(b"\n", _LONGEST_LINE)
            except (
                anyio.IncompleteRead,
                anyio.EndOfStream,
                anyio.ClosedResourceError,
                anyio.BrokenResourceError,
            ):
                return
            except anyio.DelimiterNotFound:
                # What is longer is no line of ours; what comes after it may be.
                await buffered.receive(_LONGEST_LINE)
                continue
            try:
                line = json.loads(text)
            except (ValueError, RecursionError):
                continue
            if isinstance(line, dict):
                yield line

    async def hang_up(self) -> None:
        """Close the line to the process, by which it knows that its conductor is gone."""
        if self._process.stdin is not None:
            with anyio.move_on_after(1, shield=True):
                await self._process.stdin.aclose()

    async def ended(self, *, within: float) -> bool:
        """Wait for the process to end by itself."""
        with anyio.move_on_after(within):
            await self._process.wait()
        return self._process.returncode is not None

    def is_frozen(self, as_it_seems: bool) -> bool:
        """Whether the process was stopped by a signal; as it seems where that cannot be read."""
        try:
            stat = Path(f"/proc/{self._process.pid}/stat").read_bytes()
        except OSError:
            return as_it_seems
        return stat.rpartition(b")")[2].split()[0] in _FROZEN

    async def kill(self) -> None:
        """End the process and everything that it started, at once; only the first call counts.

        Later the number of the group may be somebody else's.
        """
        if self._was_killed:
            return
        self._was_killed = True
        for sign in (signal.SIGSTOP, signal.SIGKILL):
            # Frozen first, so that nothing can fork while the group is being ended.
            try:
                os.killpg(self._process.pid, sign)
            except (ProcessLookupError, PermissionError):
                break
        with anyio.move_on_after(5, shield=True):
            await self._process.wait()

    async def close(self) -> None:
        """Give back the pipes of a process that has ended or is left to itself."""
        with anyio.move_on_after(1, shield=True):
            for stream in (self._process.stdin, self._process.stdout):
                if stream is not None:
                    await stream.aclose()

    def last_words(self) -> str:
        """The last line that the process wrote to its log, if that may be told."""
        if not self._may_be_quoted:
            return "it is gone"
        try:
            tail = self._log.read_bytes()[-_TAIL:].decode(errors="replace").strip()
        except OSError:
            tail = ""
        return tail.splitlines()[-1] if tail else "it is gone"


def python(*arguments: str) -> list[str]:
    """The command that runs our own Python, and no code that lies where it is started.

    A runner is started where an experiment can write, and before it is kept in.
    """
    return [sys.executable, "-s", "-P", *arguments]
