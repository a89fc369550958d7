"""What stands behind a write counts against the limits, on practice and on Kubernetes alike."""

from collections.abc import AsyncIterator, Callable, Iterator
from fractions import Fraction
from functools import partial
from pathlib import Path
from typing import Any

import aiohttp
import anyio
import pytest

from orchestrator.domain.blast_radius import Budgets
from orchestrator.domain.labels import Operator, Requirement
from tests.contract.cluster.asking import STRATEGIC, eventually
from tests.integration.guard.conducting import Cluster, Guard, guard_at, loose
from tests.integration.guard.conftest import StartGuard
from tests.integration.guard.furnished import rule
from tests.integration.guard.places import IMAGE, Object, Place, a_deployment, a_place, a_pod

NETPOL = "networking.k8s.io/v1/networkpolicies"
PDB = "policy/v1/poddisruptionbudgets"
HPA = "autoscaling/v2/horizontalpodautoscalers"
JOBS = "batch/v1/jobs"
DEPLOYMENTS = "apps/v1/deployments"
HALF = Fraction(1, 2)


async def proven(guard: Guard, place: Place) -> None:
    await guard.undo()
    restoration = await guard.verify()
    assert restoration.is_proven, restoration
    await anyio.to_thread.run_sync(place.settle)


@pytest.fixture
async def steady(place: Place) -> AsyncIterator[Place]:
    """The place, which must be as before after the test."""
    before = await anyio.to_thread.run_sync(specs, place)
    yield place
    await anyio.to_thread.run_sync(place.settle)
    assert await anyio.to_thread.run_sync(specs, place) == before


def specs(place: Place) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for resource in (DEPLOYMENTS, "services", NETPOL, PDB, HPA, "resourcequotas", JOBS):
        for item in place.direct.send("GET", place.path(resource)).body["items"]:
            found[f"{resource}/{item['metadata']['name']}"] = item["spec"]
    return found


async def lost(guard: Guard) -> list[str]:
    return list((await guard.event("write"))["lost"])


def isolation(selector: Object, name: str = "cut-off") -> Object:
    return {
        "metadata": {"name": name},
        "spec": {"podSelector": selector, "policyTypes": ["Egress"]},
    }


NOT_OTHER = {"matchExpressions": [{"key": "app", "operator": "NotIn", "values": ["other"]}]}


@pytest.mark.parametrize("selector", [{"matchLabels": {"app": "web"}}, NOT_OTHER])
async def test_pods_that_a_policy_selects_are_lost(
    guarding: StartGuard, steady: Place, selector: Object
) -> None:
    async with guarding() as guard:
        behind = await guard.begin()
        status, answer = await behind.raw("POST", steady.path(NETPOL), isolation(selector))
        assert status == 201, answer
        names = await anyio.to_thread.run_sync(steady.pods, "web")
        assert await lost(guard) == [f"pods/{steady.namespace}/{name}" for name in names]
        await proven(guard, steady)

    assert steady.gone(steady.path(NETPOL, "cut-off"))


async def test_policy_is_refused_that_reaches_beyond_the_limits(
    guarding: StartGuard, steady: Place
) -> None:
    path = steady.path(NETPOL)
    narrow: dict[str, Any] = {"selectors": {"app": "web"}, "most_share": HALF}
    async with guarding(**narrow) as guard:
        behind = await guard.begin()
        everybody = await behind.raw("POST", path, isolation({}))
        all_of_one = await behind.raw("POST", path, isolation({"matchLabels": {"app": "web"}}))
        nobody = await behind.raw("POST", path, isolation({"matchLabels": {"app": "later"}}))

        assert [rule(each) for each in (everybody, all_of_one, nobody)] == [
            "selectors",
            "most_share",
            "expansion",
        ]


async def test_conditions_of_the_plan_hold_for_what_stands_behind_a_write(
    guarding: StartGuard, steady: Place
) -> None:
    conditions = (Requirement(key="app", operator=Operator.NOT_IN, values=("other",)),)
    async with guarding(expressions=conditions) as guard:
        behind = await guard.begin()
        other = await behind.patch(steady.path(DEPLOYMENTS, "other"), {"spec": {"replicas": 1}})
        web = await behind.patch(steady.path(DEPLOYMENTS, "web"), {"spec": {"replicas": 3}})

        assert (rule(other), web[0]) == ("selectors", 200)
        await proven(guard, steady)


