"""chaosk8s on services, secrets, ingresses, network policies, namespaces and events."""

import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.contract.cluster.asking import Cluster, Object, a_service, eventually
from tests.contract.cluster.chaosk8s_calls import Chaosk8s
from tests.contract.cluster.chaosk8s_world import a_file, code, gone, waiting

INGRESSES = "networking.k8s.io/v1/ingresses"
POLICIES = "networking.k8s.io/v1/networkpolicies"
NAMESPACES = "/api/v1/namespaces"
CREATE_POLICY = "networking.actions.create_network_policy"
CREATE_NAMESPACE = "namespace.actions.create_namespace"
DELETE_NAMESPACE = "namespace.actions.delete_namespace"
UPDATE_INGRESS = "networking.actions.update_ingress"
SERVICE_IS_INITIALIZED = "service.probes.service_is_initialized"
EVENTS = "event.probes.get_events"
SECRET: Object = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "web"}}
BACKEND: Object = {"service": {"name": "web", "port": {"number": 80}}}
INGRESS: Object = {"metadata": {"name": "web"}, "spec": {"defaultBackend": BACKEND}}
POLICY: Object = {
    "apiVersion": "networking.k8s.io/v1",
    "kind": "NetworkPolicy",
    "metadata": {"name": "web"},
    "spec": {"podSelector": {"matchLabels": {"app": "web"}}, "policyTypes": ["Ingress"]},
}
CREATING = {
    "service.actions.create_service_endpoint": ("services", a_service()),
    "secret.actions.create_secret": ("secrets", SECRET),
    "networking.actions.create_ingress": (INGRESSES, INGRESS),
    CREATE_POLICY: (POLICIES, POLICY),
}
DELETING = {
    "service.actions.delete_service": ("services", a_service()),
    "secret.actions.delete_secret": ("secrets", SECRET),
    "networking.actions.delete_ingress": (INGRESSES, INGRESS),
    "networking.actions.remove_network_policy": (POLICIES, POLICY),
}
FINDING = {
    SERVICE_IS_INITIALIZED: ("services", a_service()),
    "secret.probes.secret_exists": ("secrets", SECRET),
    "networking.probes.ingress_exists": (INGRESSES, INGRESS),
}
FIXED: dict[str, tuple[str, str, Object]] = {
    "chaostoolkit-deny-all-ingress": (
        "networking.actions.deny_all_ingress",
        "networking.actions.remove_deny_all_ingress",
        {"policyTypes": ["Ingress"]},
    ),
    "chaostoolkit-deny-all-egress": (
        "networking.actions.deny_all_egress",
        "networking.actions.remove_deny_all_egress",
        {"policyTypes": ["Egress"]},
    ),
    "chaostoolkit-allow-dns": (
        "networking.actions.allow_dns_access",
        "networking.actions.remove_allow_dns_access",
        {
            "policyTypes": ["Egress"],
            "egress": [
                {
                    "ports": [{"protocol": "UDP", "port": 53}, {"protocol": "TCP", "port": 53}],
                    "to": [{"namespaceSelector": {}}],
                }
            ],
        },
    ),
}


@pytest.mark.parametrize("ending", ["json", "yaml"])
@pytest.mark.parametrize("function", CREATING)
def test_object_is_created_from_a_file(
    cluster: Cluster, chaosk8s: Chaosk8s, tmp_path: Path, function: str, ending: str
) -> None:
    resource, body = CREATING[function]
    path = a_file(tmp_path, body, f"web.{ending}")

    assert chaosk8s(function, spec_path=path, ns=cluster.namespace) is None

    assert code(cluster, resource, "web") == 200
    outcome = chaosk8s.attempt(function, spec_path=path, ns=cluster.namespace)
    assert outcome.fails_with("ConflictException", "(409)", "AlreadyExists"), outcome


@pytest.mark.parametrize("function", CREATING)
def test_object_is_not_created_from_another_form(
    cluster: Cluster, chaosk8s: Chaosk8s, tmp_path: Path, function: str
) -> None:
    resource, body = CREATING[function]
    path = a_file(tmp_path, body, "web.txt")

    outcome = chaosk8s.attempt(function, spec_path=path, ns=cluster.namespace)

    assert outcome.fails_with("ActivityFailed", "cannot process", path), outcome
    assert code(cluster, resource, "web") == 404


@pytest.mark.parametrize("function", DELETING)
def test_object_is_deleted_once(cluster: Cluster, chaosk8s: Chaosk8s, function: str) -> None:
    resource, body = DELETING[function]
    cluster.create(resource, body)

    assert chaosk8s(function, name="web", ns=cluster.namespace) is None

    gone(cluster, resource, "web")
    outcome = chaosk8s.attempt(function, name="web", ns=cluster.namespace)
    assert outcome.fails_with("NotFoundException", "(404)", r"\"web\" not found"), outcome


@pytest.mark.parametrize("function", FINDING)
def test_object_is_found_by_its_name(cluster: Cluster, chaosk8s: Chaosk8s, function: str) -> None:
    resource, body = FINDING[function]
    cluster.create(resource, body)

    assert chaosk8s(function, name="web", ns=cluster.namespace) is True


