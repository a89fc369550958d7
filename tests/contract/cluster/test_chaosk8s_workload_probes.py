"""chaosk8s' questions about deployments, stateful sets and daemon sets, and their patience."""

from tests.contract.cluster.asking import Cluster, Object, a_deployment, eventually
from tests.contract.cluster.chaosk8s_calls import Chaosk8s
from tests.contract.cluster.chaosk8s_world import (
    DAEMON_SETS,
    DEPLOYMENTS,
    STATEFUL_SETS,
    broken,
    first_node,
    idle,
    running,
)

HEALTHY = "deployment.probes.deployment_available_and_healthy"
PARTIALLY = "deployment.probes.deployment_partially_available"
FULLY = "deployment.probes.deployment_fully_available"
NOT_FULLY = "deployment.probes.deployment_not_fully_available"
DAEMONS_HEALTHY = "daemonset.probes.daemon_set_available_and_healthy"
DAEMONS_PARTIALLY = "daemonset.probes.daemon_set_partially_available"
DAEMONS_FULLY = "daemonset.probes.daemon_set_fully_available"
DAEMONS_NOT_FULLY = "daemonset.probes.daemon_set_not_fully_available"
STATEFUL_FULLY = "statefulset.probes.statefulset_fully_available"
STATEFUL_NOT_FULLY = "statefulset.probes.statefulset_not_fully_available"
OLD_FULLY = "probes.deployment_is_fully_available"
OLD_NOT_FULLY = "probes.deployment_is_not_fully_available"
WORDS = {
    FULLY: "deployment 'web' failed to recover within 1s",
    NOT_FULLY: "deployment 'web' failed to stop running within 1s",
    OLD_FULLY: "deployment 'web' failed to recover within 1s",
    OLD_NOT_FULLY: "deployment 'web' failed to stop running within 1s",
    STATEFUL_FULLY: "microservice 'web' failed to recover within 1s",
    STATEFUL_NOT_FULLY: "microservice 'web' failed to stop running within 1s",
}
SILENCE = {
    FULLY: {"raise_on_not_fully_available": False},
    NOT_FULLY: {"raise_on_fully_available": False},
    STATEFUL_FULLY: {"raise_on_not_fully_available": False},
    STATEFUL_NOT_FULLY: {"raise_on_fully_available": False},
    DAEMONS_FULLY: {},
    DAEMONS_NOT_FULLY: {},
}


def replicas(kind: str, number: int) -> Object:
    """A workload with a number of pods that become ready."""
    body = idle(kind)
    body["spec"]["replicas"] = number
    return body


def a_daemon_set(cluster: Cluster, name: str = "web") -> Object:
    """A daemon set of one pod, on a node that takes pods."""
    body = idle("DaemonSet", name)
    selector = {"kubernetes.io/hostname": first_node(cluster)}
    body["spec"]["template"]["spec"]["nodeSelector"] = selector
    return body


def scheduled(cluster: Cluster, name: str = "web") -> bool:
    """Whether the daemon set knows that it wants a pod."""
    status = cluster.get(DAEMON_SETS, name)["status"]
    return bool(status.get("desiredNumberScheduled") == 1)


def test_deployment_with_all_its_pods_is_available(cluster: Cluster, chaosk8s: Chaosk8s) -> None:
    ns = cluster.namespace
    running(cluster, replicas=2)

    assert chaosk8s(HEALTHY, name="web", ns=ns) is True
    assert chaosk8s(HEALTHY, name="web", label_selector="app=web", ns=ns) is True
    assert chaosk8s(PARTIALLY, name="web", label_selector="app=web", ns=ns) is True
    assert chaosk8s(FULLY, name="web", label_selector="app={name}", ns=ns) is True
    assert chaosk8s(OLD_FULLY, name="web", ns=ns) is True


def test_deployment_that_is_not_there_is_not_found(cluster: Cluster, chaosk8s: Chaosk8s) -> None:
    ns = cluster.namespace
    core = "Deployment 'web' was not found"

    assert chaosk8s.attempt(HEALTHY, name="web", ns=ns).fails_with("ActivityFailed", core)
    assert chaosk8s(HEALTHY, name="web", ns=ns, raise_on_unavailable=False) is False
    assert chaosk8s.attempt(PARTIALLY, name="web", ns=ns).fails_with("ActivityFailed", core)
    arguments = {"raise_on_not_partially_available": False, "ns": ns}
    assert chaosk8s(PARTIALLY, name="web", **arguments) is False


def test_label_that_the_deployment_lacks_hides_it(cluster: Cluster, chaosk8s: Chaosk8s) -> None:
    cluster.create(DEPLOYMENTS, idle("Deployment"))

    outcome = chaosk8s.attempt(
        HEALTHY, name="web", label_selector="app=other", ns=cluster.namespace
    )

    assert outcome.fails_with("ActivityFailed", "Deployment 'web' was not found"), outcome


def test_deployment_without_ready_pods_is_unhealthy(cluster: Cluster, chaosk8s: Chaosk8s) -> None:
    ns = cluster.namespace
    cluster.create(DEPLOYMENTS, broken(a_deployment(replicas=1)))
    eventually(lambda: cluster.get(DEPLOYMENTS, "web")["status"].get("replicas") == 1)

    outcome = chaosk8s.attempt(HEALTHY, name="web", ns=ns)
    assert outcome.fails_with("ActivityFailed", "Deployment 'web' is not healthy"), outcome
    assert chaosk8s(HEALTHY, name="web", ns=ns, raise_on_unavailable=False) is False
    assert chaosk8s(NOT_FULLY, name="web", ns=ns) is True
    assert chaosk8s(OLD_NOT_FULLY, name="web", ns=ns) is True


