"""One pod on its node: its containers, its reports, its end.

It follows what the API says of the pod and reports what is so; it never
decides that a pod should exist.
"""

from datetime import datetime, timedelta
from typing import Final

import anyio
from anyio.abc import TaskGroup

from orchestrator.practice.nodes.client import ApiError, ApiRefused, Json
from orchestrator.practice.nodes.kubelet.container import Container
from orchestrator.practice.nodes.kubelet.crew import Crew
from orchestrator.practice.nodes.kubelet.environment import Environment, MissingReference
from orchestrator.practice.nodes.kubelet.events import Teller
from orchestrator.practice.nodes.kubelet.images import ImageShelf
from orchestrator.practice.nodes.kubelet.kit import Kit
from orchestrator.practice.nodes.kubelet.place import Place
from orchestrator.practice.nodes.kubelet.reporting import PodReporter
from orchestrator.practice.nodes.kubelet.reports import Failure, PodReport
from orchestrator.practice.nodes.kubelet.resizing import Resizer
from orchestrator.practice.nodes.kubelet.room import Room
from orchestrator.practice.nodes.kubelet.volumes import EmptyVolumes
from orchestrator.practice.nodes.moments import now
from orchestrator.practice.nodes.network import Subnet

ENDED_PHASES: Final = frozenset({"Succeeded", "Failed"})
LATE: Final = Failure(
    reason="DeadlineExceeded",
    message="Pod was active on the node longer than the specified deadline",
)


class PodWorker:
    """Brings one pod to life, keeps it so and lets it go."""

    def __init__(
        self, pod: Json, host_ip: str, subnet: Subnet, shelf: ImageShelf, room: Room, kit: Kit
    ) -> None:
        self._pod = pod
        self._host_ip = host_ip
        self._subnet = subnet
        self._shelf = shelf
        self._kit = kit
        self._ip = ""
        self._started_at: datetime = now()
        self._deleted = anyio.Event()
        self._gone = anyio.Event()
        self._tasks: TaskGroup | None = None
        self._failure: Failure | None = None
        self._is_over = False
        self._reporter = PodReporter(
            kit.api, pod, kit.pace, report=self._report, listens=self._listens
        )
        self._crew = Crew(pod, kit, self._reporter.touch)
        self._resizer = Resizer(pod, room, self._crew, self._reporter.touch)
        self._volumes = EmptyVolumes(pod, self._evict)

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
        return next((item for item in self._crew.everybody if item.name == name), None)

    def observe(self, pod: Json) -> None:
        """Take in what the API now says of the pod."""
        self._pod = pod
        if pod["metadata"].get("deletionTimestamp"):
            self._deleted.set()
        elif self._ip and not self._is_over:
            self._crew.take_in(pod)
            self._resizer.look(pod)
        self._reporter.touch()

    def reconsider(self) -> None:
        """Look again whether there is room for what the pod asks for."""
        if self._ip and not self._is_over and not self._deleted.is_set():
            self._resizer.look(self._pod)

    def lose(self) -> None:
        """Take in that the API no longer knows the pod: end it without ado."""
        self._gone.set()
        self._deleted.set()
        self._crew.kill()

    async def run(self) -> None:
        """Live until the pod is deleted, confirm the deletion, and wait till it is gone."""
        if self._pod["metadata"].get("deletionTimestamp"):
            self._deleted.set()
        lived = not self._has_ended
        try:
            async with anyio.create_task_group() as tasks:
                self._tasks = tasks
                if lived:
                    tasks.start_soon(self._reporter.run)
                    tasks.start_soon(self._live)
                await self._deleted.wait()
                await self._end_containers(self._grace("metadata", "deletionGracePeriodSeconds"))
                tasks.cancel_scope.cancel()
        finally:
            self._let_go()
        self._is_over = True
        if self._ip and not self._gone.is_set():
            await self._reporter.say_last()
        await self._confirm_deletion()
        # Finalizers may keep it; nothing of it may be started again meanwhile.
        await self._gone.wait()

    @property
    def _has_ended(self) -> bool:
        return (self._pod.get("status") or {}).get("phase") in ENDED_PHASES

    @property
    def _teller(self) -> Teller:
        return Teller(events=self._kit.events, pod=self._pod)

    async def _live(self) -> None:
        if self._deleted.is_set():
            return
        self._reporter.touch()
        self._ip = self._subnet.take()
        self._resizer.begin()
        environment = Environment(self._kit.api, self._pod, self._ip)
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(self._expire)
            await self._mount(environment)
            await self._crew.run(
                self._place(environment), self._grace("spec", "terminationGracePeriodSeconds")
            )
            tasks.cancel_scope.cancel()
        self._reporter.touch()

    async def _expire(self) -> None:
        seconds = self._pod["spec"].get("activeDeadlineSeconds")
        if seconds is not None:
            await anyio.sleep(float(seconds))
            self._fail(LATE, self._grace("spec", "terminationGracePeriodSeconds"))

    def _evict(self, message: str) -> None:
        failure = Failure(reason="Evicted", message=message, is_eviction=True)
        self._fail(failure, timedelta(0))

    def _fail(self, failure: Failure, grace: timedelta) -> None:
        """End the pod, which the API goes on to know as failed."""
        if self._tasks is None or self._is_over or self._deleted.is_set():
            return
        self._is_over = True
        self._teller.tell(failure.reason, failure.message, warning=failure.is_eviction)
        self._tasks.start_soon(self._end_as, failure, grace)

    async def _end_as(self, failure: Failure, grace: timedelta) -> None:
        await self._end_containers(grace)
        # What still runs must not be seen in a pod that is said to have ended.
        self._failure = failure
        self._reporter.touch()

    async def _mount(self, environment: Environment) -> None:
        retry = self._kit.pace.missing_reference_retry.total_seconds()
        while True:
            try:
                return await environment.mounts()
            except MissingReference as missing:
                self._teller.tell("FailedMount", str(missing), warning=True)
            except ApiError:
                # The API server is away; what it would say decides, so wait for it.
                pass
            await anyio.sleep(retry)

    def _place(self, environment: Environment) -> Place:
        return Place(
            pod=self._pod,
            ip=self._ip,
            shelf=self._shelf,
            environment=environment,
            volumes=self._volumes,
            policy=str(self._pod["spec"].get("restartPolicy") or "Always"),
        )

    def _grace(self, part: str, field: str) -> timedelta:
        seconds = self._pod[part].get(field)
        return timedelta(seconds=30 if seconds is None else int(seconds))

    async def _end_containers(self, grace: timedelta) -> None:
        await self._crew.end(timedelta(0) if self._gone.is_set() else grace)

    def _let_go(self) -> None:
        self._crew.kill()
        self._resizer.end()
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
        crew = self._crew
        return PodReport(
            pod=self._pod,
            containers=[container.report for container in crew.mains],
            init_containers=[container.report for container in crew.inits],
            ephemeral=[container.report for container in crew.ephemeral],
            initialized=crew.is_initialized,
            ip=self._ip,
            host_ip=self._host_ip,
            started_at=self._started_at,
            is_over=self._is_over and self._deleted.is_set(),
            failure=self._failure,
            resizing=self._resizer.pending,
        )

    def _listens(self) -> str:
        return ",".join(
            f"{port}={at}"
            for container in self._crew.everybody
            for port, at in container.listens.items()
        )
