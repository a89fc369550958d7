"""What a command in a container can see and touch: streams, files, network, memory, processes.

It holds no command itself.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple, TypeAlias

import anyio

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


def _unheard() -> None:
    """Nobody minds what a folder holds."""


class Folder:
    """A folder that outlives a container and that several may share; `changed` hears of writes."""

    def __init__(self, changed: Callable[[], None] = _unheard) -> None:
        self.files: dict[str, bytes] = {}
        self.changed = changed

    @property
    def size(self) -> int:
        """How much it holds.

        Units: bytes.
        """
        return sum(map(len, self.files.values()))


class Files:
    """The files of a container: those mounted into it, and those written since it started.

    Shape: `shared` by the path that a folder is mounted at; `devices` take what is written to them.
    """

    def __init__(
        self,
        mounted: Mapping[str, bytes] | None = None,
        shared: Mapping[str, Folder] | None = None,
    ) -> None:
        self.mounted: Mapping[str, bytes] = mounted or {}
        self.devices: Mapping[str, Callable[[bytes], None]] = {}
        self._shared = shared or {}
        self._own = Folder()

    def read(self, path: str) -> bytes | None:
        """The content of a file, or none."""
        folder, name = self._place(path)
        return folder.files.get(name, self.mounted.get(path))

    def write(self, path: str, content: bytes) -> bool:
        """Write a file; false when it is mounted, and so read-only."""
        if path in self.mounted:
            return False
        if path in self.devices:
            self.devices[path](content)
            return True
        folder, name = self._place(path)
        folder.files[name] = content
        folder.changed()
        return True

    def remove(self, path: str) -> bool:
        """Take a file away; false when there is none that can go."""
        folder, name = self._place(path)
        return folder.files.pop(name, None) is not None

    def names(self, folder: str) -> list[str]:
        """What is in a folder, folders with a slash at their end; empty when there is none."""
        start = f"{folder.rstrip('/')}/"
        found = {
            rest if not slash else f"{rest}/"
            for path in self._paths()
            if path.startswith(start)
            for rest, slash, _ in (path.removeprefix(start).partition("/"),)
        }
        return sorted(found)

    def _paths(self) -> list[str]:
        shared = [f"{at}{name}" for at, folder in self._shared.items() for name in folder.files]
        return [*self.mounted, *self._own.files, *shared]

    def _place(self, path: str) -> tuple[Folder, str]:
        """The folder that a path leads to, and the rest of the path."""
        for at, folder in self._shared.items():
            if path.startswith(f"{at}/"):
                return folder, path.removeprefix(at)
        return self._own, path


class OutOfMemory(Exception):
    """A program took more memory than its container may have."""


def _unlimited() -> int | None:
    return None


class Memory:
    """The memory of a container, as its programs claim it; none is really taken.

    Units: bytes.
    """

    def __init__(self, limit: Callable[[], int | None] = _unlimited) -> None:
        self._limit = limit
        self._taken = 0

    def take(self, size: int) -> None:
        """Claim some more.

        Raises: OutOfMemory: that is more than the container may have.
        """
        limit = self._limit()
        if limit is not None and self._taken + size > limit:
            raise OutOfMemory
        self._taken += size

    def give_back(self, size: int) -> None:
        """Let go of what was claimed."""
        self._taken -= size


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

    `signal` sends a signal by its number to the container's first process. `stopping` is there for
    that process alone: it is set once the process was asked to end.
    """

    pod: str
    namespace: str
    ip: str
    environment: Mapping[str, str]
    network: Network
    files: Files = field(default_factory=Files)
    memory: Memory = field(default_factory=Memory)
    stopping: anyio.Event | None = None
    processes: Callable[[], Sequence[Running]] = _alone
    signal: Callable[[int], None] = _nobody


Executable: TypeAlias = Callable[[Around, Streams, Sequence[str]], Awaitable[int]]
