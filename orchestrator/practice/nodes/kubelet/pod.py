"""One pod on its node: its containers, its reports, its end.

It follows what the API says of the pod and reports what is so; it never
decides that a pod should exist.
"""

from datetime import datetime, timedelta
from typing import Final

import anyio

from orchestrator.practice.nodes.client import ApiError, ApiRefused, Json
from orchestrator.practice.nodes.kubelet.container import Container, Place
from orchestrator.practice.nodes.kubelet.environment import Environment, MissingReference
from orchestrator.practice.nodes.kubelet.events import Event
from orchestrator.practice.nodes.kubelet.images import ImageShelf
from orchestrator.practice.nodes.kubelet.kit import Kit
from orchestrator.practice.nodes.kubelet.reporting import PodReporter
from orchestrator.practice.nodes.kubelet.status import (
    CREATING,
    INITIALIZING,
    PodReport,
    Terminated,
)
from orchestrator.practice.nodes.moments import now
from orchestrator.practice.nodes.network import Subnet

ENDED_PHASES: Final = frozenset({"Succeeded", "Failed"})


class PodWorker:
    """Brings one pod to life, keeps it so and lets it go."""

    def __init__(
        self, pod: Json, host_ip: str, subnet: Subnet, shelf: ImageShelf, kit: Kit
    ) -> None:
        self._pod = pod
        self._host_ip = host_ip
        self._subnet = subnet
        self._shelf = shelf
        self._kit = kit
        self._ip = ""
        self._started_at: datetime = now()
        self._initialized = not pod["spec"].get("initContainers")
        self._deleted = anyio.Event()
        self._gone = anyio.Event()
        self._reporter = PodReporter(
            kit.api, pod, kit.pace, report=self._report, listens=self._listens
        )
        waiting = CREATING if self._initialized else INITIALIZING
        self._inits = self._containers("initContainers")
        self._mains = self._containers("containers")
        for container in self._mains:
            container.wait_as(waiting)

    @property
    def pod(self) -> Json:
        """What the API last said of the pod."""
        return self._pod

    @property
    def ip(self) -> str:
        """Its address; empty while it has none."""
        return self._ip

    def container(self, name: str) -> Container | None:
        """The container of that name."""
        both = (*self._inits, *self._mains)
        return next((item for item in both if item.name == name), None)

    def observe(self, pod: Json) -> None:
        """Take in what the API now says of the pod."""
        self._pod = pod
        if pod["metadata"].get("deletionTimestamp"):
            self._deleted.set()

    def lose(self) -> None:
        """Take in that the API no longer knows the pod: end it without ado."""
        self._gone.set()
        self._deleted.set()
        for container in (*self._inits, *self._mains):
            container.kill()

    async def run(self) -> None:
        """Live until the pod is deleted, and confirm the deletion."""
        self.observe(self._pod)
        try:
            async with anyio.create_task_group() as tasks:
                if not self._has_ended:
                    tasks.start_soon(self._reporter.run)
                    tasks.start_soon(self._live)
                await self._deleted.wait()
                await self._end()
                tasks.cancel_scope.cancel()
        finally:
            self._let_go()
        await self._confirm_deletion()

    @property
    def _has_ended(self) -> bool:
        return (self._pod.get("status") or {}).get("phase") in ENDED_PHASES

    def _containers(self, field: str) -> list[Container]:
        specs: list[Json] = self._pod["spec"].get(field) or []
        return [Container(spec, self._kit, self._reporter.touch) for spec in specs]

    async def _live(self) -> None:
        if self._deleted.is_set():
            return
        self._reporter.touch()
        self._ip = self._subnet.take()
        environment = Environment(self._kit.api, self._pod, self._ip)
        await self._mount(environment)
        if not await self._initialize(environment):
            return
        policy = str(self._pod["spec"].get("restartPolicy") or "Always")
        place = self._place(environment, policy)
        async with anyio.create_task_group() as tasks:
            for container in self._mains:
                tasks.start_soon(container.run, place)

    async def _mount(self, environment: Environment) -> None:
        retry = self._kit.pace.missing_reference_retry.total_seconds()
        while True:
            try:
                return await environment.mounts()
            except MissingReference as missing:
                event = Event(
                    pod=self._pod, reason="FailedMount", message=str(missing), warning=True
                )
                self._kit.events.record(event)
            except ApiError:
                # The API server is away; what it would say decides, so wait for it.
                pass
            await anyio.sleep(retry)

    async def _initialize(self, environment: Environment) -> bool:
        """Run the init containers one after the other; false when one failed for good."""
        always = (self._pod["spec"].get("restartPolicy") or "Always") != "Never"
        place = self._place(environment, "OnFailure" if always else "Never")
        for container in self._inits:
            await container.run(place)
            state = container.report.state
            if not isinstance(state, Terminated) or state.exit_code != 0:
                return False
        if self._inits:
            self._initialized = True
            for container in self._mains:
                container.wait_as(INITIALIZING)
        return True

    def _place(self, environment: Environment, policy: str) -> Place:
        return Place(
            pod=self._pod,
            ip=self._ip,
            shelf=self._shelf,
            environment=environment,
            policy=policy,
        )

    async def _end(self) -> None:
        """End all containers at once, within the grace that the deletion gives."""
        seconds = self._pod["metadata"].get("deletionGracePeriodSeconds")
        grace = timedelta(seconds=30 if seconds is None else int(seconds))
        if self._gone.is_set():
            grace = timedelta(0)
        async with anyio.create_task_group() as tasks:
            for container in (*self._inits, *self._mains):
                tasks.start_soon(container.end, self._pod, grace)

    def _let_go(self) -> None:
        for container in (*self._inits, *self._mains):
            container.kill()
        if self._ip:
            self._subnet.give_back(self._ip)

    async def _confirm_deletion(self) -> None:
        metadata = self._pod["metadata"]
        path = f"/api/v1/namespaces/{metadata['namespace']}/pods/{metadata['name']}"
        while not self._gone.is_set():
            try:
                await self._kit.api.delete(path, uid=str(metadata["uid"]), grace_seconds=0)
            except ApiRefused:
                # Gone already, or another pod bears the name by now.
                return
            except ApiError:
                await anyio.sleep(self._kit.pace.status_retry.total_seconds())
            else:
                return

    def _report(self) -> PodReport:
        return PodReport(
            pod=self._pod,
            containers=[container.report for container in self._mains],
            init_containers=[container.report for container in self._inits],
            initialized=self._initialized,
            ip=self._ip,
            host_ip=self._host_ip,
            started_at=self._started_at,
        )

    def _listens(self) -> str:
        return ",".join(
            f"{port}={at}" for container in self._mains for port, at in container.listens.items()
        )
