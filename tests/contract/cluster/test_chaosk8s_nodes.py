"""chaosk8s on nodes: cordons, drains, creations, deletions, and questions about them."""

from collections.abc import Iterator
from typing import Any

import pytest

from tests.contract.cluster.asking import Cluster, eventually
from tests.contract.cluster.chaosk8s_calls import Chaosk8s
from tests.contract.cluster.chaosk8s_world import (
    BUDGETS,
    DAEMON_SETS,
    NODES,
    a_node,
    idle,
    node_spec,
    put_on,
)

CORDON = "node.actions.cordon_node"
UNCORDON = "node.actions.uncordon_node"
DRAIN = "node.actions.drain_nodes"
CREATE = "node.actions.create_node"
DELETE = "node.actions.delete_nodes"
SELECT = "node.actions._select_nodes"
CONDITIONS = "node.probes.get_all_node_status_conditions"
READY = "node.probes.all_nodes_must_be_ready_to_schedule"
VERIFY = "node.probes.verify_nodes_condition"
HEALTHY = "node.probes.nodes_must_be_healthy"
NONE_FOUND = "failed to find a node that matches selector"
RESERVED = {"key": "reserved", "effect": "NoSchedule"}


@pytest.fixture
def node(cluster: Cluster) -> Iterator[str]:
    """A ready node of the check's own."""
    with a_node(cluster) as name:
        yield name


def cordoned(cluster: Cluster, name: str) -> bool:
    """Whether no pods are scheduled on a node any longer."""
    return bool(node_spec(cluster, name).get("unschedulable", False))


def test_node_is_cordoned_and_uncordoned(cluster: Cluster, chaosk8s: Chaosk8s, node: str) -> None:
    taint = {"key": "node.kubernetes.io/unschedulable", "effect": "NoSchedule"}

    assert chaosk8s(CORDON, name=node) == [node]
    assert cordoned(cluster, node)
    eventually(
        lambda: any(taint.items() <= found.items() for found in node_spec(cluster, node)["taints"])
    )

    assert chaosk8s(UNCORDON, label_selector=f"scratch={node}") == [node]
    assert not cordoned(cluster, node)
    eventually(lambda: node_spec(cluster, node)["taints"] == [RESERVED])


def test_node_is_picked_by_name_and_label_together(
    cluster: Cluster, chaosk8s: Chaosk8s, node: str
) -> None:
    outcome = chaosk8s.attempt(CORDON, name=node, label_selector="scratch=other")
    assert outcome.fails_with("ActivityFailed", NONE_FOUND), outcome
    assert not cordoned(cluster, node)

    assert chaosk8s(CORDON, name=node, label_selector=f"scratch={node}") == [node]
    assert cordoned(cluster, node)


@pytest.mark.parametrize("function", [CORDON, UNCORDON, DRAIN])
def test_node_that_is_not_there_is_not_found(chaosk8s: Chaosk8s, function: str) -> None:
    outcome = chaosk8s.attempt(function, name="no-such-node")

    assert outcome.fails_with("ActivityFailed", NONE_FOUND), outcome


def test_no_filter_picks_every_node(cluster: Cluster, chaosk8s: Chaosk8s, node: str) -> None:
    others = {item["metadata"]["name"] for item in cluster.send("GET", NODES).body["items"]}

    # Other checks come and go with nodes of their own.
    assert {node} < set(chaosk8s(SELECT)) & others


def test_count_picks_the_same_node_more_than_once(chaosk8s: Chaosk8s, node: str) -> None:
    assert chaosk8s(SELECT, label_selector=f"scratch={node}", count=3) == [node] * 3
    assert chaosk8s(DRAIN, label_selector=f"scratch={node}", count=2) == [node] * 2


def test_node_is_picked_once_for_each_of_its_pods(
    cluster: Cluster, chaosk8s: Chaosk8s, node: str
) -> None:
    put_on(cluster, node, "a")
    put_on(cluster, node, "b")
    found = {"pod_namespace": cluster.namespace, "pod_label_selector": "app in (a, b)"}

    assert chaosk8s(SELECT, **found) == [node] * 2


def test_drain_evicts_what_a_controller_owns(
    cluster: Cluster, chaosk8s: Chaosk8s, node: str
) -> None:
    put_on(cluster, node, "a")
    put_on(cluster, node, "b")

    assert chaosk8s(DRAIN, name=node) == [node]

    assert cluster.names("pods") == []
    assert cordoned(cluster, node)


