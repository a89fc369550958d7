"""One container of a pod, from pulling its image to its last restart.

It decides when to start, restart and give up; it never talks about the pod as
a whole.
"""

from collections.abc import Callable
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Final
from uuid import uuid4

import anyio

from orchestrator.practice.nodes.chance import seeded
from orchestrator.practice.nodes.client import Json
from orchestrator.practice.nodes.commands import command
from orchestrator.practice.nodes.executables.around import Memory
from orchestrator.practice.nodes.kubelet.environment import MissingReference
from orchestrator.practice.nodes.kubelet.events import Teller
from orchestrator.practice.nodes.kubelet.kit import Kit
from orchestrator.practice.nodes.kubelet.last_words import last_words
from orchestrator.practice.nodes.kubelet.life import Hearing, Life
from orchestrator.practice.nodes.kubelet.logs import ContainerLog
from orchestrator.practice.nodes.kubelet.place import Place, Setting, gathered
from orchestrator.practice.nodes.kubelet.process import Identity, Process
from orchestrator.practice.nodes.kubelet.reports import (
    CREATING,
    ContainerReport,
    ContainerState,
    Running,
    Terminated,
    Waiting,
)
from orchestrator.practice.nodes.kubelet.resources import ContainerResources
from orchestrator.practice.nodes.moments import now
from orchestrator.practice.nodes.programs import ExecutableNotFound, Image, Program

NOT_STARTED: Final = 128
NOTHING_WRITTEN: Final = ContainerLog()
NOTHING_WRITTEN.close()