async def test_only_its_own_policies_are_changed_and_deleted(
    guarding: StartGuard, place: Place
) -> None:
    theirs, ours = place.path(NETPOL, "theirs"), place.path(NETPOL, "ours")
    place.make(NETPOL, isolation({"matchLabels": {"app": "web"}}, "theirs"))
    async with guarding() as guard:
        behind = await guard.begin()
        made = await behind.raw("POST", place.path(NETPOL), isolation({}, "ours"))
        again = await behind.raw("POST", place.path(NETPOL), isolation({}, "theirs"))
        answers = [
            await behind.raw("DELETE", theirs),
            await behind.patch(theirs, {"spec": {"policyTypes": ["Ingress"]}}),
        ]

        assert (made[0], again[0]) == (201, 409)
        assert [rule(each) for each in answers] == ["own", "own"]
        assert (await behind.raw("DELETE", ours))[0] == 200
        assert not place.gone(theirs)
        await proven(guard, place)
    place.remove(theirs)


@pytest.fixture(scope="module")
def chaos_mesh(place: Place) -> Iterator[str]:
    """Chaos Mesh's kinds without Chaos Mesh; the path of pod chaos in the namespace."""
    kinds = {"podchaos": "PodChaos", "schedules": "Schedule"}
    root = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
    for plural, kind in kinds.items():
        answer = place.direct.send("POST", root, a_definition(plural, kind))
        assert answer.code == 201, answer.body
    path = place.path("chaos-mesh.org/v1alpha1/podchaos")
    eventually(lambda: place.direct.send("GET", path).code == 200)
    yield path
    for plural in kinds:
        place.direct.send("DELETE", f"{root}/{plural}.chaos-mesh.org")


def a_definition(plural: str, kind: str) -> Object:
    schema = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
    version = {
        "name": "v1alpha1", "served": True, "storage": True, "schema": {"openAPIV3Schema": schema},
    }  # fmt: skip
    names = {"plural": plural, "singular": kind.lower(), "kind": kind}
    spec = {"group": "chaos-mesh.org", "scope": "Namespaced", "names": names, "versions": [version]}
    return {"metadata": {"name": f"{plural}.chaos-mesh.org"}, "spec": spec}


def a_fault(place: Place, mode: str, value: str = "", **selector: Any) -> Object:
    found = {"namespaces": [place.namespace], "labelSelectors": {"app": "web"}} | selector
    return {
        "apiVersion": "chaos-mesh.org/v1alpha1",
        "kind": "PodChaos",
        "metadata": {"generateName": "fault-"},
        "spec": {"action": "pod-failure", "mode": mode, "value": value, "selector": found},
    }


@pytest.mark.parametrize(
    ("mode", "value", "count"),
    [
        ("one", "", 1),
        ("all", "", 4),
        ("fixed", "3", 3),
        ("fixed-percent", "50", 2),
        ("random-max-percent", "51", 3),
    ],
)
async def test_fault_of_chaos_mesh_hits_as_many_as_its_mode_says(
    guarding: StartGuard, steady: Place, chaos_mesh: str, mode: str, value: str, count: int
) -> None:
    async with guarding(most_objects=count + 1, most_share=Fraction(count, 4)) as guard:
        behind = await guard.begin()
        status, made = await behind.raw("POST", chaos_mesh, a_fault(steady, mode, value))
        assert status == 201, made
        assert made["spec"]["duration"] == "1800s"
        assert len(await lost(guard)) == count
        await proven(guard, steady)

    assert steady.gone(f"{chaos_mesh}/{made['metadata']['name']}")
    async with guarding(most_objects=count) as guard:
        behind = await guard.begin()
        refused = await behind.raw("POST", chaos_mesh, a_fault(steady, mode, value))
        assert rule(refused) == "most_objects"


