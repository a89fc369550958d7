"""A command beside a container's own program, as exec, probes and hooks run it.

It sees the container as its main program does. Who asked for it, and why, is not its affair.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Final

from anyio.lowlevel import checkpoint

from orchestrator.practice.nodes.executables.around import Around, OutOfMemory, Running, Streams
from orchestrator.practice.nodes.executables.shell import executable
from orchestrator.practice.nodes.kubelet.process import KILLED, Process

_KILL: Final = 9
_MOST_HEARD: Final = 10_240


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """How a command ended, and what it wrote."""

    code: int
    output: str


async def run_inside(process: Process, words: Sequence[str], streams: Streams) -> int:
    """Run a command to its end, and tell its exit code.

    Raises: ExecutableNotFound: the container has no such command.
    """
    program = executable(words[0])
    try:
        return await program(around(process, words), streams, words[1:])
    except OutOfMemory:
        # The kernel picks whoever took most; the others in the container go on.
        return KILLED


async def outcome_inside(process: Process, words: Sequence[str]) -> Outcome:
    """Run a command that nobody talks to.

    Raises: ExecutableNotFound: the container has no such command.
    """
    output = bytearray()

    async def take(chunk: bytes) -> None:
        await checkpoint()
        output.extend(chunk[: _MOST_HEARD - len(output)])

    code = await run_inside(process, words, Streams(read=_nothing, out=take, err=take))
    return Outcome(code=code, output=output.decode(errors="replace"))


def around(process: Process, words: Sequence[str]) -> Around:
    """What a command finds in the container."""
    identity = process.identity
    path = {"PATH": "/usr/local/bin:/usr/bin:/bin", "HOSTNAME": identity.pod, "HOME": "/root"}
    return Around(
        pod=identity.pod,
        namespace=identity.namespace,
        ip=identity.ip,
        environment={**path, **process.environment},
        network=process.network,
        files=process.files,
        memory=process.memory,
        processes=lambda: [Running(1, identity.command), Running(7, " ".join(words))],
        signal=partial(_signal, process),
    )


def _signal(process: Process, number: int) -> None:
    # The kernel keeps a container's first process from being killed from within.
    if number != _KILL:
        process.terminate()


async def _nothing() -> bytes:
    await checkpoint()
    return b""
