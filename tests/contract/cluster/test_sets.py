"""Pods with a place each, and pods on each node: stateful sets and daemon sets."""

from typing import Any

import pytest

from tests.contract.cluster.asking import (
    JSON_PATCH,
    MERGE,
    STRATEGIC,
    Cluster,
    Kubectl,
    eventually,
)

STATEFUL_SETS = "apps/v1/statefulsets"
DAEMON_SETS = "apps/v1/daemonsets"
REVISIONS = "apps/v1/controllerrevisions"
CLAIMS = "persistentvolumeclaims"
IMAGE = "registry.practice/shop/catalog:1.4"
OTHER_IMAGE = "registry.practice/shop/catalog:1.5"


def a_stateful_set(name: str = "db", replicas: int = 2, **spec: Any) -> dict[str, Any]:
    """A stateful set whose pods become ready."""
    return {
        "apiVersion": "apps/v1",
        "kind": "StatefulSet",
        "metadata": {"name": name},
        "spec": {
            "replicas": replicas,
            "serviceName": name,
            "selector": {"matchLabels": {"app": name}},
            "template": a_template(name),
            **spec,
        },
    }


def a_daemon_set(name: str = "agent", **spec: Any) -> dict[str, Any]:
    """A daemon set whose pods become ready, also on nodes that another check taints."""
    tolerations = [{"key": "only", "operator": "Exists"}]
    return {
        "apiVersion": "apps/v1",
        "kind": "DaemonSet",
        "metadata": {"name": name},
        "spec": {
            "selector": {"matchLabels": {"app": name}},
            "template": a_template(name, tolerations=tolerations),
            **spec,
        },
    }


def a_template(name: str, **spec: Any) -> dict[str, Any]:
    """A template of pods that leave as soon as they are told to."""
    container = {"name": "main", "image": IMAGE}
    return {
        "metadata": {"labels": {"app": name}},
        "spec": {"terminationGracePeriodSeconds": 0, "containers": [container], **spec},
    }


def a_claim(name: str = "data") -> dict[str, Any]:
    """A template of claims that no volume fits."""
    storage = {"requests": {"storage": "1Gi"}}
    spec = {"accessModes": ["ReadWriteOnce"], "resources": storage, "storageClassName": "none-such"}
    return {"metadata": {"name": name}, "spec": spec}


def settled(cluster: Cluster, name: str = "db") -> dict[str, Any]:
    """The stateful set, once all its pods are ready and of the newest template."""

    def look() -> dict[str, Any] | None:
        found = cluster.get(STATEFUL_SETS, name)
        status, wanted = found["status"], found["spec"]["replicas"]
        seen = status.get("observedGeneration") == found["metadata"]["generation"]
        counts = ("replicas", "readyReplicas", "updatedReplicas")
        full = all(status.get(key, 0) == wanted for key in counts)
        return found if seen and full else None

    return eventually(look)


def spread(cluster: Cluster, name: str = "agent") -> dict[str, Any]:
    """The daemon set, once there is a ready pod of the newest template on each node."""

    def look() -> dict[str, Any] | None:
        found = cluster.get(DAEMON_SETS, name)
        status = found["status"]
        seen = status.get("observedGeneration") == found["metadata"]["generation"]
        wanted = status.get("desiredNumberScheduled", 0)
        counts = ("currentNumberScheduled", "numberReady", "updatedNumberScheduled")
        full = all(status.get(key, 0) == wanted for key in counts)
        return found if seen and full and wanted else None

    return eventually(look)


def set_image(cluster: Cluster, resource: str, name: str, image: str) -> None:
    """Give the template another image."""
    container = {"name": "main", "image": image}
    body = {"spec": {"template": {"spec": {"containers": [container]}}}}
    answer = cluster.send("PATCH", cluster.path(resource, name), body, kind=STRATEGIC)
    assert answer.code == 200, answer.body


