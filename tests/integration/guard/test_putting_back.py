"""Every field that may be changed is put back as it was, on both kinds of cluster.

The guard that made the changes is killed, and another puts them back from the journal alone.
"""

from functools import partial
from pathlib import Path
from typing import Any, Final

import pytest

from orchestrator.domain.undo import UndoState
from orchestrator.guard.drafting import image
from tests.contract.cluster.asking import eventually
from tests.integration.guard.conducting import EVERYTHING, Guard, guard_at, loose, records
from tests.integration.guard.conftest import StartGuard
from tests.integration.guard.places import IMAGE, Object, Place, a_deployment, a_pod

pytestmark = pytest.mark.timeout(120)

KINDS: Final = EVERYTHING | {"daemonsets"}
DEPLOYMENTS, STATEFUL_SETS = "apps/v1/deployments", "apps/v1/statefulsets"
DAEMON_SETS, POLICIES = "apps/v1/daemonsets", "networking.k8s.io/v1/networkpolicies"
SCALERS, INGRESSES = "autoscaling/v2/horizontalpodautoscalers", "networking.k8s.io/v1/ingresses"
BUDGETS = "policy/v1/poddisruptionbudgets"
JOBS, CRON_JOBS = "batch/v1/jobs", "batch/v1/cronjobs"

RULE: Final = {"key": "zone", "operator": "DoesNotExist"}
AFFINITY: Final = {
    "nodeAffinity": {
        "requiredDuringSchedulingIgnoredDuringExecution": {
            "nodeSelectorTerms": [{"matchExpressions": [RULE]}]
        }
    }
}
SPREAD: Final = {"maxSkew": 1, "topologyKey": "kubernetes.io/hostname", "whenUnsatisfiable":
                 "ScheduleAnyway", "labelSelector": {"matchLabels": {"app": "x"}}}  # fmt: skip
CONTAINER: Final = {
    "name": "main",
    "image": IMAGE,
    "args": ["--slow"],
    "workingDir": "/tmp",
    "env": [{"name": "SLOW", "value": "yes"}],
    "resources": {"requests": {"cpu": "10m"}, "limits": {"cpu": "20m"}},
    "startupProbe": {"tcpSocket": {"port": 1}, "failureThreshold": 100},
    "lifecycle": {"preStop": {"sleep": {"seconds": 1}}},
}


def a_workload(name: str, **spec: Any) -> Object:
    found = a_deployment(name, 1)
    return {**found, "spec": {**found["spec"], **spec}}


def template(**spec: Any) -> Object:
    return {"spec": {"template": {"spec": spec}}}


def a_daemon_set(name: str, **spec: Any) -> Object:
    found = a_workload(name, **spec)
    del found["spec"]["replicas"]
    return found


def named(name: str, **spec: Any) -> Object:
    return {"metadata": {"name": name}, "spec": spec}


def a_scaler(name: str, **spec: Any) -> Object:
    target = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "other"}
    return named(name, scaleTargetRef=target, maxReplicas=3, **spec)


def backend(port: Any) -> Object:
    return {"service": {"name": "web", "port": port}}


def an_ingress(name: str) -> Object:
    path = {"path": "/", "pathType": "Prefix", "backend": backend({"number": 80})}
    return named(name, rules=[{"host": "shop.example", "http": {"paths": [path]}}])


def a_job(name: str, **spec: Any) -> Object:
    pod = {"restartPolicy": "Never", "containers": [{"name": "main", "image": IMAGE}]}
    return named(name, template={"spec": pod}, **spec)


ROLLING: Final = {"spec": {"strategy": {"type": "RollingUpdate"}}}
AT_ONCE: Final = {"spec": {"strategy": {"type": "Recreate", "rollingUpdate": None}}}
UPDATING: Final = {"spec": {"updateStrategy": {"type": "RollingUpdate"}}}
BEHAVIOR: Final = {"spec": {"behavior": {"scaleDown": {"stabilizationWindowSeconds": 7}}}}

