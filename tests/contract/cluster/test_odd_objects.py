"""Objects that say as little as may be said, which must stop no controller."""

from typing import Any, Final

import pytest

from tests.contract.cluster.asking import Cluster, a_deployment, eventually

Object = dict[str, Any]
BUDGETS: Final = "policy/v1/poddisruptionbudgets"
POLICIES: Final = "networking.k8s.io/v1/networkpolicies"
EMPTY: Final = (
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


def test_budget_that_says_nothing_is_of_no_pod(cluster: Cluster) -> None:
    cluster.create("pods", a_pod_of("some"))
    cluster.create(BUDGETS, named("odd"))

    status = eventually(lambda: cluster.get(BUDGETS, "odd")["status"].get("observedGeneration"))
    found = cluster.get(BUDGETS, "odd")["status"]
    assert status == 1
    counts = ("disruptionsAllowed", "currentHealthy", "desiredHealthy", "expectedPods")
    assert {key: found[key] for key in counts} == dict.fromkeys(counts, 0)
    assert [each["reason"] for each in found["conditions"]] == ["InsufficientPods"]


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
