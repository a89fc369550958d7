"""Probes: what a container is held to be, and what follows from it."""

from typing import Any

import pytest

from tests.contract.cluster.asking import a_service, eventually
from tests.contract.cluster.running import Running

pytestmark = [pytest.mark.needs_runtime, pytest.mark.slow]

SOON = {"periodSeconds": 1, "failureThreshold": 1}
HEALTHZ = {"httpGet": {"path": "/healthz", "port": 8080}, **SOON}
UNWELL = [{"name": "FAIL", "value": "health"}]


def conditions(running: Running, name: str = "one") -> dict[str, str]:
    """A pod's conditions with their status."""
    return {item["type"]: item["status"] for item in running.status(name).get("conditions", [])}


def serving(running: Running, service: str) -> list[bool]:
    """Whether each endpoint of a service is ready."""
    selector = f"kubernetes.io/service-name={service}"
    path = running.cluster.path("discovery.k8s.io/v1/endpointslices")
    answer = running.cluster.send("GET", path, labelSelector=selector)
    slices: list[dict[str, Any]] = answer.body["items"]
    return [one["conditions"]["ready"] for item in slices for one in item.get("endpoints") or ()]


def test_container_without_probes_is_ready_once_it_runs(running: Running) -> None:
    running.start()

    status = running.until_ready()

    assert status["started"] is True
    assert "running" in status["state"]
    found = conditions(running)
    assert found["Initialized"] == found["ContainersReady"] == found["Ready"] == "True"


def test_readiness_probe_that_succeeds_makes_ready(running: Running) -> None:
    running.start(container={"readinessProbe": HEALTHZ})

    running.until_ready()

    eventually(lambda: conditions(running).get("Ready") == "True")


def test_readiness_probe_that_fails_keeps_unready_and_running(running: Running) -> None:
    running.start(container={"readinessProbe": HEALTHZ, "env": UNWELL})

    message = running.event("Unhealthy")

    assert message.startswith("Readiness probe failed: HTTP probe failed with statuscode: 503")
    status = running.until(lambda found: "running" in found["state"])
    assert not status["ready"]
    assert status["restartCount"] == 0
    assert conditions(running)["Ready"] == "False"


def test_unready_pod_is_an_endpoint_that_serves_nobody(running: Running) -> None:
    running.cluster.create("services", a_service("one"))
    running.start("one", container={"readinessProbe": HEALTHZ, "env": UNWELL})
    running.start("two", container={"readinessProbe": HEALTHZ}, metadata={"labels": {"app": "one"}})

    running.until_ready("two")
    running.event("Unhealthy", "one")

    eventually(lambda: sorted(serving(running, "one")) == [False, True])


def test_liveness_probe_that_fails_restarts_the_container(running: Running) -> None:
    running.start(container={"livenessProbe": HEALTHZ, "env": UNWELL})

    status = running.until(lambda found: found["restartCount"] >= 1)

    assert status["lastState"]["terminated"]["exitCode"] != 0
    assert running.event("Unhealthy").startswith("Liveness probe failed: HTTP probe failed")
    killing = "Container main failed liveness probe, will be restarted"
    assert running.event("Killing") == killing


def test_startup_probe_holds_off_the_other_probes(running: Running) -> None:
    patient = {**HEALTHZ, "failureThreshold": 60}
    probes = {"startupProbe": patient, "livenessProbe": HEALTHZ, "readinessProbe": HEALTHZ}
    running.start(container={**probes, "env": UNWELL})

    message = running.event("Unhealthy")

    assert message.startswith("Startup probe failed")
    status = running.container()
    assert not status["started"]
    assert not status["ready"]
    assert status["restartCount"] == 0


def test_startup_probe_that_never_succeeds_restarts_the_container(running: Running) -> None:
    running.start(container={"startupProbe": HEALTHZ, "env": UNWELL})

    running.until(lambda found: found["restartCount"] >= 1)

    killing = "Container main failed startup probe, will be restarted"
    assert running.event("Killing") == killing


def test_startup_probe_that_succeeds_lets_the_container_be_ready(running: Running) -> None:
    running.start(container={"startupProbe": HEALTHZ, "readinessProbe": HEALTHZ})

    status = running.until_ready()

    assert status["started"] is True


def test_probe_waits_for_its_initial_delay(running: Running) -> None:
    running.start(container={"readinessProbe": {**HEALTHZ, "initialDelaySeconds": 3600}})

    running.until(lambda found: "running" in found["state"])

    assert not running.container()["ready"]


def test_tcp_probe_asks_whether_somebody_listens(running: Running) -> None:
    running.start("one", container={"readinessProbe": {"tcpSocket": {"port": 8080}, **SOON}})
    running.start("two", container={"readinessProbe": {"tcpSocket": {"port": 9}, **SOON}})

    running.until_ready("one")

    assert "connection refused" in running.event("Unhealthy", "two")
    assert not running.container("two")["ready"]


def test_exec_probe_minds_the_exit_code(running: Running) -> None:
    running.start("one", container={"readinessProbe": {"exec": {"command": ["true"]}, **SOON}})
    running.start("two", container={"readinessProbe": {"exec": {"command": ["false"]}, **SOON}})

    running.until_ready("one")

    assert running.event("Unhealthy", "two").startswith("Readiness probe failed")
    assert not running.container("two")["ready"]


def test_pod_becomes_unready_and_ready_again(running: Running) -> None:
    running.start(container={"readinessProbe": HEALTHZ})
    running.until_ready()

    running.kubectl("exec", "one", "--", "touch", "/tmp/unhealthy")
    running.until(lambda found: not found["ready"])
    running.kubectl("exec", "one", "--", "rm", "/tmp/unhealthy")

    running.until_ready()
    assert running.container()["restartCount"] == 0