async def test_fault_of_chaos_mesh_is_refused_that_may_hit_others(
    guarding: StartGuard, steady: Place, chaos_mesh: str
) -> None:
    expression = {"key": "app", "operator": "Exists"}
    selectors: list[tuple[Object, str]] = [
        ({"namespaces": []}, "expansion"),
        ({"namespaces": ["default"]}, "namespaces"),
        ({"namespaces": [steady.namespace, "kube-system"]}, "namespaces"),
        ({"labelSelectors": {}, "expressionSelectors": [expression]}, "selectors"),
        ({"labelSelectors": {}, "podPhaseSelectors": ["Pending"]}, "selectors"),
        ({"labelSelectors": {"app": "later"}}, "expansion"),
        ({"pods": {"default": ["x"]}}, "namespaces"),
        ({"somethingNew": {}}, "expansion"),
    ]
    async with guarding(selectors={"app": "web"}) as guard:
        behind = await guard.begin()
        for selector, expected in selectors:
            answer = await behind.raw("POST", chaos_mesh, a_fault(steady, "one", **selector))
            assert (selector, rule(answer)) == (selector, expected)
        odd = await behind.raw("POST", chaos_mesh, a_fault(steady, "some"))
        no_number = await behind.raw("POST", chaos_mesh, a_fault(steady, "fixed", "few"))
        schedules = chaos_mesh.replace("podchaos", "schedules")
        later = await behind.raw("POST", schedules, a_fault(steady, "one"))

        assert [rule(each) for each in (odd, no_number, later)] == [
            "expansion",
            "expansion",
            "irreversible",
        ]
        assert guard.events("write") == []


Pods = list[Object]


def by_name(pods: Pods) -> Object:
    names = [pod["metadata"]["name"] for pod in pods]
    return {"pods": {pods[0]["metadata"]["namespace"]: names[:2]}, "labelSelectors": {"app": "x"}}


def by_node(pods: Pods) -> Object:
    return {"nodes": [pods[0]["spec"]["nodeName"]]}


def by_field(pods: Pods) -> Object:
    return {"fieldSelectors": {"metadata.name": pods[0]["metadata"]["name"]}}


def by_fields(pods: Pods) -> Object:
    # Of all fields that are named, each must be so.
    fields = {"spec.nodeName": "elsewhere", "metadata.name": pods[0]["metadata"]["name"]}
    return {"fieldSelectors": fields, "labelSelectors": {}}


def by_expression(pods: Pods) -> Object:
    names = sorted({pod["metadata"]["labels"]["app"] for pod in pods})
    expression = {"key": "app", "operator": "In", "values": names}
    return {"labelSelectors": {}, "expressionSelectors": [expression]}


def by_node_or_label(pods: Pods) -> Object:
    """Chaos Mesh takes the nodes that are named and those with the labels together."""
    return by_node(pods) | {"nodeSelectors": {"kubernetes.io/os": "linux"}}


def on_the_first_node(pods: Pods) -> int:
    return sum(pod["spec"]["nodeName"] == pods[0]["spec"]["nodeName"] for pod in pods)


@pytest.mark.parametrize(
    ("select", "count"),
    [
        (by_name, lambda _: 2),
        (by_node, on_the_first_node),
        (by_node_or_label, len),
        (by_field, lambda _: 1),
        (by_fields, lambda _: 0),
        (by_expression, len),
    ],
)
async def test_fault_of_chaos_mesh_hits_whom_each_of_its_selectors_names(
    guarding: StartGuard,
    steady: Place,
    chaos_mesh: str,
    select: Callable[[Pods], Object],
    count: Callable[[Pods], int],
) -> None:
    pods = running(steady, "web")
    fault, expected = a_fault(steady, "all", **select(pods)), count(pods)
    async with guarding() as guard:
        behind = await guard.begin()
        answer = await behind.raw("POST", chaos_mesh, fault)
        if expected == 0:
            assert rule(answer) == "expansion"
            return
        assert answer[0] == 201, answer
        hit = await lost(guard)
        assert len(hit) == expected
        assert set(hit) <= {f"pods/{steady.namespace}/{pod['metadata']['name']}" for pod in pods}
        await proven(guard, steady)


def running(place: Place, app: str) -> Pods:
    found = place.direct.send("GET", place.path("pods"), labelSelector=f"app={app}").body["items"]
    return [pod for pod in found if not pod["metadata"].get("deletionTimestamp")]


def a_fault_between(place: Place, mode: str, value: str = "", **target: Any) -> Object:
    """A fault on one pod of web, and on those of another selector."""
    fault = a_fault(place, "one")
    selector = {"namespaces": [place.namespace], "labelSelectors": {"app": "other"}} | target
    fault["spec"]["target"] = {"mode": mode, "value": value, "selector": selector}
    return fault