class Container:
    """One container; `changed` is called whenever its report does."""

    def __init__(self, spec: Json, kit: Kit, changed: Callable[[], None]) -> None:
        self.spec = spec
        self.name = str(spec["name"])
        self.resources = ContainerResources(spec)
        self._kit = kit
        self._changed = changed
        self._place: Place | None = None
        self._life: Life | None = None
        self._scope = anyio.CancelScope()
        self._logs: dict[str, ContainerLog] = {}
        self._is_renewed = anyio.Event()
        self._has_started = anyio.Event()
        self._ending = False
        self._is_due = False
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
            given=self.resources.given,
            resources=self.resources.actual,
            is_due=self._is_due and not self._ending,
        )

    @property
    def listens(self) -> dict[int, str]:
        """Which of its ports really listens where."""
        process = self.process
        return {} if process is None else {p: str(at) for p, at in process.listens.items()}

    @property
    def process(self) -> Process | None:
        """What runs in it now, if anything does."""
        return None if self._life is None else self._life.process

    def log_of(self, container_id: str) -> ContainerLog:
        """What an execution wrote; empty for one that was never, or is too long ago."""
        return self._logs.get(container_id) or NOTHING_WRITTEN

    async def refresh(self) -> None:
        """Bring the mounted files up to date.

        Raises: ApiError: the API server could not tell.
        """
        process = self.process
        if process is not None and self._place is not None:
            with suppress(MissingReference):
                process.files.mounted = await self._place.environment.files(self.spec)

    def wait_as(self, state: Waiting) -> None:
        """Show why the container does not run."""
        self._enter(state)

    async def pause(self, seconds: float) -> bool:
        """Wait, and tell whether its definition has changed meanwhile."""
        with anyio.move_on_after(seconds):
            await self._is_renewed.wait()
        return self._is_renewed.is_set()

    def take_in(self, spec: Json) -> None:
        """Take in what the pod now says of the container; another image is run at once."""
        before, self.spec = self.spec, spec
        if before["image"] != spec["image"]:
            self._is_renewed.set()
            self._is_due = True
            self._replace("definition changed")

    def resize(self, resources: Json) -> None:
        """Take other resources, in place or by a restart as the container wants it."""
        if self.resources.give(resources):
            self._is_renewed.set()
            self._is_due = True
            self._replace("resize requires restart")
        self._changed()

    async def started(self) -> None:
        """Wait till it has started, for the first time."""
        await self._has_started.wait()

    async def run(self, place: Place) -> None:
        """Live until the restart policy, or `end`, says that it is over."""
        self._place = place
        with self._scope:
            await self._live(place)

    async def end(self, grace: timedelta) -> None:
        """Stop gracefully and stay stopped."""
        self._ending = True
        if self._life is not None and self._place is not None:
            self._teller(self._place).tell("Killing", f"Stopping container {self.name}")
            await self._life.stop(grace)
        else:
            self._scope.cancel()

    def kill(self) -> None:
        """End at once and for good."""
        self._ending = True
        if self._life is not None:
            self._life.process.kill()

    async def _live(self, place: Place) -> None:
        crashes = 0
        while True:
            image = await place.shelf.pull(self, place.pod)
            self._is_renewed = anyio.Event()
            self._image_id = f"practice://{image.name}"
            setting = await gathered(place, self.spec, self._kit.pace, self._miss)
            began = anyio.current_time()
            end = await self._execute(place, image, setting)
            renewed = self._is_renewed.is_set()
            if self._ending or not (renewed or _restarts(place.policy, end.exit_code)):
                return
            if renewed or anyio.current_time() - began > self._calm_seconds:
                crashes = 0
            await self._back_off(place, end, crashes)
            crashes += 1

    def _replace(self, why: str) -> None:
        if self._life is not None and not self._ending:
            self._life.stop_soon(f"Container {self.name} {why}, will be restarted")

    @property
    def _calm_seconds(self) -> float:
        return self._kit.pace.back_off_forgotten_after.total_seconds()

    def _miss(self, missing: MissingReference) -> None:
        self.wait_as(Waiting(reason="CreateContainerConfigError", message=str(missing)))
        if self._place is not None:
            self._teller(self._place).tell("Failed", f"Error: {missing}", warning=True)

    async def _execute(self, place: Place, image: Image, setting: Setting) -> Terminated:
        started_at, teller = now(), self._teller(place)
        self._container_id = f"practice://{uuid4().hex}"
        try:
            program = self._program(image)
        except ExecutableNotFound as error:
            teller.tell("Created", f"Container created: {self.name}")
            teller.tell("Failed", f"Error: {error}: unknown", warning=True)
            return self._terminate(NOT_STARTED, "StartError", started_at, f"{error}: unknown")
        if self._restarts == 0:
            await anyio.sleep(self._start_seconds(place))
        teller.tell("Created", f"Container created: {self.name}")
        self.resources.settle()
        process = self._new_process(place, program, setting)
        self._life = Life(self.spec, process, self._kit, teller, self._hearing())
        code = await self._life.run()
        reason = "Completed" if code == 0 else "Error"
        reason = "OOMKilled" if process.ran_out_of_memory else reason
        return self._terminate(code, reason, started_at, last_words(self.spec, process))

    def _hearing(self) -> Hearing:
        def started() -> None:
            self._started = True
            self._has_started.set()
            self._changed()

        def ready(is_ready: bool) -> None:
            if is_ready != self._ready:
                self._ready = is_ready
                self._changed()

        def runs() -> None:
            self._enter(Running(started_at=now()))

        return Hearing(runs=runs, started=started, ready=ready)

    async def _back_off(self, place: Place, end: Terminated, crashes: int) -> None:
        self._last_state = end
        self._restarts += 1
        if crashes == 0:
            return
        pause = self._kit.pace.back_off(crashes - 1)
        metadata = place.pod["metadata"]
        whose = f"{metadata['name']}_{metadata['namespace']}"
        message = (
            f"back-off {_spoken(pause)} restarting failed container={self.name} "
            f"pod={whose}({metadata['uid']})"
        )
        self._enter(Waiting(reason="CrashLoopBackOff", message=message))
        self._teller(place).tell(
            "BackOff",
            f"Back-off restarting failed container {self.name} in pod {whose}({metadata['uid']})",
            warning=True,
        )
        await self.pause(pause.total_seconds())

    def _terminate(self, code: int, reason: str, started_at: datetime, message: str) -> Terminated:
        end = Terminated(
            exit_code=code,
            reason=reason,
            started_at=started_at,
            finished_at=now(),
            container_id=self._container_id,
            message=message,
        )
        self._life = None
        self._enter(end)
        return end

    def _enter(self, state: ContainerState) -> None:
        self._state = state
        self._is_due = self._is_due and not isinstance(state, Running)
        self._ready = False
        self._started = False
        self._changed()

    def _program(self, image: Image) -> Program:
        words = [*(self.spec.get("command") or ()), *(self.spec.get("args") or ())]
        return command(words) if self.spec.get("command") else image.program

    def _new_process(self, place: Place, program: Program, setting: Setting) -> Process:
        metadata = place.pod["metadata"]
        words = [*(self.spec.get("command") or [self.name]), *(self.spec.get("args") or ())]
        process = Process(
            program,
            Identity(
                namespace=str(metadata["namespace"]),
                pod=str(metadata["name"]),
                container=self.name,
                ip=place.ip,
                command=" ".join(words),
            ),
            environment=setting.environment,
            files=setting.files,
            memory=Memory(lambda: self.resources.memory_limit),
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

    def _teller(self, place: Place) -> Teller:
        return Teller(events=self._kit.events, pod=place.pod, container=self.name)


def _restarts(policy: str, exit_code: int) -> bool:
    return policy == "Always" or (policy == "OnFailure" and exit_code != 0)


def _spoken(pause: timedelta) -> str:
    minutes, seconds = divmod(round(pause.total_seconds()), 60)
    return f"{minutes}m{seconds}s" if minutes else f"{seconds}s"