@pytest.mark.parametrize("function", ["secret.probes.secret_exists", SERVICE_IS_INITIALIZED])
def test_object_is_found_by_its_labels(cluster: Cluster, chaosk8s: Chaosk8s, function: str) -> None:
    resource, body = FINDING[function]
    labelled = {**body, "metadata": {"name": "web", "labels": {"app": "web"}}}
    cluster.create(resource, labelled)
    ns = cluster.namespace

    assert chaosk8s(function, label_selector="app=web", ns=ns) is True
    assert chaosk8s(function, name="web", label_selector="app=web", ns=ns) is True
    assert chaosk8s(function, ns=ns) is True


@pytest.mark.parametrize(
    "function", ["secret.probes.secret_exists", "networking.probes.ingress_exists"]
)
def test_object_that_is_not_there_does_not_exist(
    cluster: Cluster, chaosk8s: Chaosk8s, function: str
) -> None:
    assert chaosk8s(function, name="web", ns=cluster.namespace) is False


def test_service_that_is_not_there_is_not_initialized(cluster: Cluster, chaosk8s: Chaosk8s) -> None:
    outcome = chaosk8s.attempt(SERVICE_IS_INITIALIZED, name="web", ns=cluster.namespace)
    assert outcome.fails_with("ActivityFailed", "service 'web' is not initialized"), outcome

    arguments = {"raise_if_service_not_initialized": False, "ns": cluster.namespace}
    assert chaosk8s(SERVICE_IS_INITIALIZED, name="web", **arguments) is False


def test_service_is_initialized_without_a_single_endpoint(
    cluster: Cluster, chaosk8s: Chaosk8s
) -> None:
    cluster.create("services", a_service("lonely"))

    assert chaosk8s(SERVICE_IS_INITIALIZED, name="lonely", ns=cluster.namespace) is True


def test_ingress_is_updated(cluster: Cluster, chaosk8s: Chaosk8s) -> None:
    cluster.create(INGRESSES, INGRESS)
    change = {"spec": {"ingressClassName": "other"}}

    assert chaosk8s(UPDATE_INGRESS, name="web", spec=change, ns=cluster.namespace) is None

    spec = cluster.get(INGRESSES, "web")["spec"]
    assert spec == {"ingressClassName": "other", "defaultBackend": BACKEND}


def test_ingress_that_is_not_there_is_taken_for_a_daemon_set(
    cluster: Cluster, chaosk8s: Chaosk8s
) -> None:
    outcome = chaosk8s.attempt(UPDATE_INGRESS, name="web", spec={}, ns=cluster.namespace)

    head = "failed to update daemon set 'web': (404)"
    core = r"ingresses.networking.k8s.io \"web\" not found"
    assert outcome.fails_with("ActivityFailed", head, core), outcome


def test_network_policy_is_created_as_it_is_given(cluster: Cluster, chaosk8s: Chaosk8s) -> None:
    assert chaosk8s(CREATE_POLICY, spec=POLICY, ns=cluster.namespace) is None

    assert cluster.get(POLICIES, "web")["spec"] == POLICY["spec"]


def test_network_policy_from_nothing_fails_before_it_asks(
    cluster: Cluster, chaosk8s: Chaosk8s
) -> None:
    for path in (None, "/no/such/file.yaml"):
        outcome = chaosk8s.attempt(CREATE_POLICY, spec_path=path, ns=cluster.namespace)

        assert outcome.fails_with("ValidationError", "create_namespaced_network_policy"), outcome


@pytest.mark.parametrize("name", FIXED)
def test_network_policy_of_a_fixed_name_comes_and_goes(
    cluster: Cluster, chaosk8s: Chaosk8s, name: str
) -> None:
    ns = cluster.namespace
    create, remove, expected = FIXED[name]

    assert chaosk8s(create, label_selectors={"app": "web"}, ns=ns) is None
    selector = {"matchLabels": {"app": "web"}}
    assert cluster.get(POLICIES, name)["spec"] == {"podSelector": selector, **expected}
    outcome = chaosk8s.attempt(create, ns=ns)
    assert outcome.fails_with("ConflictException", "(409)", "AlreadyExists"), outcome

    assert chaosk8s(remove, ns=ns) is None
    outcome = chaosk8s.attempt(remove, ns=ns)
    assert outcome.fails_with("NotFoundException", "(404)", name), outcome

    chaosk8s(create, ns=ns)
    assert cluster.get(POLICIES, name)["spec"] == {"podSelector": {}, **expected}


@pytest.fixture
def other(cluster: Cluster) -> Iterator[str]:
    """The name of a namespace that a check creates, gone afterwards."""
    name = f"scratch-{uuid.uuid4().hex[:8]}"
    yield name
    cluster.send("DELETE", f"{NAMESPACES}/{name}")


