"""Webhooks that nobody answers and policies that deny: what is accepted, and what they refuse."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from copy import deepcopy
from typing import Any

import pytest

from tests.contract.cluster.asking import JSON, MERGE, Answer, Cluster, a_deployment, eventually

Object = dict[str, Any]
ROOT = "/apis/admissionregistration.k8s.io/v1"
WEBHOOKS = "validatingwebhookconfigurations"
POLICIES = "validatingadmissionpolicies"
BINDINGS = "validatingadmissionpolicybindings"
DEPLOYMENTS = "apps/v1/deployments"
TABLE = "application/json;as=Table;v=v1;g=meta.k8s.io"
ONLY_CONSTANTS = "it evaluates no expression but true and false"
WEB = {"matchLabels": {"app": "web"}}


def a_rule(*resources: str, **more: Any) -> Object:
    return {
        "apiGroups": [""],
        "apiVersions": ["v1"],
        "resources": list(resources or ("configmaps",)),
        "operations": ["CREATE"],
        **more,
    }


def of_namespace(cluster: Cluster) -> Object:
    return {"matchLabels": {"kubernetes.io/metadata.name": cluster.namespace}}


def a_webhook(cluster: Cluster, **more: Any) -> Object:
    return {
        "name": "outage.example.org",
        "clientConfig": {"service": {"namespace": cluster.namespace, "name": "nobody"}},
        "rules": [a_rule()],
        "namespaceSelector": of_namespace(cluster),
        "sideEffects": "None",
        "admissionReviewVersions": ["v1"],
        **more,
    }


def webhooks(cluster: Cluster, *listed: Object) -> Object:
    return {"metadata": {"name": cluster.namespace}, "webhooks": list(listed)}


def a_policy(cluster: Cluster, *rules: Object, says: Any = "false", **more: Any) -> Object:
    match = {"namespaceSelector": of_namespace(cluster), "resourceRules": list(rules)}
    validations = [{"expression": says}] if isinstance(says, str) else says
    spec = {"matchConstraints": match | more, "validations": validations}
    return {"metadata": {"name": cluster.namespace}, "spec": spec}


def a_binding(cluster: Cluster, **more: Any) -> Object:
    spec = {"policyName": cluster.namespace, "validationActions": ["Deny"], **more}
    return {"metadata": {"name": cluster.namespace}, "spec": spec}


@contextmanager
def made(cluster: Cluster, resource: str, body: Object) -> Iterator[None]:
    """A barrier, gone afterwards."""
    answer = cluster.send("POST", f"{ROOT}/{resource}", body)
    assert answer.code == 201, answer.body
    yield
    path = f"{ROOT}/{resource}/{body['metadata']['name']}"
    assert cluster.send("DELETE", path).code == 200


@contextmanager
def bound(cluster: Cluster, policy: Object, **more: Any) -> Iterator[None]:
    """A policy with a binding, gone afterwards."""
    with made(cluster, POLICIES, policy), made(cluster, BINDINGS, a_binding(cluster, **more)):
        yield


def refused(cluster: Cluster, method: str, path: str, body: Any = None, kind: str = JSON) -> Answer:
    """The answer to a write, once a server refuses it; it takes a moment to hear of a barrier."""

    def ask() -> Answer | None:
        answer = cluster.send(method, path, body, kind=kind, dryRun="All")
        return answer if answer.code >= 400 else None

    return eventually(ask)


def passes(cluster: Cluster, body: Object) -> bool:
    return cluster.send("POST", cluster.path("configmaps"), body, dryRun="All").code == 201


def a_map(name: str = "words", **labels: str) -> Object:
    return {"metadata": {"name": name, "labels": labels}, "data": {"a": "b"}}


def outage(cluster: Cluster) -> str:
    return (
        'failed calling webhook "outage.example.org": failed to call webhook: Post '
        f'"https://nobody.{cluster.namespace}.svc:443/?timeout=10s": service "nobody" not found'
    )


def denial(cluster: Cluster, said: str = "failed expression: false") -> str:
    name = cluster.namespace
    return f"ValidatingAdmissionPolicy '{name}' with binding '{name}' denied request: {said}"


def test_webhooks_are_filled_in(cluster: Cluster) -> None:
    body = webhooks(cluster, a_webhook(cluster))

    answer = cluster.send("POST", f"{ROOT}/{WEBHOOKS}", body, dryRun="All")

    service = {"namespace": cluster.namespace, "name": "nobody", "port": 443}
    assert answer.code == 201, answer.body
    assert answer.body["metadata"]["generation"] == 1
    assert answer.body["webhooks"] == [
        a_webhook(cluster)
        | {
            "clientConfig": {"service": service},
            "rules": [a_rule() | {"scope": "*"}],
            "failurePolicy": "Fail",
            "matchPolicy": "Equivalent",
            "objectSelector": {},
            "timeoutSeconds": 10,
        }
    ]


def test_policies_and_bindings_are_filled_in(cluster: Cluster) -> None:
    policy = cluster.send(
        "POST", f"{ROOT}/{POLICIES}", a_policy(cluster, a_rule()), dryRun="All"
    ).body
    binding = cluster.send(
        "POST", f"{ROOT}/{BINDINGS}", a_binding(cluster, matchResources={}), dryRun="All"
    ).body

    selected = {"objectSelector": {}, "matchPolicy": "Equivalent"}
    assert policy["spec"] == {
        "failurePolicy": "Fail",
        "validations": [{"expression": "false"}],
        "matchConstraints": {
            "namespaceSelector": of_namespace(cluster),
            "resourceRules": [a_rule() | {"scope": "*"}],
            **selected,
        },
    }
    assert policy["status"] == {}
    assert binding["spec"]["matchResources"] == {"namespaceSelector": {}, **selected}
    assert "status" not in binding


def webhook_with(**more: Any) -> Callable[[Cluster], Object]:
    def build(cluster: Cluster) -> Object:
        found = a_webhook(cluster) | more
        return webhooks(cluster, {key: each for key, each in found.items() if each is not None})

    return build


def policy_with(**more: Any) -> Callable[[Cluster], Object]:
    def build(cluster: Cluster) -> Object:
        found = a_policy(cluster, a_rule())
        spec = found["spec"] | more
        return found | {"spec": {key: each for key, each in spec.items() if each is not None}}

    return build


def rules_with(**more: Any) -> Callable[[Cluster], Object]:
    return lambda cluster: a_policy(cluster, a_rule(**more))


def match_with(**more: Any) -> Callable[[Cluster], Object]:
    return lambda cluster: a_policy(cluster, a_rule(), **more)


def binding_with(**more: Any) -> Callable[[Cluster], Object]:
    def build(cluster: Cluster) -> Object:
        found = a_binding(cluster, **more)
        kept = {key: each for key, each in found["spec"].items() if each is not None}
        return found | {"spec": kept}

    return build


NO_VALUES = {"matchExpressions": [{"key": "a", "operator": "In"}]}
NEITHER = "validations or auditAnnotations must contain at least one item"
MALFORMED: list[tuple[str, Callable[[Cluster], Object], list[str]]] = [
    (WEBHOOKS, webhook_with(sideEffects=None), ["webhooks[0].sideEffects"]),
    (WEBHOOKS, webhook_with(sideEffects="Some"), ["webhooks[0].sideEffects"]),
    (WEBHOOKS, webhook_with(admissionReviewVersions=None), ["webhooks[0].admissionReviewVersions"]),
    (
        WEBHOOKS,
        webhook_with(admissionReviewVersions=["v3"]),
        ["webhooks[0].admissionReviewVersions"],
    ),
    (WEBHOOKS, webhook_with(name="short"), ["webhooks[0].name"]),
    (WEBHOOKS, webhook_with(name=None), ["webhooks[0].name"]),
    (WEBHOOKS, webhook_with(timeoutSeconds=31), ["webhooks[0].timeoutSeconds"]),
    (WEBHOOKS, webhook_with(timeoutSeconds=0), ["webhooks[0].timeoutSeconds"]),
    (WEBHOOKS, webhook_with(failurePolicy="Maybe"), ["webhooks[0].failurePolicy"]),
    (WEBHOOKS, webhook_with(matchPolicy="Some"), ["webhooks[0].matchPolicy"]),
    (WEBHOOKS, webhook_with(clientConfig={}), ["webhooks[0].clientConfig"]),
    (
        WEBHOOKS,
        webhook_with(clientConfig={"url": "http://example.org/"}),
        ["webhooks[0].clientConfig.url"],
    ),
    (
        WEBHOOKS,
        webhook_with(clientConfig={"service": {"namespace": "a", "name": "b", "port": 0}}),
        ["webhooks[0].clientConfig.service.port"],
    ),
    (WEBHOOKS, webhook_with(namespaceSelector=NO_VALUES),
     ["webhooks[0].namespaceSelector.matchExpressions[0].values"]),
    (WEBHOOKS, webhook_with(rules=[a_rule(scope="Some")]), ["webhooks[0].rules[0].scope"]),
    (POLICIES, policy_with(matchConstraints=None), ["spec.matchConstraints"]),
    (POLICIES, match_with(resourceRules=[]), ["spec.matchConstraints.resourceRules"]),
    (POLICIES, policy_with(validations=None), ["spec.validations", "spec.auditAnnotations"]),
    (
        POLICIES,
        policy_with(validations=[{"expression": " "}]),
        ["spec.validations[0].expression"],
    ),
    (
        POLICIES,
        policy_with(validations=[{"expression": "1"}]),
        ["spec.validations[0].expression"],
    ),
    (
        POLICIES,
        policy_with(validations=[{"expression": "false", "reason": "Some"}]),
        ["spec.validations[0].reason"],
    ),
    (
        POLICIES,
        policy_with(validations=[{"expression": "false", "message": "a\nb"}]),
        ["spec.validations[0].message"],
    ),
    (POLICIES, policy_with(failurePolicy="Maybe"), ["spec.failurePolicy"]),
    (POLICIES, policy_with(paramKind={"apiVersion": "v1"}), ["spec.paramKind.kind"]),
    (POLICIES, match_with(matchPolicy="Some"), ["spec.matchConstraints.matchPolicy"]),
    (POLICIES, match_with(objectSelector=NO_VALUES),
     ["spec.matchConstraints.objectSelector.matchExpressions[0].values"]),
    (POLICIES, rules_with(operations=[]), ["spec.matchConstraints.resourceRules[0].operations"]),
    (
        POLICIES,
        rules_with(operations=["MAKE"]),
        ["spec.matchConstraints.resourceRules[0].operations[0]"],
    ),
    (
        POLICIES,
        rules_with(operations=["*", "CREATE"]),
        ["spec.matchConstraints.resourceRules[0].operations"],
    ),
    (POLICIES, rules_with(apiGroups=[]), ["spec.matchConstraints.resourceRules[0].apiGroups"]),
    (POLICIES, rules_with(apiVersions=[]), ["spec.matchConstraints.resourceRules[0].apiVersions"]),
    (POLICIES, rules_with(resources=[]), ["spec.matchConstraints.resourceRules[0].resources"]),
    (
        POLICIES,
        rules_with(resources=["*", "pods"]),
        ["spec.matchConstraints.resourceRules[0].resources"],
    ),
    (
        POLICIES,
        rules_with(resources=["pods/*", "pods/status"]),
        ["spec.matchConstraints.resourceRules[0].resources[1]"],
    ),
    (
        POLICIES,
        rules_with(resourceNames=["a", "a"]),
        ["spec.matchConstraints.resourceRules[0].resourceNames[1]"],
    ),
    (BINDINGS, binding_with(validationActions=None), ["spec.validationActions"]),
    (BINDINGS, binding_with(validationActions=["Some"]), ["spec.validationActions[0]"]),
    (BINDINGS, binding_with(validationActions=["Deny", "Deny"]), ["spec.validationActions[1]"]),
    (BINDINGS, binding_with(validationActions=["Deny", "Warn"]), ["spec.validationActions"]),
    (BINDINGS, binding_with(policyName=None), ["spec.policyName"]),
    (BINDINGS, binding_with(policyName="A_"), ["spec.policyName"]),
]  # fmt: skip


def test_malformed_barriers_are_refused_by_field(cluster: Cluster) -> None:
    for resource, build, fields in MALFORMED:
        answer = cluster.send("POST", f"{ROOT}/{resource}", build(cluster), dryRun="All")

        assert answer.code == 422, (fields, answer.body)
        assert [each["field"] for each in answer.body["details"]["causes"]] == fields


def test_two_webhooks_have_two_names(cluster: Cluster) -> None:
    body = webhooks(cluster, a_webhook(cluster), a_webhook(cluster))

    answer = cluster.send("POST", f"{ROOT}/{WEBHOOKS}", body, dryRun="All")

    assert answer.body["message"].endswith(
        ' is invalid: webhooks[1].name: Duplicate value: "outage.example.org"'
    )


def test_barriers_are_shown_in_tables(cluster: Cluster) -> None:
    def row(resource: str, body: Object) -> list[Any]:
        answer = cluster.send("POST", f"{ROOT}/{resource}", body, accept=TABLE, dryRun="All")
        cells: list[Any] = answer.body["rows"][0]["cells"]
        return cells[:-1]

    name = cluster.namespace
    assert row(WEBHOOKS, webhooks(cluster, a_webhook(cluster))) == [name, 1]
    assert row(POLICIES, a_policy(cluster, a_rule())) == [name, 1, "<unset>"]
    assert row(BINDINGS, a_binding(cluster)) == [name, name, "<unset>"]


def test_webhook_that_nobody_answers_fails_the_write(cluster: Cluster) -> None:
    with made(cluster, WEBHOOKS, webhooks(cluster, a_webhook(cluster))):
        answer = refused(cluster, "POST", cluster.path("configmaps"), a_map())

    assert (answer.code, answer.body["reason"]) == (500, "InternalError")
    assert answer.body["message"] == f"Internal error occurred: {outage(cluster)}"
    assert answer.body["details"] == {"causes": [{"message": outage(cluster)}]}
    eventually(lambda: passes(cluster, a_map()))


def test_webhook_names_what_it_could_not_call(cluster: Cluster) -> None:
    service = {"namespace": cluster.namespace, "name": "nobody", "port": 8443, "path": "/look"}
    hook = a_webhook(cluster, clientConfig={"service": service}, timeoutSeconds=3)
    with made(cluster, WEBHOOKS, webhooks(cluster, hook)):
        answer = refused(cluster, "POST", cluster.path("configmaps"), a_map())

    address = f"https://nobody.{cluster.namespace}.svc:8443/look?timeout=3s"
    assert address in answer.body["message"]


def test_webhook_needs_the_port_of_its_service(cluster: Cluster) -> None:
    cluster.create("services", {"metadata": {"name": "nobody"}, "spec": {"ports": [{"port": 80}]}})
    with made(cluster, WEBHOOKS, webhooks(cluster, a_webhook(cluster))):
        answer = refused(cluster, "POST", cluster.path("configmaps"), a_map())

    assert answer.body["message"].endswith('no service port 443 found for service "nobody"')


def test_webhook_that_may_be_ignored_lets_writes_pass(cluster: Cluster) -> None:
    secrets = a_webhook(cluster, name="second.example.org", rules=[a_rule("secrets")])
    ignored = a_webhook(cluster, failurePolicy="Ignore")
    with made(cluster, WEBHOOKS, webhooks(cluster, ignored, secrets)):
        refused(cluster, "POST", cluster.path("secrets"), {"metadata": {"name": "one"}})

        assert passes(cluster, a_map())


def test_webhook_looks_at_labels_before_and_after(cluster: Cluster) -> None:
    cluster.create("configmaps", a_map("web", app="web"))
    cluster.create("configmaps", a_map("other", app="other"))
    every = a_rule(operations=["CREATE", "UPDATE", "DELETE"])
    hook = a_webhook(cluster, rules=[every], objectSelector=WEB)
    with made(cluster, WEBHOOKS, webhooks(cluster, hook)):
        refused(cluster, "POST", cluster.path("configmaps"), a_map(app="web"))

        assert passes(cluster, a_map(app="other"))
        for name, app in (("web", "other"), ("other", "web")):
            path, labels = cluster.path("configmaps", name), {"metadata": {"labels": {"app": app}}}
            assert cluster.send("PATCH", path, labels, kind=MERGE, dryRun="All").code == 500
        assert cluster.send("DELETE", cluster.path("configmaps", "web"), dryRun="All").code == 500
        assert cluster.send("DELETE", cluster.path("configmaps", "other"), dryRun="All").code == 200


def test_policy_that_is_bound_denies(cluster: Cluster) -> None:
    with bound(cluster, a_policy(cluster, a_rule())):
        answer = refused(cluster, "POST", cluster.path("configmaps"), a_map())

    assert (answer.code, answer.body["reason"]) == (422, "Invalid")
    assert answer.body["message"] == f'configmaps "words" is forbidden: {denial(cluster)}'
    assert answer.body["details"] == {
        "name": "words", "kind": "configmaps", "causes": [{"message": denial(cluster)}],
    }  # fmt: skip
    eventually(lambda: passes(cluster, a_map()))


def test_policy_denies_in_its_own_words(cluster: Cluster) -> None:
    says = [
        {"expression": "true", "message": "never said"},
        {"expression": "false", "message": "not today", "reason": "Forbidden"},
        {"expression": "false", "message": "nor tomorrow"},
    ]
    with bound(cluster, a_policy(cluster, a_rule(), says=says)):
        answer = refused(cluster, "POST", cluster.path("configmaps"), a_map())

    assert (answer.code, answer.body["reason"]) == (403, "Forbidden")
    assert answer.body["message"].endswith(denial(cluster, "not today"))


def test_policy_denies_every_way_to_write(cluster: Cluster) -> None:
    cluster.create("configmaps", a_map())
    path = cluster.path("configmaps", "words")
    every = a_rule(operations=["CREATE", "UPDATE", "DELETE"])
    with bound(cluster, a_policy(cluster, every)):
        refused(cluster, "POST", cluster.path("configmaps"), a_map("more"))

        assert refused(cluster, "PATCH", path, {"data": {"a": "c"}}, MERGE).code == 422
        assert refused(cluster, "PUT", path, cluster.get("configmaps", "words")).code == 422
        assert refused(cluster, "DELETE", path).code == 422
        assert refused(cluster, "DELETE", cluster.path("configmaps")).code == 422


def test_policy_leaves_what_its_rules_do_not_name(cluster: Cluster) -> None:
    cluster.create("configmaps", a_map())
    excluded = [a_rule(resourceNames=["spared"])]
    rules = [a_rule("secrets", "configmaps/status"), a_rule(scope="Cluster"), a_rule()]
    policy = a_policy(cluster, *rules, excludeResourceRules=excluded)
    with bound(cluster, policy):
        refused(cluster, "POST", cluster.path("configmaps"), a_map("more"))

        assert passes(cluster, a_map("spared"))
        path = cluster.path("configmaps", "words")
        change = cluster.send("PATCH", path, {"data": {"a": "c"}}, kind=MERGE, dryRun="All")
        assert change.code == 200


def test_scale_is_a_part_with_rules_of_its_own(cluster: Cluster) -> None:
    cluster.create(DEPLOYMENTS, a_deployment("web", replicas=0))
    path = cluster.path(DEPLOYMENTS, "web")
    rule = a_rule("deployments/scale", apiGroups=["apps"], operations=["UPDATE"])
    with bound(cluster, a_policy(cluster, rule)):
        answer = refused(cluster, "PATCH", f"{path}/scale", {"spec": {"replicas": 1}}, MERGE)

        assert answer.body["message"] == f'deployments.apps "web" is forbidden: {denial(cluster)}'
        whole = cluster.send("PATCH", path, {"spec": {"replicas": 1}}, kind=MERGE, dryRun="All")
        assert whole.code == 200


def test_eviction_is_a_part_with_rules_of_its_own(cluster: Cluster) -> None:
    spec = {"schedulerName": "nobody", "containers": [{"name": "main", "image": "a:1"}]}
    cluster.create("pods", {"metadata": {"name": "one"}, "spec": spec})
    path = cluster.path("pods", "one")
    eviction = {"apiVersion": "policy/v1", "kind": "Eviction", "metadata": {"name": "one"}}
    with bound(cluster, a_policy(cluster, a_rule("pods/eviction"))):
        answer = refused(cluster, "POST", f"{path}/eviction", eviction)

        assert answer.body["message"] == f'pods "one" is forbidden: {denial(cluster)}'
        assert cluster.send("DELETE", path, dryRun="All").code == 200


def test_binding_leaves_only_what_it_selects_too(cluster: Cluster) -> None:
    with bound(cluster, a_policy(cluster, a_rule()), matchResources={"objectSelector": WEB}):
        refused(cluster, "POST", cluster.path("configmaps"), a_map(app="web"))

        assert passes(cluster, a_map(app="other"))


def test_policy_that_is_not_bound_or_only_warns_denies_nothing(cluster: Cluster) -> None:
    alone, other = a_policy(cluster, a_rule()), deepcopy(a_policy(cluster, a_rule("secrets")))
    alone["metadata"]["name"] = f"alone-{cluster.namespace}"
    warning = a_binding(cluster, policyName=f"alone-{cluster.namespace}")
    warning["metadata"]["name"] = f"warning-{cluster.namespace}"
    warning["spec"]["validationActions"] = ["Audit"]
    with (
        made(cluster, POLICIES, alone),
        made(cluster, BINDINGS, warning),
        bound(cluster, other),
    ):
        refused(cluster, "POST", cluster.path("secrets"), {"metadata": {"name": "one"}})

        assert passes(cluster, a_map())


def test_pods_that_a_webhook_keeps_away_are_told_by_their_workload(cluster: Cluster) -> None:
    def said() -> str:
        conditions = cluster.get(DEPLOYMENTS, "web")["status"].get("conditions") or ()
        return next(
            (each["message"] for each in conditions if each["type"] == "ReplicaFailure"), ""
        )

    with made(cluster, WEBHOOKS, webhooks(cluster, a_webhook(cluster, rules=[a_rule("pods")]))):
        pod = {"metadata": {"name": "one"}, "spec": {"containers": [{"name": "a", "image": "a:1"}]}}
        refused(cluster, "POST", cluster.path("pods"), pod)
        cluster.create(DEPLOYMENTS, a_deployment("web", replicas=1))

        assert eventually(said) == f"Internal error occurred: {outage(cluster)}"


@pytest.mark.differs(practice=ONLY_CONSTANTS)
def test_expressions_are_evaluated(cluster: Cluster) -> None:
    policy = a_policy(cluster, a_rule(), says="object.metadata.name != 'words'")
    with bound(cluster, policy):
        refused(cluster, "POST", cluster.path("configmaps"), a_map())

        assert passes(cluster, a_map("others"))


@pytest.mark.differs(practice="warnings of policies are not told")
def test_policy_that_warns_is_told_in_a_header(cluster: Cluster) -> None:
    with bound(cluster, a_policy(cluster, a_rule()), validationActions=["Warn"]):

        def warning() -> str:
            answer = cluster.send("POST", cluster.path("configmaps"), a_map(), dryRun="All")
            return str(answer.headers.get("Warning") or "")

        assert "Validation failed for ValidatingAdmissionPolicy" in eventually(warning, 5)
