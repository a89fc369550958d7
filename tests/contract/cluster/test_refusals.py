"""What a cluster refuses, and with which Status."""

from typing import Any

import pytest

from tests.contract.cluster.asking import (
    MERGE,
    STRATEGIC,
    Cluster,
    a_deployment,
    a_pod,
    a_service,
)

DEPLOYMENTS, STATEFUL_SETS = "apps/v1/deployments", "apps/v1/statefulsets"
MAIN = {"name": "main", "image": "registry.practice/shop/catalog:1.4"}


def changed(obj: dict[str, Any], path: str, value: Any) -> dict[str, Any]:
    """The object with one field set, by its dotted path."""
    head, _, rest = path.partition(".")
    inner = changed(obj.get(head, {}), rest, value) if rest else value
    return {**obj, head: inner}


@pytest.mark.parametrize(
    ("path", "value", "field"),
    [
        ("spec.replicas", -1, "spec.replicas"),
        ("spec.selector", {"matchLabels": {"app": "other"}}, "spec.template.metadata.labels"),
        ("spec.template.spec.containers", [], "spec.template.spec.containers"),
        ("metadata.name", "Not_A_Name", "metadata.name"),
        ("metadata.labels", {"app": "two words"}, "metadata.labels"),
        ("spec.strategy", {"type": "Sideways"}, "spec.strategy"),
        ("spec.template.spec.restartPolicy", "Never", "spec.template.spec.restartPolicy"),
        ("spec.progressDeadlineSeconds", 0, "spec.progressDeadlineSeconds"),
    ],
)
def test_invalid_deployment_is_refused_by_field(
    cluster: Cluster, path: str, value: Any, field: str
) -> None:
    answer = cluster.send("POST", cluster.path(DEPLOYMENTS), changed(a_deployment(), path, value))

    assert (answer.code, answer.body["reason"]) == (422, "Invalid")
    assert field in {cause["field"] for cause in answer.body["details"]["causes"]}
    assert answer.body["details"]["kind"] == "Deployment"


@pytest.mark.parametrize(
    ("kind", "strategy", "other"),
    [(DEPLOYMENTS, "strategy", "Recreate"), (STATEFUL_SETS, "updateStrategy", "OnDelete")],
)
def test_no_rolling_update_is_too_empty_for_another_strategy(
    cluster: Cluster, kind: str, strategy: str, other: str
) -> None:
    deployment = a_deployment()
    cluster.create(kind, {name: deployment[name] for name in ("metadata", "spec")})
    bare = {"maxSurge": None, "maxUnavailable": None, "partition": None}
    body = {"spec": {strategy: {"type": other, "rollingUpdate": bare}}}

    answer = cluster.send("PATCH", cluster.path(kind, "web"), body, kind=MERGE)

    assert (answer.code, answer.body["reason"]) == (422, "Invalid")
    fields = [cause["field"] for cause in answer.body["details"]["causes"]]
    assert fields == [f"spec.{strategy}.rollingUpdate"]


@pytest.mark.parametrize(
    ("obj", "field"),
    [
        (a_pod(containers=[{"name": "main"}]), "spec.containers[0].image"),
        (a_pod(containers=[{"name": "Main", "image": "a"}]), "spec.containers[0].name"),
        (a_pod(restartPolicy="Sometimes"), "spec.restartPolicy"),
        (
            a_pod(containers=[{"name": "m", "image": "a", "ports": [{"containerPort": 70000}]}]),
            "spec.containers[0].ports[0].containerPort",
        ),
        (
            a_pod(containers=[{**MAIN, "volumeMounts": [{"name": "v", "mountPath": "/v"}]}]),
            "spec.containers[0].volumeMounts[0].name",
        ),
    ],
)  # fmt: skip
def test_invalid_pod_is_refused_by_field(cluster: Cluster, obj: dict[str, Any], field: str) -> None:
    answer = cluster.send("POST", cluster.path("pods"), obj)

    assert answer.code == 422, answer.body
    assert field in {cause["field"] for cause in answer.body["details"]["causes"]}


def test_service_without_ports_is_refused(cluster: Cluster) -> None:
    answer = cluster.send("POST", cluster.path("services"), a_service(ports=[]))

    assert answer.code == 422
    assert answer.body["details"]["causes"][0]["field"] == "spec.ports"


def test_selector_of_a_deployment_never_changes(cluster: Cluster) -> None:
    cluster.create(DEPLOYMENTS, a_deployment(replicas=0))
    labels = {"app": "web", "more": "yes"}
    patch = {
        "spec": {
            "selector": {"matchLabels": labels},
            "template": {"metadata": {"labels": labels}},
        }
    }

    answer = cluster.send("PATCH", cluster.path(DEPLOYMENTS, "web"), patch, kind=STRATEGIC)

    assert answer.code == 422
    assert "spec.selector: Invalid value" in answer.body["message"]
    assert answer.body["message"].endswith("field is immutable")