def test_namespace_is_created_and_deleted(chaosk8s: Chaosk8s, other: str) -> None:
    assert chaosk8s("namespace.probes.namespace_exists", name=other) is False

    assert chaosk8s(CREATE_NAMESPACE, name=other) is None
    assert chaosk8s("namespace.probes.namespace_exists", name=other) is True
    outcome = chaosk8s.attempt(CREATE_NAMESPACE, name=other)
    assert outcome.fails_with("ConflictException", "(409)", "AlreadyExists"), outcome

    assert chaosk8s(DELETE_NAMESPACE, name=other) is None
    eventually(lambda: not chaosk8s("namespace.probes.namespace_exists", name=other))


def test_namespace_that_goes_still_exists(cluster: Cluster, chaosk8s: Chaosk8s, other: str) -> None:
    chaosk8s(CREATE_NAMESPACE, name=other)
    held = {"metadata": {"name": "held", "finalizers": ["example.com/held"]}}
    path = f"{NAMESPACES}/{other}/configmaps"
    cluster.send("POST", path, held)

    chaosk8s(DELETE_NAMESPACE, name=other)

    eventually(
        lambda: (
            cluster.send("GET", f"{NAMESPACES}/{other}").body["status"]["phase"] == "Terminating"
        )
    )
    assert chaosk8s("namespace.probes.namespace_exists", name=other) is True
    free = [{"op": "remove", "path": "/metadata/finalizers"}]
    cluster.send("PATCH", f"{path}/held", free, kind="application/json-patch+json")


def test_namespace_is_created_from_a_file(
    cluster: Cluster, chaosk8s: Chaosk8s, tmp_path: Path, other: str
) -> None:
    body = {"metadata": {"name": other, "labels": {"made-by": "file"}}}

    chaosk8s(CREATE_NAMESPACE, spec_path=a_file(tmp_path, body, "namespace.yaml"))

    labels = cluster.send("GET", f"{NAMESPACES}/{other}").body["metadata"]["labels"]
    assert labels == {"kubernetes.io/metadata.name": other, "made-by": "file"}


def test_namespace_is_not_created_without_a_proper_name(chaosk8s: Chaosk8s, tmp_path: Path) -> None:
    outcome = chaosk8s.attempt(CREATE_NAMESPACE)
    assert outcome.fails_with("ActivityFailed", "You need to either specify name or spec_path")

    path = a_file(tmp_path, {"metadata": {"name": "x"}}, "namespace.txt")
    outcome = chaosk8s.attempt(CREATE_NAMESPACE, spec_path=path)
    assert outcome.fails_with("ActivityFailed", "cannot process", path), outcome

    outcome = chaosk8s.attempt(CREATE_NAMESPACE, name="Not_a_name")
    core = "a lowercase RFC 1123 label must consist of"
    assert outcome.fails_with("UnprocessableEntityException", "(422)", core), outcome


@pytest.mark.parametrize("name", ["default", "kube-system"])
def test_namespace_that_the_cluster_needs_is_not_deleted(chaosk8s: Chaosk8s, name: str) -> None:
    outcome = chaosk8s.attempt(DELETE_NAMESPACE, name=name)

    core = "this namespace may not be deleted"
    assert outcome.fails_with("ForbiddenException", "(403)", core), outcome


def test_namespace_that_is_not_there_is_not_deleted(cluster: Cluster, chaosk8s: Chaosk8s) -> None:
    outcome = chaosk8s.attempt(DELETE_NAMESPACE, name=f"no-such-{cluster.namespace}")

    assert outcome.fails_with("NotFoundException", "(404)"), outcome


def test_events_are_those_of_the_newer_kind(cluster: Cluster, chaosk8s: Chaosk8s) -> None:
    waiting(cluster, "a")
    selector = f"regarding.kind=Pod,regarding.namespace={cluster.namespace}"

    events = eventually(lambda: chaosk8s(EVENTS, field_selector=selector)["items"])

    assert events[0]["reason"] == "FailedScheduling"
    assert events[0]["type"] == "Warning"
    assert events[0]["regarding"]["name"] == "a"
    assert events[0]["note"].startswith("0/")
    assert events[0]["reportingController"] == "default-scheduler"


def test_events_are_of_all_namespaces_and_at_most_a_hundred(
    cluster: Cluster, chaosk8s: Chaosk8s
) -> None:
    waiting(cluster, "a", "b")
    selector = f"regarding.namespace={cluster.namespace}"
    eventually(lambda: len(chaosk8s(EVENTS, field_selector=selector)["items"]) == 2)

    page = chaosk8s(EVENTS, limit=1)

    assert page["kind"] == "EventList"
    assert page["apiVersion"] == "events.k8s.io/v1"
    assert len(page["items"]) == 1
    assert page["metadata"]["continue"]


def test_events_are_not_selected_by_an_unknown_field(chaosk8s: Chaosk8s) -> None:
    outcome = chaosk8s.attempt(EVENTS, field_selector="color=red")

    core = "field label not supported: color"
    assert outcome.fails_with("BadRequestException", "(400)", core), outcome


def test_no_event_has_an_unknown_label(chaosk8s: Chaosk8s) -> None:
    assert chaosk8s(EVENTS, label_selector="app=web")["items"] == []
