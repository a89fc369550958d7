"""What is done to pods that run: other resources, one more container, eviction."""

from typing import Any

import pytest

from tests.contract.cluster.asking import STRATEGIC, Answer, eventually
from tests.contract.cluster.running import (
    PATIENCE,
    SLOW_PATIENCE,
    Running,
)

pytestmark = [pytest.mark.needs_runtime, pytest.mark.slow]

SMALL = {"requests": {"cpu": "10m", "memory": "32Mi"}, "limits": {"cpu": "100m", "memory": "64Mi"}}
LARGE = {"requests": {"cpu": "20m", "memory": "48Mi"}, "limits": {"cpu": "200m", "memory": "96Mi"}}


def resize(running: Running, resources: dict[str, Any]) -> Answer:
    """Give the pod's container other resources."""
    path = running.cluster.path("pods", "one", "resize")
    body = {"spec": {"containers": [{"name": "main", "resources": resources}]}}
    return running.cluster.send("PATCH", path, body, kind=STRATEGIC)


def evict(running: Running, **options: Any) -> Answer:
    """Evict the pod."""
    path = running.cluster.path("pods", "one", "eviction")
    body = {"apiVersion": "policy/v1", "kind": "Eviction", "metadata": {"name": "one"}, **options}
    return running.cluster.send("POST", path, body)


def test_resources_are_changed_without_a_restart(running: Running) -> None:
    running.start(container={"resources": SMALL})
    running.until_ready()

    assert resize(running, LARGE).code == 200

    status = running.until(lambda found: found.get("resources") == LARGE, patience=SLOW_PATIENCE)
    assert status["restartCount"] == 0
    assert status["allocatedResources"] == LARGE["requests"]


def test_container_is_restarted_for_its_resources_where_it_asks_for_that(running: Running) -> None:
    policy = [{"resourceName": "memory", "restartPolicy": "RestartContainer"}]
    running.start(container={"resources": SMALL, "resizePolicy": policy})
    running.until_ready()

    resize(running, LARGE)

    status = running.until(lambda found: found["restartCount"] == 1, patience=SLOW_PATIENCE)
    assert status["name"] == "main"
    running.until(lambda found: found.get("resources") == LARGE, patience=SLOW_PATIENCE)


def test_resources_that_the_node_has_not_are_refused(running: Running) -> None:
    running.start(container={"resources": SMALL})
    running.until_ready()
    huge = {"cpu": "1000", "memory": "48Mi"}

    answer = resize(running, {"requests": huge, "limits": {**huge, "memory": "96Mi"}})

    assert answer.code == 403
    assert "node didn't have enough allocatable resources: cpu" in answer.body["message"]


def test_limit_is_felt_after_it_was_changed(running: Running) -> None:
    small = {"limits": {"memory": "64Mi"}, "requests": {"memory": "32Mi"}}
    running.start(container={"resources": small})
    running.until_ready()
    killed = running.kubectl.attempt("exec", "one", "--", "hog", "100")
    assert killed.returncode == 137

    running.until_ready()
    resize(running, {"limits": {"memory": "256Mi"}, "requests": {"memory": "32Mi"}})
    running.until(
        lambda found: found.get("resources", {}).get("limits") == {"memory": "256Mi"},
        patience=SLOW_PATIENCE,
    )

    lived = running.kubectl.attempt("exec", "one", "--", "hog-briefly", "100")
    assert lived.returncode == 0, lived.stderr


def test_one_more_container_runs_beside_the_others(running: Running) -> None:
    running.start()
    running.until_ready()
    entry = {"name": "debug", "image": running.image, "command": ["sleep", "infinity"]}
    path = running.cluster.path("pods", "one", "ephemeralcontainers")
    body = {"spec": {"ephemeralContainers": [entry]}}

    assert running.cluster.send("PATCH", path, body, kind=STRATEGIC).code == 200

    eventually(
        lambda: "running" in running.container(of="ephemeralContainerStatuses").get("state", {}),
        PATIENCE,
    )
    assert running.container()["restartCount"] == 0


def test_container_added_later_is_not_restarted(running: Running) -> None:
    running.start()
    running.until_ready()
    entry = {"name": "debug", "image": running.image, "command": ["sh", "-c", "exit 6"]}
    path = running.cluster.path("pods", "one", "ephemeralcontainers")
    running.cluster.send("PATCH", path, {"spec": {"ephemeralContainers": [entry]}}, kind=STRATEGIC)

    def end() -> dict[str, Any] | None:
        state = running.container(of="ephemeralContainerStatuses").get("state", {})
        found: dict[str, Any] | None = state.get("terminated")
        return found

    assert eventually(end, PATIENCE)["exitCode"] == 6
    assert running.status()["phase"] == "Running"


def test_evicted_pod_is_stopped_and_gone(running: Running) -> None:
    running.start()
    running.until_ready()

    answer = evict(running)

    assert answer.code == 201
    assert running.event("Killing") == "Stopping container main"
    eventually(running.is_gone, PATIENCE)


def test_budget_keeps_a_ready_pod_from_eviction(running: Running) -> None:
    budget = {"minAvailable": 1, "selector": {"matchLabels": {"app": "one"}}}
    running.cluster.create(
        "policy/v1/poddisruptionbudgets", {"metadata": {"name": "keep"}, "spec": budget}
    )
    running.start()
    running.until_ready()

    def healthy() -> bool:
        found = running.cluster.get("policy/v1/poddisruptionbudgets", "keep")
        return bool(found.get("status", {}).get("currentHealthy") == 1)

    eventually(healthy)

    assert evict(running).code == 429
    assert not running.is_gone()


def test_pod_that_writes_too_much_is_evicted_by_its_node(running: Running) -> None:
    volumes = [{"name": "scratch", "emptyDir": {"sizeLimit": "1Mi"}}]
    mount = [{"name": "scratch", "mountPath": "/scratch"}]
    running.start("one", container={"volumeMounts": mount}, volumes=volumes)
    running.until_ready()
    running.kubectl("exec", "one", "--", "fill", "/scratch/file", "4")

    eventually(lambda: running.status().get("phase") == "Failed", SLOW_PATIENCE)

    status = running.status()
    assert status["reason"] == "Evicted"
    assert status["message"] == 'Usage of EmptyDir volume "scratch" exceeds the limit "1Mi". '
    assert running.event("Evicted").startswith('Usage of EmptyDir volume "scratch"')


def test_changed_configuration_reaches_the_files_of_a_container(running: Running) -> None:
    running.cluster.create("configmaps", {"metadata": {"name": "settings"}, "data": {"a": "one"}})
    volume = {"name": "settings", "configMap": {"name": "settings"}}
    mount = {"name": "settings", "mountPath": "/settings"}
    running.start(container={"volumeMounts": [mount]}, volumes=[volume])
    running.until_ready()

    running.kubectl("patch", "configmap", "settings", "--patch", '{"data":{"a":"two"}}')

    eventually(
        lambda: running.kubectl("exec", "one", "--", "cat", "/settings/a") == "two", SLOW_PATIENCE
    )
