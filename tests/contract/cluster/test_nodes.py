"""What becomes of a node that is no longer heard of, and of its pods."""

import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from orchestrator.practice.api.clock import fine_stamp, stamp, utc_now
from tests.contract.cluster.asking import STRATEGIC, Cluster, eventually

NODES = "/api/v1/nodes"
LEASES = "/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases"
UNREACHABLE = "node.kubernetes.io/unreachable"
RESERVED = {"key": "reserved", "effect": "NoSchedule"}
SILENCE = 90.0
"""Seconds within which a node that says nothing must have been noticed."""


@contextmanager
def a_node(cluster: Cluster) -> Iterator[str]:
    """A node that says once that it is ready, and that no scheduler uses: it runs nothing."""
    name = f"node-{uuid.uuid4().hex[:6]}"
    cluster.send("POST", NODES, {"metadata": {"name": name}, "spec": {"taints": [RESERVED]}})
    now = utc_now()
    spec = {"holderIdentity": name, "renewTime": fine_stamp(now)}
    cluster.send("POST", LEASES, {"metadata": {"name": name}, "spec": spec})
    at = stamp(now)
    ready = {
        "type": "Ready", "status": "True", "reason": "KubeletReady", "message": "",
        "lastHeartbeatTime": at, "lastTransitionTime": at,
    }  # fmt: skip
    size = {"cpu": "4", "memory": "4Gi", "pods": "10"}
    status = {"conditions": [ready], "allocatable": size, "capacity": size}
    cluster.send("PATCH", f"{NODES}/{name}/status", {"status": status}, kind=STRATEGIC)
    eventually(lambda: taints(cluster, name) == [("reserved", "NoSchedule")])
    try:
        yield name
    finally:
        cluster.send("DELETE", f"{NODES}/{name}")
        cluster.send("DELETE", f"{LEASES}/{name}")


def taints(cluster: Cluster, node: str) -> list[tuple[str, str]]:
    """The taints of a node."""
    spec = cluster.send("GET", f"{NODES}/{node}").body["spec"]
    return [(taint["key"], taint["effect"]) for taint in spec.get("taints", [])]


def put_on(cluster: Cluster, node: str, name: str, *tolerations: dict[str, Any]) -> None:
    """A running pod on a node; nobody plays the node's kubelet."""
    container = {"name": "main", "image": "registry.practice/a:1"}
    spec = {"nodeName": node, "tolerations": list(tolerations), "containers": [container]}
    cluster.create("pods", {"metadata": {"name": name}, "spec": spec})
    at = stamp(utc_now())
    ready = {"type": "Ready", "status": "True", "lastTransitionTime": at}
    status = {"phase": "Running", "conditions": [ready]}
    path = cluster.path("pods", name, "status")
    assert cluster.send("PATCH", path, {"status": status}, kind=STRATEGIC).code == 200


def taint(cluster: Cluster, node: str, *effects: str) -> None:
    """Give a node taints of the check's own."""
    entries = [{"key": "check", "value": "x", "effect": effect} for effect in effects]
    body = {"spec": {"taints": [RESERVED, *entries]}}
    assert cluster.send("PATCH", f"{NODES}/{node}", body, kind=STRATEGIC).code == 200


def leaves(cluster: Cluster, pod: str) -> bool:
    """Whether a pod is on its way out."""
    answer = cluster.send("GET", cluster.path("pods", pod))
    return answer.code == 404 or "deletionTimestamp" in answer.body["metadata"]


def test_pods_leave_a_node_whose_taint_they_do_not_tolerate(cluster: Cluster) -> None:
    for_ever = {"key": "check", "operator": "Exists", "effect": "NoExecute"}
    with a_node(cluster) as node:
        put_on(cluster, node, "gone")
        put_on(cluster, node, "soon", {**for_ever, "tolerationSeconds": 2})
        put_on(cluster, node, "stays", for_ever)

        taint(cluster, node, "NoExecute")

        assert eventually(lambda: leaves(cluster, "gone"))
        assert not leaves(cluster, "soon")
        assert eventually(lambda: leaves(cluster, "soon"))
        assert not leaves(cluster, "stays")
    conditions = cluster.get("pods", "gone")["status"]["conditions"]
    reasons = {entry["type"]: entry.get("reason") for entry in conditions}
    assert reasons["DisruptionTarget"] == "DeletionByTaintManager"


def test_taint_that_keeps_pods_away_drives_none_off(cluster: Cluster) -> None:
    with a_node(cluster) as node:
        put_on(cluster, node, "stays")

        taint(cluster, node, "NoSchedule")

        put_on(cluster, node, "later")
        assert not leaves(cluster, "stays")


@pytest.mark.slow
@pytest.mark.timeout(180)
def test_node_that_is_not_heard_of_is_lost(cluster: Cluster) -> None:
    at_once = {
        "key": UNREACHABLE, "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": 0,
    }  # fmt: skip
    with a_node(cluster) as node:
        put_on(cluster, node, "impatient", at_once)
        put_on(cluster, node, "patient")

        eventually(lambda: (UNREACHABLE, "NoExecute") in taints(cluster, node), SILENCE)

        assert (UNREACHABLE, "NoSchedule") in taints(cluster, node)
        status = cluster.send("GET", f"{NODES}/{node}").body["status"]
        ready = next(c for c in status["conditions"] if c["type"] == "Ready")
        assert (ready["status"], ready["reason"]) == ("Unknown", "NodeStatusUnknown")
        assert ready["message"] == "Kubelet stopped posting node status."
        assert eventually(lambda: leaves(cluster, "impatient"))
        pod = cluster.get("pods", "patient")
        assert "deletionTimestamp" not in pod["metadata"]
        states = {entry["type"]: entry["status"] for entry in pod["status"]["conditions"]}
        assert states["Ready"] == "False"
