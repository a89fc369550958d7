"""Server-side apply: fields have owners, and owners may disagree."""

from typing import Any

import pytest

from tests.contract.cluster.asking import APPLY, MERGE, Answer, Cluster, a_deployment

DEPLOYMENTS = "apps/v1/deployments"


def apply(cluster: Cluster, resource: str, body: Any, manager: str, **query: str) -> Answer:
    path = cluster.path(resource, body["metadata"]["name"])
    return cluster.send("PATCH", path, body, kind=APPLY, fieldManager=manager, **query)


def config(**data: str) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "c"}, "data": data}


def test_apply_creates_and_then_changes(cluster: Cluster) -> None:
    made = apply(cluster, "configmaps", config(a="1"), "me")
    changed = apply(cluster, "configmaps", config(a="2"), "me")

    assert (made.code, changed.code) == (201, 200)
    assert changed.body["data"] == {"a": "2"}
    (entry,) = changed.body["metadata"]["managedFields"]
    assert (entry["manager"], entry["operation"]) == ("me", "Apply")
    assert entry["fieldsV1"] == {"f:data": {"f:a": {}}}


def test_field_that_is_no_longer_applied_goes(cluster: Cluster) -> None:
    apply(cluster, "configmaps", config(a="1", b="1"), "me")

    body = apply(cluster, "configmaps", config(b="1"), "me").body

    assert body["data"] == {"b": "1"}


def test_field_of_another_manager_stays(cluster: Cluster) -> None:
    apply(cluster, "configmaps", config(a="1"), "you")

    body = apply(cluster, "configmaps", config(b="1"), "me").body

    assert body["data"] == {"a": "1", "b": "1"}


def test_other_value_for_a_field_of_another_manager_is_a_conflict(cluster: Cluster) -> None:
    apply(cluster, "configmaps", config(a="1"), "you")

    refused = apply(cluster, "configmaps", config(a="2"), "me")
    forced = apply(cluster, "configmaps", config(a="2"), "me", force="true")

    assert (refused.code, refused.body["reason"]) == (409, "Conflict")
    assert refused.body["message"] == ('Apply failed with 1 conflict: conflict with "you": .data.a')
    assert refused.body["details"]["causes"][0]["reason"] == "FieldManagerConflict"
    assert forced.body["data"] == {"a": "2"}


@pytest.mark.parametrize(
    ("change", "code", "said"),
    [
        ({"apiVersion": None, "kind": None}, 400, "invalid object type: /, Kind="),
        ({"kind": "Secret"}, 400, "invalid object type: /v1, Kind=Secret"),
        ({"dato": {}}, 500, ".dato: field not declared in schema"),
        (
            {"metadata": {"name": "c", "managedFields": [{"manager": "x"}]}},
            400,
            "metadata.managedFields must be nil",
        ),
    ],
)
def test_configuration_that_can_not_be_applied_is_refused(
    cluster: Cluster, change: dict[str, Any], code: int, said: str
) -> None:
    body = {key: value for key, value in {**config(), **change}.items() if value is not None}

    answer = apply(cluster, "configmaps", body, "me")

    assert answer.code == code, answer.body
    assert said in answer.body["message"]


def test_apply_without_a_manager_is_refused(cluster: Cluster) -> None:
    path = cluster.path("configmaps", "c")

    answer = cluster.send("PATCH", path, config(), kind=APPLY)

    assert answer.code == 422
    assert answer.body["message"] == (
        'PatchOptions.meta.k8s.io "" is invalid: '
        "fieldManager: Required value: is required for apply patch"
    )


def test_applied_containers_merge_by_name(cluster: Cluster) -> None:
    apply(cluster, DEPLOYMENTS, a_deployment(replicas=0), "me")
    labels = {"app": "web"}
    other = {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "web"},
        "spec": {
            "template": {
                "metadata": {"labels": labels},
                "spec": {"containers": [{"name": "side", "image": "registry.practice/b:1"}]},
            }
        },
    }

    answer = apply(cluster, DEPLOYMENTS, other, "you")

    assert answer.code == 200, answer.body
    containers = answer.body["spec"]["template"]["spec"]["containers"]
    assert {container["name"] for container in containers} == {"main", "side"}


def test_yaml_can_be_applied(cluster: Cluster) -> None:
    body = b"apiVersion: v1\nkind: ConfigMap\nmetadata: {name: c}\ndata: {when: '2026-01-01'}\n"

    answer = cluster.send(
        "PATCH", cluster.path("configmaps", "c"), body, kind=APPLY, fieldManager="me"
    )

    assert answer.code == 201, answer.body
    assert answer.body["data"] == {"when": "2026-01-01"}


def test_plain_update_keeps_what_was_applied(cluster: Cluster) -> None:
    apply(cluster, "configmaps", config(a="1"), "me")
    path = cluster.path("configmaps", "c")

    cluster.send("PATCH", path, {"data": {"b": "2"}}, kind=MERGE)
    body = apply(cluster, "configmaps", config(a="3"), "me").body

    assert body["data"] == {"a": "3", "b": "2"}
