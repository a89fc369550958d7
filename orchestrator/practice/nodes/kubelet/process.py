"""A running program: its listeners, its end by itself, by request or by force.

Whatever way it ends, no listener of it is left. Why it is ended is the
container's affair.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from random import Random
from typing import Final

import anyio
from anyio.abc import TaskStatus

from orchestrator.practice.nodes.executables.around import Files, Memory, OutOfMemory
from orchestrator.practice.nodes.kubelet.logs import ContainerLog, Stream
from orchestrator.practice.nodes.listening import Answering, HttpListener
from orchestrator.practice.nodes.network import Address, Network
from orchestrator.practice.nodes.programs import Program, Surroundings

KILLED: Final = 137
CRASHED: Final = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """Whose process it is."""

    namespace: str
    pod: str
    container: str
    ip: str
    command: str = ""
    """Its command line, as `ps` shows it."""


class Process:
    """One execution of a program.

    Shape: `on_listeners` hears of every change of what listens where.
    """

    def __init__(
        self,
        program: Program,
        identity: Identity,
        *,
        environment: Mapping[str, str],
        files: Files,
        memory: Memory | None = None,
        network: Network,
        chance: Random,
        on_listeners: Callable[[], None],
    ) -> None:
        self._program = program
        self.identity = identity
        self.environment = environment
        self.files = files
        self.memory = memory or Memory()
        self.ran_out_of_memory = False
        self.network = network
        self._chance = chance
        self._on_listeners = on_listeners
        self._listeners: dict[Address, HttpListener] = {}
        self._stopping = anyio.Event()
        self._ended = anyio.Event()
        self._scope = anyio.CancelScope()
        self.listens: dict[int, Address] = {}
        self.exit_code = KILLED
        self.log = ContainerLog()
        files.devices = {
            f"/proc/1/fd/{number}": partial(self._hear, stream)
            for number, stream in ((1, Stream.OUT), (2, Stream.ERR))
        }

    async def run(self, *, task_status: TaskStatus[None]) -> None:
        """Run to the end; started once the program has booted, or ended before."""
        booting = [task_status]

        def booted() -> None:
            if booting:
                booting.pop().started()

        try:
            with self._scope:
                self.exit_code = await self._execute(booted)
        finally:
            self._close_listeners()
            self.log.close()
            self._ended.set()
        booted()

    def terminate(self) -> None:
        """Ask the program to end."""
        self._stopping.set()

    async def stop(self, grace: timedelta) -> None:
        """Ask the program to end, and end it when the grace is over."""
        self.terminate()
        with anyio.move_on_after(grace.total_seconds()):
            await self._ended.wait()
        self.kill()
        await self._ended.wait()

    def kill(self) -> None:
        """End the program now; its connections are reset."""
        self._close_listeners()
        self._scope.cancel()

    async def ended(self) -> int:
        """Wait for the end, and tell the exit code."""
        await self._ended.wait()
        return self.exit_code

    async def _execute(self, booted: Callable[[], None]) -> int:
        try:
            return await self._program(self._surroundings(booted))
        except OutOfMemory:
            self.ran_out_of_memory = True
            return KILLED
        except Exception as error:  # noqa: BLE001
            # The boundary of a process: its crash ends the container, not the node.
            self.log.write(f"{type(error).__name__}: {error}", Stream.ERR)
            return CRASHED

    def _surroundings(self, booted: Callable[[], None]) -> Surroundings:
        return Surroundings(
            namespace=self.identity.namespace,
            pod=self.identity.pod,
            container=self.identity.container,
            ip=self.identity.ip,
            files=self.files,
            memory=self.memory,
            environment=self.environment,
            network=self.network,
            listen=self._listen,
            chance=self._chance,
            stopping=self._stopping,
            booted=booted,
            log=self.log.write,
        )

    def _hear(self, stream: Stream, written: bytes) -> None:
        self.log.write(written.decode(errors="replace").removesuffix("\n"), stream)

    def _listen(self, port: int, answering: Answering) -> HttpListener:
        pod = Address(self.identity.ip, port)
        if self.network.listener_of_pod(pod) is not None:
            raise OSError(f"listen tcp :{port}: bind: address already in use")
        listener = HttpListener(answering)
        listens = listener.open()
        self._listeners[pod] = listener
        self.network.attach(pod, listens)
        self.listens[port] = listens
        self._on_listeners()
        return listener

    def _close_listeners(self) -> None:
        for pod, listener in self._listeners.items():
            self.network.detach(pod)
            listener.abort()
        if self._listeners:
            self._listeners.clear()
            self.listens = {}
            self._on_listeners()