CASES: Final[dict[str, tuple[str, Object, Object]]] = {
    "rolled-out-at-once": (DEPLOYMENTS, a_workload("a", strategy={"type": "Recreate"}), ROLLING),
    "rolled-out-in-steps": (DEPLOYMENTS, a_workload("b"), AT_ONCE),
    "rolled-out-later": (
        DEPLOYMENTS,
        a_workload("c"),
        {"spec": {"paused": True, "minReadySeconds": 1, "progressDeadlineSeconds": 99}},
    ),
    "affinity": (DEPLOYMENTS, a_workload("d"), template(affinity=AFFINITY)),
    "affinity-to-more": (
        DEPLOYMENTS,
        a_workload("e", template={
            "metadata": {"labels": {"app": "e", "part-of": "world"}},
            "spec": {"affinity": {}, "containers": [{"name": "main", "image": IMAGE}]},
        }),
        template(affinity=AFFINITY),
    ),
    "where-pods-go": (
        DEPLOYMENTS,
        a_workload("f"),
        template(
            nodeSelector={"kubernetes.io/os": "linux"},
            topologySpreadConstraints=[SPREAD],
            dnsPolicy="None",
            dnsConfig={"nameservers": ["127.0.0.1"]},
            hostAliases=[{"ip": "127.0.0.1", "hostnames": ["here"]}],
            terminationGracePeriodSeconds=5,
        ),
    ),
    "containers": (DEPLOYMENTS, a_workload("g"), template(containers=[CONTAINER])),
    "annotations": (
        DEPLOYMENTS,
        a_workload("h"),
        {
            "metadata": {"annotations": {"slow": "yes"}, "labels": {"slow": "yes"}},
            "spec": {"template": {"metadata": {"annotations": {"slow": "yes"}}}},
        },
    ),
    "set-when-deleted": (
        STATEFUL_SETS, a_workload("i", serviceName="i", updateStrategy={"type": "OnDelete"}),
        UPDATING,
    ),
    "set-in-parts": (
        STATEFUL_SETS,
        a_workload("j", serviceName="j"),
        {"spec": {"updateStrategy": {"type": "OnDelete", "rollingUpdate": None}}},
    ),
    "everywhere-when-deleted": (
        DAEMON_SETS, a_daemon_set("k", updateStrategy={"type": "OnDelete"}), UPDATING,
    ),
    "everywhere": (
        DAEMON_SETS,
        a_daemon_set("l"),
        {"spec": {"updateStrategy": {"type": "OnDelete", "rollingUpdate": None}}},
    ),
    "scaler": (SCALERS, a_scaler("m"), BEHAVIOR),
    "scaler-with-more": (
        SCALERS,
        a_scaler("n", behavior={"scaleUp": {"stabilizationWindowSeconds": 3}}),
        BEHAVIOR,
    ),
    "ingress": (
        INGRESSES,
        named("o", defaultBackend=backend({"number": 80})),
        {"spec": {"defaultBackend": backend({"number": None, "name": "http"})}},
    ),
    "ingress-class": (INGRESSES, an_ingress("p"), {"spec": {"ingressClassName": "none"}}),
    "service": (
        "services",
        named("q", ports=[{"port": 80}]),
        {"spec": {"sessionAffinity": "ClientIP", "selector": {"app": "nobody"},
                  "publishNotReadyAddresses": True, "ports": [{"port": 81}]}},
    ),
    "service-ports": (
        "services",
        named("y", ports=[{"name": "a", "port": 80}, {"name": "b", "port": 80, "protocol": "UDP"},
                          {"name": "c", "port": 81, "targetPort": 8080}]),
        {"spec": {"ports": [{"name": "c", "port": 82}, {"name": "a", "port": 80}]}},
    ),
    "ingress-rules": (
        INGRESSES,
        an_ingress("z"),
        {"spec": {"rules": [{"host": "shop.example", "http": {"paths": [
            {"path": "/", "pathType": "Prefix", "backend": backend({"number": 81})}]}}]}},
    ),
    "budget": (
        BUDGETS,
        named("aa", maxUnavailable=2, selector={"matchLabels": {"app": "web"}}),
        {"spec": {"maxUnavailable": None, "minAvailable": "100%"}},
    ),
    "no-data": ("configmaps", {"metadata": {"name": "r"}}, {"data": {"a": "b"}}),
    "data": (
        "configmaps",
        {"metadata": {"name": "s"}, "data": {"a": "b"}},
        {"data": {"a": "c", "d": "e"}, "binaryData": {"f": "Zw=="}},
    ),
    "pod": ("pods", a_pod("t"), {"metadata": {"annotations": {"slow": "yes"}}}),
    "quota": ("resourcequotas", named("u"), {"spec": {"hard": {"services": "99"}}}),
    "quota-of-more": (
        "resourcequotas", named("v", hard={"services": "99"}), {"spec": {"hard": {"pods": "99"}}},
    ),
    "job": (JOBS, a_job("w", suspend=True), {"spec": {"parallelism": 2}}),
    "cron-job": (
        CRON_JOBS,
        named("x", schedule="0 0 1 1 *", jobTemplate={"spec": a_job("x")["spec"]}),
        {"spec": {"suspend": True}},
    ),
}  # fmt: skip
"""By what is told of it: the kind, an object and a merge patch."""


def is_ready(place: Place) -> bool:
    """Whether the controllers have done with the objects, so that nothing but us changes them."""
    place.settle()
    alone = place.direct.get("pods", "t")
    if (alone.get("status") or {}).get("phase") != "Running":
        # Its node goes on writing to it until it runs.
        return False
    sets = [
        place.direct.send("GET", place.path(kind)).body for kind in (STATEFUL_SETS, DAEMON_SETS)
    ]
    return all(
        each["status"].get("numberReady", each["status"].get("readyReplicas"))
        for found in sets
        for each in found["items"]
    )


async def proven(guard: Guard, patience: float = 12) -> None:
    restoration = await guard.verify(patience)
    assert restoration.is_proven, restoration
    assert restoration.kept == (), restoration


@pytest.fixture
def objects(place: Place) -> dict[str, str]:
    """The paths of an object for each case, all of them made and steady."""
    paths = {
        told: place.path(kind, place.make(kind, made)["metadata"]["name"])
        for told, (kind, made, _) in CASES.items()
    }
    eventually(lambda: is_ready(place))
    return paths


