"""What the checks of chaosk8s act on: pods, nodes and files of their own.

Nothing here calls chaosk8s.
"""

import json
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from orchestrator.practice.api.clock import fine_stamp, stamp, utc_now
from tests.contract.cluster.asking import (
    STRATEGIC,
    Answer,
    Cluster,
    Object,
    a_deployment,
    a_pod,
    eventually,
)

DEPLOYMENTS = "apps/v1/deployments"
DAEMON_SETS = "apps/v1/daemonsets"
STATEFUL_SETS = "apps/v1/statefulsets"
REPLICA_SETS = "apps/v1/replicasets"
BUDGETS = "policy/v1/poddisruptionbudgets"
NODES = "/api/v1/nodes"
DEFINITIONS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
LEASES = "/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases"
MADE_FOR = "made-for"
MISSING_IMAGE = "registry.practice/shop/missing:9.9"
NOWHERE = {"kubernetes.io/hostname": "no-such-node"}


def running(cluster: Cluster, name: str = "web", replicas: int = 1) -> list[str]:
    """The names of the pods of a new deployment, once all are available."""
    cluster.create(DEPLOYMENTS, a_deployment(name, replicas))
    eventually(
        lambda: cluster.get(DEPLOYMENTS, name)["status"].get("availableReplicas", 0) == replicas
    )
    return cluster.names("pods", labelSelector=f"app={name}")


def idle(kind: str, name: str = "web") -> Object:
    """A workload of a kind that has no pods: it wants none, or no node takes them."""
    body = {**a_deployment(name, 0), "kind": kind}
    if kind == "StatefulSet":
        body["spec"]["serviceName"] = name
    if kind == "DaemonSet":
        del body["spec"]["replicas"]
        body["spec"]["template"]["spec"]["nodeSelector"] = NOWHERE
    return body


def broken(body: Object) -> Object:
    """A workload whose image can't be had, so that its pods never become ready."""
    body["spec"]["template"]["spec"]["containers"][0]["image"] = MISSING_IMAGE
    return body


def waiting(cluster: Cluster, *names: str, app: str = "web") -> None:
    """Pods that no node takes, so that they stay pending and leave at once when deleted."""
    for name in names:
        pod = a_pod(name, nodeSelector=NOWHERE)
        pod["metadata"]["labels"] = {"app": app}
        cluster.create("pods", pod)


def say(cluster: Cluster, pod: str, phase: str) -> None:
    """Give a pod a phase, as its kubelet would, and make it ready when it runs."""
    word = "True" if phase == "Running" else "False"
    ready = {"type": "Ready", "status": word, "lastTransitionTime": stamp(utc_now())}
    status = {"phase": phase, "conditions": [ready]}
    path = cluster.path("pods", pod, "status")
    answer = cluster.send("PATCH", path, {"status": status}, kind=STRATEGIC)
    assert answer.code == 200, answer.body


def a_file(folder: Path, body: Object, name: str = "object.json") -> str:
    """The path of a file with an object; JSON is YAML too, whatever the file is called."""
    path = folder / name
    path.write_text(json.dumps(body))
    return str(path)


def code(cluster: Cluster, resource: str, name: str) -> int:
    """The status code that a read of an object gets."""
    return cluster.send("GET", cluster.path(resource, name)).code


def gone(cluster: Cluster, resource: str, name: str) -> None:
    """Wait until an object is no longer there."""
    eventually(lambda: code(cluster, resource, name) == 404)


@contextmanager
def a_node(cluster: Cluster) -> Iterator[str]:
    """A ready node, selected by `scratch=<its name>`, whose kubelet nobody plays."""
    name = f"scratch-{uuid.uuid4().hex[:8]}"
    metadata = {"name": name, "labels": {"scratch": name}}
    reserved = {"key": "reserved", "effect": "NoSchedule"}
    answer = cluster.send("POST", NODES, {"metadata": metadata, "spec": {"taints": [reserved]}})
    assert answer.code == 201, answer.body
    _report_ready(cluster, name)
    # Whoever changes the taints first must not meet the controller that changes them too.
    eventually(lambda: node_spec(cluster, name).get("taints", []) == [reserved])
    try:
        yield name
    finally:
        cluster.send("DELETE", f"{NODES}/{name}")
        cluster.send("DELETE", f"{LEASES}/{name}")