@pytest.mark.parametrize(("mode", "value", "count"), [("all", "", 2), ("fixed", "1", 1)])
async def test_target_of_a_fault_of_chaos_mesh_is_hit_as_well(
    guarding: StartGuard, steady: Place, chaos_mesh: str, mode: str, value: str, count: int
) -> None:
    fault = a_fault_between(steady, mode, value)
    async with guarding(most_objects=1 + 1 + count) as guard:
        behind = await guard.begin()
        status, made = await behind.raw("POST", chaos_mesh, fault)
        assert status == 201, made
        assert len(await lost(guard)) == 1 + count
        await proven(guard, steady)

    async with guarding(most_objects=1 + count) as guard:
        behind = await guard.begin()
        assert rule(await behind.raw("POST", chaos_mesh, fault)) == "most_objects"


async def test_target_of_a_fault_of_chaos_mesh_is_not_outside_of_the_limits(
    guarding: StartGuard, steady: Place, chaos_mesh: str
) -> None:
    targets: list[tuple[Object, str]] = [
        ({}, "selectors"),
        ({"namespaces": ["default"]}, "namespaces"),
        ({"namespaces": []}, "expansion"),
        ({"labelSelectors": {"app": "later"}}, "expansion"),
        ({"somethingNew": {}}, "expansion"),
    ]
    async with guarding(selectors={"app": "web"}) as guard:
        behind = await guard.begin()
        for target, expected in targets:
            answer = await behind.raw("POST", chaos_mesh, a_fault_between(steady, "all", **target))
            assert (target, rule(answer)) == (target, expected)
        odd = await behind.raw("POST", chaos_mesh, a_fault_between(steady, "some"))

        assert rule(odd) == "expansion"
        assert guard.events("write") == []


async def test_undo_waits_for_the_finalizer_of_a_custom_resource(
    guarding: StartGuard, steady: Place, chaos_mesh: str
) -> None:
    fault = a_fault(steady, "one")
    fault["metadata"] = {"name": "held", "finalizers": ["chaos-mesh/records"]}
    path = f"{chaos_mesh}/held"
    async with guarding() as guard:
        behind = await guard.begin()
        status, answer = await behind.raw("POST", chaos_mesh, fault)
        assert status == 201, answer
        early = await guard.ask("verify", patience_seconds=1)
        assert early["restoration"]["pending"]

        freed = steady.direct.send(
            "PATCH", path, {"metadata": {"finalizers": None}}, kind="application/merge-patch+json"
        )
        assert freed.code == 200
        await proven(guard, steady)

    assert steady.gone(path)


@pytest.fixture
def node(place: Place) -> Iterator[str]:
    """A node that nobody else looks after, with a taint that is not the run's."""
    name = f"node-{place.namespace}"
    taints = [{"key": "theirs", "effect": "NoSchedule"}]
    made = place.direct.send(
        "POST", "/api/v1/nodes", {"metadata": {"name": name}, "spec": {"taints": taints}}
    )
    assert made.code == 201, made.body
    yield name
    place.direct.send("DELETE", f"/api/v1/nodes/{name}")


def taints(place: Place, node: str) -> set[str]:
    found = place.direct.send("GET", f"/api/v1/nodes/{node}").body["spec"].get("taints") or ()
    return {each["key"] for each in found if "/" not in each["key"]}


async def test_taint_is_taken_off_and_the_others_stay(
    guarding: StartGuard, place: Place, node: str
) -> None:
    path = f"/api/v1/nodes/{node}"
    async with guarding() as guard:
        behind = await guard.begin()
        ours = {"key": "ours", "effect": "NoSchedule"}
        theirs = {"key": "theirs", "effect": "NoSchedule"}
        body = {"spec": {"taints": [theirs, ours]}}
        status, answer = await behind.patch(path, body, STRATEGIC)
        assert status == 200, answer
        assert taints(place, node) == {"theirs", "ours"}
        assert await lost(guard) == [f"nodes//{node}"]

        later = {"key": "later", "effect": "NoSchedule"}
        place.direct.send(
            "PATCH", path, {"spec": {"taints": [theirs, ours, later]}}, kind=STRATEGIC
        )
        await proven(guard, place)

    assert taints(place, node) == {"theirs", "later"}


async def test_nodes_are_lost_up_to_the_share_allowed(
    guarding: StartGuard, place: Place, node: str
) -> None:
    path = f"/api/v1/nodes/{node}"
    body = {"spec": {"unschedulable": True}}
    async with guarding(most_node_share=Fraction(1, 100)) as guard:
        behind = await guard.begin()
        assert rule(await behind.patch(path, body)) == "most_node_share"

    async with guarding(most_node_share=HALF) as guard:
        behind = await guard.begin()
        status, answer = await behind.patch(path, body)
        assert status == 200, answer
        await proven(guard, place)

    assert not place.direct.send("GET", path).body["spec"].get("unschedulable")