def test_no_available_pod_breaks_the_question_for_some(
    cluster: Cluster, chaosk8s: Chaosk8s
) -> None:
    cluster.create(DEPLOYMENTS, broken(a_deployment(replicas=1)))

    outcome = chaosk8s.attempt(
        PARTIALLY, name="web", raise_on_not_partially_available=False, ns=cluster.namespace
    )

    core = "'>=' not supported between instances of 'NoneType' and 'int'"
    assert outcome.fails_with("TypeError", core), outcome


def test_deployment_scaled_to_zero_counts_as_unhealthy(
    cluster: Cluster, chaosk8s: Chaosk8s
) -> None:
    cluster.create(DEPLOYMENTS, idle("Deployment"))

    outcome = chaosk8s.attempt(HEALTHY, name="web", ns=cluster.namespace)

    assert outcome.fails_with("ActivityFailed", "Deployment 'web' is not healthy"), outcome
    assert chaosk8s(NOT_FULLY, name="web", ns=cluster.namespace) is True


def test_patience_with_what_is_not_there_ends(cluster: Cluster, chaosk8s: Chaosk8s) -> None:
    shared = {"name": "web", "timeout": 1, "ns": cluster.namespace}
    silent = [
        {"function": function, "arguments": {**shared, **silence}}
        for function, silence in SILENCE.items()
    ]
    loud = [
        {"function": function, "arguments": {**shared, "label_selector": "app={name}"}}
        for function in WORDS
    ]

    outcomes = chaosk8s.attempt_all([*silent, *loud])

    assert [outcome.result for outcome in outcomes[: len(silent)]] == [False] * len(silent)
    said = [(outcome.error, outcome.message) for outcome in outcomes[len(silent) :]]
    assert said == [("ActivityFailed", text) for text in WORDS.values()]


def test_patience_with_what_stays_as_it_is_ends(cluster: Cluster, chaosk8s: Chaosk8s) -> None:
    running(cluster, "good")
    cluster.create(DEPLOYMENTS, broken(a_deployment("bad", 1)))
    cluster.create(DAEMON_SETS, a_daemon_set(cluster, "good"))
    cluster.create(DAEMON_SETS, broken(a_daemon_set(cluster, "bad")))
    eventually(lambda: scheduled(cluster, "good") and scheduled(cluster, "bad"))
    assert chaosk8s(DAEMONS_FULLY, name="good", ns=cluster.namespace) is True

    shared = {"timeout": 1, "ns": cluster.namespace}
    outcomes = chaosk8s.attempt_all(
        [
            {"function": function, "arguments": {"name": name, **shared}}
            for function, name in (
                (NOT_FULLY, "good"), (FULLY, "bad"),
                (DAEMONS_NOT_FULLY, "good"), (DAEMONS_FULLY, "bad"),
            )
        ]
    )  # fmt: skip

    assert outcomes[0].message == "deployment 'good' failed to stop running within 1s"
    assert outcomes[1].message == "deployment 'bad' failed to recover within 1s"
    assert [outcome.result for outcome in outcomes[2:]] == [False, False]


def test_stateful_set_is_waited_for(cluster: Cluster, chaosk8s: Chaosk8s) -> None:
    cluster.create(STATEFUL_SETS, replicas("StatefulSet", 2))

    assert chaosk8s(STATEFUL_FULLY, name="web", ns=cluster.namespace) is True


def test_broken_stateful_set_is_not_fully_available(cluster: Cluster, chaosk8s: Chaosk8s) -> None:
    cluster.create(STATEFUL_SETS, broken(replicas("StatefulSet", 1)))

    assert chaosk8s(STATEFUL_NOT_FULLY, name="web", ns=cluster.namespace) is True


def test_daemon_set_is_waited_for(cluster: Cluster, chaosk8s: Chaosk8s) -> None:
    ns = cluster.namespace
    cluster.create(DAEMON_SETS, a_daemon_set(cluster))
    eventually(lambda: scheduled(cluster))

    assert chaosk8s(DAEMONS_FULLY, name="web", label_selector="app={name}", ns=ns) is True
    assert chaosk8s(DAEMONS_HEALTHY, name="web", label_selector="app=web", ns=ns) is True
    assert chaosk8s(DAEMONS_PARTIALLY, name="web", label_selector="app=web", ns=ns) is True


def test_broken_daemon_set_is_unavailable(cluster: Cluster, chaosk8s: Chaosk8s) -> None:
    ns = cluster.namespace
    cluster.create(DAEMON_SETS, broken(a_daemon_set(cluster)))
    eventually(lambda: scheduled(cluster))

    assert chaosk8s(DAEMONS_HEALTHY, name="web", ns=ns) is False
    assert chaosk8s(DAEMONS_PARTIALLY, name="web", ns=ns) is False
    assert chaosk8s(DAEMONS_NOT_FULLY, name="web", ns=ns) is True


def test_daemon_set_that_is_not_there_is_unavailable(cluster: Cluster, chaosk8s: Chaosk8s) -> None:
    assert chaosk8s(DAEMONS_HEALTHY, name="web", ns=cluster.namespace) is False
    assert chaosk8s(DAEMONS_PARTIALLY, name="web", ns=cluster.namespace) is False


def test_daemon_set_without_nodes_is_healthy_but_not_even_partially_available(
    cluster: Cluster, chaosk8s: Chaosk8s
) -> None:
    cluster.create(DAEMON_SETS, idle("DaemonSet"))

    assert chaosk8s(DAEMONS_HEALTHY, name="web", ns=cluster.namespace) is True
    assert chaosk8s(DAEMONS_PARTIALLY, name="web", ns=cluster.namespace) is False