def image_of(pod: dict[str, Any]) -> str:
    """The image of a pod's container."""
    return str(pod["spec"]["containers"][0]["image"])


def uids(cluster: Cluster) -> set[str]:
    """The uids of all pods."""
    items = cluster.send("GET", cluster.path("pods")).body["items"]
    return {item["metadata"]["uid"] for item in items}


def is_reserved(node: dict[str, Any]) -> bool:
    """Whether another check keeps a node for itself."""
    return any(taint["key"] == "reserved" for taint in node["spec"].get("taints", []))


def refused(cluster: Cluster, resource: str, body: dict[str, Any]) -> str:
    """What is wrong with an object, which must be refused."""
    answer = cluster.send("POST", cluster.path(resource), body)
    assert answer.code == 422, answer.body
    return str(answer.body["message"])


def test_stateful_set_is_filled_in(cluster: Cluster) -> None:
    spec = cluster.create(STATEFUL_SETS, a_stateful_set(replicas=0))["spec"]

    assert spec["podManagementPolicy"] == "OrderedReady"
    # Kubernetes 1.37 fills in how many may be unavailable, too.
    rolling = {"partition": 0} | ({"maxUnavailable": 1} if cluster.since(37) else {})
    assert spec["updateStrategy"] == {"type": "RollingUpdate", "rollingUpdate": rolling}
    assert spec["revisionHistoryLimit"] == 10
    retention = {"whenDeleted": "Retain", "whenScaled": "Retain"}
    assert spec["persistentVolumeClaimRetentionPolicy"] == retention


def test_pods_of_a_stateful_set_have_names_and_places(cluster: Cluster) -> None:
    cluster.create(STATEFUL_SETS, a_stateful_set())

    found = settled(cluster)

    assert cluster.names("pods") == ["db-0", "db-1"]
    pod = cluster.get("pods", "db-1")
    labels = pod["metadata"]["labels"]
    assert labels["statefulset.kubernetes.io/pod-name"] == "db-1"
    assert labels["apps.kubernetes.io/pod-index"] == "1"
    assert labels["controller-revision-hash"] == found["status"]["updateRevision"]
    assert (pod["spec"]["hostname"], pod["spec"]["subdomain"]) == ("db-1", "db")
    assert found["status"]["currentRevision"] == found["status"]["updateRevision"]


def test_pods_of_a_stateful_set_come_one_after_the_other(cluster: Cluster) -> None:
    body = a_stateful_set()
    body["spec"]["template"]["spec"]["schedulerName"] = "nobody"
    cluster.create(STATEFUL_SETS, body)

    eventually(lambda: cluster.names("pods") == ["db-0"])
    found = eventually(lambda: cluster.get(STATEFUL_SETS, "db")["status"].get("replicas") == 1)

    assert found
    assert cluster.names("pods") == ["db-0"]


def test_parallel_pods_do_not_wait_for_each_other(cluster: Cluster) -> None:
    body = a_stateful_set(podManagementPolicy="Parallel")
    body["spec"]["template"]["spec"]["schedulerName"] = "nobody"
    cluster.create(STATEFUL_SETS, body)

    assert eventually(lambda: cluster.names("pods") == ["db-0", "db-1"])


def test_stateful_set_shrinks_from_its_end(cluster: Cluster) -> None:
    cluster.create(STATEFUL_SETS, a_stateful_set(replicas=3))
    settled(cluster)

    scale = {"spec": {"replicas": 1}}
    path = cluster.path(STATEFUL_SETS, "db", "scale")
    answer = cluster.send("PATCH", path, scale, kind=MERGE)

    assert answer.code == 200, answer.body
    assert answer.body["status"]["selector"] == "app=db"
    assert eventually(lambda: cluster.names("pods") == ["db-0"])


