"""chaosk8s on pods: which ones it picks, and how they leave."""

from datetime import datetime, timedelta

import pytest

from orchestrator.practice.api.clock import utc_now
from tests.contract.cluster.asking import Cluster, eventually
from tests.contract.cluster.chaosk8s_calls import Chaosk8s
from tests.contract.cluster.chaosk8s_world import BUDGETS, running, say, waiting

TERMINATE = "pod.actions.terminate_pods"
EXEC = "pod.actions.exec_in_pods"


def test_pods_are_terminated_in_the_order_of_their_names(
    cluster: Cluster, chaosk8s: Chaosk8s
) -> None:
    waiting(cluster, "c", "a", "b")

    names = chaosk8s(TERMINATE, label_selector="app=web", qty=2, ns=cluster.namespace)

    assert names == ["a", "b"]
    assert cluster.names("pods") == ["c"]


def test_terminating_without_a_selector_takes_the_first_pod_of_the_namespace(
    cluster: Cluster, chaosk8s: Chaosk8s
) -> None:
    waiting(cluster, "a", app="other")
    waiting(cluster, "b")

    assert chaosk8s(TERMINATE, ns=cluster.namespace) == ["a"]


def test_terminating_all_pods_leaves_those_with_other_labels(
    cluster: Cluster, chaosk8s: Chaosk8s
) -> None:
    waiting(cluster, "a", "b")
    waiting(cluster, "c", app="other")

    names = chaosk8s(TERMINATE, label_selector="app=web", all=True, ns=cluster.namespace)

    assert names == ["a", "b"]
    assert cluster.names("pods") == ["c"]


def test_name_pattern_matches_in_the_middle_of_a_name(cluster: Cluster, chaosk8s: Chaosk8s) -> None:
    waiting(cluster, "a-cart", "cart-b", "search")

    names = chaosk8s(TERMINATE, name_pattern="cart", all=True, ns=cluster.namespace)

    assert names == ["a-cart", "cart-b"]


def test_percentage_of_pods_is_rounded_up(cluster: Cluster, chaosk8s: Chaosk8s) -> None:
    waiting(cluster, "a", "b", "c")

    names = chaosk8s(TERMINATE, mode="percentage", qty=1, ns=cluster.namespace)

    assert names == ["a"]


def test_more_pods_than_there_are_means_all(cluster: Cluster, chaosk8s: Chaosk8s) -> None:
    waiting(cluster, "a", "b")

    names = chaosk8s(TERMINATE, rand=True, qty=5, ns=cluster.namespace)

    assert sorted(names) == ["a", "b"]


def test_oldest_pod_is_terminated_first(cluster: Cluster, chaosk8s: Chaosk8s) -> None:
    waiting(cluster, "z")
    made_at = datetime.fromisoformat(cluster.get("pods", "z")["metadata"]["creationTimestamp"])
    eventually(lambda: utc_now() > made_at + timedelta(seconds=1))
    waiting(cluster, "a")

    assert chaosk8s(TERMINATE, order="oldest", ns=cluster.namespace) == ["z"]


def test_finished_pod_counts_as_one_to_terminate(cluster: Cluster, chaosk8s: Chaosk8s) -> None:
    waiting(cluster, "a", "b")
    say(cluster, "a", "Succeeded")

    assert chaosk8s(TERMINATE, label_selector="app=web", ns=cluster.namespace) == ["a"]


def test_pod_without_a_grace_period_is_gone_at_once(cluster: Cluster, chaosk8s: Chaosk8s) -> None:
    (name,) = running(cluster)

    names = chaosk8s(TERMINATE, name_pattern=f"^{name}$", grace_period=0, ns=cluster.namespace)

    assert names == [name]
    assert name not in cluster.names("pods")


def test_terminated_pod_of_a_deployment_is_replaced(cluster: Cluster, chaosk8s: Chaosk8s) -> None:
    (name,) = running(cluster)

    chaosk8s(TERMINATE, label_selector="app=web", ns=cluster.namespace)

    eventually(lambda: cluster.names("pods") != [name])


def test_terminating_asks_no_disruption_budget(cluster: Cluster, chaosk8s: Chaosk8s) -> None:
    waiting(cluster, "a")
    selector = {"matchLabels": {"app": "web"}}
    spec = {"minAvailable": 1, "selector": selector}
    cluster.create(BUDGETS, {"metadata": {"name": "web"}, "spec": spec})

    assert chaosk8s(TERMINATE, label_selector="app=web", ns=cluster.namespace) == ["a"]
    assert cluster.names("pods") == []


def test_no_pod_to_terminate_is_no_failure(cluster: Cluster, chaosk8s: Chaosk8s) -> None:
    assert chaosk8s(TERMINATE, label_selector="app=web", ns=cluster.namespace) == []
    assert chaosk8s(TERMINATE, ns=f"no-such-{cluster.namespace}") == []


@pytest.mark.parametrize(
    ("arguments", "core"),
    [
        ({"qty": -1}, "Quantity '-1' is negative"),
        ({"mode": "most"}, "Mode 'most' is invalid"),
        ({"order": "random"}, "Order 'random' is invalid"),
    ],
)
def test_pods_are_not_picked_by_unknown_rules(
    cluster: Cluster, chaosk8s: Chaosk8s, arguments: dict[str, object], core: str
) -> None:
    waiting(cluster, "a")

    outcome = chaosk8s.attempt(TERMINATE, ns=cluster.namespace, **arguments)

    assert outcome.fails_with("ActivityFailed", core), outcome
    assert cluster.names("pods") == ["a"]


def test_what_is_no_selector_terminates_nothing(cluster: Cluster, chaosk8s: Chaosk8s) -> None:
    waiting(cluster, "a")

    outcome = chaosk8s.attempt(TERMINATE, label_selector="not a selector", ns=cluster.namespace)

    core = "unable to parse requirement: found 'a', expected: in, notin, =, ==, !=, gt, lt"
    assert outcome.fails_with("BadRequestException", "(400)", core), outcome
    assert cluster.names("pods") == ["a"]


def test_deleting_pods_by_name_deletes_one_whose_name_contains_it(
    cluster: Cluster, chaosk8s: Chaosk8s
) -> None:
    waiting(cluster, "a-cart", "cart")

    assert chaosk8s("pod.actions.delete_pods", name="cart", ns=cluster.namespace) == ["a-cart"]
    assert cluster.names("pods") == ["cart"]


def test_command_without_a_container_runs_nowhere_and_succeeds(
    cluster: Cluster, chaosk8s: Chaosk8s
) -> None:
    waiting(cluster, "a")

    assert chaosk8s(EXEC, cmd="false", ns=cluster.namespace) == []
    assert chaosk8s(EXEC, cmd="false", container_name="none", ns=cluster.namespace) == []


def test_no_command_is_refused(cluster: Cluster, chaosk8s: Chaosk8s) -> None:
    outcome = chaosk8s.attempt(EXEC, cmd="", ns=cluster.namespace)

    assert outcome.fails_with("ActivityFailed", "A command must be set"), outcome


def test_no_command_runs_in_a_pod_without_a_node(cluster: Cluster, chaosk8s: Chaosk8s) -> None:
    waiting(cluster, "a")

    outcome = chaosk8s.attempt(EXEC, cmd="true", container_name="main", ns=cluster.namespace)

    assert outcome.error or outcome.result[0]["exit_code"] != 0, outcome
