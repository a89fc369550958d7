"""The status a kubelet reports, from what the containers do."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from orchestrator.practice.nodes.client import Json
from orchestrator.practice.nodes.kubelet.reports import (
    CREATING,
    ContainerReport,
    Failure,
    PodReport,
    Resizing,
    Running,
    Terminated,
    Waiting,
)
from orchestrator.practice.nodes.kubelet.status import pod_status

AT = datetime(2026, 3, 4, 9, 30, tzinfo=UTC)
RUNNING = Running(started_at=AT)
CRASHING = Waiting(reason="CrashLoopBackOff")


def ended(exit_code: int) -> Terminated:
    """A container that has ended."""
    reason = "Completed" if exit_code == 0 else "Error"
    return Terminated(
        exit_code=exit_code, reason=reason, started_at=AT, finished_at=AT, container_id="c"
    )


def container(**changes: Any) -> ContainerReport:
    """A running and ready container."""
    running = ContainerReport(
        name="cart",
        image="registry.practice/shop/cart:1.4",
        image_id="",
        container_id="practice://1",
        state=RUNNING,
        last_state=None,
        ready=True,
        started=True,
        restarts=0,
    )
    return replace(running, **changes)


def status(*containers: ContainerReport, policy: str = "Always", **spec: Any) -> Json:
    """The status of a pod with these containers."""
    pod = {"spec": {"containers": [{"name": "cart"}], "restartPolicy": policy, **spec}}
    report = PodReport(
        pod=pod,
        containers=containers,
        init_containers=(),
        initialized=True,
        ip="10.244.1.2",
        host_ip="10.0.0.11",
        started_at=AT,
    )
    return pod_status(report, (), AT)


def condition(of: Json, kind: str) -> Json:
    """One condition of a status."""
    (found,) = [item for item in of["conditions"] if item["type"] == kind]
    return dict(found)


@pytest.mark.parametrize(
    ("containers", "policy", "phase"),
    [
        ([container()], "Always", "Running"),
        ([container(state=CREATING, ready=False)], "Always", "Pending"),
        ([container(), container(state=CREATING, ready=False)], "Always", "Pending"),
        ([container(state=CRASHING, last_state=ended(1))], "Always", "Running"),
        ([container(state=ended(0))], "Always", "Running"),
        ([container(state=ended(0))], "Never", "Succeeded"),
        ([container(state=ended(143), is_due=True)], "Never", "Running"),
        ([container(state=ended(0))], "OnFailure", "Succeeded"),
        ([container(state=ended(0)), container(state=ended(2))], "Never", "Failed"),
        ([container(state=ended(2))], "OnFailure", "Running"),
        ([container(), container(state=ended(2))], "Never", "Running"),
    ],
)
def test_phase_follows_from_states_and_restart_policy(
    containers: list[ContainerReport], policy: str, phase: str
) -> None:
    assert status(*containers, policy=policy)["phase"] == phase


def with_sidecar(main: ContainerReport, sidecar: ContainerReport, **more: Any) -> PodReport:
    """A pod of a container and one that stays beside it."""
    inits = [{"name": "aside", "restartPolicy": "Always"}]
    return PodReport(
        pod={"spec": {"containers": [], "initContainers": inits, "restartPolicy": "Never"}},
        containers=[main],
        init_containers=[replace(sidecar, name="aside")],
        initialized=True,
        ip="10.244.1.2",
        host_ip="10.0.0.11",
        started_at=AT,
        **more,
    )


def test_pod_has_not_ended_before_its_sidecar() -> None:
    goes_on = with_sidecar(container(state=ended(0), ready=False), container())
    ended_too = with_sidecar(container(state=ended(0), ready=False), container(state=ended(137)))

    assert pod_status(goes_on, (), AT)["phase"] == "Running"
    assert pod_status(ended_too, (), AT)["phase"] == "Succeeded"


def test_sidecar_that_is_not_ready_keeps_the_pod_from_it() -> None:
    found = pod_status(with_sidecar(container(), container(ready=False)), (), AT)

    assert condition(found, "Ready")["message"] == "containers with unready status: [aside]"


def test_pod_that_is_deleted_ends_whatever_its_restart_policy_says() -> None:
    report = replace(
        with_sidecar(container(state=ended(143)), container(state=ended(0))), is_over=True
    )
    report.pod["spec"]["restartPolicy"] = "Always"

    assert pod_status(report, (), AT)["phase"] == "Failed"


def test_evicted_pod_says_why() -> None:
    failure = Failure(reason="Evicted", message="too much", is_eviction=True)
    found = pod_status(with_sidecar(container(), container(), failure=failure), (), AT)

    assert (found["phase"], found["reason"], found["message"]) == ("Failed", "Evicted", "too much")
    assert condition(found, "DisruptionTarget")["reason"] == "TerminationByKubelet"


def test_resize_that_waits_is_a_condition_until_it_does_no_longer() -> None:
    waiting = Resizing(reason="Deferred", message="full")
    first = pod_status(with_sidecar(container(), container(), resizing=waiting), (), AT)

    then = pod_status(with_sidecar(container(), container()), first["conditions"], AT)

    assert condition(first, "PodResizePending")["reason"] == "Deferred"
    assert condition(then, "PodResizePending") == {"$patch": "delete", "type": "PodResizePending"}


def test_unready_container_is_named_in_both_conditions() -> None:
    found = status(container(), container(name="sidecar", ready=False))

    for kind in ("Ready", "ContainersReady"):
        assert condition(found, kind)["status"] == "False"
        assert condition(found, kind)["reason"] == "ContainersNotReady"
        assert condition(found, kind)["message"] == "containers with unready status: [sidecar]"


def test_completed_pod_is_unready_because_it_completed() -> None:
    found = status(container(state=ended(0), ready=False), policy="Never")

    assert condition(found, "Ready")["reason"] == "PodCompleted"


def test_closed_readiness_gate_keeps_a_pod_unready() -> None:
    found = status(container(), readinessGates=[{"conditionType": "shop/open"}])

    assert condition(found, "ContainersReady")["status"] == "True"
    assert condition(found, "Ready")["reason"] == "ReadinessGatesNotReady"


def test_condition_keeps_its_time_until_it_turns() -> None:
    report = PodReport(
        pod={"spec": {"containers": [{"name": "cart"}]}},
        containers=[container()],
        init_containers=(),
        initialized=True,
        ip="10.244.1.2",
        host_ip="10.0.0.11",
        started_at=AT,
    )
    ready = pod_status(report, (), AT)

    still = pod_status(report, ready["conditions"], AT + timedelta(minutes=1))
    broken = replace(report, containers=[container(ready=False)])
    turned = pod_status(broken, ready["conditions"], AT + timedelta(minutes=1))

    assert still == ready
    assert condition(turned, "Ready")["lastTransitionTime"] == "2026-03-04T09:31:00Z"
    assert condition(turned, "Initialized")["lastTransitionTime"] == "2026-03-04T09:30:00Z"


@pytest.mark.parametrize(
    ("resources", "quality"),
    [
        ({}, "BestEffort"),
        ({"requests": {"cpu": "1"}}, "Burstable"),
        ({"limits": {"cpu": "1", "memory": "1Gi"}}, "Guaranteed"),
        ({"limits": {"cpu": "1", "memory": "1Gi"}, "requests": {"cpu": "500m"}}, "Burstable"),
    ],
)
def test_quality_of_service_follows_from_resources(resources: Json, quality: str) -> None:
    found = status(container(), containers=[{"name": "cart", "resources": resources}])

    assert found["qosClass"] == quality
