"""What a cluster keeps a careless client from destroying."""

from typing import Any

import pytest

from tests.contract.cluster.asking import Cluster, a_deployment, a_pod, eventually

Object = dict[str, Any]


def evict(cluster: Cluster, body: Object, **query: str) -> tuple[int, Object]:
    answer = cluster.send("POST", cluster.path("pods", "one", "eviction"), body, **query)
    return answer.code, answer.body


def test_all_namespaces_can_not_be_deleted_at_once(cluster: Cluster) -> None:
    answer = cluster.send("DELETE", "/api/v1/namespaces", labelSelector="nobody=here")

    assert (answer.code, answer.body["reason"]) == (405, "MethodNotAllowed")


@pytest.mark.parametrize("name", ["default", "kube-system", "kube-public"])
def test_namespaces_of_the_system_stay(cluster: Cluster, name: str) -> None:
    answer = cluster.send("DELETE", f"/api/v1/namespaces/{name}")

    assert answer.code == 403
    assert answer.body["message"] == (
        f'namespaces "{name}" is forbidden: this namespace may not be deleted'
    )


def test_eviction_of_another_name_than_the_path_says_is_refused(cluster: Cluster) -> None:
    cluster.create("pods", a_pod())

    code, body = evict(cluster, {"metadata": {"name": "other"}})

    assert (code, body["message"]) == (400, "name in URL does not match name in Eviction object")
    assert "deletionTimestamp" not in cluster.get("pods", "one")["metadata"]


def test_eviction_that_is_only_tried_evicts_nobody(cluster: Cluster) -> None:
    cluster.create("pods", a_pod())
    metadata = {"name": "one"}

    wished = evict(cluster, {"metadata": metadata, "deleteOptions": {"dryRun": ["All"]}})
    asked = evict(cluster, {"metadata": metadata}, dryRun="All")

    assert (wished[0], asked[0]) == (201, 201)
    assert "deletionTimestamp" not in cluster.get("pods", "one")["metadata"]


def test_nothing_is_evicted_from_a_namespace_that_is_going(cluster: Cluster) -> None:
    pod = a_pod(nodeName="no-kubelet-here")
    cluster.create("pods", {**pod, "metadata": {**pod["metadata"], "finalizers": ["test/hold"]}})
    cluster.send("DELETE", f"/api/v1/namespaces/{cluster.namespace}")
    try:
        code, body = evict(cluster, {"metadata": {"name": "one"}})

        assert (code, body["reason"]) == (403, "Forbidden")
        assert body["details"]["causes"][0]["reason"] == "NamespaceTerminating"
    finally:
        release(cluster)


def release(cluster: Cluster) -> None:
    """Let the held pod go, with no kubelet to wait for."""
    patch = [{"op": "remove", "path": "/metadata/finalizers"}]
    cluster.send("PATCH", cluster.path("pods", "one"), patch, kind="application/json-patch+json")
    cluster.send("DELETE", cluster.path("pods", "one"), {"gracePeriodSeconds": 0})
    eventually(lambda: cluster.send("GET", cluster.path("pods", "one")).code == 404)


@pytest.mark.parametrize(
    ("options", "field"),
    [
        ({"propagationPolicy": "Sideways"}, "propagationPolicy"),
        ({"propagationPolicy": "Orphan", "orphanDependents": True}, "propagationPolicy"),
        ({"dryRun": ["Some"]}, "dryRun"),
    ],
)
def test_deletion_with_options_that_make_no_sense_deletes_nothing(
    cluster: Cluster, options: Object, field: str
) -> None:
    cluster.create("configmaps", {"metadata": {"name": "kept"}})

    answer = cluster.send("DELETE", cluster.path("configmaps", "kept"), options)

    assert (answer.code, answer.body["details"]["kind"]) == (422, "DeleteOptions")
    assert answer.body["details"]["causes"][0]["field"] == field
    assert "deletionTimestamp" not in cluster.get("configmaps", "kept")["metadata"]


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"nodeName": "no_such"}, "spec.nodeName"),
        ({"activeDeadlineSeconds": 0}, "spec.activeDeadlineSeconds"),
        ({"hostname": "a_b"}, "spec.hostname"),
        ({"ephemeralContainers": [{"name": "e", "image": "i"}]}, "spec.ephemeralContainers"),
    ],
)
def test_pod_that_could_never_run_is_refused(cluster: Cluster, change: Object, field: str) -> None:
    answer = cluster.send("POST", cluster.path("pods"), a_pod(**change))

    assert answer.code == 422, answer.body
    assert field in {cause["field"] for cause in answer.body["details"]["causes"]}


def test_finalizer_without_a_domain_is_refused(cluster: Cluster) -> None:
    answer = cluster.send(
        "POST", cluster.path("configmaps"), {"metadata": {"name": "x", "finalizers": ["hold"]}}
    )

    assert answer.code == 422
    assert answer.body["details"]["causes"][0]["field"] == "metadata.finalizers[0]"


def test_more_pods_than_all_can_not_be_unavailable(cluster: Cluster) -> None:
    strategy = {"rollingUpdate": {"maxUnavailable": "101%"}}

    answer = cluster.send(
        "POST", cluster.path("apps/v1/deployments"), a_deployment(strategy=strategy)
    )

    assert answer.code == 422
    assert "must not be greater than 100%" in answer.body["message"]


@pytest.mark.parametrize(
    "path", ["/api/v1/gadgets", "/apis/apps/v9", "/apis/apps/v1/gadgets", "/api/v1/pods/x"]
)
def test_nothing_where_something_could_be_is_a_status(cluster: Cluster, path: str) -> None:
    answer = cluster.send("GET", path)

    assert answer.code == 404
    assert answer.body["message"] == "the server could not find the requested resource"