def test_deleted_pod_of_a_stateful_set_comes_back_under_its_name(cluster: Cluster) -> None:
    cluster.create(STATEFUL_SETS, a_stateful_set(replicas=1))
    settled(cluster)
    before = uids(cluster)

    cluster.send("DELETE", cluster.path("pods", "db-0"))
    eventually(lambda: uids(cluster) and not uids(cluster) & before)

    assert cluster.names("pods") == ["db-0"]


def test_new_template_replaces_all_pods_of_a_stateful_set(cluster: Cluster) -> None:
    cluster.create(STATEFUL_SETS, a_stateful_set())
    before = settled(cluster)["status"]["currentRevision"]

    set_image(cluster, STATEFUL_SETS, "db", OTHER_IMAGE)

    def renewed() -> dict[str, Any] | None:
        status: dict[str, Any] = cluster.get(STATEFUL_SETS, "db")["status"]
        return status if status["currentRevision"] not in {"", before} else None

    status = eventually(renewed)
    assert status["currentRevision"] == status["updateRevision"]
    assert {image_of(cluster.get("pods", name)) for name in ("db-0", "db-1")} == {OTHER_IMAGE}
    assert len(cluster.names(REVISIONS)) == 2


def test_partition_keeps_the_pods_before_it(cluster: Cluster) -> None:
    strategy = {"type": "RollingUpdate", "rollingUpdate": {"partition": 1}}
    cluster.create(STATEFUL_SETS, a_stateful_set(updateStrategy=strategy))
    settled(cluster)

    set_image(cluster, STATEFUL_SETS, "db", OTHER_IMAGE)

    def half() -> bool:
        status = cluster.get(STATEFUL_SETS, "db")["status"]
        counts = (status.get("updatedReplicas"), status.get("readyReplicas"))
        return counts == (1, 2)

    assert eventually(half)
    assert image_of(cluster.get("pods", "db-0")) == IMAGE
    assert image_of(cluster.get("pods", "db-1")) == OTHER_IMAGE


def test_pods_wait_to_be_deleted_where_the_strategy_says_so(cluster: Cluster) -> None:
    cluster.create(STATEFUL_SETS, a_stateful_set(replicas=1, updateStrategy={"type": "OnDelete"}))
    settled(cluster)
    set_image(cluster, STATEFUL_SETS, "db", OTHER_IMAGE)
    eventually(lambda: len(cluster.names(REVISIONS)) == 2)
    assert image_of(cluster.get("pods", "db-0")) == IMAGE

    cluster.send("DELETE", cluster.path("pods", "db-0"))

    def image() -> str:
        answer = cluster.send("GET", cluster.path("pods", "db-0"))
        return image_of(answer.body) if answer.code == 200 else ""

    assert eventually(lambda: image() == OTHER_IMAGE)


def test_each_place_has_a_claim_of_its_own(cluster: Cluster) -> None:
    cluster.create(STATEFUL_SETS, a_stateful_set(volumeClaimTemplates=[a_claim()]))

    eventually(lambda: cluster.names(CLAIMS) == ["data-db-0"])
    eventually(lambda: cluster.names("pods") == ["db-0"])
    pod = cluster.get("pods", "db-0")

    volume = {"name": "data", "persistentVolumeClaim": {"claimName": "data-db-0"}}
    assert pod["spec"]["volumes"][0] == volume
    assert cluster.get(CLAIMS, "data-db-0")["metadata"]["labels"] == {"app": "db"}


def owners_of(cluster: Cluster, name: str) -> list[tuple[str, str]]:
    """What a claim goes with, each as its kind and name."""
    owners = cluster.get(CLAIMS, name)["metadata"].get("ownerReferences", ())
    return [(each["kind"], each["name"]) for each in owners]


