"""Webhooks that do not answer and policies that deny: what they cover, and that they go first."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Protocol

import anyio

from tests.integration.guard.conducting import (
    EVERYTHING,
    Cluster,
    Guard,
    guard_at,
    loose,
    until,
)
from tests.integration.guard.conftest import StartGuard
from tests.integration.guard.furnished import rule
from tests.integration.guard.places import Object, Place

ROOT = "/apis/admissionregistration.k8s.io/v1"
HOOKS = f"{ROOT}/validatingwebhookconfigurations"
POLICIES = f"{ROOT}/validatingadmissionpolicies"
BINDINGS = f"{ROOT}/validatingadmissionpolicybindings"
KINDS = EVERYTHING | {each.rpartition("/")[2] for each in (HOOKS, POLICIES, BINDINGS)}
DEPLOYMENTS = "apps/v1/deployments"
WEB = {"matchLabels": {"app": "web"}}
LIMITS: Mapping[str, Any] = {"kinds": KINDS, "creates": KINDS}


class Named(Protocol):
    """Where a barrier is to lie, as far as it says so."""

    @property
    def namespace(self) -> str: ...


def of_namespace(name: str) -> Object:
    return {"matchLabels": {"kubernetes.io/metadata.name": name}}


def a_rule(*resources: str, group: str = "", deeds: tuple[str, ...] = ("CREATE",)) -> Object:
    return {
        "apiGroups": [group],
        "apiVersions": ["v1"],
        "resources": list(resources),
        "operations": list(deeds),
        "scope": "Namespaced",
    }


def a_webhook(place: Named, *rules: Object, **more: Any) -> Object:
    webhook = {
        "name": "outage.example.org",
        "clientConfig": {"service": {"namespace": place.namespace, "name": "nobody"}},
        "rules": list(rules),
        "namespaceSelector": of_namespace(place.namespace),
        "sideEffects": "None",
        "admissionReviewVersions": ["v1"],
        **more,
    }
    return {
        "apiVersion": "admissionregistration.k8s.io/v1",
        "kind": "ValidatingWebhookConfiguration",
        "metadata": {"name": f"outage-{place.namespace}"},
        "webhooks": [webhook],
    }


def a_policy(place: Named, *rules: Object, **more: Any) -> Object:
    match = {"namespaceSelector": of_namespace(place.namespace), "resourceRules": list(rules)}
    return {
        "apiVersion": "admissionregistration.k8s.io/v1",
        "kind": "ValidatingAdmissionPolicy",
        "metadata": {"name": f"denied-{place.namespace}"},
        "spec": {
            "matchConstraints": match | more,
            "validations": [{"expression": "false", "message": "no deploys today"}],
        },
    }


def a_binding(place: Named, **more: Any) -> Object:
    name = f"denied-{place.namespace}"
    return {
        "apiVersion": "admissionregistration.k8s.io/v1",
        "kind": "ValidatingAdmissionPolicyBinding",
        "metadata": {"name": name},
        "spec": {"policyName": name, "validationActions": ["Deny"], **more},
    }


async def made(behind: Cluster, collection: str, body: Object) -> str:
    """Make an object through the guard; its path."""
    status, answer = await behind.raw("POST", collection, body)
    assert status == 201, answer
    return f"{collection}/{answer['metadata']['name']}"


async def refused(behind: Cluster, method: str, path: str, body: Object) -> str:
    """The message of a write that the API server refuses once it has heard of a barrier."""
    kind = "application/merge-patch+json" if method == "PATCH" else "application/json"
    with anyio.fail_after(10):
        while True:
            status, answer = await behind.raw(method, path, body, {"Content-Type": kind})
            if status >= 400:
                return f"{status} {answer['message']}"
            await anyio.sleep(0.02)


async def proven(guard: Guard, place: Place, *gone: str) -> None:
    await guard.undo()
    restoration = await guard.verify()
    assert restoration.is_proven, restoration
    assert [path for path in gone if not place.gone(path)] == []
    await anyio.to_thread.run_sync(place.settle)


async def test_outage_of_a_webhook_keeps_pods_from_being_replaced_until_it_is_undone(
    guarding: StartGuard, place: Place
) -> None:
    async with guarding(**LIMITS) as guard:
        behind = await guard.begin()
        before = await anyio.to_thread.run_sync(place.pods, "web")
        path = await made(behind, HOOKS, a_webhook(place, a_rule("pods"), objectSelector=WEB))
        assert sorted((await guard.event("write"))["lost"]) == [
            f"pods/{place.namespace}/{name}" for name in before
        ]
        assert (await behind.raw("DELETE", place.path("pods", before[0])))[0] == 200

        async def why() -> str:
            found = (await behind.read(place.path(DEPLOYMENTS, "web")))["status"]["conditions"]
            return next((each["message"] for each in found if each["type"] == "ReplicaFailure"), "")

        said = await until(why)
        assert 'failed calling webhook "outage.example.org"' in said
        assert 'service "nobody" not found' in said
        await proven(guard, place, path)


async def test_deploys_are_denied_until_the_policy_is_undone(
    guarding: StartGuard, place: Place
) -> None:
    deployment = place.path(DEPLOYMENTS, "web")
    async with guarding(**LIMITS) as guard:
        behind = await guard.begin()
        deploys = a_rule("deployments", group="apps", deeds=("UPDATE",))
        policy = await made(behind, POLICIES, a_policy(place, deploys, objectSelector=WEB))
        parameters = {"name": "words", "parameterNotFoundAction": "Deny"}
        answer = await behind.raw("POST", BINDINGS, a_binding(place, paramRef=parameters))
        assert "paramRef" in answer[1]["message"]
        binding = await made(behind, BINDINGS, a_binding(place))
        said = await refused(behind, "PATCH", deployment, {"metadata": {"labels": {"a": "b"}}})

        name = f"denied-{place.namespace}"
        assert said.endswith(
            f"ValidatingAdmissionPolicy '{name}' with binding '{name}' denied request:"
            " no deploys today"
        )
        await proven(guard, place, policy, binding)
        assert (await behind.raw("GET", deployment))[1]["metadata"]["labels"].get("a") is None


async def test_what_covers_others_goes_before_them_in_whichever_order_they_came(
    guarding: StartGuard, place: Place
) -> None:
    place.make("configmaps", {"metadata": {"name": "early"}, "data": {"a": "b"}})
    place.make("configmaps", {"metadata": {"name": "late"}, "data": {"a": "b"}})
    early, late = (place.path("configmaps", name) for name in ("early", "late"))
    async with guarding(**LIMITS) as guard:
        behind = await guard.begin()
        assert (await behind.patch(early, {"data": {"a": "ours"}}))[0] == 200
        writes = a_rule("configmaps", deeds=("CREATE", "UPDATE"))
        paths = [
            await made(behind, POLICIES, a_policy(place, writes)),
            await made(behind, BINDINGS, a_binding(place)),
            await made(behind, HOOKS, a_webhook(place, writes)),
        ]
        await refused(behind, "PATCH", early, {"data": {"a": "again"}})
        assert (await behind.raw("DELETE", late))[0] == 200

        restoration = await guard.undo()

        assert restoration.is_proven, restoration
        for path in (early, late):
            assert place.direct.send("GET", path).body["data"] == {"a": "b"}
        await proven(guard, place, *paths)
        place.remove(early)
        place.remove(late)


async def test_undo_outlives_the_guard_that_made_a_barrier(
    guarding: StartGuard, place: Place
) -> None:
    place.make("configmaps", {"metadata": {"name": "left"}, "data": {"a": "b"}})
    left = place.path("configmaps", "left")
    async with guarding(**LIMITS) as guard:
        behind = await guard.begin()
        assert (await behind.patch(left, {"data": {"a": "ours"}}))[0] == 200
        writes = a_rule("configmaps", deeds=("CREATE", "UPDATE", "DELETE"))
        hook = await made(behind, HOOKS, a_webhook(place, writes))
        await refused(behind, "PATCH", left, {"data": {"a": "again"}})
        await guard.hang_up()
    assert place.gone(hook)
    assert place.direct.send("GET", left).body["data"] == {"a": "b"}
    place.remove(left)


async def test_barriers_can_be_rehearsed(place: Place, database: Path) -> None:
    radius = loose(namespaces=frozenset({place.namespace}), **LIMITS)
    async with guard_at(
        database, kubeconfig=place.kubeconfig, radius=radius, rehearsing=True
    ) as guard:
        await guard.do("play")
        behind = await guard.cluster()
        pods = a_rule("pods")
        paths = [
            await made(behind, HOOKS, a_webhook(place, pods)),
            await made(behind, POLICIES, a_policy(place, pods)),
            await made(behind, BINDINGS, a_binding(place)),
        ]
        assert all(place.gone(path) for path in paths)


def with_service(**config: Any) -> Callable[[Named], Object]:
    return lambda place: a_webhook(place, a_rule("pods"), clientConfig=config)


def hook(*rules: Object, **more: Any) -> Callable[[Named], Object]:
    return lambda place: a_webhook(place, *(rules or (a_rule("pods"),)), **more)


def policy(*rules: Object, **more: Any) -> Callable[[Named], Object]:
    return lambda place: a_policy(place, *(rules or (a_rule("pods"),)), **more)


def with_spec(**more: Any) -> Callable[[Named], Object]:
    def build(place: Named) -> Object:
        found = a_policy(place, a_rule("pods"))
        return found | {"spec": found["spec"] | more}

    return build


def with_finalizer(place: Named) -> Object:
    found = a_webhook(place, a_rule("pods"))
    return found | {"metadata": found["metadata"] | {"finalizers": ["example.org/stays"]}}


def at_web(place: Named) -> Object:
    service = {"namespace": place.namespace, "name": "web"}
    return a_webhook(place, a_rule("pods"), clientConfig={"service": service})


def everywhere(key: str, operator: str, *values: str) -> Object:
    return {"matchExpressions": [{"key": key, "operator": operator, "values": list(values)}]}


NAME = "kubernetes.io/metadata.name"
NO_EXPRESSIONS = "the practice cluster evaluates no expression"
EVASIONS: list[tuple[str, Callable[[Named], Object], str, str]] = [
    (HOOKS, hook(namespaceSelector={}), "expansion", "names no namespace"),
    (HOOKS, hook(namespaceSelector={"matchLabels": {"a": "b"}}), "expansion", "others later"),
    (HOOKS, hook(namespaceSelector=everywhere(NAME, "NotIn", "x")), "expansion", "others later"),
    (HOOKS, hook(namespaceSelector=of_namespace("default")), "namespaces", "default"),
    (HOOKS, hook(namespaceSelector=of_namespace("kube-system")), "namespaces", "kube-system"),
    (
        HOOKS,
        hook(namespaceSelector=everywhere(NAME, "In", "kube-system", "default")),
        "namespaces",
        "default",
    ),
    (HOOKS, hook(a_rule("*")), "expansion", "name *"),
    (HOOKS, hook(a_rule("pods", group="*")), "expansion", "of the group '*'"),
    (HOOKS, hook(a_rule("*/*")), "expansion", "name *"),
    (HOOKS, hook(a_rule("pods/*")), "expansion", "name pods/*"),
    (HOOKS, hook(a_rule("pods/status")), "expansion", "name pods/status"),
    (HOOKS, hook(a_rule("secrets")), "expansion", "name secrets"),
    (HOOKS, hook(a_rule("serviceaccounts/token")), "expansion", "name serviceaccounts"),
    (HOOKS, hook(a_rule("events")), "expansion", "name events"),
    (HOOKS, hook(a_rule("endpoints")), "expansion", "name endpoints"),
    (HOOKS, hook(a_rule("leases", group="coordination.k8s.io")), "expansion", "name leases"),
    (HOOKS, hook(a_rule("nodes")), "expansion", "name nodes"),
    (HOOKS, hook(a_rule("podchaos", group="chaos-mesh.org")), "expansion", "name podchaos"),
    (HOOKS, hook(a_rule("pods", deeds=("*",))), "expansion", "operation *"),
    (HOOKS, hook(a_rule("pods/exec", deeds=("CONNECT",))), "expansion", "operation CONNECT"),
    (HOOKS, hook(a_rule("pods") | {"scope": "*"}), "expansion", "scope *"),
    (HOOKS, hook(objectSelector={"matchLabels": {"app": "later"}}), "expansion", "no object now"),
    (HOOKS, hook(timeoutSeconds=30), "expansion", "timeoutSeconds 30"),
    (HOOKS, with_service(url="https://collector.example.org/"), "expansion", "shown whole objects"),
    (
        HOOKS,
        with_service(service={"namespace": "default", "name": "nobody"}),
        "namespaces",
        "default",
    ),
    (
        HOOKS,
        with_service(service={"namespace": "default", "name": "nobody"}, caBundle="eA=="),
        "expansion",
        "caBundle",
    ),
    (HOOKS, at_web, "expansion", "exists, so it might answer"),
    (HOOKS, with_finalizer, "finalizers", "finalizers"),
    (POLICIES, policy(namespaceSelector={}), "expansion", "names no namespace"),
    (POLICIES, policy(namespaceSelector=of_namespace("default")), "namespaces", "default"),
    (POLICIES, policy(a_rule("*")), "expansion", "name *"),
    (
        POLICIES,
        with_spec(paramKind={"apiVersion": "v1", "kind": "ConfigMap"}),
        "expansion",
        "paramKind",
    ),
    (BINDINGS, a_binding, "expansion", "was not made by this run"),
]


async def test_barrier_beyond_the_limits_is_refused(guarding: StartGuard, place: Place) -> None:
    async with guarding(**LIMITS) as guard:
        behind = await guard.begin()
        wrong = []
        for collection, build, broken, said in EVASIONS:
            answer = await behind.raw("POST", collection, build(place))
            if answer[0] == 422 and NO_EXPRESSIONS in answer[1]["message"]:
                continue
            if answer[0] != 403 or rule(answer) != broken or said not in answer[1]["message"]:
                wrong.append((broken, said, answer))
        assert wrong == []


async def test_what_a_barrier_covers_counts_against_the_limits(
    guarding: StartGuard, place: Place
) -> None:
    for limit, broken in (
        ({"most_objects": 4}, "most_objects"),
        ({"kinds": KINDS - {"pods"}}, "kinds"),
        ({"creates": frozenset({"pods"})}, "creates"),
    ):
        async with guarding(**{**LIMITS, **limit}) as guard:
            behind = await guard.begin()
            answer = await behind.raw("POST", HOOKS, a_webhook(place, a_rule("pods")))
            assert rule(answer) == broken


async def test_labels_of_the_plan_bind_what_a_barrier_may_find_later(
    guarding: StartGuard, place: Place
) -> None:
    scale = a_rule("deployments/scale", group="apps", deeds=("UPDATE",))
    async with guarding(**LIMITS, selectors={"app": "web"}) as guard:
        behind = await guard.begin()
        answers = [
            await behind.raw("POST", HOOKS, a_webhook(place, *rules, objectSelector=selector))
            for rules, selector in (
                ([a_rule("pods")], {}),
                ([a_rule("pods")], everywhere("app", "NotIn", "other")),
                ([a_rule("pods")], everywhere("app", "In", "web", "other")),
                ([scale], WEB),
            )
        ]
        assert [rule(each) for each in answers] == ["selectors"] * 4
        path = await made(behind, HOOKS, a_webhook(place, a_rule("pods"), objectSelector=WEB))
        await proven(guard, place, path)


async def test_only_its_own_barriers_are_changed_and_deleted(
    guarding: StartGuard, place: Place
) -> None:
    theirs = a_webhook(place, a_rule("pods", deeds=("DELETE",)), failurePolicy="Ignore")
    theirs["metadata"]["name"] = f"theirs-{place.namespace}"
    assert place.direct.send("POST", HOOKS, theirs).code == 201
    other = f"{HOOKS}/{theirs['metadata']['name']}"
    policy = a_policy(place, a_rule("pods"))
    policy["metadata"]["name"] = f"theirs-{place.namespace}"
    assert place.direct.send("POST", POLICIES, policy).code == 201
    async with guarding(**LIMITS) as guard:
        behind = await guard.begin()
        own = await made(behind, HOOKS, a_webhook(place, a_rule("pods"), failurePolicy="Ignore"))
        labelled = {"metadata": {"labels": {"a": "b"}}}
        refusals = [
            await behind.patch(other, labelled),
            await behind.raw("DELETE", other),
            await behind.raw("DELETE", HOOKS),
            await behind.raw(
                "POST", BINDINGS, a_binding(place, policyName=f"theirs-{place.namespace}")
            ),
            await behind.patch(own, {"webhooks": []}),
        ]
        assert [rule(each) for each in refusals] == ["own", "own", "own", "expansion", "fields"]
        assert (await behind.patch(own, labelled))[0] == 200
        assert (await behind.raw("DELETE", own))[0] == 200
        assert not place.gone(other)
        await proven(guard, place, own)
    place.remove(other)
    place.remove(f"{POLICIES}/theirs-{place.namespace}")


async def test_what_alters_the_writes_of_others_is_refused(
    guarding: StartGuard, place: Place
) -> None:
    found = a_webhook(place, a_rule("pods")) | {"kind": "MutatingWebhookConfiguration"}
    async with guarding(**LIMITS) as guard:
        behind = await guard.begin()
        answer = await behind.raw("POST", f"{ROOT}/mutatingwebhookconfigurations", found)
        assert rule(answer) == "privileges"
        assert "make one that validates" in answer[1]["message"]