def test_drain_of_an_empty_node_cordons_it(cluster: Cluster, chaosk8s: Chaosk8s, node: str) -> None:
    assert chaosk8s(DRAIN, name=node) == [node]

    assert cordoned(cluster, node)


def test_drain_breaks_at_a_pod_of_no_owner_and_leaves_the_cordon(
    cluster: Cluster, chaosk8s: Chaosk8s, node: str
) -> None:
    put_on(cluster, node, "a")
    put_on(cluster, node, "bare", owned=False)

    outcome = chaosk8s.attempt(DRAIN, name=node)

    assert outcome.fails_with("TypeError", "'NoneType' object is not iterable"), outcome
    assert cluster.names("pods") == ["a", "bare"]
    assert cordoned(cluster, node)


def test_drain_breaks_at_a_pod_without_volumes(
    cluster: Cluster, chaosk8s: Chaosk8s, node: str
) -> None:
    put_on(cluster, node, "a", automountServiceAccountToken=False)

    outcome = chaosk8s.attempt(DRAIN, name=node)

    assert outcome.fails_with("TypeError", "'NoneType' object is not iterable"), outcome
    assert cordoned(cluster, node)


def test_drain_leaves_pods_with_local_storage_unless_told(
    cluster: Cluster, chaosk8s: Chaosk8s, node: str
) -> None:
    put_on(cluster, node, "a", volumes=[{"name": "scratch", "emptyDir": {}}])

    assert chaosk8s(DRAIN, name=node) == [node]
    assert cluster.names("pods") == ["a"]

    assert chaosk8s(DRAIN, name=node, delete_pods_with_local_storage=True) == [node]
    assert cluster.names("pods") == []


def test_drain_leaves_pods_of_daemon_sets(cluster: Cluster, chaosk8s: Chaosk8s, node: str) -> None:
    body = idle("DaemonSet")
    template = body["spec"]["template"]["spec"]
    template |= {"nodeSelector": {"scratch": node}, "tolerations": [{"operator": "Exists"}]}
    cluster.create(DAEMON_SETS, body)
    on_it = f"spec.nodeName={node}"
    (name,) = eventually(lambda: cluster.names("pods", fieldSelector=on_it))

    assert chaosk8s(DRAIN, name=node) == [node]

    assert cluster.names("pods", fieldSelector=on_it) == [name]
    assert "deletionTimestamp" not in cluster.get("pods", name)["metadata"]


def test_drain_stops_at_a_disruption_budget_and_leaves_the_cordon(
    cluster: Cluster, chaosk8s: Chaosk8s, node: str
) -> None:
    put_on(cluster, node, "a")
    spec = {"minAvailable": 1, "selector": {"matchLabels": {"app": "a"}}}
    cluster.create(BUDGETS, {"metadata": {"name": "a"}, "spec": spec})
    eventually(lambda: cluster.get(BUDGETS, "a")["status"].get("currentHealthy") == 1)

    outcome = chaosk8s.attempt(DRAIN, name=node)

    core = "Cannot evict pod as it would violate the pod's disruption budget."
    assert outcome.fails_with("ActivityFailed", "Failed to evict pod a", core), outcome
    assert cluster.names("pods") == ["a"]
    assert cordoned(cluster, node)


def test_drain_gives_up_when_its_time_is_over(
    cluster: Cluster, chaosk8s: Chaosk8s, node: str
) -> None:
    put_on(cluster, node, "a")

    outcome = chaosk8s.attempt(DRAIN, name=node, timeout=0)

    core = "Draining nodes did not completed within 0s. Remaining pods are:\na"
    assert outcome.fails_with("ActivityFailed", core), outcome
    # It looks at the clock before it looks at the pods, which are gone.
    assert cluster.names("pods") == []


@pytest.fixture
def plan(cluster: Cluster) -> Iterator[dict[str, Any]]:
    """What a node is to be created from; the node is gone afterwards."""
    name = f"{cluster.namespace}-node"
    metadata = {"name": name, "labels": {"scratch": name}}
    yield {"meta": metadata, "spec": {"taints": [RESERVED]}}
    cluster.send("DELETE", f"{NODES}/{name}")


