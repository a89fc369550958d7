"""What a command in a container can see and touch: streams, files, network, processes.

It holds no command itself.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple, TypeAlias

from orchestrator.practice.nodes.network import Network

Work: TypeAlias = Callable[[], Awaitable[int]]


async def _undisturbed(work: Work) -> int:
    return await work()


@dataclass(frozen=True, slots=True, kw_only=True)
class Streams:
    """The three streams of a command; reading gives nothing at the end of the input.

    `foreground` runs what a person at a terminal can interrupt.
    """

    read: Callable[[], Awaitable[bytes]]
    out: Callable[[bytes], Awaitable[None]]
    err: Callable[[bytes], Awaitable[None]]
    foreground: Callable[[Work], Awaitable[int]] = _undisturbed


class Files:
    """The files of a container: those mounted into it, and those written since it started."""

    def __init__(self, mounted: Mapping[str, bytes] | None = None) -> None:
        self.mounted: Mapping[str, bytes] = mounted or {}
        self._written: dict[str, bytes] = {}

    def read(self, path: str) -> bytes | None:
        """The content of a file, or none."""
        return self._written.get(path, self.mounted.get(path))

    def write(self, path: str, content: bytes) -> bool:
        """Write a file; false when it is mounted, and so read-only."""
        if path in self.mounted:
            return False
        self._written[path] = content
        return True

    def remove(self, path: str) -> bool:
        """Take a file away; false when there is none that can go."""
        return self._written.pop(path, None) is not None

    def names(self, folder: str) -> list[str]:
        """What is in a folder, folders with a slash at their end; empty when there is none."""
        start = f"{folder.rstrip('/')}/"
        found = {
            rest if not slash else f"{rest}/"
            for path in (*self.mounted, *self._written)
            if path.startswith(start)
            for rest, slash, _ in (path.removeprefix(start).partition("/"),)
        }
        return sorted(found)


class Running(NamedTuple):
    """One process of a container, as `ps` shows it."""

    number: int
    command: str


def _alone() -> Sequence[Running]:
    return ()


def _nobody(number: int) -> None:
    """There is no other process to signal."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Around:
    """The container that a command runs in.

    `signal` sends a signal by its number to the container's first process.
    """

    pod: str
    namespace: str
    ip: str
    environment: Mapping[str, str]
    network: Network
    files: Files = field(default_factory=Files)
    processes: Callable[[], Sequence[Running]] = _alone
    signal: Callable[[int], None] = _nobody


Executable: TypeAlias = Callable[[Around, Streams, Sequence[str]], Awaitable[int]]
