"""exec and attach: a command beside the container's own, or a look at what that one writes.

A command sees the container as its main program does; it ends when whoever asked leaves.
"""

from functools import partial

from orchestrator.practice.nodes.client import ApiError, Json
from orchestrator.practice.nodes.executables.around import Streams
from orchestrator.practice.nodes.executables.shell import SHELLS
from orchestrator.practice.nodes.kubelet.container import Container
from orchestrator.practice.nodes.kubelet.inside import run_inside
from orchestrator.practice.nodes.kubelet.logs import ContainerLog, Stream
from orchestrator.practice.nodes.kubelet.port.channels import (
    SUCCESS,
    Channels,
    exit_status,
    failure,
)
from orchestrator.practice.nodes.kubelet.port.terminal import Terminal
from orchestrator.practice.nodes.kubelet.process import Process
from orchestrator.practice.nodes.programs import ExecutableNotFound


class Execution:
    """One command in a container."""

    def __init__(self, process: Process) -> None:
        self._process = process

    async def run(self, words: list[str], channels: Channels, streams: Streams) -> Json:
        """Run the command and give the status that its client is told."""
        try:
            return exit_status(await self._run(words, channels, streams))
        except ExecutableNotFound as error:
            return failure(
                "error executing command in container: failed to exec in container: failed to "
                "start exec: OCI runtime exec failed: exec failed: unable to start container "
                f"process: {error}"
            )

    async def _run(self, words: list[str], channels: Channels, streams: Streams) -> int:
        if not channels.is_terminal:
            return await run_inside(self._process, words, streams)
        is_shell = len(words) == 1 and words[0].rpartition("/")[2] in SHELLS
        terminal = Terminal(streams, prompts=is_shell)
        channels.interrupted = terminal.interrupt
        work = partial(run_inside, self._process, words, terminal.streams)
        return await (work() if is_shell else terminal.foreground(work))


async def refresh_files(container: Container) -> None:
    """Bring the mounted files up to date; what the API server does not tell stays as it was."""
    try:
        await container.refresh()
    except ApiError:
        return


async def attach(log: ContainerLog, streams: Streams) -> Json:
    """Show what a container writes from now on, until it ends."""
    async for lines in log.following(already=log.position):
        for line in lines:
            write = streams.err if line.stream is Stream.ERR else streams.out
            await write(f"{line.text}\n".encode())
    return SUCCESS
