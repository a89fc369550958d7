"""Practice nodes and the shop as guests of a real control plane, for as long as a scope lasts.

It brings no control plane of its own, and takes away at the end what it brought.
"""

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Final

import anyio

from orchestrator.domain.errors import PortOccupied, Unavailable
from orchestrator.practice.nodes.client import Access, Api, ApiError, ApiRefused, Json, connect
from orchestrator.practice.nodes.joining import NodeOptions, PracticeNodes, joined_nodes
from orchestrator.practice.nodes.kubelet.node import (
    LEASES_PATH,
    NODES_PATH,
    PRACTICE_NODES,
    PROVIDER,
)
from orchestrator.practice.nodes.listening import PortTaken
from orchestrator.practice.nodes.lone_errors import lone_errors
from orchestrator.practice.nodes.shop.manifests import NAMESPACE

READY_PATIENCE: Final = timedelta(seconds=60)
LEAVING_SECONDS: Final = 30.0
LOOK_AGAIN_SECONDS: Final = 0.2
REVIEWS: Final = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"
NAMESPACE_PATH: Final = f"/api/v1/namespaces/{NAMESPACE}"

# Verb, group, resource, subresource: what practice nodes and the shop ask of a control plane.
_NEEDED: Final = (
    ("create", "", "nodes", ""), ("patch", "", "nodes", "status"), ("delete", "", "nodes", ""),
    ("create", "", "namespaces", ""), ("delete", "", "namespaces", ""),
    ("watch", "", "pods", ""), ("patch", "", "pods", "status"), ("patch", "", "pods", ""),
    ("delete", "", "pods", ""), ("create", "", "events", ""), ("create", "", "services", ""),
    ("watch", "", "services", ""), ("get", "", "configmaps", ""), ("get", "", "secrets", ""),
    ("watch", "discovery.k8s.io", "endpointslices", ""),
    ("create", "apps", "deployments", ""), ("watch", "apps", "deployments", ""),
    ("create", "coordination.k8s.io", "leases", ""),
    ("patch", "coordination.k8s.io", "leases", ""),
)  # fmt: skip


class ClusterNotJoined(Unavailable):
    """Practice nodes cannot join the cluster."""

    slug = "cluster-not-joined"

    def __init__(self, *, cluster: str, problem: str) -> None:
        super().__init__(f"the practice nodes cannot join {cluster}: {problem}")
        self.cluster = cluster


@dataclass(frozen=True, slots=True, kw_only=True)
class HostedShop:
    """A shop that runs on practice nodes of somebody's control plane."""

    front_door_url: str
    metrics_url: str
    other_nodes: int
    made_namespace: bool
    ready_after: timedelta


@dataclass(frozen=True, slots=True, kw_only=True)
class _Found:
    """What was there before."""

    other_nodes: int
    namespace: bool


@asynccontextmanager
async def hosted_shop(
    access: Access,
    options: NodeOptions,
    *,
    keep: bool = False,
    ready_within: timedelta = READY_PATIENCE,
) -> AsyncIterator[HostedShop]:
    """Join the control plane, bring the shop, and take both away at the end unless they are kept.

    Shape: of the options, `reserved` is set here, by whether other nodes are there.

    Raises:
        ClusterNotJoined: the control plane does not answer, refuses, or is taken.
        PortOccupied: a port that was asked for is taken.
        ShopNotReady: the shop did not become ready in time.
    """
    began = anyio.current_time()
    with lone_errors(), _told(access.url):
        async with connect(access) as api:
            found = await _look_around(api, access.url)
            options = _reserving(options, reserved=found.other_nodes > 0)
            try:
                async with joined_nodes(access, options) as nodes:
                    await nodes.shop_ready(ready_within)
                    async with anyio.create_task_group() as tasks:
                        tasks.start_soon(nodes.receive_visitors)
                        yield _hosted(nodes, found, timedelta(seconds=anyio.current_time() - began))
                        tasks.cancel_scope.cancel()
            finally:
                if not keep:
                    with anyio.move_on_after(LEAVING_SECONDS, shield=True):
                        await _leave(api, remove_namespace=not found.namespace)


def _hosted(nodes: PracticeNodes, found: _Found, ready_after: timedelta) -> HostedShop:
    return HostedShop(
        front_door_url=nodes.front_door_url,
        metrics_url=nodes.metrics_url,
        other_nodes=found.other_nodes,
        made_namespace=not found.namespace,
        ready_after=ready_after,
    )


def _reserving(options: NodeOptions, *, reserved: bool) -> NodeOptions:
    # Its own control plane is shown by certificates; a shared secret is for the practice one.
    return replace(options, reserved=reserved, kubelet_token="")