async def test_taint_that_drives_pods_away_counts_the_pods(
    guarding: StartGuard, place: Place, node: str
) -> None:
    bound = a_pod("bound")
    bound["spec"]["nodeName"] = node
    stays = a_pod("stays")
    stays["spec"] |= {"nodeName": node, "tolerations": [{"key": "ours", "operator": "Exists"}]}
    for pod in (bound, stays):
        place.make("pods", pod)
    body = {"spec": {"taints": [{"key": "ours", "effect": "NoExecute"}]}}
    try:
        async with guarding(selectors={"app": "web"}) as guard:
            behind = await guard.begin()
            answer = await behind.patch(f"/api/v1/nodes/{node}", body, STRATEGIC)
            assert rule(answer) == "selectors"
        async with guarding() as guard:
            behind = await guard.begin()
            status, tainted = await behind.patch(f"/api/v1/nodes/{node}", body, STRATEGIC)
            assert status == 200, tainted
            assert await lost(guard) == [f"nodes//{node}", f"pods/{place.namespace}/bound"]
            await guard.undo()
    finally:
        for name in ("bound", "stays"):
            path = place.path("pods", name)
            place.direct.send("DELETE", path, {"gracePeriodSeconds": 0})
            eventually(partial(place.gone, path))


@pytest.fixture
def budget(place: Place) -> Iterator[str]:
    """A budget that needs three pods of web."""
    selector = {"matchLabels": {"app": "web"}}
    place.make(
        PDB, {"metadata": {"name": "web"}, "spec": {"minAvailable": 3, "selector": selector}}
    )
    path = place.path(PDB, "web")

    def counts() -> bool:
        status = place.direct.send("GET", path).body.get("status", {})
        return bool(status.get("currentHealthy") == 4)

    eventually(counts)
    yield path
    place.remove(path)


async def test_disruption_budget_is_left_as_satisfied_as_the_plan_says(
    guarding: StartGuard, place: Place, budget: str
) -> None:
    deployment = place.path(DEPLOYMENTS, "web")
    assert budget
    async with guarding() as guard:
        behind = await guard.begin()
        too_few = await behind.patch(deployment, {"spec": {"replicas": 2}})
        scaled = await behind.patch(deployment, {"spec": {"replicas": 3}})
        await anyio.to_thread.run_sync(eventually, lambda: len(place.pods("web")) == 3)
        beyond = await behind.raw("DELETE", place.path("pods", place.pods("web")[0]))

        assert (rule(too_few), scaled[0], rule(beyond)) == (
            "disruption_budgets",
            200,
            "disruption_budgets",
        )
        await proven(guard, place)
    async with guarding(disruption_budgets=Budgets.MAY_BE_VIOLATED) as guard:
        behind = await guard.begin()
        for name in place.pods("web")[:2]:
            assert (await behind.raw("DELETE", place.path("pods", name)))[0] == 200
        await proven(guard, place)


async def test_rollout_takes_no_more_from_a_budget_than_its_strategy_does(
    guarding: StartGuard, place: Place, budget: str
) -> None:
    deployment = place.path(DEPLOYMENTS, "web")
    container = {"name": "main", "image": f"{IMAGE}-missing"}
    body: Object = {"spec": {"template": {"spec": {"containers": [container]}}}}
    assert budget
    async with guarding() as guard:
        behind = await guard.begin()
        status, answer = await behind.patch(deployment, body, STRATEGIC)
        assert status == 200, answer
        body["spec"]["strategy"] = {"type": "Recreate", "rollingUpdate": None}
        worse = await behind.patch(deployment, body, STRATEGIC)
        assert rule(worse) == "disruption_budgets"
        await proven(guard, place)


