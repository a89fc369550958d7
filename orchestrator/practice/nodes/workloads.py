"""The deployments of the cluster, as seen from the nodes: for gauges and readiness.

It reads and counts; it changes nothing.
"""

from collections.abc import Iterator
from typing import NoReturn

import anyio
from anyio.abc import TaskStatus

from orchestrator.practice.nodes.client import Api, Json
from orchestrator.practice.nodes.metrics import Labels, Registry
from orchestrator.practice.nodes.pulse import Pulse
from orchestrator.practice.nodes.reflector import Change, Reflector


class Workloads:
    """Follows all deployments."""

    def __init__(self, api: Api, pulse: Pulse) -> None:
        self._pulse = pulse
        self._deployments = Reflector(api, "/apis/apps/v1/deployments", self._on_change)

    async def run(self, *, task_status: TaskStatus[None] = anyio.TASK_STATUS_IGNORED) -> NoReturn:
        """Follow for ever."""
        await self._deployments.run(task_status=task_status)

    def unready(self, namespace: str) -> list[str]:
        """The deployments of a namespace that lack ready pods."""
        return [
            str(item["metadata"]["name"])
            for item in self._deployments
            if item["metadata"]["namespace"] == namespace and not _is_ready(item)
        ]

    def count(self, namespace: str) -> int:
        """How many deployments a namespace has."""
        return sum(item["metadata"]["namespace"] == namespace for item in self._deployments)

    def show(self, registry: Registry) -> None:
        """Put the gauges on a page."""
        labels = ("namespace", "deployment")
        registry.gauge(
            "kube_deployment_spec_replicas",
            "Pods that a deployment wants.",
            *labels,
            read=self._wanted,
        )
        registry.gauge(
            "kube_deployment_status_replicas_ready",
            "Pods of a deployment that are ready.",
            *labels,
            read=lambda: self._of_status("readyReplicas"),
        )
        registry.gauge(
            "kube_deployment_status_replicas_available",
            "Pods of a deployment that are available.",
            *labels,
            read=lambda: self._of_status("availableReplicas"),
        )

    def _wanted(self) -> Iterator[tuple[Labels, float]]:
        for item in self._deployments:
            yield _labels(item), float(_replicas(item))

    def _of_status(self, field: str) -> Iterator[tuple[Labels, float]]:
        for item in self._deployments:
            yield _labels(item), float((item.get("status") or {}).get(field) or 0)

    def _on_change(self, _change: Change) -> None:
        self._pulse.beat()


def _is_ready(item: Json) -> bool:
    status = item.get("status") or {}
    seen = status.get("observedGeneration") == item["metadata"].get("generation")
    return seen and int(status.get("readyReplicas") or 0) >= _replicas(item)


def _replicas(item: Json) -> int:
    wanted = item["spec"].get("replicas")
    return 1 if wanted is None else int(wanted)


def _labels(item: Json) -> Labels:
    return str(item["metadata"]["namespace"]), str(item["metadata"]["name"])
