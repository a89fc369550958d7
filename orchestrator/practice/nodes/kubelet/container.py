"""One container of a pod, from pulling its image to its last restart.

It decides when to start, restart and give up; it never talks about the pod as
a whole.
"""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from uuid import uuid4

import anyio

from orchestrator.practice.nodes.chance import seeded
from orchestrator.practice.nodes.client import ApiError, Json
from orchestrator.practice.nodes.commands import command
from orchestrator.practice.nodes.executables.around import Files
from orchestrator.practice.nodes.kubelet.checks import Checks, Listener
from orchestrator.practice.nodes.kubelet.environment import Environment, MissingReference
from orchestrator.practice.nodes.kubelet.events import Event
from orchestrator.practice.nodes.kubelet.images import ImageShelf
from orchestrator.practice.nodes.kubelet.kit import Kit
from orchestrator.practice.nodes.kubelet.logs import ContainerLog
from orchestrator.practice.nodes.kubelet.probing import Finding, ProbeKind, Reach
from orchestrator.practice.nodes.kubelet.process import Identity, Process
from orchestrator.practice.nodes.kubelet.status import (
    CREATING,
    ContainerReport,
    ContainerState,
    Running,
    Terminated,
    Waiting,
)
from orchestrator.practice.nodes.moments import now
from orchestrator.practice.nodes.programs import ExecutableNotFound, Image, Program

