"""chaosk8s' questions about pods: phases, conditions, numbers and logs."""

from tests.contract.cluster.asking import Cluster, a_pod
from tests.contract.cluster.chaosk8s_calls import Chaosk8s
from tests.contract.cluster.chaosk8s_world import running, say, waiting

IN_PHASE = "pod.probes.pods_in_phase"
NOT_IN_PHASE = "pod.probes.pods_not_in_phase"
IN_CONDITIONS = "pod.probes.pods_in_conditions"
COUNT = "pod.probes.count_pods"
COUNT_MIN = "pod.probes.count_min_pods"
NOT_AVAILABLE = "pod.probes.pod_is_not_available"
HEALTHY = "pod.probes.all_pods_healthy"
LOGS = "pod.probes.read_pod_logs"
FOUND = "pod.probes.should_be_found_in_logs"
WEB = "app=web"
NONE_FOUND = "no pods 'app=web' were found"


def test_phase_of_all_pods_is_confirmed(cluster: Cluster, chaosk8s: Chaosk8s) -> None:
    ns = cluster.namespace
    waiting(cluster, "a", "b")
    say(cluster, "a", "Running")

    outcome = chaosk8s.attempt(IN_PHASE, label_selector=WEB, ns=ns)
    assert outcome.fails_with("ActivityFailed", "is in phase 'Pending' but should be 'Running'")
    assert chaosk8s(IN_PHASE, label_selector=WEB, ns=ns, raise_on_invalid_phase=False) is False

    say(cluster, "b", "Running")
    assert chaosk8s(IN_PHASE, label_selector=WEB, ns=ns) is True


def test_phase_of_no_pods_is_a_failure(cluster: Cluster, chaosk8s: Chaosk8s) -> None:
    ns = cluster.namespace

    assert chaosk8s.attempt(IN_PHASE, label_selector=WEB, ns=ns).message == NONE_FOUND
    assert chaosk8s(IN_PHASE, label_selector=WEB, ns=ns, raise_on_invalid_phase=False) is False
    assert chaosk8s.attempt(NOT_IN_PHASE, label_selector=WEB, ns=ns).message == NONE_FOUND
    assert chaosk8s(NOT_IN_PHASE, label_selector=WEB, ns=ns, raise_on_in_phase=False) is False


def test_one_pod_in_the_phase_is_too_many(cluster: Cluster, chaosk8s: Chaosk8s) -> None:
    ns = cluster.namespace
    waiting(cluster, "a", "b")
    assert chaosk8s(NOT_IN_PHASE, label_selector=WEB, ns=ns) is True

    say(cluster, "a", "Running")

    outcome = chaosk8s.attempt(NOT_IN_PHASE, label_selector=WEB, ns=ns)
    assert outcome.fails_with("ActivityFailed", "should not be in phase 'Running'"), outcome
    assert chaosk8s(NOT_IN_PHASE, label_selector=WEB, ns=ns, raise_on_in_phase=False) is False


def test_conditions_of_running_pods_are_confirmed(cluster: Cluster, chaosk8s: Chaosk8s) -> None:
    (name,) = running(cluster)
    wanted = [
        {"type": condition, "status": "True"}
        for condition in ("PodScheduled", "Initialized", "ContainersReady", "Ready")
    ]
    unwanted = {"type": "Ready", "status": "False"}

    assert chaosk8s(IN_CONDITIONS, label_selector=WEB, conditions=wanted, ns=cluster.namespace)
    outcome = chaosk8s.attempt(
        IN_CONDITIONS, label_selector=WEB, conditions=[unwanted], ns=cluster.namespace
    )
    core = f"pod {name} does not match the following given condition: {unwanted}"
    assert outcome.fails_with("ActivityFailed", core), outcome


def test_conditions_of_no_pods_are_a_failure(cluster: Cluster, chaosk8s: Chaosk8s) -> None:
    arguments = {"label_selector": WEB, "conditions": [], "ns": cluster.namespace}

    assert chaosk8s.attempt(IN_CONDITIONS, **arguments).message == NONE_FOUND
    assert chaosk8s(IN_CONDITIONS, raise_on_invalid_conditions=False, **arguments) is False


def test_pod_without_conditions_breaks_the_question(cluster: Cluster, chaosk8s: Chaosk8s) -> None:
    cluster.create("pods", a_pod("web", nodeName="no-such-node"))

    outcome = chaosk8s.attempt(
        IN_CONDITIONS, label_selector=WEB, conditions=[], ns=cluster.namespace
    )

    assert outcome.fails_with("TypeError", "'NoneType' object is not iterable"), outcome