def test_running_pod_changes_in_few_fields_only(cluster: Cluster) -> None:
    cluster.create("pods", a_pod())
    path = cluster.path("pods", "one")
    image = {"spec": {"containers": [{"name": "main", "image": "registry.practice/shop/cart:1.4"}]}}

    refused = cluster.send("PATCH", path, {"spec": {"hostNetwork": True}}, kind=MERGE)
    accepted = cluster.send("PATCH", path, image, kind=STRATEGIC)

    assert refused.code == 422
    assert "pod updates may not change fields other than" in refused.body["message"]
    assert accepted.code == 200


@pytest.mark.parametrize(
    ("path", "value", "said"),
    [
        (
            "spec.replicas",
            "three",
            "unmarshal string into Go struct field DeploymentSpec.spec.replicas of type int32",
        ),
        ("spec.template.spec.containers", "main", "PodSpec.spec.template.spec.containers"),
        ("metadata.labels", ["a"], "ObjectMeta.metadata.labels"),
        ("spec.paused", "yes", "DeploymentSpec.spec.paused of type bool"),
    ],
)  # fmt: skip
def test_value_of_the_wrong_type_is_a_bad_request(
    cluster: Cluster, path: str, value: Any, said: str
) -> None:
    answer = cluster.send("POST", cluster.path(DEPLOYMENTS), changed(a_deployment(), path, value))

    assert (answer.code, answer.body["reason"]) == (400, "BadRequest")
    assert said in answer.body["message"]


def test_unknown_field_is_warned_of_or_refused(cluster: Cluster) -> None:
    wrong = changed(a_deployment(replicas=0), "spec.replicaz", 1)

    strict = cluster.send("POST", cluster.path(DEPLOYMENTS), wrong, fieldValidation="Strict")
    warned = cluster.send("POST", cluster.path(DEPLOYMENTS), wrong)

    assert strict.code == 400
    assert 'strict decoding error: unknown field "spec.replicaz"' in strict.body["message"]
    assert warned.code == 201
    assert warned.headers["Warning"] == '299 - "unknown field \\"spec.replicaz\\""'
    assert "replicaz" not in warned.body["spec"]


@pytest.mark.parametrize("body", [b"{", b"[]", b'"text"', b"\xff\xfe", b"", b"{" * 5000])
def test_body_that_is_no_object_is_a_bad_request(cluster: Cluster, body: bytes) -> None:
    answer = cluster.send("POST", cluster.path("configmaps"), body)

    assert answer.code in {400, 422}
    assert answer.body["kind"] == "Status"


def test_unreadable_media_type_is_said(cluster: Cluster) -> None:
    written = cluster.send("POST", cluster.path("configmaps"), b"x", kind="text/plain")
    patched = cluster.send("PATCH", cluster.path("pods", "x"), {}, kind="text/plain")

    assert (written.code, written.body["reason"]) == (415, "UnsupportedMediaType")
    assert patched.code == 415
    assert patched.body["message"] == "415: Unsupported Media Type"


def test_answer_in_an_unknown_media_type_is_not_acceptable(cluster: Cluster) -> None:
    answer = cluster.send("GET", cluster.path("pods"), accept="application/xml")

    assert answer.code == 406


def test_method_that_a_path_does_not_have_is_said(cluster: Cluster) -> None:
    answer = cluster.send("POST", cluster.path("pods", "one"), a_pod())

    assert (answer.code, answer.body["reason"]) == (405, "MethodNotAllowed")


@pytest.mark.parametrize(
    "path", ["/api/v1/gadgets", "/apis/example.com/v1/things", "/nothing", "/apis/apps/v9"]
)
def test_unknown_path_is_not_found(cluster: Cluster, path: str) -> None:
    assert cluster.send("GET", path).code == 404


def test_body_beyond_three_megabytes_is_refused(cluster: Cluster) -> None:
    body = {"metadata": {"name": "large"}, "data": {"a": "x" * (3 * 1024 * 1024 + 1)}}

    answer = cluster.send("POST", cluster.path("configmaps"), body)

    assert (answer.code, answer.body["reason"]) == (413, "RequestEntityTooLarge")
    assert cluster.names("configmaps") != ["large"]


@pytest.mark.parametrize("selector", ["a in b", "=x", "a==b==c", "a in (", "!"])
def test_selector_that_is_none_is_a_bad_request(cluster: Cluster, selector: str) -> None:
    answer = cluster.send("GET", cluster.path("pods"), labelSelector=selector)

    assert (answer.code, answer.body["reason"]) == (400, "BadRequest")


def test_field_that_can_not_be_selected_by_is_said(cluster: Cluster) -> None:
    answer = cluster.send("GET", cluster.path("pods"), fieldSelector="spec.priority=1")

    assert answer.code == 400
    assert "field label not supported: spec.priority" in answer.body["message"]


def test_loopback_address_is_no_endpoint(cluster: Cluster) -> None:
    body = {
        "metadata": {"name": "byhand", "labels": {"kubernetes.io/service-name": "x"}},
        "addressType": "IPv4",
        "endpoints": [{"addresses": ["127.0.0.1"]}],
    }

    answer = cluster.send("POST", cluster.path("discovery.k8s.io/v1/endpointslices"), body)

    assert answer.code == 422
    assert "may not be in the loopback range" in answer.body["message"]
