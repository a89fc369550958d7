"""What is said of input that can not be taken, word for word, because people search for it."""

from typing import Any

import pytest

from tests.contract.cluster.asking import Cluster, a_deployment, a_pod, a_service, eventually

DEPLOYMENTS = "apps/v1/deployments"
BUDGETS = "policy/v1/poddisruptionbudgets"
UNRECOGNIZED = (
    "the object provided is unrecognized (must be of type ConfigMap): couldn't get version/kind; "
    "json parse error: "
)


@pytest.mark.parametrize(
    ("body", "why"),
    [
        (b"{", "unexpected end of JSON input ({)"),
        (b"", "unexpected end of JSON input (<empty>)"),
        (b"a: b: c", "invalid character 'a' looking for beginning of value (613a20623a2063)"),
        (b'{"a" 1}', "invalid character '1' after object key ({\"a\" 1})"),
        (b'{"a":1}x', "invalid character 'x' after top-level value ({\"a\":1}x)"),
        (b"[1,]", "invalid character ']' looking for beginning of value (5b312c5d)"),
        (
            b"{" * 40,
            f"invalid character '{{' looking for beginning of object key string ({'{' * 30} ...)",
        ),
    ],
)  # fmt: skip
def test_body_that_is_no_json_is_repeated(cluster: Cluster, body: bytes, why: str) -> None:
    answer = cluster.send("POST", cluster.path("configmaps"), body)

    assert (answer.code, answer.body["reason"]) == (400, "BadRequest")
    assert answer.body["message"] == UNRECOGNIZED + why


@pytest.mark.parametrize(
    ("version", "kind", "why"),
    [
        ("v1", "Pod", "converting (v1.Pod) to (core.ConfigMap): unknown conversion"),
        (
            "apps/v1",
            "Deployment",
            "converting (v1.Deployment) to (core.ConfigMap): unknown conversion",
        ),
        ("v1", "Gadget", 'no kind "Gadget" is registered for version "v1" in scheme'),
        ("v2", "ConfigMap", 'no kind "ConfigMap" is registered for version "v2" in scheme'),
    ],
)
def test_object_of_another_kind_is_named(
    cluster: Cluster, version: str, kind: str, why: str
) -> None:
    body = {"apiVersion": version, "kind": kind, "metadata": {"name": "x"}}

    answer = cluster.send("POST", cluster.path("configmaps"), body)

    head = f'{kind} in version "{version.rsplit("/", 1)[-1]}" cannot be handled as a ConfigMap: '
    assert answer.code == 400
    assert answer.body["message"].startswith(head + why)


@pytest.mark.parametrize(
    ("probe", "why"),
    [
        ({"httpGet": {"path": "/"}}, "httpGet.port: Invalid value: 0: must be between 1 and 65535"),
        ({"tcpSocket": {}}, "tcpSocket.port: Invalid value: 0: must be between 1 and 65535"),
        (
            {"httpGet": {"port": "A_B"}},
            'httpGet.port: Invalid value: "A_B": must contain only alpha-numeric characters',
        ),
        (
            {"httpGet": {"port": 80, "scheme": "FTP"}},
            'httpGet.scheme: Unsupported value: "FTP": supported values: "HTTP", "HTTPS"',
        ),
    ],
)
def test_probe_that_can_not_be_made_is_refused(
    cluster: Cluster, probe: dict[str, Any], why: str
) -> None:
    pod = a_pod()
    pod["spec"]["containers"][0]["readinessProbe"] = probe

    answer = cluster.send("POST", cluster.path("pods"), pod, dryRun="All")

    assert answer.code == 422
    assert f"spec.containers[0].readinessProbe.{why}" in answer.body["message"]


def test_beginning_of_a_name_is_judged_as_well(cluster: Cluster) -> None:
    answer = cluster.send("POST", cluster.path("configmaps"), {"metadata": {"generateName": "B_"}})

    causes = [cause["field"] for cause in answer.body["details"]["causes"]]
    assert causes == ["metadata.generateName", "metadata.name"]


def test_beginning_of_a_name_may_end_in_a_dash(cluster: Cluster) -> None:
    made = cluster.create("configmaps", {"metadata": {"generateName": "begun-"}})

    assert made["metadata"]["name"].startswith("begun-")


def test_name_that_is_too_long_is_counted_in_characters(cluster: Cluster) -> None:
    answer = cluster.send("POST", cluster.path("configmaps"), {"metadata": {"name": "a" * 254}})

    assert answer.body["message"].endswith("must be no more than 253 characters")


def test_deployment_without_a_selector_selects_nothing(cluster: Cluster) -> None:
    deployment = a_deployment()
    del deployment["spec"]["selector"]

    answer = cluster.send("POST", cluster.path(DEPLOYMENTS), deployment)

    assert answer.body["message"].endswith(
        "[spec.selector: Required value, spec.template.metadata.labels: Invalid value: "
        '{"app":"web"}: `selector` does not match template `labels`]'
    )


def test_unknown_strategy_is_shown_in_its_inner_form(cluster: Cluster) -> None:
    deployment = a_deployment(strategy={"type": "Sideways"})

    answer = cluster.send("POST", cluster.path(DEPLOYMENTS), deployment)

    assert '{"Type":"Sideways","RollingUpdate":null}' in answer.body["message"]


def test_budget_with_both_bounds_is_shown_in_its_inner_form(cluster: Cluster) -> None:
    budget = {"metadata": {"name": "b"}, "spec": {"minAvailable": 1, "maxUnavailable": 1}}

    answer = cluster.send("POST", cluster.path(BUDGETS), budget)

    assert answer.body["message"].endswith(
        'spec: Invalid value: {"MinAvailable":1,"Selector":null,"MaxUnavailable":1,'
        '"UnhealthyPodEvictionPolicy":null}: minAvailable and maxUnavailable cannot be both set'
    )


def test_address_of_a_service_that_is_none_is_said(cluster: Cluster) -> None:
    answer = cluster.send("POST", cluster.path("services"), a_service(clusterIP="abc"))

    assert answer.body["message"].endswith(
        'spec.clusterIPs[0]: Invalid value: "abc": must be a valid IP address, '
        "(e.g. 10.9.8.7 or 2001:db8::ffff)"
    )


def test_pod_that_has_a_node_is_not_bound_again(cluster: Cluster) -> None:
    cluster.create("pods", a_pod())
    eventually(lambda: cluster.get("pods", "one")["spec"].get("nodeName"))
    binding = {"metadata": {"name": "one"}, "target": {"kind": "Node", "name": "elsewhere"}}

    answer = cluster.send("POST", cluster.path("pods", "one", "binding"), binding)

    assert answer.code == 409
    assert answer.body["message"].startswith(
        'Operation cannot be fulfilled on pods/binding "one": pod one is already assigned'
    )