def _report_ready(cluster: Cluster, name: str) -> None:
    now = utc_now()
    lease = {"holderIdentity": name, "renewTime": fine_stamp(now)}
    cluster.send("POST", LEASES, {"metadata": {"name": name}, "spec": lease})
    ready = {
        "type": "Ready", "status": "True", "reason": "KubeletReady", "message": "",
        "lastHeartbeatTime": stamp(now), "lastTransitionTime": stamp(now),
    }  # fmt: skip
    size = {"cpu": "4", "memory": "4Gi", "pods": "10"}
    status = {"conditions": [ready], "allocatable": size, "capacity": size}
    answer = cluster.send("PATCH", f"{NODES}/{name}/status", {"status": status}, kind=STRATEGIC)
    assert answer.code == 200, answer.body


def node_spec(cluster: Cluster, name: str) -> Object:
    """What a node's spec says."""
    spec: Object = cluster.send("GET", f"{NODES}/{name}").body["spec"]
    return spec


def put_on(cluster: Cluster, node: str, name: str, *, owned: bool = True, **spec: Any) -> None:
    """A running pod on a node; without a grace period it leaves at once when deleted."""
    pod = a_pod(name, nodeName=node, terminationGracePeriodSeconds=0, **spec)
    if owned:
        pod["metadata"]["ownerReferences"] = [_owner(cluster, name)]
    cluster.create("pods", pod)
    say(cluster, name, "Running")


def _owner(cluster: Cluster, name: str) -> Object:
    owner = cluster.create("configmaps", {"metadata": {"name": name}})
    reference = {"apiVersion": "v1", "kind": "ConfigMap", "name": name, "controller": True}
    return {**reference, "uid": owner["metadata"]["uid"]}


def first_node(cluster: Cluster) -> str:
    """A node that the cluster runs pods on."""
    for node in cluster.send("GET", NODES).body["items"]:
        labels = node["metadata"].get("labels", {})
        if "kubernetes.io/hostname" in labels and not node["spec"].get("taints"):
            return str(node["metadata"]["name"])
    raise AssertionError("no node takes pods")


@contextmanager
def defined(
    cluster: Cluster,
    group: str,
    version: str,
    kind: str,
    plural: str,
    spec: Object,
    *,
    scope: str = "Namespaced",
) -> Iterator[None]:
    """A kind whose objects have a spec of a schema, served meanwhile."""
    schema = {"openAPIV3Schema": {"type": "object", "properties": {"spec": spec}}}
    served = {"name": version, "served": True, "storage": True, "schema": schema}
    names = {"plural": plural, "kind": kind}
    body = {"group": group, "scope": scope, "names": names, "versions": [served]}
    metadata = {"name": f"{plural}.{group}", "labels": {MADE_FOR: "contract"}}

    def made() -> Answer | None:
        # Another session may ask the same cluster, and takes its definitions back soon.
        answer = cluster.send("POST", DEFINITIONS, {"metadata": metadata, "spec": body})
        return None if answer.code == 409 else answer

    answer = eventually(made, patience=60)
    assert answer.code == 201, answer.body
    within = f"/namespaces/{cluster.namespace}" if scope == "Namespaced" else ""
    path = f"/apis/{group}/{version}{within}/{plural}"
    eventually(lambda: cluster.send("GET", path).code == 200)
    try:
        yield
    finally:
        definition = f"{DEFINITIONS}/{plural}.{group}"
        cluster.send("DELETE", definition)
        eventually(lambda: cluster.send("GET", definition).code == 404)