def test_claims_that_go_with_their_set_are_deleted_with_it(cluster: Cluster) -> None:
    policy = {"whenDeleted": "Delete", "whenScaled": "Retain"}
    claims = [a_claim()]
    spec: dict[str, Any] = {
        "volumeClaimTemplates": claims,
        "persistentVolumeClaimRetentionPolicy": policy,
    }
    cluster.create(STATEFUL_SETS, a_stateful_set(replicas=1, **spec))

    eventually(lambda: "data-db-0" in cluster.names(CLAIMS))
    eventually(lambda: owners_of(cluster, "data-db-0") == [("StatefulSet", "db")])
    owner = cluster.get(CLAIMS, "data-db-0")["metadata"]["ownerReferences"][0]
    assert (owner.get("controller"), owner.get("blockOwnerDeletion")) == (True, True)
    cluster.send("DELETE", cluster.path(STATEFUL_SETS, "db"))
    eventually(lambda: cluster.names(CLAIMS) == [])


def test_claims_that_stay_outlive_their_set(cluster: Cluster) -> None:
    cluster.create(STATEFUL_SETS, a_stateful_set(replicas=1, volumeClaimTemplates=[a_claim()]))
    eventually(lambda: cluster.names("pods") == ["db-0"])
    assert owners_of(cluster, "data-db-0") == []

    cluster.send("DELETE", cluster.path(STATEFUL_SETS, "db"))
    eventually(lambda: cluster.names("pods") == [])

    assert cluster.names(CLAIMS) == ["data-db-0"]


def test_claims_of_places_that_are_given_up_go_with_their_pods(cluster: Cluster) -> None:
    policy = {"whenDeleted": "Retain", "whenScaled": "Delete"}
    spec: dict[str, Any] = {
        "podManagementPolicy": "Parallel",
        "volumeClaimTemplates": [a_claim()],
        "persistentVolumeClaimRetentionPolicy": policy,
    }
    cluster.create(STATEFUL_SETS, a_stateful_set(replicas=2, **spec))
    eventually(lambda: cluster.names("pods") == ["db-0", "db-1"])
    assert owners_of(cluster, "data-db-1") == []

    path = cluster.path(STATEFUL_SETS, "db")
    assert cluster.send("PATCH", path, {"spec": {"replicas": 1}}, kind=MERGE).code == 200

    eventually(lambda: cluster.names("pods") == ["db-0"])
    eventually(lambda: cluster.names(CLAIMS) == ["data-db-0"])
    assert owners_of(cluster, "data-db-0") == []


@pytest.mark.parametrize("was", ["Retain", "Delete"])
def test_claims_follow_a_policy_that_changes(cluster: Cluster, was: str) -> None:
    policy = {"whenDeleted": was}
    claims = [a_claim()]
    spec: dict[str, Any] = {
        "volumeClaimTemplates": claims,
        "persistentVolumeClaimRetentionPolicy": policy,
    }
    owned: dict[str, list[tuple[str, str]]] = {"Retain": [], "Delete": [("StatefulSet", "db")]}
    cluster.create(STATEFUL_SETS, a_stateful_set(replicas=1, **spec))
    eventually(lambda: cluster.names("pods") == ["db-0"])
    eventually(lambda: owners_of(cluster, "data-db-0") == owned[was])

    now = "Delete" if was == "Retain" else "Retain"
    changed = {"spec": {"persistentVolumeClaimRetentionPolicy": {"whenDeleted": now}}}
    path = cluster.path(STATEFUL_SETS, "db")
    assert cluster.send("PATCH", path, changed, kind=MERGE).code == 200
    eventually(lambda: owners_of(cluster, "data-db-0") == owned[now])


def test_pod_with_an_unbound_claim_waits(cluster: Cluster) -> None:
    cluster.create(STATEFUL_SETS, a_stateful_set(replicas=1, volumeClaimTemplates=[a_claim()]))

    def said() -> str:
        items = cluster.send("GET", cluster.path("pods")).body["items"]
        conditions = items[0]["status"].get("conditions", []) if items else []
        return next((c["message"] for c in conditions if c["type"] == "PodScheduled"), "")

    assert "unbound immediate PersistentVolumeClaims" in eventually(said)


