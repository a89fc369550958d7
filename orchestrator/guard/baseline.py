"""How the namespaces of a run are, before it and after it: what is wanted, and how much is ready.

Nothing secret is looked at. It does not compare.
"""

from collections import Counter
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import asdict, dataclass, field
from functools import partial
from typing import Any, Final

import anyio

from orchestrator.domain.blast_radius import BlastRadius
from orchestrator.domain.cluster_identity import identity_to
from orchestrator.domain.errors import ClusterUnavailable
from orchestrator.domain.undo import Document
from orchestrator.guard.identifying import identify
from orchestrator.guard.upstream import Upstream

NODES: Final = "nodes"
_NODES_PATH: Final = "/api/v1/nodes"
_HIDDEN: Final = frozenset({401, 403})
"""Answers to an account that may not see nodes."""
_WORKLOADS: Final = ("deployments", "statefulsets", "daemonsets")


@dataclass(frozen=True, slots=True, kw_only=True)
class Workload:
    """One workload: what it wants, and how far it has got.

    Units: numbers of pods; `is_observed` says whether the numbers are of the present spec.
    """

    spec: Mapping[str, Any]
    wanted: int
    ready: int
    total: int
    updated: int
    is_observed: bool

    @property
    def is_steady(self) -> bool:
        """Whether every pod is there, up to date and ready, and none beside them."""
        numbers = {self.ready, self.total, self.updated}
        return self.is_observed and numbers == {self.wanted}


@dataclass(frozen=True, slots=True, kw_only=True)
class Service:
    """One service, and how many of its endpoints are ready."""

    spec: Mapping[str, Any]
    ready: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Observation:
    """The namespaces of a run at one moment, by the keys of the objects.

    Shape: nodes by their names, each with whether it takes no pods.
    """

    workloads: Mapping[str, Workload]
    services: Mapping[str, Service]
    nodes: Mapping[str, bool] = field(default_factory=dict)


async def take_baseline(upstream: Upstream, radius: BlastRadius) -> dict[str, Any]:
    """How the namespaces of a run are now, and the nodes if it may touch them.

    Shape: as the journal keeps it. Raises: ClusterUnavailable.
    """
    seen = await observe(upstream, sorted(radius.namespaces))
    return {
        **identity_to(await identify(upstream)),
        "workloads": {key: asdict(each) for key, each in seen.workloads.items()},
        "services": {key: asdict(each) for key, each in seen.services.items()},
        "nodes": (await observe_nodes(upstream) or {}) if NODES in radius.kinds else {},
    }


def baseline_from(document: Mapping[str, Any]) -> Observation:
    """Read a baseline that the journal kept."""
    return Observation(
        workloads={key: Workload(**each) for key, each in document["workloads"].items()},
        services={key: Service(**each) for key, each in document["services"].items()},
        nodes=document.get("nodes") or {},
    )


async def observe(upstream: Upstream, namespaces: Iterable[str]) -> Observation:
    """How the namespaces are now. Raises: ClusterUnavailable."""
    workloads: dict[str, Workload] = {}
    services: dict[str, Service] = {}
    unanswered: list[ClusterUnavailable] = []

    async def look(at: Callable[[], Awaitable[None]]) -> None:
        try:
            await at()
        except ClusterUnavailable as error:
            unanswered.append(error)

    async def look_at_workloads(namespace: str, plural: str) -> None:
        path = f"/apis/apps/v1/namespaces/{namespace}/{plural}"
        for item in await upstream.items(path):
            workloads[_key(plural, item)] = _workload(plural, item)

    async def look_at_services(namespace: str) -> None:
        ready = await _ready_endpoints(upstream, namespace)
        for item in await upstream.items(f"/api/v1/namespaces/{namespace}/services"):
            key = _key("services", item)
            services[key] = Service(spec=item.get("spec") or {}, ready=ready[key])

    async with anyio.create_task_group() as tasks:
        for namespace in namespaces:
            tasks.start_soon(look, partial(look_at_services, namespace))
            for plural in _WORKLOADS:
                tasks.start_soon(look, partial(look_at_workloads, namespace, plural))
    if unanswered:
        raise unanswered[0]
    return Observation(workloads=workloads, services=services)


def _key(plural: str, document: Document) -> str:
    metadata = document["metadata"]
    return f"{plural}/{metadata.get('namespace', '')}/{metadata['name']}"


def _workload(plural: str, document: Document) -> Workload:
    spec, status = document.get("spec") or {}, document.get("status") or {}
    generation = int(document["metadata"].get("generation") or 0)
    is_observed = int(status.get("observedGeneration") or 0) >= generation
    if plural == "daemonsets":
        return Workload(
            spec=spec,
            wanted=int(status.get("desiredNumberScheduled") or 0),
            ready=int(status.get("numberReady") or 0),
            total=int(status.get("currentNumberScheduled") or 0),
            updated=int(status.get("updatedNumberScheduled") or 0),
            is_observed=is_observed,
        )
    return Workload(
        spec=spec,
        wanted=int(spec.get("replicas", 1)),
        ready=int(status.get("readyReplicas") or 0),
        total=int(status.get("replicas") or 0),
        updated=int(status.get("updatedReplicas") or 0),
        is_observed=is_observed,
    )


async def _ready_endpoints(upstream: Upstream, namespace: str) -> Counter[str]:
    """For each service's key, the number of endpoints that are ready."""
    found: Counter[str] = Counter()
    path = f"/apis/discovery.k8s.io/v1/namespaces/{namespace}/endpointslices"
    for item in await upstream.items(path):
        labels = item["metadata"].get("labels") or {}
        service = f"services/{namespace}/{labels.get('kubernetes.io/service-name', '')}"
        for endpoint in item.get("endpoints") or ():
            # No word about readiness means ready.
            found[service] += (endpoint.get("conditions") or {}).get("ready") is not False
    return found


async def observe_nodes(upstream: Upstream) -> dict[str, bool] | None:
    """Of each node, whether it takes no pods; None where the account may not see nodes.

    Raises: ClusterUnavailable.
    """
    reply = await upstream.send("GET", _NODES_PATH)
    found = reply.document()
    # A page of somebody in between says nothing of the account.
    if reply.status in _HIDDEN and found.get("kind") == "Status":
        return None
    if not reply.is_success or found.get("kind") != "NodeList":
        problem = f"GET {_NODES_PATH}: {reply.message()}"
        raise ClusterUnavailable(cluster=upstream.server, problem=problem)
    return {
        item["metadata"]["name"]: bool((item.get("spec") or {}).get("unschedulable"))
        for item in found.get("items") or ()
    }
