"""Objects that say as little as may be said, which must stop no controller."""

from typing import Any, Final

import pytest

from tests.contract.cluster.asking import Cluster, a_deployment, eventually

Object = dict[str, Any]
BUDGETS: Final = "policy/v1/poddisruptionbudgets"
POLICIES: Final = "networking.k8s.io/v1/networkpolicies"
EMPTY: Final[tuple[tuple[str, Object], ...]] = (
    (BUDGETS, {"spec": {}}),
    (POLICIES, {"spec": {"podSelector": {}, "policyTypes": ["Ingress"]}}),
    ("resourcequotas", {"spec": {}}),
    ("limitranges", {"spec": {"limits": None}}),
    ("coordination.k8s.io/v1/leases", {"spec": {}}),
    ("configmaps", {}),
    ("serviceaccounts", {}),
    ("secrets", {"type": "Opaque"}),
)


def named(name: str) -> Object:
    return {"metadata": {"name": name}}


@pytest.mark.parametrize(("kind", "kept"), EMPTY, ids=[kind for kind, _ in EMPTY])
def test_object_that_says_nothing_is_filled_in(cluster: Cluster, kind: str, kept: Object) -> None:
    made = cluster.create(kind, named("odd"))

    said = {key: each for key, each in made.items() if key in {"spec", "data", "type"}}
    assert said == kept


@pytest.mark.parametrize(("spec", "healthy"), [({}, 0), ({"selector": {}}, 1)])
def test_budget_that_asks_for_nothing_lets_no_pod_go(
    cluster: Cluster, spec: Object, healthy: int
) -> None:
    cluster.create("pods", a_pod_of("some"))
    eventually(lambda: is_ready(cluster.get("pods", "some")))
    cluster.create(BUDGETS, named("odd") | {"spec": spec})

    status = eventually(lambda: cluster.get(BUDGETS, "odd")["status"].get("observedGeneration"))
    found = cluster.get(BUDGETS, "odd")["status"]
    assert status == 1
    counts = ("disruptionsAllowed", "desiredHealthy", "expectedPods")
    assert {key: found[key] for key in counts} == dict.fromkeys(counts, 0)
    assert found["currentHealthy"] == healthy
    assert [each["reason"] for each in found["conditions"]] == ["InsufficientPods"]


def is_ready(pod: Object) -> bool:
    conditions = pod["status"].get("conditions", ())
    return any(each["type"] == "Ready" and each["status"] == "True" for each in conditions)


def a_pod_of(app: str) -> Object:
    container = {"name": "main", "image": "registry.practice/shop/catalog:1.4"}
    return {
        "metadata": {"name": app, "labels": {"app": app}},
        "spec": {"containers": [container]},
    }


def test_controllers_go_on_beside_objects_that_say_nothing(cluster: Cluster) -> None:
    for kind, _ in EMPTY:
        cluster.create(kind, named("odd"))
    cluster.create("apps/v1/deployments", a_deployment("web", 2))
    guarded = {"selector": {"matchLabels": {"app": "web"}}, "maxUnavailable": 1}
    cluster.create(BUDGETS, {"metadata": {"name": "even"}, "spec": guarded})

    eventually(lambda: len(cluster.names("pods", labelSelector="app=web")) == 2)
    eventually(lambda: cluster.get(BUDGETS, "even")["status"].get("expectedPods") == 2)


@pytest.mark.parametrize(
    ("taint", "told"),
    [
        ({"effect": "NoSchedule"}, 'key: Invalid value: "": name part must be non-empty'),
        ({"key": "a"}, "effect: Required value"),
        ({"key": "a", "effect": "Odd"}, 'effect: Unsupported value: "Odd"'),
    ],
)
def test_taint_that_no_pod_could_tolerate_is_refused(
    cluster: Cluster, taint: Object, told: str
) -> None:
    node = named("odd") | {"spec": {"taints": [taint]}}

    answer = cluster.send("POST", "/api/v1/nodes", node, dryRun="All")

    assert answer.code == 422
    assert f"metadata.taints[0].{told}" in answer.body["message"]
