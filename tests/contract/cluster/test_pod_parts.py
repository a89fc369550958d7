"""What of a pod changes after it was made: ephemeral containers, resources; and its log."""

from typing import Any

import pytest

from tests.contract.cluster.asking import JSON_PATCH, STRATEGIC, Answer, Cluster


def a_pod(name: str = "one", *containers: str, **resources: Any) -> dict[str, Any]:
    """A pod that no scheduler takes up."""
    entries = [
        {"name": item, "image": "registry.practice/a:1", "resources": resources}
        for item in containers or ("main",)
    ]
    return {
        "metadata": {"name": name}, "spec": {"schedulerName": "nobody", "containers": entries}
    }  # fmt: skip


def add(cluster: Cluster, **container: Any) -> Answer:
    """Add an ephemeral container to the pod."""
    path = cluster.path("pods", "one", "ephemeralcontainers")
    entry = {"name": "debug", "image": "registry.practice/b:1", **container}
    return cluster.send("PATCH", path, {"spec": {"ephemeralContainers": [entry]}}, kind=STRATEGIC)


def test_ephemeral_container_is_added(cluster: Cluster) -> None:
    cluster.create("pods", a_pod())

    answer = add(cluster, targetContainerName="main")

    assert answer.code == 200, answer.body
    (container,) = cluster.get("pods", "one")["spec"]["ephemeralContainers"]
    assert container["name"] == "debug"
    assert container["terminationMessagePolicy"] == "File"


def test_ephemeral_container_stays_as_it_is(cluster: Cluster) -> None:
    cluster.create("pods", a_pod())
    add(cluster)
    path = cluster.path("pods", "one", "ephemeralcontainers")

    changed = add(cluster, image="registry.practice/c:1")
    change = [{"op": "remove", "path": "/spec/ephemeralContainers"}]
    removed = cluster.send("PATCH", path, change, kind=JSON_PATCH)

    assert changed.code == removed.code == 422
    assert 'existing ephemeral containers "debug" may not be changed' in changed.body["message"]
    assert 'existing ephemeral containers "debug" may not be removed' in removed.body["message"]


@pytest.mark.parametrize(
    ("container", "fault"),
    [
        ({"name": "main"}, 'spec.ephemeralContainers[0].name: Duplicate value: "main"'),
        (
            {"targetContainerName": "x"},
            'spec.ephemeralContainers[0].targetContainerName: Not found: "x"',
        ),
        (
            {"ports": [{"containerPort": 1}]},
            "ephemeralContainers[0].ports: Forbidden: cannot be set for an Ephemeral Container",
        ),
    ],
)
def test_unfit_ephemeral_containers_are_refused(
    cluster: Cluster, container: dict[str, Any], fault: str
) -> None:
    cluster.create("pods", a_pod())

    answer = add(cluster, **container)

    assert answer.code == 422
    assert fault in answer.body["message"]


def resize(cluster: Cluster, **resources: Any) -> Answer:
    """Give the pod's container other resources."""
    path = cluster.path("pods", "one", "resize")
    body = {"spec": {"containers": [{"name": "main", "resources": resources}]}}
    return cluster.send("PATCH", path, body, kind=STRATEGIC)


def test_resources_of_a_pod_are_changed(cluster: Cluster) -> None:
    cluster.create("pods", a_pod(requests={"cpu": "10m"}, limits={"cpu": "1"}))

    answer = resize(cluster, requests={"cpu": "20m"})

    assert answer.code == 200, answer.body
    pod = cluster.get("pods", "one")
    resources = pod["spec"]["containers"][0]["resources"]
    assert resources == {"requests": {"cpu": "20m"}, "limits": {"cpu": "1"}}
    assert pod["metadata"]["generation"] == 2


def test_resize_of_a_pod_is_read_as_the_pod_itself(cluster: Cluster) -> None:
    cluster.create("pods", a_pod(requests={"cpu": "10m"}))

    answer = cluster.send("GET", cluster.path("pods", "one", "resize"))

    assert answer.code == 200, answer.body
    assert answer.body == cluster.get("pods", "one")


def test_resizing_keeps_the_class_of_service(cluster: Cluster) -> None:
    cluster.create("pods", a_pod(requests={"cpu": "10m"}))

    answer = resize(cluster, requests={"cpu": None})

    assert answer.code == 422
    assert "Pod QOS Class may not change as a result of resizing" in answer.body["message"]


def test_resources_are_not_changed_through_the_pod_itself(cluster: Cluster) -> None:
    cluster.create("pods", a_pod(requests={"cpu": "10m"}))
    body = {"spec": {"containers": [{"name": "main", "resources": {"requests": {"cpu": "1"}}}]}}

    answer = cluster.send("PATCH", cluster.path("pods", "one"), body, kind=STRATEGIC)

    assert answer.code == 422
    assert "pod updates may not change fields other than" in answer.body["message"]


def test_log_of_a_pod_without_a_node_is_empty(cluster: Cluster) -> None:
    cluster.create("pods", a_pod())

    assert cluster.send("GET", cluster.path("pods", "one", "log")).code == 204


def test_log_wants_a_container_that_is_there(cluster: Cluster) -> None:
    cluster.create("pods", a_pod("one", "a", "b"))
    path = cluster.path("pods", "one", "log")

    some = cluster.send("GET", path)
    other = cluster.send("GET", path, container="z")

    assert some.code == other.code == 400
    assert some.body["message"] == (
        "a container name must be specified for pod one, choose one of: [a b]"
    )
    assert other.body["message"] == "container z is not valid for pod one"


def test_log_can_not_be_cut_by_nonsense(cluster: Cluster) -> None:
    cluster.create("pods", a_pod())
    path = cluster.path("pods", "one", "log")

    assert cluster.send("GET", path, tailLines="-1").code == 422
    assert cluster.send("GET", path, tailLines="x").code == 400
    assert cluster.send("GET", cluster.path("pods", "none", "log")).code == 404