async def test_budgets_and_quotas_count_the_pods_they_rule_over(
    guarding: StartGuard, steady: Place
) -> None:
    selector = {"matchLabels": {"app": "web"}}
    budget = {"metadata": {"name": "tight"}, "spec": {"maxUnavailable": 0, "selector": selector}}
    quota = {"metadata": {"name": "full"}, "spec": {"hard": {"pods": "0"}}}
    async with guarding(most_objects=5) as guard:
        behind = await guard.begin()
        too_many = await behind.raw("POST", steady.path("resourcequotas"), quota)
        tight = await behind.raw("POST", steady.path(PDB), budget)

        assert (rule(too_many), tight[0]) == ("most_objects", 201)
        assert len(await lost(guard)) == 4
        await proven(guard, steady)
    async with guarding() as guard:
        behind = await guard.begin()
        status, answer = await behind.raw("POST", steady.path("resourcequotas"), quota)
        assert status == 201, answer
        assert len(await lost(guard)) == 6
        await proven(guard, steady)


@pytest.fixture
def autoscaler(place: Place) -> Iterator[str]:
    reference = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"}
    spec = {"scaleTargetRef": reference, "minReplicas": 2, "maxReplicas": 8}
    place.make(HPA, {"metadata": {"name": "web"}, "spec": spec})
    path = place.path(HPA, "web")
    yield path
    place.remove(path)


async def test_autoscaler_is_pinned_but_never_made_to_scale(
    guarding: StartGuard, place: Place, autoscaler: str
) -> None:
    async with guarding() as guard:
        behind = await guard.begin()
        fewer = await behind.patch(autoscaler, {"spec": {"maxReplicas": 3}})
        more = await behind.patch(autoscaler, {"spec": {"minReplicas": 5}})
        pinned = await behind.patch(autoscaler, {"spec": {"minReplicas": 4, "maxReplicas": 4}})

        assert (rule(fewer), rule(more), pinned[0]) == ("expansion", "expansion", 200)
        assert await lost(guard) == [f"deployments/{place.namespace}/web"]
        await proven(guard, place)

    spec = place.direct.send("GET", autoscaler).body["spec"]
    assert (spec["minReplicas"], spec["maxReplicas"]) == (2, 8)


async def test_pods_that_a_write_makes_are_counted(guarding: StartGuard, steady: Place) -> None:
    async with guarding(most_objects=3) as guard:
        behind = await guard.begin()
        path = steady.path(DEPLOYMENTS)
        flood = await behind.patch(f"{path}/web", {"spec": {"replicas": 40}})
        big = await behind.raw("POST", path, a_deployment("new", 3))
        small = await behind.raw("POST", path, a_deployment("new", 2))

        assert (rule(flood), rule(big), small[0]) == ("most_objects", "most_objects", 201)
        await proven(guard, steady)


async def test_new_pod_that_would_serve_for_others_counts_their_service(
    guarding: StartGuard, steady: Place
) -> None:
    impostor = a_pod("impostor")
    impostor["metadata"]["labels"] = {"app": "web"}
    async with guarding(selectors={"app": "web"}) as guard:
        behind = await guard.begin()
        # The service of that name does not carry the label.
        assert rule(await behind.raw("POST", steady.path("pods"), impostor)) == "selectors"


async def test_only_kinds_that_the_plan_names_are_made(guarding: StartGuard, steady: Place) -> None:
    body = {
        "apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "new"}, "data": {"a": "b"},
    }  # fmt: skip
    path = steady.path("configmaps")
    async with guarding(creates=frozenset({"jobs"})) as guard:
        behind = await guard.begin()
        by_post = await behind.raw("POST", path, body)
        by_apply = await behind.patch(
            f"{path}/new?fieldManager=me", body, "application/apply-patch+yaml"
        )

        assert (rule(by_post), rule(by_apply)) == ("creates", "creates")


def a_job(name: str) -> Object:
    container = {"name": "main", "image": IMAGE}
    template = {"spec": {"containers": [container], "restartPolicy": "Never"}}
    return {"metadata": {"name": name}, "spec": {"template": template, "backoffLimit": 1}}


async def test_job_gets_an_end_and_others_jobs_stay(guarding: StartGuard, place: Place) -> None:
    place.make(JOBS, a_job("theirs"))
    theirs, ours = place.path(JOBS, "theirs"), place.path(JOBS, "ours")
    async with guarding() as guard:
        behind = await guard.begin()
        status, made = await behind.raw("POST", place.path(JOBS), a_job("ours"))
        assert status == 201, made
        assert made["spec"]["activeDeadlineSeconds"] == 1800
        assert rule(await behind.raw("DELETE", theirs)) == "irreversible"
        assert (await behind.raw("DELETE", ours, {"propagationPolicy": "Background"}))[0] == 200
        await proven(guard, place)
    async with guarding(irreversible=frozenset({"jobs"})) as guard:
        behind = await guard.begin()
        answer = await behind.raw("DELETE", theirs, {"propagationPolicy": "Background"})
        assert answer[0] == 200, answer
        await guard.undo()
    assert not place.gone(theirs)
    place.direct.send("DELETE", theirs, {"propagationPolicy": "Background"})