async def _look_around(api: Api, cluster: str) -> _Found:
    """What is there already.

    Raises: ClusterNotJoined: rights are missing, or a name is taken.
    """
    missing = await _missing_rights(api)
    if missing:
        problem = f"the kubeconfig's user may not {', '.join(missing)}; use one who may"
        raise ClusterNotJoined(cluster=cluster, problem=problem)
    nodes = (await api.get(NODES_PATH))["items"]
    ours = {node.name for node in PRACTICE_NODES}
    for node in nodes:
        if node["metadata"]["name"] in ours:
            _refuse_taken(node, cluster)
    return _Found(
        other_nodes=sum(node["metadata"]["name"] not in ours for node in nodes),
        namespace=await _has_namespace(api, cluster),
    )


async def _missing_rights(api: Api) -> list[str]:
    missing: list[str] = []

    async def ask(verb: str, group: str, resource: str, subresource: str) -> None:
        attributes = {
            "verb": verb, "group": group, "resource": resource, "subresource": subresource,
        }  # fmt: skip
        review = {
            "apiVersion": "authorization.k8s.io/v1",
            "kind": "SelfSubjectAccessReview",
            "spec": {"resourceAttributes": attributes},
        }
        answer = await api.create(REVIEWS, review)
        if not answer["status"].get("allowed"):
            missing.append(f"{verb} {resource}{'/' if subresource else ''}{subresource}")

    async with anyio.create_task_group() as tasks:
        for right in _NEEDED:
            tasks.start_soon(ask, *right)
    return sorted(missing)


def _refuse_taken(node: Json, cluster: str) -> None:
    """A node of our name is in the way, unless it is one of ours that nobody runs any more."""
    name = node["metadata"]["name"]
    if not str(node["spec"].get("providerID") or "").startswith(PROVIDER):
        problem = f"it has a node {name} that is no practice node; rename or remove that node"
        raise ClusterNotJoined(cluster=cluster, problem=problem)
    conditions = node.get("status", {}).get("conditions") or ()
    if any(item["type"] == "Ready" and item["status"] == "True" for item in conditions):
        problem = (
            f"node {name} is there and ready, so another process runs practice nodes in it; end "
            f"that one, or wait a minute until its node is NotReady"
        )
        raise ClusterNotJoined(cluster=cluster, problem=problem)


async def _has_namespace(api: Api, cluster: str) -> bool:
    try:
        found = await api.get(NAMESPACE_PATH)
    except ApiRefused as refused:
        if refused.status == 404:
            return False
        raise
    if (found["metadata"].get("labels") or {}).get("part-of") != NAMESPACE:
        problem = (
            f"its namespace {NAMESPACE} is not the practice shop's (it lacks the label "
            f"part-of={NAMESPACE}); practice on another cluster"
        )
        raise ClusterNotJoined(cluster=cluster, problem=problem)
    if found["metadata"].get("deletionTimestamp"):
        problem = f"its namespace {NAMESPACE} is just being deleted; wait until it is gone"
        raise ClusterNotJoined(cluster=cluster, problem=problem)
    return True


async def _leave(api: Api, *, remove_namespace: bool) -> None:
    """Take away the shop's namespace, what runs on our nodes, and the nodes."""
    if remove_namespace:
        await _delete(api, NAMESPACE_PATH)
        while await _is_there(api, NAMESPACE_PATH):
            await _bury_pods(api)
            await anyio.sleep(LOOK_AGAIN_SECONDS)
    for node in PRACTICE_NODES:
        await _delete(api, f"{NODES_PATH}/{node.name}")
        await _delete(api, f"{LEASES_PATH}/{node.name}")
    await _bury_pods(api)


async def _bury_pods(api: Api) -> None:
    """Confirm the end of pods on our nodes, whose kubelets run no more."""
    for node in PRACTICE_NODES:
        with suppress(ApiError):
            pods = await api.get("/api/v1/pods", fieldSelector=f"spec.nodeName={node.name}")
            for pod in pods["items"]:
                metadata = pod["metadata"]
                path = f"/api/v1/namespaces/{metadata['namespace']}/pods/{metadata['name']}"
                with suppress(ApiError):
                    await api.delete(path, uid=metadata["uid"], grace_seconds=0)


async def _delete(api: Api, path: str) -> None:
    with suppress(ApiError):
        found = await api.get(path)
        await api.delete(path, uid=str(found["metadata"]["uid"]))


async def _is_there(api: Api, path: str) -> bool:
    try:
        await api.get(path)
    except ApiRefused as refused:
        return refused.status != 404
    except ApiError:
        # It went before its guests did; there is nothing left to take away.
        return False
    return True


@contextmanager
def _told(cluster: str) -> Iterator[None]:
    """Tell what goes wrong in words that a person can act upon."""
    try:
        yield
    except PortTaken as taken:
        raise PortOccupied(port=taken.port, what="the shop") from taken
    except ApiRefused as refused:
        raise ClusterNotJoined(cluster=cluster, problem=f"it refused: {refused}") from refused
    except ApiError as error:
        problem = f"it does not answer ({error}); is the kubeconfig's cluster running?"
        raise ClusterNotJoined(cluster=cluster, problem=problem) from error