def test_created_node_can_not_be_written_to_a_journal(
    cluster: Cluster, chaosk8s: Chaosk8s, plan: dict[str, Any]
) -> None:
    name = plan["meta"]["name"]

    outcome = chaosk8s.attempt(CREATE, **plan)

    assert (outcome.type, outcome.result) == ("V1Node", name)
    assert RESERVED in node_spec(cluster, name)["taints"]
    outcome = chaosk8s.attempt(CREATE, **plan)
    core = rf"nodes \"{name}\" already exists"
    assert outcome.fails_with("ActivityFailed", "Creating new node failed: {", core), outcome


def test_node_needs_a_proper_name(chaosk8s: Chaosk8s) -> None:
    outcome = chaosk8s.attempt(CREATE)
    core = "metadata.name: Required value: name or generateName is required"
    assert outcome.fails_with("ActivityFailed", core), outcome

    outcome = chaosk8s.attempt(CREATE, meta={"name": "Not_a_name"})
    core = "a lowercase RFC 1123 subdomain must consist of"
    assert outcome.fails_with("ActivityFailed", core), outcome


def test_node_that_never_reported_breaks_every_question(
    chaosk8s: Chaosk8s, plan: dict[str, Any]
) -> None:
    chaosk8s(CREATE, **plan)
    selector = f"scratch={plan['meta']['name']}"

    for function in (CONDITIONS, READY, VERIFY, HEALTHY):
        outcome = chaosk8s.attempt(function, label_selector=selector)
        assert outcome.fails_with("TypeError", "'NoneType' object is not iterable"), outcome


@pytest.mark.parametrize("arguments", [{}, {"rand": True}, {"count": 2}])
def test_deleting_nodes_fails_after_the_first_is_gone(
    cluster: Cluster, chaosk8s: Chaosk8s, arguments: dict[str, Any]
) -> None:
    with a_node(cluster) as name:
        selector = {"label_selector": f"scratch={name}"}

        outcome = chaosk8s.attempt(DELETE, **selector, **arguments)

        core = "'dict' object has no attribute 'status'"
        assert outcome.fails_with("AttributeError", core), outcome
        assert cluster.send("GET", f"{NODES}/{name}").code == 404


def test_deleting_all_nodes_fails_before_any_is_gone(
    cluster: Cluster, chaosk8s: Chaosk8s, node: str
) -> None:
    outcome = chaosk8s.attempt(DELETE, all=True, label_selector=f"scratch={node}")

    core = "cannot unpack non-iterable NoneType object"
    assert outcome.fails_with("TypeError", core), outcome
    assert cluster.send("GET", f"{NODES}/{node}").code == 200


def test_nodes_are_told_as_the_cluster_tells_them(chaosk8s: Chaosk8s, node: str) -> None:
    found = chaosk8s("node.probes.get_nodes", label_selector=f"scratch={node}")

    assert (found["kind"], found["apiVersion"]) == ("NodeList", "v1")
    assert [item["metadata"]["name"] for item in found["items"]] == [node]
    every = chaosk8s("node.probes.get_nodes")["items"]
    assert {node} < {item["metadata"]["name"] for item in every}


def test_conditions_of_nodes_are_told(chaosk8s: Chaosk8s, node: str) -> None:
    selector = {"label_selector": f"scratch={node}"}

    assert chaosk8s(CONDITIONS, **selector) == [{"name": node, "Ready": "True"}]
    assert chaosk8s(READY, **selector) is True
    assert chaosk8s(HEALTHY, **selector) is True
    arguments = {"condition_type": "Ready", "condition_value": "True"}
    assert chaosk8s(VERIFY, **arguments, **selector) is True
    # A condition that nobody reports is not as it should be.
    assert chaosk8s(VERIFY, **selector) is False


def test_cordoned_node_counts_as_ready_to_schedule(chaosk8s: Chaosk8s, node: str) -> None:
    chaosk8s(CORDON, name=node)

    assert chaosk8s(READY, label_selector=f"scratch={node}") is True


def test_no_node_at_all_is_ready_and_healthy(chaosk8s: Chaosk8s) -> None:
    selector = {"label_selector": "scratch=no-such-node"}

    assert chaosk8s(CONDITIONS, **selector) == []
    assert chaosk8s(READY, **selector) is True
    assert chaosk8s(VERIFY, **selector) is True
    assert chaosk8s(HEALTHY, **selector) is True