FIELDS: list[tuple[Object, str]] = [
    ({"spec": {"containers": [{"name": "main", "image": f"{IMAGE}-x"}]}}, ""),
    ({"spec": {"containers": [{"name": "main", "env": [{"name": "A", "value": "b"}]}]}}, ""),
    ({"spec": {"containers": [{"name": "main", "resources": {"limits": {"cpu": "1"}}}]}}, ""),
    ({"spec": {"containers": [{"name": "second", "image": IMAGE}]}}, "fields"),
    ({"spec": {"containers": [{"name": "main", "securityContext": {"runAsUser": 0}}]}}, "fields"),
    ({"spec": {"priorityClassName": "system-cluster-critical"}}, "privileges"),
    ({"spec": {"tolerations": [{"operator": "Exists"}]}}, "privileges"),
    ({"spec": {"automountServiceAccountToken": True}}, "fields"),
    ({"spec": {"volumes": [{"name": "v", "emptyDir": {}}]}}, "fields"),
]


async def test_fields_that_give_power_are_not_among_those_that_may_be_changed(
    guarding: StartGuard, steady: Place
) -> None:
    path = steady.path(DEPLOYMENTS, "web")
    async with guarding() as guard:
        behind = await guard.begin()
        for template, expected in FIELDS:
            answer = await behind.patch(path, {"spec": {"template": template}}, STRATEGIC)
            assert (template, answer[0]) == (template, 403 if expected else 200)
            assert not expected or rule(answer) == expected
        await proven(guard, steady)


async def test_plan_says_which_fields_may_be_changed(guarding: StartGuard, steady: Place) -> None:
    path = steady.path(DEPLOYMENTS, "web")
    only = {"deployments": frozenset({"spec.replicas", "spec.template.spec.volumes"})}
    async with guarding(fields=only) as guard:
        behind = await guard.begin()
        volume = {"name": "v", "emptyDir": {}}
        named = await behind.patch(path, {"spec": {"template": {"spec": {"volumes": [volume]}}}})
        label = await behind.patch(path, {"metadata": {"labels": {"a": "b"}}})
        power = {"name": "v", "emptyDir": None, "hostPath": {"path": "/"}}
        never = await behind.patch(path, {"spec": {"template": {"spec": {"volumes": [power]}}}})

        assert (named[0], rule(label), rule(never)) == (200, "fields", "privileges")
        await proven(guard, steady)


async def test_secrets_are_read_where_the_plan_allows_it(
    guarding: StartGuard, place: Place
) -> None:
    place.make("secrets", {"metadata": {"name": "keys"}, "stringData": {"password": "hunter2"}})
    path = place.path("secrets", "keys")
    elsewhere = "/api/v1/namespaces/kube-system/secrets"
    async with guarding() as guard:
        behind = await guard.cluster()
        assert rule(await behind.raw("GET", path)) == "secrets"
    async with guarding(reads_secrets=True) as guard:
        behind = await guard.begin()
        assert (await behind.raw("GET", path))[0] == 200
        assert rule(await behind.raw("GET", elsewhere)) == "secrets"
        assert rule(await behind.raw("GET", "/api/v1/secrets")) == "secrets"
        assert rule(await behind.patch(path, {"data": {"password": "eA=="}})) == "kinds"
    place.remove(path)


def sizes(place: Place, name: str) -> Object:
    found: Object = place.direct.get("pods", name)["spec"]["containers"][0]["resources"]
    return found


