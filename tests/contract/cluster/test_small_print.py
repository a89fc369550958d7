"""What clients notice only where it is missing: old labels, annotations, columns, counts."""

from typing import Any

import pytest

from tests.contract.cluster.asking import (
    MERGE,
    Cluster,
    Kubectl,
    a_deployment,
    a_pod,
    a_service,
    eventually,
)

DEPLOYMENTS = "apps/v1/deployments"
SLICES = "discovery.k8s.io/v1/endpointslices"
TRIGGERED_AT = "endpoints.kubernetes.io/last-change-trigger-time"
TABLE = "application/json;as=Table;v=v1;g=meta.k8s.io"


def generation(cluster: Cluster, resource: str, name: str, patch: dict[str, Any]) -> int:
    """The generation after a change."""
    answer = cluster.send("PATCH", cluster.path(resource, name), patch, kind=MERGE)
    assert answer.code == 200, answer.body
    found: int = answer.body["metadata"]["generation"]
    return found


def test_annotation_of_a_deployment_counts_as_a_change(cluster: Cluster) -> None:
    before = cluster.create(DEPLOYMENTS, a_deployment(replicas=0))["metadata"]["generation"]

    labelled = generation(cluster, DEPLOYMENTS, "web", {"metadata": {"labels": {"a": "b"}}})
    noted = generation(cluster, DEPLOYMENTS, "web", {"metadata": {"annotations": {"a": "b"}}})
    again = generation(cluster, DEPLOYMENTS, "web", {"metadata": {"annotations": {"a": "b"}}})

    assert (before, labelled, noted, again) == (1, 1, 2, 2)


def test_revision_of_a_deployment_does_not_count_as_a_change(cluster: Cluster) -> None:
    cluster.create(DEPLOYMENTS, a_deployment(replicas=0))
    eventually(lambda: cluster.get(DEPLOYMENTS, "web")["metadata"].get("annotations"))

    assert cluster.get(DEPLOYMENTS, "web")["metadata"]["generation"] == 1


@pytest.mark.parametrize("resource", ["endpoints", SLICES])
def test_endpoints_tell_which_moment_they_follow(cluster: Cluster, resource: str) -> None:
    service = cluster.create("services", a_service("one"))

    followed = eventually(lambda: annotations(cluster, resource).get(TRIGGERED_AT))

    assert followed == service["metadata"]["creationTimestamp"]


def annotations(cluster: Cluster, resource: str) -> dict[str, str]:
    """The annotations of the only object of a resource."""
    items = cluster.send("GET", cluster.path(resource)).body["items"]
    found: dict[str, str] = items[0]["metadata"].get("annotations", {}) if items else {}
    return found


def turned_ready_at(cluster: Cluster) -> str:
    """When the pod turned ready; empty as long as it is not."""
    conditions = cluster.get("pods", "one")["status"].get("conditions", [])
    ready = [c for c in conditions if c["type"] == "Ready" and c["status"] == "True"]
    return str(ready[0]["lastTransitionTime"]) if ready else ""


def test_nodes_keep_the_old_names_of_their_labels(cluster: Cluster) -> None:
    labels = {"kubernetes.io/os": "linux", "kubernetes.io/arch": "amd64"}
    name, path = f"node-{cluster.namespace}", "/api/v1/nodes"
    node = {"metadata": {"name": name, "labels": labels}, "spec": {"unschedulable": True}}
    try:
        assert cluster.send("POST", path, node).code == 201

        found = eventually(lambda: old_labels(cluster, name))

        assert found == {"beta.kubernetes.io/os": "linux", "beta.kubernetes.io/arch": "amd64"}
    finally:
        cluster.send("DELETE", f"{path}/{name}")


def old_labels(cluster: Cluster, name: str) -> dict[str, str]:
    """A node's labels of the old kind, once the controllers have given it what they give."""
    metadata = cluster.send("GET", f"/api/v1/nodes/{name}").body["metadata"]
    if "node.alpha.kubernetes.io/ttl" not in metadata.get("annotations", {}):
        return {}
    return {key: value for key, value in metadata["labels"].items() if key.startswith("beta.")}


def test_conditions_of_pods_say_null_for_a_probe_that_was_never_made(cluster: Cluster) -> None:
    cluster.create("pods", a_pod())
    eventually(lambda: turned_ready_at(cluster))

    conditions = cluster.get("pods", "one")["status"]["conditions"]

    assert {condition["lastProbeTime"] for condition in conditions} == {None}


@pytest.mark.parametrize(
    ("resource", "columns"),
    [
        ("configmaps", [("Name", "string"), ("Data", "string"), ("Age", "string")]),
        ("serviceaccounts", [("Name", "string"), ("Age", "string")]),
        (
            DEPLOYMENTS,
            [("Name", "string"), ("Ready", "string"), ("Up-to-date", "string"),
             ("Available", "string"), ("Age", "string")],
        ),
        (
            "apps/v1/replicasets",
            [("Name", "string"), ("Desired", "integer"), ("Current", "integer"),
             ("Ready", "integer"), ("Age", "string")],
        ),
    ],
)  # fmt: skip
def test_columns_of_a_table_have_their_types(
    cluster: Cluster, resource: str, columns: list[tuple[str, str]]
) -> None:
    table = cluster.send("GET", cluster.path(resource), accept=TABLE).body

    found = [
        (column["name"], column["type"])
        for column in table["columnDefinitions"]
        if column["priority"] == 0
    ]
    assert found == columns


def test_quantities_are_explained(kubectl: Kubectl) -> None:
    told = kubectl("explain", "pod.spec.containers.resources", "--recursive")

    assert "limits\t<map[string]Quantity>" in told


def test_pod_that_fits_nowhere_is_told_in_full(cluster: Cluster) -> None:
    cluster.create("pods", a_pod(nodeSelector={"no": "such"}))

    message = eventually(lambda: why_unscheduled(cluster))

    assert "node(s) didn't match Pod's node affinity/selector. " in message
    # Kubernetes 1.37 speaks of no claims.
    claims = "" if cluster.since(37) else "no new claims to deallocate, "
    assert f"selector. {claims}preemption: 0/" in message
    assert message.endswith("Preemption is not helpful for scheduling.")


def why_unscheduled(cluster: Cluster) -> str:
    """What the scheduler says of the pod."""
    conditions = cluster.get("pods", "one")["status"].get("conditions", [])
    return str(next((c.get("message", "") for c in conditions if c["type"] == "PodScheduled"), ""))
