"""A practice node as the API knows it: the Node object and its lease.

It keeps both alive; what runs on the node is none of its business.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Final, NoReturn

import anyio

from orchestrator.practice.nodes.client import Api, ApiError, ApiRefused, Json, Patch
from orchestrator.practice.nodes.kubelet.kit import Pace
from orchestrator.practice.nodes.moments import micro_stamp, now, stamp

NODES_PATH: Final = "/api/v1/nodes"
LEASES_PATH: Final = "/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases"
LEASE_SECONDS: Final = 40
ALLOCATABLE: Final = {"cpu": "4", "memory": "8Gi", "pods": "110", "ephemeral-storage": "20Gi"}
VERSION: Final = "v1.36.0+practice"
PROVIDER: Final = "practice://"
RESERVED: Final = "practice.chaosday.io/node"
"""The label of practice nodes, and their taint where others are beside them."""
_TAINT: Final = {"key": RESERVED, "value": "true", "effect": "NoSchedule"}

_HEALTHY: Final = (
    (
        "MemoryPressure",
        "False",
        "KubeletHasSufficientMemory",
        "kubelet has sufficient memory available",
    ),
    ("DiskPressure", "False", "KubeletHasNoDiskPressure", "kubelet has no disk pressure"),
    ("PIDPressure", "False", "KubeletHasSufficientPID", "kubelet has sufficient PID available"),
    ("Ready", "True", "KubeletReady", "kubelet is posting ready status"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class PracticeNode:
    """One node: its name, its zone and its number among the nodes."""

    name: str
    zone: str
    number: int

    @property
    def pod_prefix(self) -> str:
        """The first three parts of the node's pod addresses."""
        return f"10.244.{self.number}"

    @property
    def address(self) -> str:
        """The node's own, virtual address."""
        return f"10.0.0.{10 + self.number}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """Where a node's kubelet can be asked: an address that an API server reaches, and a port."""

    address: str
    port: int = 0


PRACTICE_NODES: Final = tuple(
    PracticeNode(name=f"practice-{number}", zone=f"practice-{letter}", number=number)
    for number, letter in enumerate("abc", start=1)
)


class Registration:
    """A node's presence in the API, renewed until cancelled."""

    def __init__(
        self, api: Api, node: PracticeNode, pace: Pace, endpoint: Endpoint, *, reserved: bool
    ) -> None:
        self._api = api
        self._node = node
        self._pace = pace
        self._endpoint = endpoint
        self._reserved = reserved

    async def register(self) -> None:
        """Make the node known and ready; an object of an earlier life is taken over."""
        try:
            node = _node_object(self._node, self._endpoint, reserved=self._reserved)
            await self._api.create(NODES_PATH, node)
        except ApiRefused as refused:
            if refused.status != 409:
                raise
            await self._reserve()
        await self._report()
        await self._renew_lease()

    async def _reserve(self) -> None:
        """Keep pods of others off a node that was there before the other nodes were."""
        if self._reserved:
            path = f"{NODES_PATH}/{self._node.name}"
            await self._api.patch(path, {"spec": {"taints": [_TAINT]}}, Patch.STRATEGIC)

    async def keep(self) -> NoReturn:
        """Renew lease and status for ever, and register again when deleted."""
        while True:
            await anyio.sleep(self._pace.lease_renewal.total_seconds())
            try:
                await self._report()
                await self._renew_lease()
            except ApiRefused as refused:
                if refused.status == 404:
                    await self._register_again()
            except ApiError:
                pass

    async def _register_again(self) -> None:
        try:
            await self.register()
        except ApiError:
            # The next renewal tries again.
            return

    async def _report(self) -> None:
        path = f"{NODES_PATH}/{self._node.name}"
        known = await self._api.get(path)
        earlier = known.get("status") or {}
        status = node_status(self._node, earlier, now(), self._endpoint)
        await self._api.patch(f"{path}/status", {"status": status}, Patch.STRATEGIC)

    async def _renew_lease(self) -> None:
        spec = {
            "holderIdentity": self._node.name,
            "leaseDurationSeconds": LEASE_SECONDS,
            "renewTime": micro_stamp(now()),
        }
        try:
            await self._api.patch(f"{LEASES_PATH}/{self._node.name}", {"spec": spec})
        except ApiRefused as refused:
            if refused.status != 404:
                raise
            await self._api.create(
                LEASES_PATH,
                {
                    "apiVersion": "coordination.k8s.io/v1",
                    "kind": "Lease",
                    "metadata": {"name": self._node.name, "namespace": "kube-node-lease"},
                    "spec": spec,
                },
            )


def node_status(node: PracticeNode, known: Json, at: datetime, endpoint: Endpoint) -> Json:
    """The status of a healthy node; transition times survive where nothing changed."""
    earlier = {condition["type"]: condition for condition in known.get("conditions") or ()}
    return {
        "capacity": ALLOCATABLE,
        "allocatable": ALLOCATABLE,
        "addresses": [
            {"type": "InternalIP", "address": endpoint.address},
            {"type": "Hostname", "address": node.name},
        ],
        "daemonEndpoints": {"kubeletEndpoint": {"Port": endpoint.port}},
        # Lets an API server hand WebSockets on to this kubelet as they come.
        "declaredFeatures": ["ExtendWebSocketsToKubelet"],
        "conditions": [_condition(item, earlier.get(item[0]) or {}, at) for item in _HEALTHY],
        "nodeInfo": _NODE_INFO | {"machineID": node.name, "systemUUID": node.name},
    }


def _condition(item: tuple[str, str, str, str], earlier: Json, at: datetime) -> Json:
    kind, status, reason, message = item
    unchanged = earlier.get("status") == status and "lastTransitionTime" in earlier
    return {
        "type": kind,
        "status": status,
        "reason": reason,
        "message": message,
        "lastHeartbeatTime": stamp(at),
        "lastTransitionTime": earlier["lastTransitionTime"] if unchanged else stamp(at),
    }


_NODE_INFO: Final = {
    "architecture": "amd64",
    "bootID": "practice",
    "containerRuntimeVersion": "practice://1",
    "kernelVersion": "practice",
    "kubeProxyVersion": VERSION,
    "kubeletVersion": VERSION,
    "operatingSystem": "linux",
    "osImage": "Practice node",
}


def _node_object(node: PracticeNode, endpoint: Endpoint, *, reserved: bool) -> Json:
    return {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {
            "name": node.name,
            "labels": {
                "kubernetes.io/hostname": node.name,
                "kubernetes.io/os": "linux",
                "kubernetes.io/arch": "amd64",
                "topology.kubernetes.io/region": "practice",
                "topology.kubernetes.io/zone": node.zone,
                RESERVED: "true",
            },
        },
        "spec": {
            "podCIDR": f"{node.pod_prefix}.0/24",
            "podCIDRs": [f"{node.pod_prefix}.0/24"],
            "providerID": f"{PROVIDER}{node.name}",
            "taints": [_TAINT] if reserved else [],
        },
        "status": node_status(node, {}, now(), endpoint),
    }