async def test_resized_pod_is_put_back(guarding: StartGuard, place: Place) -> None:
    pod = a_pod("sized")
    # It fits on no node: a kubelet has its own word in whether a pod can be resized.
    pod["spec"]["nodeSelector"] = {"nobody": "has"}
    pod["spec"]["containers"][0]["resources"] = {"requests": {"cpu": "10m"}}
    place.make("pods", pod)
    before = sizes(place, "sized")
    container = {"name": "main", "resources": {"requests": {"cpu": "20m"}}}
    async with guarding() as guard:
        behind: Cluster = await guard.begin()
        status, answer = await behind.patch(
            place.path("pods", "sized", "resize"), {"spec": {"containers": [container]}}, STRATEGIC
        )
        assert status == 200, answer["message"]
        assert await lost(guard) == [f"pods/{place.namespace}/sized"]
        assert sizes(place, "sized")["requests"]["cpu"] == "20m"
        restoration = await guard.undo()
        assert restoration.undone == (f"pods/{place.namespace}/sized",)

    assert sizes(place, "sized") == before
    place.direct.send("DELETE", place.path("pods", "sized"), {"gracePeriodSeconds": 0})


async def test_command_runs_in_a_container_where_the_plan_allows_it(
    guarding: StartGuard, steady: Place
) -> None:
    name = steady.pods("web")[0]
    path = f"{steady.path('pods', name, 'exec')}?command=hostname&stdout=true&stderr=true"
    async with guarding(irreversible=frozenset({"exec"})) as guard:
        behind = await guard.begin()
        said = b""
        async with (
            aiohttp.ClientSession() as session,
            session.ws_connect(behind.url + path, protocols=("v5.channel.k8s.io",)) as socket,
        ):
            async for message in socket:
                said += message.data[1:] if message.data[:1] == b"\x01" else b""
        assert said.decode() == f"{name}\n"
        assert await lost(guard) == [f"pods/{steady.namespace}/{name}"]
        await proven(guard, steady)


SETS = "apps/v1/statefulsets"


def a_store(policy: Object) -> Object:
    """A StatefulSet whose pods have a volume each."""
    made = a_deployment("store", 2)
    spec = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Mi"}}}
    claim = {"metadata": {"name": "data"}, "spec": spec}
    more = {"serviceName": "store", "volumeClaimTemplates": [claim]}
    made["spec"] |= more | {"persistentVolumeClaimRetentionPolicy": policy}
    return made


async def test_set_is_made_only_if_its_volumes_go_with_it(
    guarding: StartGuard, steady: Place
) -> None:
    async with guarding() as guard:
        behind = await guard.begin()
        stays = a_store({"whenDeleted": "Retain", "whenScaled": "Delete"})
        goes = a_store({"whenDeleted": "Delete", "whenScaled": "Retain"})
        kept = await behind.raw("POST", steady.path(SETS), stays)
        made = await behind.raw("POST", steady.path(SETS), goes)
        assert (rule(kept), made[0]) == ("irreversible", 201), made
        await proven(guard, steady)


@pytest.mark.kubernetes
async def test_volumes_of_a_set_are_gone_with_it(real_kubeconfig: Path, database: Path) -> None:
    """The practice cluster keeps them, whatever the policy."""
    with a_place(real_kubeconfig) as place:
        radius = loose(namespaces=frozenset({place.namespace}))
        look = partial(place.direct.names, "persistentvolumeclaims")
        async with guard_at(database, kubeconfig=real_kubeconfig, radius=radius) as guard:
            behind = await guard.begin()
            made = await behind.raw("POST", place.path(SETS), a_store({"whenDeleted": "Delete"}))
            assert made[0] == 201, made
            await anyio.to_thread.run_sync(eventually, lambda: bool(look()))
            await proven(guard, place)
        await anyio.to_thread.run_sync(eventually, lambda: not look())


@pytest.mark.kubernetes
async def test_pod_is_not_made_one_of_a_replication_controller(
    real_kubeconfig: Path, database: Path
) -> None:
    with a_place(real_kubeconfig) as place:
        template = {"metadata": {"labels": {"app": "old"}}, "spec": a_pod("old")["spec"]}
        spec = {"replicas": 0, "selector": {"app": "old"}, "template": template}
        place.make("replicationcontrollers", {"metadata": {"name": "old"}, "spec": spec})
        radius = loose(namespaces=frozenset({place.namespace}))
        async with guard_at(database, kubeconfig=real_kubeconfig, radius=radius) as guard:
            behind = await guard.begin()
            answer = await behind.raw("POST", place.path("pods"), a_pod("old"))
            assert rule(answer) == "expansion"


async def test_pod_that_asks_for_nothing_special_is_made(
    guarding: StartGuard, steady: Place
) -> None:
    async with guarding() as guard:
        behind = await guard.begin()
        status, answer = await behind.raw("POST", steady.path("pods"), a_pod("plain"))
        assert status == 201, answer
        await proven(guard, steady)
