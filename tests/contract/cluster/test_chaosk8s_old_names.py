"""chaosk8s' functions of older days, which call the newer ones, and what became of them."""

from pathlib import Path

import pytest

from tests.contract.cluster.asking import Cluster, a_service, eventually
from tests.contract.cluster.chaosk8s_calls import Chaosk8s
from tests.contract.cluster.chaosk8s_world import (
    DEPLOYMENTS,
    REPLICA_SETS,
    a_file,
    gone,
    idle,
    running,
    say,
    waiting,
)

KILL = "actions.kill_microservice"
INITIALIZED = "probes.service_endpoint_is_initialized"
NOT_AVAILABLE = "probes.microservice_is_not_available"
LITERAL = r"Invalid value: \"{name}\": a valid label must be an empty string or consist of"


def test_microservice_is_started_and_scaled(
    cluster: Cluster, chaosk8s: Chaosk8s, tmp_path: Path
) -> None:
    path = a_file(tmp_path, idle("Deployment"))

    assert chaosk8s("actions.start_microservice", spec_path=path, ns=cluster.namespace) is None
    arguments = {"name": "web", "replicas": 1, "ns": cluster.namespace}
    assert chaosk8s("actions.scale_microservice", **arguments) is None

    assert cluster.get(DEPLOYMENTS, "web")["spec"]["replicas"] == 1


def test_service_endpoint_is_removed(cluster: Cluster, chaosk8s: Chaosk8s) -> None:
    cluster.create("services", a_service())

    assert chaosk8s("actions.remove_service_endpoint", name="web", ns=cluster.namespace) is None

    gone(cluster, "services", "web")


def test_killing_a_microservice_fails_when_its_deployment_is_gone(
    cluster: Cluster, chaosk8s: Chaosk8s
) -> None:
    cluster.create(DEPLOYMENTS, idle("Deployment"))

    outcome = chaosk8s.attempt(KILL, name="web", ns=cluster.namespace)

    assert outcome.fails_with("BadRequestException", "(400)", LITERAL), outcome
    gone(cluster, DEPLOYMENTS, "web")


def test_killing_a_microservice_by_label_ends_all_that_carry_its_name(
    cluster: Cluster, chaosk8s: Chaosk8s
) -> None:
    running(cluster)

    outcome = chaosk8s.attempt(KILL, name="web", label_selector="app=web", ns=cluster.namespace)

    # It lists the pods and deletes one after the other, and the garbage collector may be quicker.
    assert not outcome.error or outcome.fails_with("NotFoundException", 'pods \\"web-'), outcome
    eventually(lambda: cluster.names(REPLICA_SETS) == [] and cluster.names("pods") == [])


def test_healthy_microservices_are_healthy_pods(cluster: Cluster, chaosk8s: Chaosk8s) -> None:
    assert chaosk8s("probes.all_microservices_healthy", ns=cluster.namespace) is True

    waiting(cluster, "a")

    outcome = chaosk8s.attempt("probes.all_microservices_healthy", ns=cluster.namespace)
    assert outcome.fails_with("ActivityFailed", "the system is unhealthy"), outcome


def test_available_microservice_is_not_said_to_be(cluster: Cluster, chaosk8s: Chaosk8s) -> None:
    function = "probes.microservice_available_and_healthy"
    outcome = chaosk8s.attempt(function, name="web", ns=cluster.namespace)
    assert outcome.fails_with("ActivityFailed", "Deployment 'web' was not found"), outcome

    running(cluster)

    assert chaosk8s(function, name="web", ns=cluster.namespace) is None


def test_microservice_that_runs_is_available(cluster: Cluster, chaosk8s: Chaosk8s) -> None:
    waiting(cluster, "web")
    say(cluster, "web", "Running")
    ns = cluster.namespace

    # Only pods with the label `name` count, unless the caller gives a selector.
    assert chaosk8s(NOT_AVAILABLE, name="web", ns=ns) is True
    outcome = chaosk8s.attempt(NOT_AVAILABLE, name="web", label_selector="app={name}", ns=ns)
    assert outcome.fails_with("ActivityFailed", "pod 'web' is actually running"), outcome


def test_service_endpoint_is_never_initialized_without_a_selector(
    cluster: Cluster, chaosk8s: Chaosk8s
) -> None:
    cluster.create("services", a_service())

    outcome = chaosk8s.attempt(INITIALIZED, name="web", ns=cluster.namespace)
    assert outcome.fails_with("BadRequestException", "(400)", LITERAL), outcome

    assert chaosk8s(INITIALIZED, name="web", label_selector="", ns=cluster.namespace) is True


@pytest.mark.parametrize(
    ("function", "arguments", "expected"),
    [
        ("probes.read_microservices_logs", {"label_selector": "app=web"}, {"a": ""}),
        ("probes.secret_exists", {"name": "web"}, False),
    ],
)
def test_moved_question_answers_under_its_old_name(
    cluster: Cluster,
    chaosk8s: Chaosk8s,
    function: str,
    arguments: dict[str, str],
    expected: object,
) -> None:
    waiting(cluster, "a")

    assert chaosk8s(function, ns=cluster.namespace, **arguments) == expected
