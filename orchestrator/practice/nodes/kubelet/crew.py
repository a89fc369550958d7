"""The containers of one pod, in the order that they start and end in.

Init containers come one after the other, sidecars stay beside the main ones and end after them,
ephemeral ones may join at any time. It says nothing to the API.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import timedelta

import anyio
from anyio.abc import TaskGroup

from orchestrator.practice.nodes.client import Json
from orchestrator.practice.nodes.kubelet.container import Container
from orchestrator.practice.nodes.kubelet.kit import Kit
from orchestrator.practice.nodes.kubelet.life import LEAST_GRACE
from orchestrator.practice.nodes.kubelet.place import Place
from orchestrator.practice.nodes.kubelet.reports import CREATING, INITIALIZING, Terminated


class Crew:
    """Starts, keeps and ends the containers of a pod; `changed` hears of every change."""

    def __init__(self, pod: Json, kit: Kit, changed: Callable[[], None]) -> None:
        self._kit = kit
        self._changed = changed
        self._place: Place | None = None
        self._tasks: TaskGroup | None = None
        spec = pod["spec"]
        self.inits = self._containers(spec.get("initContainers"))
        self.mains = self._containers(spec["containers"])
        self.ephemeral = self._containers(spec.get("ephemeralContainers"))
        self.is_initialized = not self.inits
        for container in self.mains:
            container.wait_as(CREATING if self.is_initialized else INITIALIZING)

    @property
    def everybody(self) -> Sequence[Container]:
        """All containers."""
        return (*self.inits, *self.mains, *self.ephemeral)

    @property
    def sidecars(self) -> Sequence[Container]:
        """The init containers that stay."""
        return [item for item in self.inits if _stays(item)]

    async def run(self, place: Place, grace: timedelta) -> None:
        """Run the pod till its containers have ended for good; the grace is for its sidecars."""
        self._place = place
        async with anyio.create_task_group() as tasks:
            self._tasks = tasks
            for container in self.ephemeral:
                self._start_ephemeral(container)
            if await self._initialize(tasks, place):
                await self._run_mains(place)
            await self.end_sidecars(grace)

    async def end(self, grace: timedelta) -> None:
        """End all containers: sidecars last, within the same grace."""
        began = anyio.current_time()
        async with anyio.create_task_group() as tasks:
            for container in self.everybody:
                if not _stays(container):
                    tasks.start_soon(container.end, grace)
        left = grace - timedelta(seconds=anyio.current_time() - began)
        await self.end_sidecars(max(left, LEAST_GRACE) if grace else grace)

    async def end_sidecars(self, grace: timedelta) -> None:
        """End the sidecars, the last one first."""
        for container in reversed(self.sidecars):
            await container.end(grace)

    def kill(self) -> None:
        """End all containers at once."""
        for container in self.everybody:
            container.kill()

    def take_in(self, pod: Json) -> None:
        """Take in what the pod now says of its containers."""
        spec = pod["spec"]
        said = {
            item["name"]: item
            for field in ("initContainers", "containers", "ephemeralContainers")
            for item in spec.get(field) or ()
        }
        for container in self.everybody:
            container.take_in(said.pop(container.name, container.spec))
        for more in self._containers([*said.values()]):
            self.ephemeral.append(more)
            self._start_ephemeral(more)

    async def _initialize(self, tasks: TaskGroup, place: Place) -> bool:
        """Run the init containers one after the other; false when one failed for good."""
        once = replace(place, policy="Never" if place.policy == "Never" else "OnFailure")
        for container in self.inits:
            if _stays(container):
                tasks.start_soon(container.run, replace(place, policy="Always"))
                await container.started()
                continue
            await container.run(once)
            state = container.report.state
            if not isinstance(state, Terminated) or state.exit_code != 0:
                return False
        self.is_initialized = True
        return True

    async def _run_mains(self, place: Place) -> None:
        async with anyio.create_task_group() as tasks:
            for container in self.mains:
                if self.inits:
                    container.wait_as(INITIALIZING)
                tasks.start_soon(container.run, place)

    def _start_ephemeral(self, container: Container) -> None:
        if self._tasks is not None and self._place is not None:
            self._tasks.start_soon(container.run, replace(self._place, policy="Never"))

    def _containers(self, specs: Sequence[Json] | None) -> list[Container]:
        return [Container(spec, self._kit, self._changed) for spec in specs or ()]


def _stays(container: Container) -> bool:
    return container.spec.get("restartPolicy") == "Always"
