"""A kubelet: one node, the pods bound to it and a worker for each.

It only matches pods with workers; what becomes of a pod is its worker's affair.
"""

import logging
from typing import NoReturn

import anyio
from anyio.abc import TaskGroup, TaskStatus

from orchestrator.practice.nodes.client import Json
from orchestrator.practice.nodes.kubelet.images import ImageShelf
from orchestrator.practice.nodes.kubelet.kit import Kit
from orchestrator.practice.nodes.kubelet.node import (
    ALLOCATABLE,
    Endpoint,
    PracticeNode,
    Registration,
)
from orchestrator.practice.nodes.kubelet.pod import PodWorker
from orchestrator.practice.nodes.kubelet.room import Room
from orchestrator.practice.nodes.network import Subnet
from orchestrator.practice.nodes.reflector import Change, Reflector

_log = logging.getLogger("chaosday.practice.kubelet")


class Kubelet:
    """The agent of one practice node."""

    def __init__(
        self, node: PracticeNode, kit: Kit, present: frozenset[str], *, reserved: bool = False
    ) -> None:
        self._node = node
        self._reserved = reserved
        self._endpoint = Endpoint(address=node.address)
        self._kit = kit
        self._subnet = Subnet(node.pod_prefix)
        self._shelf = ImageShelf(kit.images, present, kit.events, kit.pace)
        self._room = Room(ALLOCATABLE)
        self._workers: dict[str, PodWorker] = {}
        self._tasks: TaskGroup | None = None

    async def run(self, *, task_status: TaskStatus[None] = anyio.TASK_STATUS_IGNORED) -> NoReturn:
        """Serve the node for ever; started once it is registered and knows its pods."""
        registration = Registration(
            self._kit.api, self._node, self._kit.pace, self._endpoint, reserved=self._reserved
        )
        await registration.register()
        async with anyio.create_task_group() as tasks:
            self._tasks = tasks
            tasks.start_soon(registration.keep)
            tasks.start_soon(self._kit.events.run)
            pods = Reflector(
                self._kit.api,
                "/api/v1/pods",
                self._on_change,
                fieldSelector=f"spec.nodeName={self._node.name}",
            )
            await tasks.start(pods.run)
            task_status.started()
        raise AssertionError("a kubelet's tasks run for ever")

    @property
    def name(self) -> str:
        """The name of its node."""
        return self._node.name

    def announce(self, endpoint: Endpoint) -> None:
        """Let the node say where its kubelet can be asked; before it runs."""
        self._endpoint = endpoint

    def worker_of(self, namespace: str, name: str) -> PodWorker | None:
        """The worker of a pod by its name."""
        for worker in self._workers.values():
            metadata = worker.pod["metadata"]
            if (metadata["namespace"], metadata["name"]) == (namespace, name):
                return worker
        return None

    def pods(self) -> list[Json]:
        """The pods of the node."""
        return [worker.pod for worker in self._workers.values()]

    def _on_change(self, change: Change) -> None:
        pod = change.latest
        uid = str(pod["metadata"]["uid"])
        worker = self._workers.get(uid)
        if change.now is None:
            if worker is not None:
                worker.lose()
        elif worker is not None:
            worker.observe(pod)
        elif self._tasks is not None:
            worker = PodWorker(
                pod,
                self._endpoint.address,
                self._subnet,
                self._shelf,
                self._room,
                self._kit,
            )
            self._workers[uid] = worker
            self._tasks.start_soon(self._work, uid, worker)

    async def _work(self, uid: str, worker: PodWorker) -> None:
        try:
            await worker.run()
        except Exception as error:  # noqa: BLE001
            # The outermost loop of a pod: what breaks here must not take the node along.
            _log.error("the worker of pod %s broke off: %r", uid, error)
        finally:
            del self._workers[uid]
            self._reconsider()

    def _reconsider(self) -> None:
        for worker in self._workers.values():
            worker.reconsider()
