"""A command line as the main program of a container: what people put into `command`.

It has the executables of practice images and their small shell. Its output is the container's log,
and it reads nothing. As any first process of a container, it is asked to end in vain unless it
minds the signal.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from anyio.lowlevel import checkpoint

from orchestrator.practice.nodes.executables.around import Around, Executable, Streams
from orchestrator.practice.nodes.executables.shell import executable
from orchestrator.practice.nodes.programs import Program, Surroundings


def command(words: Sequence[str]) -> Program:
    """The program that a command line names.

    Raises:
        ExecutableNotFound: no executable of practice images.
    """
    return _Main(executable(words[0]), tuple(words[1:])).run


@dataclass(frozen=True, slots=True)
class _Main:
    """The first process of a container."""

    executable: Executable
    words: tuple[str, ...]

    async def run(self, surroundings: Surroundings) -> int:
        surroundings.booted()
        await checkpoint()
        output = _Lines(surroundings.log)
        streams = Streams(read=_nothing, out=output.take, err=output.take)
        around = Around(
            pod=surroundings.pod,
            namespace=surroundings.namespace,
            ip=surroundings.ip,
            environment=surroundings.environment,
            network=surroundings.network,
            files=surroundings.files,
            memory=surroundings.memory,
            stopping=surroundings.stopping,
        )
        try:
            return await self.executable(around, streams, [*self.words])
        finally:
            output.end()


class _Lines:
    """Puts what is written together to lines."""

    def __init__(self, line: Callable[[str], None]) -> None:
        self._line = line
        self._rest = b""

    async def take(self, chunk: bytes) -> None:
        *lines, self._rest = (self._rest + chunk).split(b"\n")
        for line in lines:
            self._line(line.decode(errors="replace"))

    def end(self) -> None:
        if self._rest:
            self._line(self._rest.decode(errors="replace"))


async def _nothing() -> bytes:
    await checkpoint()
    return b""