NOT_STARTED: Final = 128
NOTHING_WRITTEN: Final = ContainerLog()
NOTHING_WRITTEN.close()


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where a container lives: its pod, the pod's address, the node's images."""

    pod: Json
    ip: str
    shelf: ImageShelf
    environment: Environment
    policy: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """What one execution finds: its variables and its files."""

    environment: dict[str, str]
    files: Files


class Container:
    """One container; `changed` is called whenever its report does."""

    def __init__(self, spec: Json, kit: Kit, changed: Callable[[], None]) -> None:
        self.spec = spec
        self.name = str(spec["name"])
        self._kit = kit
        self._changed = changed
        self._place: Place | None = None
        self._process: Process | None = None
        self._logs: dict[str, ContainerLog] = {}
        self._ending = False
        self._image_id = ""
        self._container_id = ""
        self._state: ContainerState = CREATING
        self._last_state: Terminated | None = None
        self._restarts = 0
        self._ready = False
        self._started = False

    @property
    def report(self) -> ContainerReport:
        """The container as it is now."""
        return ContainerReport(
            name=self.name,
            image=str(self.spec["image"]),
            image_id=self._image_id,
            container_id=self._container_id,
            state=self._state,
            last_state=self._last_state,
            ready=self._ready,
            started=self._started,
            restarts=self._restarts,
        )

    @property
    def listens(self) -> dict[int, str]:
        """Which of its ports really listens where."""
        process = self._process
        return {} if process is None else {p: str(at) for p, at in process.listens.items()}

    @property
    def process(self) -> Process | None:
        """What runs in it now, if anything does."""
        return self._process

    def log_of(self, container_id: str) -> ContainerLog:
        """What an execution wrote; empty for one that was never, or is too long ago."""
        return self._logs.get(container_id) or NOTHING_WRITTEN

    async def refresh(self) -> None:
        """Bring the mounted files up to date.

        Raises: ApiError: the API server could not tell.
        """
        if self._process is not None and self._place is not None:
            with suppress(MissingReference):
                mounted = await self._place.environment.files(self.spec)
                self._process.files.mounted = mounted

    def wait_as(self, state: Waiting) -> None:
        """Show why the container does not run."""
        self._enter(state)

    async def run(self, place: Place) -> None:
        """Live until the restart policy, or `end`, says that it is over."""
        self._place = place
        crashes = 0
        while True:
            image = await place.shelf.pull(self.spec, place.pod, self.wait_as)
            self._image_id = f"practice://{image.name}"
            setting = await self._gather_setting(place)
            began = anyio.current_time()
            end = await self._execute(place, image, setting)
            if self._ending or not _restarts(place.policy, end.exit_code):
                return
            if anyio.current_time() - began > self._calm_seconds:
                crashes = 0
            await self._back_off(place, end, crashes)
            crashes += 1

    async def end(self, pod: Json, grace: timedelta) -> None:
        """Stop gracefully and stay stopped."""
        self._ending = True
        if self._process is not None:
            self._tell(pod, "Killing", f"Stopping container {self.name}")
            await self._process.stop(grace)

    def kill(self) -> None:
        """End at once and for good."""
        self._ending = True
        if self._process is not None:
            self._process.kill()

    @property
    def _calm_seconds(self) -> float:
        return self._kit.pace.back_off_forgotten_after.total_seconds()

    async def _gather_setting(self, place: Place) -> Setting:
        retry = self._kit.pace.missing_reference_retry.total_seconds()
        while True:
            try:
                return Setting(
                    environment=await place.environment.of(self.spec),
                    files=Files(await place.environment.files(self.spec)),
                )
            except MissingReference as missing:
                self.wait_as(Waiting(reason="CreateContainerConfigError", message=str(missing)))
                self._tell(place.pod, "Failed", f"Error: {missing}", warning=True)
            except ApiError:
                # The API server is away; what it would say decides, so wait for it.
                pass
            await anyio.sleep(retry)

    async def _execute(self, place: Place, image: Image, setting: Setting) -> Terminated:
        started_at = now()
        self._container_id = f"practice://{uuid4().hex}"
        try:
            program = self._program(image)
        except ExecutableNotFound as error:
            self._tell(place.pod, "Created", f"Container created: {self.name}")
            self._tell(place.pod, "Failed", f"Error: {error}: unknown", warning=True)
            return self._terminate(NOT_STARTED, "StartError", started_at, f"{error}: unknown")
        if self._restarts == 0:
            await anyio.sleep(self._start_seconds(place))
        self._tell(place.pod, "Created", f"Container created: {self.name}")
        code = await self._live(place, self._new_process(place, program, setting))
        return self._terminate(code, "Completed" if code == 0 else "Error", started_at, "")

    async def _live(self, place: Place, process: Process) -> int:
        self._process = process
        async with anyio.create_task_group() as tasks:
            await tasks.start(process.run)
            self._tell(place.pod, "Started", f"Container started: {self.name}")
            self._enter(Running(started_at=now()))
            reach = Reach(session=self._kit.probing, network=self._kit.network)
            listener = self._listener(place, process)
            tasks.start_soon(Checks(self.spec, place.ip, reach, listener).run)
            code = await process.ended()
            tasks.cancel_scope.cancel()
        return code

    def _listener(self, place: Place, process: Process) -> Listener:
        def unhealthy(finding: Finding) -> None:
            message = f"{finding.kind} probe failed: {finding.failure}"
            self._tell(place.pod, "Unhealthy", message, warning=True)

        def started() -> None:
            self._started = True
            self._changed()

        def ready(is_ready: bool) -> None:
            if is_ready != self._ready:
                self._ready = is_ready
                self._changed()

        def failed(kind: ProbeKind) -> None:
            why = f"failed {kind.lower()} probe"
            self._tell(place.pod, "Killing", f"Container {self.name} {why}, will be restarted")
            process.kill()

        return Listener(unhealthy=unhealthy, started=started, ready=ready, failed=failed)

    async def _back_off(self, place: Place, end: Terminated, crashes: int) -> None:
        self._last_state = end
        self._restarts += 1
        if crashes == 0:
            return
        pause = self._kit.pace.back_off(crashes - 1)
        metadata = place.pod["metadata"]
        whose = f"container={self.name} pod={metadata['name']}_{metadata['namespace']}"
        message = f"back-off {_spoken(pause)} restarting failed {whose}({metadata['uid']})"
        self._enter(Waiting(reason="CrashLoopBackOff", message=message))
        self._tell(
            place.pod,
            "BackOff",
            f"Back-off restarting failed container {self.name} in pod "
            f"{metadata['name']}_{metadata['namespace']}({metadata['uid']})",
            warning=True,
        )
        await anyio.sleep(pause.total_seconds())

    def _terminate(self, code: int, reason: str, started_at: datetime, message: str) -> Terminated:
        end = Terminated(
            exit_code=code,
            reason=reason,
            started_at=started_at,
            finished_at=now(),
            container_id=self._container_id,
            message=message,
        )
        self._process = None
        self._enter(end)
        return end

    def _enter(self, state: ContainerState) -> None:
        self._state = state
        self._ready = False
        self._started = False
        self._changed()

    def _program(self, image: Image) -> Program:
        words = [*(self.spec.get("command") or ()), *(self.spec.get("args") or ())]
        return command(words) if self.spec.get("command") else image.program

    def _new_process(self, place: Place, program: Program, setting: Setting) -> Process:
        metadata = place.pod["metadata"]
        process = Process(
            program,
            Identity(
                namespace=str(metadata["namespace"]),
                pod=str(metadata["name"]),
                container=self.name,
                ip=place.ip,
            ),
            environment=setting.environment,
            files=setting.files,
            network=self._kit.network,
            chance=seeded(self._kit.seed, str(metadata["name"]), self.name),
            on_listeners=self._changed,
        )
        # A runtime keeps the log of a container until the next one but one has started.
        for forgotten in [*self._logs][:-1]:
            del self._logs[forgotten]
        self._logs[self._container_id] = process.log
        return process

    def _start_seconds(self, place: Place) -> float:
        """How long this container takes to start; the same for the same pod name."""
        pace = self._kit.pace
        chance = seeded(self._kit.seed, "start", str(place.pod["metadata"]["name"]), self.name)
        low, high = pace.shortest_start.total_seconds(), pace.longest_start.total_seconds()
        return chance.uniform(low, high)

    def _tell(self, pod: Json, reason: str, message: str, *, warning: bool = False) -> None:
        self._kit.events.record(
            Event(pod=pod, reason=reason, message=message, container=self.name, warning=warning)
        )


def _restarts(policy: str, exit_code: int) -> bool:
    return policy == "Always" or (policy == "OnFailure" and exit_code != 0)


def _spoken(pause: timedelta) -> str:
    minutes, seconds = divmod(round(pause.total_seconds()), 60)
    return f"{minutes}m{seconds}s" if minutes else f"{seconds}s"