def seen(place: Place, path: str) -> Object:
    answer = place.direct.send("GET", path)
    assert answer.code == 200, answer.body
    found = image(answer.body)
    annotations = {**found["metadata"].get("annotations", {})}
    annotations.pop("deployment.kubernetes.io/revision", None)
    kept = {"labels": found["metadata"].get("labels"), "annotations": annotations}
    return {name: value for name, value in found.items() if name != "metadata"} | kept


async def test_every_field_returns_as_it_was(
    place: Place, objects: dict[str, str], database: Path
) -> None:
    radius = loose(namespaces=frozenset({place.namespace}), kinds=KINDS, most_objects=200)
    guarding = partial(guard_at, database, kubeconfig=place.kubeconfig, radius=radius)
    before = {told: seen(place, path) for told, path in objects.items()}
    async with guarding() as guard:
        behind = await guard.begin()
        refused = {}
        for told, path in objects.items():
            status, answer = await behind.patch(path, CASES[told][2])
            if status != 200:
                refused[told] = answer
        assert refused == {}
        assert all(seen(place, path) != before[told] for told, path in objects.items())
        guard.kill()
        await guard.ended()
    async with guarding(recovering=True) as guard:
        await proven(guard)

    after = {told: seen(place, path) for told, path in objects.items()}
    assert {told for told in before if before[told] != after[told]} == set()


async def test_policy_of_the_run_that_it_changed_is_gone_and_a_taint_too(
    place: Place, guarding: StartGuard
) -> None:
    node = "/api/v1/nodes/" + place.direct.send("GET", "/api/v1/nodes").body["items"][0][
        "metadata"]["name"]  # fmt: skip
    before = place.direct.send("GET", node).body["spec"]
    taints = [*before.get("taints", []), {"key": "tried", "effect": "PreferNoSchedule"}]
    policy = named("mine", podSelector={"matchLabels": {"app": "other"}}, policyTypes=["Ingress"])
    path = place.path(POLICIES, "mine")
    async with guarding() as guard:
        behind = await guard.begin()
        assert (await behind.raw("POST", place.path(POLICIES), policy))[0] == 201
        changed = await behind.patch(path, {"spec": {"ingress": [{}]}})
        assert changed[0] == 200, changed
        assert (await behind.patch(node, {"spec": {"taints": taints}}))[0] == 200
        await proven(guard)

    assert place.gone(path)
    assert place.direct.send("GET", node).body["spec"] == before


SLOW: Final = {"lifecycle": {"preStop": {"sleep": {"seconds": 3}}}}


def a_slow_workload() -> Object:
    """A deployment whose pods take their time to go."""
    found = a_deployment("slow", 1)
    found["spec"]["template"]["spec"]["containers"][0] |= SLOW
    return found


@pytest.mark.parametrize("by", ["undo", "the method"])
async def test_nothing_is_proven_while_a_pod_of_ours_is_there(
    place: Place, guarding: StartGuard, by: str
) -> None:
    path = place.path(DEPLOYMENTS, "slow")
    async with guarding() as guard:
        behind = await guard.begin()
        assert (await behind.raw("POST", place.path(DEPLOYMENTS), a_slow_workload()))[0] == 201
        eventually(lambda: place.direct.get(DEPLOYMENTS, "slow")["status"].get("readyReplicas"))
        if by == "the method":
            assert (await behind.raw("DELETE", path, {"propagationPolicy": "Background"}))[0] == 200
        await guard.undo()
        early = await guard.verify(0.5)
        is_early = bool(place.direct.names("pods", labelSelector="app=slow"))
        await proven(guard)

    assert place.direct.names("pods", labelSelector="app=slow") == []
    assert place.gone(path)
    assert not (is_early and early.is_proven), "a pod of ours was still there"


async def test_object_made_anew_in_the_moment_of_a_kill_is_put_back(
    place: Place, database: Path
) -> None:
    words = {"metadata": {"name": "words"}, "data": {"a": "before"}}
    path = place.path("configmaps", place.make("configmaps", words)["metadata"]["name"])
    radius = loose(namespaces=frozenset({place.namespace}))
    guarding = partial(guard_at, database, kubeconfig=place.kubeconfig, radius=radius)
    async with guarding() as guard:
        behind = await guard.begin()
        assert (await behind.raw("DELETE", path))[0] == 200
        guard.kill()
        await guard.ended()
    async with guarding(dies_at="settle") as guard:
        behind = await guard.begin()
        with pytest.raises((OSError, IndexError, ValueError)):
            await behind.raw("POST", place.path("configmaps"), words | {"data": {"a": "broken"}})
        await guard.ended()
    assert place.direct.get("configmaps", "words")["data"] == {"a": "broken"}
    async with guarding(recovering=True) as guard:
        await proven(guard)

    found = place.direct.get("configmaps", "words")
    assert (found["data"], found["metadata"].get("annotations")) == ({"a": "before"}, None)
    assert {each.state for each in await records(database)} == {UndoState.UNDONE}
