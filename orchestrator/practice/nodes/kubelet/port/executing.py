"""exec and attach: a command beside the container's own, or a look at what that one writes.

A command sees the container as its main program does; it ends when whoever asked leaves.
"""

from functools import partial

from orchestrator.practice.nodes.client import ApiError, Json
from orchestrator.practice.nodes.executables.around import Around, Running, Streams
from orchestrator.practice.nodes.executables.shell import SHELLS, executable
from orchestrator.practice.nodes.kubelet.container import Container
from orchestrator.practice.nodes.kubelet.logs import ContainerLog, Stream
from orchestrator.practice.nodes.kubelet.port.channels import (
    SUCCESS,
    Channels,
    exit_status,
    failure,
)
from orchestrator.practice.nodes.kubelet.port.terminal import Terminal
from orchestrator.practice.nodes.kubelet.process import Process
from orchestrator.practice.nodes.network import Network
from orchestrator.practice.nodes.programs import ExecutableNotFound

KILL = 9


class Execution:
    """One command in a container."""

    def __init__(self, container: Container, process: Process, network: Network) -> None:
        self._container = container
        self._process = process
        self._network = network

    async def run(self, words: list[str], channels: Channels, streams: Streams) -> Json:
        """Run the command and give the status that its client is told."""
        try:
            program = executable(words[0])
        except ExecutableNotFound as error:
            return failure(
                "error executing command in container: failed to exec in container: failed to "
                "start exec: OCI runtime exec failed: exec failed: unable to start container "
                f"process: {error}"
            )
        if channels.is_terminal:
            is_shell = len(words) == 1 and words[0].rpartition("/")[2] in SHELLS
            terminal = Terminal(streams, prompts=is_shell)
            channels.interrupted = terminal.interrupt
            streams = terminal.streams
            if not is_shell:
                work = partial(program, self._around(words), streams, words[1:])
                return exit_status(await terminal.foreground(work))
        return exit_status(await program(self._around(words), streams, words[1:]))

    def _around(self, words: list[str]) -> Around:
        process = self._process
        identity = process.identity
        path = {"PATH": "/usr/local/bin:/usr/bin:/bin", "HOSTNAME": identity.pod, "HOME": "/root"}
        return Around(
            pod=identity.pod,
            namespace=identity.namespace,
            ip=identity.ip,
            environment={**path, **process.environment},
            network=self._network,
            files=process.files,
            processes=partial(self._processes, words),
            signal=self._signal,
        )

    def _processes(self, words: list[str]) -> list[Running]:
        spec = self._container.spec
        main = [*(spec.get("command") or [self._container.name]), *(spec.get("args") or ())]
        return [Running(1, " ".join(main)), Running(7, " ".join(words))]

    def _signal(self, number: int) -> None:
        # The kernel keeps a container's first process from being killed from within.
        if number != KILL:
            self._process.terminate()


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