def test_most_of_a_stateful_set_is_fixed(cluster: Cluster) -> None:
    cluster.create(STATEFUL_SETS, a_stateful_set(replicas=0))

    body = {"spec": {"serviceName": "other"}}
    answer = cluster.send("PATCH", cluster.path(STATEFUL_SETS, "db"), body, kind=MERGE)

    assert answer.code == 422
    usual = (
        'StatefulSet.apps "db" is invalid: spec: Forbidden: updates to statefulset spec for '
        "fields other than 'replicas', 'ordinals', 'template', 'updateStrategy', "
        "'revisionHistoryLimit', 'persistentVolumeClaimRetentionPolicy' and 'minReadySeconds' "
        "are forbidden"
    )
    # Kubernetes 1.37 names the field.
    named = 'StatefulSet.apps "db" is invalid: spec.serviceName: Invalid value: "other": '
    expected = f"{named}field is immutable" if cluster.since(37) else usual
    assert answer.body["message"] == expected


def test_unfit_stateful_sets_are_refused(cluster: Cluster) -> None:
    assert "spec.podManagementPolicy: Invalid value" in refused(
        cluster, STATEFUL_SETS, a_stateful_set(podManagementPolicy="Loose")
    )
    assert "spec.replicas: Invalid value: -1" in refused(
        cluster, STATEFUL_SETS, a_stateful_set(replicas=-1)
    )
    assert "`selector` does not match template `labels`" in refused(
        cluster, STATEFUL_SETS, a_stateful_set(selector={"matchLabels": {"app": "x"}})
    )
    assert "must be 'RollingUpdate' or 'OnDelete'" in refused(
        cluster, STATEFUL_SETS, a_stateful_set(updateStrategy={"type": "Recreate"})
    )


def test_stateful_set_can_be_rolled_back(cluster: Cluster, kubectl: Kubectl) -> None:
    cluster.create(STATEFUL_SETS, a_stateful_set(replicas=1))
    settled(cluster)
    set_image(cluster, STATEFUL_SETS, "db", OTHER_IMAGE)
    kubectl("rollout", "status", "statefulset/db", "--timeout=20s")
    assert "REVISION" in kubectl("rollout", "history", "statefulset/db")

    kubectl("rollout", "undo", "statefulset/db")
    kubectl("rollout", "status", "statefulset/db", "--timeout=20s")

    assert image_of(cluster.get("pods", "db-0")) == IMAGE
    assert len(cluster.names(REVISIONS)) == 2


def test_daemon_set_has_a_pod_on_each_node(cluster: Cluster) -> None:
    cluster.create(DAEMON_SETS, a_daemon_set())

    found = spread(cluster)

    items = cluster.send("GET", "/api/v1/nodes").body["items"]
    nodes = [item["metadata"]["name"] for item in items if not is_reserved(item)]
    pods = cluster.send("GET", cluster.path("pods")).body["items"]
    assert sorted(pod["spec"]["nodeName"] for pod in pods) == sorted(nodes)
    assert found["status"]["numberAvailable"] == len(nodes)
    assert found["metadata"]["annotations"]["deprecated.daemonset.template.generation"] == "1"
    labels = pods[0]["metadata"]["labels"]
    assert labels["pod-template-generation"] == "1"
    (revision,) = cluster.names(REVISIONS)
    assert revision == f"agent-{labels['controller-revision-hash']}"


def test_daemons_tolerate_what_their_nodes_suffer(cluster: Cluster) -> None:
    cluster.create(DAEMON_SETS, a_daemon_set())
    spread(cluster)

    pod = cluster.send("GET", cluster.path("pods")).body["items"][0]

    tolerated = {(entry["key"], entry.get("effect")) for entry in pod["spec"]["tolerations"]}
    assert ("node.kubernetes.io/unschedulable", "NoSchedule") in tolerated
    assert ("node.kubernetes.io/unreachable", "NoExecute") in tolerated
    assert all("tolerationSeconds" not in entry for entry in pod["spec"]["tolerations"])