def test_pods_are_counted(cluster: Cluster, chaosk8s: Chaosk8s) -> None:
    ns = cluster.namespace
    waiting(cluster, "a", "b", "c")
    waiting(cluster, "d", app="other")
    say(cluster, "a", "Running")

    assert chaosk8s(COUNT, label_selector=WEB, ns=ns) == 3
    assert chaosk8s(COUNT, label_selector=WEB, phase="Pending", ns=ns) == 2
    assert chaosk8s(COUNT, label_selector="", ns=ns) == 4
    assert chaosk8s(COUNT, label_selector="app=none", ns=ns) == 0


def test_least_number_of_pods_is_of_running_ones(cluster: Cluster, chaosk8s: Chaosk8s) -> None:
    ns = cluster.namespace
    waiting(cluster, "a", "b", "c")
    say(cluster, "a", "Running")
    assert chaosk8s(COUNT_MIN, label_selector=WEB, ns=ns) is False

    say(cluster, "b", "Running")

    assert chaosk8s(COUNT_MIN, label_selector=WEB, ns=ns) is True
    assert chaosk8s(COUNT_MIN, label_selector=WEB, min_count=3, ns=ns) is False


def test_pod_that_runs_is_available(cluster: Cluster, chaosk8s: Chaosk8s) -> None:
    ns = cluster.namespace
    waiting(cluster, "a")
    assert chaosk8s(NOT_AVAILABLE, name="x", label_selector=WEB, ns=ns) is True

    say(cluster, "a", "Running")

    outcome = chaosk8s.attempt(NOT_AVAILABLE, name="x", label_selector=WEB, ns=ns)
    assert outcome.fails_with("ActivityFailed", "pod 'x' is actually running"), outcome
    arguments = {"label_selector": WEB, "ns": ns, "raise_on_is_available": False}
    assert chaosk8s(NOT_AVAILABLE, name="x", **arguments) is False


def test_pods_without_the_label_name_are_not_looked_at(
    cluster: Cluster, chaosk8s: Chaosk8s
) -> None:
    waiting(cluster, "web")
    say(cluster, "web", "Running")

    assert chaosk8s(NOT_AVAILABLE, name="web", ns=cluster.namespace) is True


def test_all_pods_are_healthy_when_they_run_or_are_done(
    cluster: Cluster, chaosk8s: Chaosk8s
) -> None:
    ns = cluster.namespace
    assert chaosk8s(HEALTHY, ns=ns) is True

    waiting(cluster, "a", "b")
    say(cluster, "a", "Running")
    outcome = chaosk8s.attempt(HEALTHY, ns=ns)
    assert outcome.fails_with("ActivityFailed", "the system is unhealthy"), outcome

    say(cluster, "b", "Succeeded")
    assert chaosk8s(HEALTHY, ns=ns) is True


def test_failed_pod_is_unhealthy(cluster: Cluster, chaosk8s: Chaosk8s) -> None:
    waiting(cluster, "a")
    say(cluster, "a", "Failed")

    assert chaosk8s(HEALTHY, ns=cluster.namespace, raise_on_any_unhealthy=False) is False


def test_log_of_a_pod_without_a_node_is_empty(cluster: Cluster, chaosk8s: Chaosk8s) -> None:
    waiting(cluster, "a")

    assert chaosk8s(LOGS, label_selector=WEB, ns=cluster.namespace) == {"a": ""}


def test_logs_by_name_need_the_label_name(cluster: Cluster, chaosk8s: Chaosk8s) -> None:
    waiting(cluster, "web")

    assert chaosk8s(LOGS, name="web", ns=cluster.namespace) == {}


def test_log_of_a_container_that_is_not_there_is_refused(
    cluster: Cluster, chaosk8s: Chaosk8s
) -> None:
    waiting(cluster, "a")

    outcome = chaosk8s.attempt(
        LOGS, label_selector=WEB, container_name="none", ns=cluster.namespace
    )

    core = "container none is not valid for pod a"
    assert outcome.fails_with("BadRequestException", "(400)", core), outcome


def test_text_is_looked_for_in_logs(chaosk8s: Chaosk8s) -> None:
    logs = {"a": "started\nready", "b": "started"}

    assert chaosk8s(FOUND, pattern="start", value=logs) is True
    assert chaosk8s(FOUND, pattern="ready", value=logs) is False
    assert chaosk8s(FOUND, pattern="ready", value=logs, all_containers=False) is True
    assert chaosk8s(FOUND, pattern="stop", value=logs, all_containers=False) is False
    outcome = chaosk8s.attempt(FOUND, pattern="start", value={})
    assert outcome.fails_with("ActivityFailed", "no logs to search from"), outcome