def test_daemon_set_keeps_to_its_node_selector(cluster: Cluster) -> None:
    body = a_daemon_set()
    body["spec"]["template"]["spec"]["nodeSelector"] = {"none": "such"}
    cluster.create(DAEMON_SETS, body)

    def seen() -> dict[str, Any] | None:
        status: dict[str, Any] = cluster.get(DAEMON_SETS, "agent")["status"]
        return status if status.get("observedGeneration") == 1 else None

    status = eventually(seen)

    assert status["desiredNumberScheduled"] == 0
    assert cluster.names("pods") == []


def test_deleted_daemon_is_replaced(cluster: Cluster) -> None:
    cluster.create(DAEMON_SETS, a_daemon_set())
    spread(cluster)
    name, before = cluster.names("pods")[0], uids(cluster)

    cluster.send("DELETE", cluster.path("pods", name))
    eventually(lambda: len(uids(cluster)) == len(before) and uids(cluster) != before)

    spread(cluster)


def test_new_template_replaces_all_daemons(cluster: Cluster) -> None:
    cluster.create(DAEMON_SETS, a_daemon_set())
    spread(cluster)

    set_image(cluster, DAEMON_SETS, "agent", OTHER_IMAGE)
    found = spread(cluster)

    pods = cluster.send("GET", cluster.path("pods")).body["items"]
    assert {image_of(pod) for pod in pods} == {OTHER_IMAGE}
    assert found["metadata"]["annotations"]["deprecated.daemonset.template.generation"] == "2"


def test_unfit_daemon_sets_are_refused(cluster: Cluster) -> None:
    assert "spec.updateStrategy: Unsupported value" in refused(
        cluster, DAEMON_SETS, a_daemon_set(updateStrategy={"type": "Recreate"})
    )
    both = {"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": 0, "maxSurge": 0}}
    assert "cannot be 0 when maxSurge is 0" in refused(
        cluster, DAEMON_SETS, a_daemon_set(updateStrategy=both)
    )
    body = a_daemon_set()
    body["spec"]["template"]["spec"]["restartPolicy"] = "Never"
    assert 'supported values: "Always"' in refused(cluster, DAEMON_SETS, body)


def test_selector_of_a_daemon_set_is_fixed(cluster: Cluster) -> None:
    cluster.create(DAEMON_SETS, a_daemon_set())
    labels = {"app": "agent", "more": "yes"}
    change = [
        {"op": "replace", "path": "/spec/selector/matchLabels", "value": labels},
        {"op": "replace", "path": "/spec/template/metadata/labels", "value": labels},
    ]

    answer = cluster.send("PATCH", cluster.path(DAEMON_SETS, "agent"), change, kind=JSON_PATCH)

    assert answer.code == 422
    assert "spec.selector: Invalid value" in answer.body["message"]
    assert "field is immutable" in answer.body["message"]


def test_kubectl_knows_sets(cluster: Cluster, kubectl: Kubectl) -> None:
    cluster.create(STATEFUL_SETS, a_stateful_set(replicas=1))
    cluster.create(DAEMON_SETS, a_daemon_set())
    settled(cluster)
    spread(cluster)

    assert "db     1/1" in kubectl("get", "sts")
    assert "agent" in kubectl("get", "ds", "--no-headers")
    assert "Pods Status" in kubectl("describe", "sts", "db")
    assert "Desired Number of Nodes Scheduled" in kubectl("describe", "ds", "agent")
    assert "successfully rolled out" in kubectl("rollout", "status", "ds/agent")
    kubectl("scale", "sts/db", "--replicas=0")
    assert eventually(lambda: not [n for n in cluster.names("pods") if n.startswith("db")])
