"""Kinds that clients define, and their objects."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.contract.cluster.asking import (
    APPLY,
    JSON_PATCH,
    MERGE,
    STRATEGIC,
    Answer,
    Cluster,
    Kubectl,
    eventually,
)

DEFINITIONS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
TABLE = "application/json;as=Table;v=v1;g=meta.k8s.io"
SPEC_SCHEMA = {
    "type": "object",
    "required": ["size"],
    "properties": {
        "size": {"type": "integer", "minimum": 1, "maximum": 10},
        "color": {"type": "string", "default": "red", "enum": ["red", "blue"]},
        "word": {"type": "string", "pattern": "^a", "maxLength": 5},
        "tags": {"type": "array", "items": {"type": "string"}, "x-kubernetes-list-type": "set"},
        "free": {"type": "object", "x-kubernetes-preserve-unknown-fields": True},
        "counts": {"type": "object", "additionalProperties": {"type": "integer"}},
        "port": {"x-kubernetes-int-or-string": True},
    },
}
STATUS_SCHEMA = {
    "type": "object",
    "properties": {"replicas": {"type": "integer"}, "phase": {"type": "string"}},
}


def a_version(name: str = "v1", *, storage: bool = True) -> dict[str, Any]:
    """A version of the kind of the checks."""
    properties = {"spec": SPEC_SCHEMA, "status": STATUS_SCHEMA}
    root = {"type": "object", "required": ["spec"], "properties": properties}
    scale = {"specReplicasPath": ".spec.size", "statusReplicasPath": ".status.replicas"}
    return {
        "name": name,
        "served": True,
        "storage": storage,
        "schema": {"openAPIV3Schema": root},
        "subresources": {"status": {}, "scale": scale},
        "additionalPrinterColumns": [
            {"name": "Size", "type": "integer", "jsonPath": ".spec.size"},
            {"name": "Phase", "type": "string", "jsonPath": ".status.phase"},
        ],
    }


def a_definition(group: str, **spec: Any) -> dict[str, Any]:
    """A definition of widgets."""
    names = {"plural": "widgets", "kind": "Widget"}
    return {
        "metadata": {"name": f"widgets.{group}"},
        "spec": {
            "group": group,
            "scope": "Namespaced",
            "names": names,
            "versions": [a_version()],
            **spec,
        },
    }


class Widgets:
    """The widgets of a group of the check's own."""

    def __init__(self, cluster: Cluster) -> None:
        self.cluster = cluster
        self.group = f"{cluster.namespace}.example.com"
        self.definition = f"{DEFINITIONS}/widgets.{self.group}"

    def path(self, *rest: str, version: str = "v1") -> str:
        return self.cluster.path(f"{self.group}/{version}/widgets", *rest)

    def widget(self, name: str = "a", **spec: Any) -> dict[str, Any]:
        return {
            "apiVersion": f"{self.group}/v1",
            "kind": "Widget",
            "metadata": {"name": name},
            "spec": spec,
        }

    def create(self, name: str = "a", **spec: Any) -> dict[str, Any]:
        answer = self.attempt(name, **spec)
        assert answer.code == 201, answer.body
        found: dict[str, Any] = answer.body
        return found

    def attempt(self, name: str = "a", **spec: Any) -> Answer:
        return self.cluster.send("POST", self.path(), self.widget(name, **spec))

    def fault(self, **spec: Any) -> str:
        answer = self.attempt("z", **spec)
        assert answer.code == 422, answer.body
        head = f'Widget.{self.group} "z" is invalid: '
        message = str(answer.body["message"])
        assert message.startswith(head)
        return message.removeprefix(head)

    def get(self, name: str = "a", version: str = "v1") -> dict[str, Any]:
        answer = self.cluster.send("GET", self.path(name, version=version))
        assert answer.code == 200, answer.body
        found: dict[str, Any] = answer.body
        return found


@pytest.fixture
def widgets(cluster: Cluster) -> Iterator[Widgets]:
    """Widgets that are served, gone afterwards."""
    found = Widgets(cluster)
    answer = cluster.send("POST", DEFINITIONS, a_definition(found.group))
    assert answer.code == 201, answer.body
    eventually(lambda: cluster.send("GET", found.path()).code == 200)
    yield found
    cluster.send("DELETE", found.definition)


def test_definition_is_accepted(widgets: Widgets) -> None:
    definition = widgets.cluster.send("GET", widgets.definition).body

    said = {entry["type"]: entry["status"] for entry in definition["status"]["conditions"]}
    assert said == {"NamesAccepted": "True", "Established": "True"}
    names = {
        "plural": "widgets", "singular": "widget", "kind": "Widget", "listKind": "WidgetList",
    }  # fmt: skip
    assert definition["status"]["acceptedNames"] == definition["spec"]["names"] == names
    assert definition["status"]["storedVersions"] == ["v1"]


def test_custom_kind_is_discovered(widgets: Widgets) -> None:
    body = widgets.cluster.send("GET", f"/apis/{widgets.group}/v1").body

    names = {entry["name"] for entry in body["resources"]}
    assert names == {"widgets", "widgets/status", "widgets/scale"}
    group = widgets.cluster.send("GET", f"/apis/{widgets.group}").body
    assert group["preferredVersion"]["version"] == "v1"
    groups = widgets.cluster.send("GET", "/apis").body["groups"]
    assert widgets.group in {entry["name"] for entry in groups}


def test_custom_object_is_stored_with_defaults(widgets: Widgets) -> None:
    found = widgets.create(size=2, free={"any": [1]}, counts={"a": 1})

    assert found["spec"] == {"size": 2, "color": "red", "free": {"any": [1]}, "counts": {"a": 1}}
    assert found["metadata"]["generation"] == 1
    assert widgets.get()["metadata"]["uid"] == found["metadata"]["uid"]


def test_fields_that_nobody_declared_are_dropped(widgets: Widgets) -> None:
    assert widgets.create(size=2, other=1)["spec"] == {"size": 2, "color": "red"}

    body = widgets.widget("b", size=2, other=1)
    answer = widgets.cluster.send("POST", widgets.path(), body, fieldValidation="Strict")

    assert answer.code == 400
    assert answer.body["message"] == (
        'Widget in version "v1" cannot be handled as a Widget: strict decoding error: unknown '
        'field "spec.other"'
    )


def test_values_are_held_to_their_schema(widgets: Widgets) -> None:
    assert widgets.fault() == "spec.size: Required value"
    assert widgets.fault(size=0) == (
        "spec.size: Invalid value: 0: spec.size in body should be greater than or equal to 1"
    )
    assert widgets.fault(size=11) == (
        "spec.size: Invalid value: 11: spec.size in body should be less than or equal to 10"
    )
    assert widgets.fault(size=1, color="green") == (
        'spec.color: Unsupported value: "green": supported values: "red", "blue"'
    )
    assert widgets.fault(size=1, word="b") == (
        "spec.word: Invalid value: \"b\": spec.word in body should match '^a'"
    )
    assert widgets.fault(size=1, word="aaaaaa") == (
        "spec.word: Too long: may not be more than 5 bytes"
    )
    assert widgets.fault(size=1, tags=["a", "a"]) == 'spec.tags[1]: Duplicate value: "a"'


def test_values_are_held_to_their_type(widgets: Widgets) -> None:
    assert widgets.fault(size=1, tags=[1]) == (
        'spec.tags[0]: Invalid value: "integer": spec.tags[0] in body must be of type string: '
        '"integer"'
    )
    assert widgets.fault(size=1, tags="no") == (
        'spec.tags: Invalid value: "string": spec.tags in body must be of type array: "string"'
    )
    assert widgets.fault(size=1, counts={"a": "b"}) == (
        'spec.counts.a: Invalid value: "string": spec.counts.a in body must be of type integer: '
        '"string"'
    )
    assert widgets.fault(size=1, port=True) == (
        'spec.port: Invalid value: "boolean": spec.port in body must be of type integer,string: '
        '"boolean"'
    )


def test_custom_object_has_to_name_its_kind(widgets: Widgets) -> None:
    body = {"metadata": {"name": "a"}, "spec": {"size": 1}}

    answer = widgets.cluster.send("POST", widgets.path(), body)

    assert answer.code == 400
    assert "the object provided is unrecognized (must be of type Widget)" in answer.body["message"]


def test_custom_objects_are_patched_by_merging(widgets: Widgets) -> None:
    widgets.create(size=2, tags=["a"])
    body = {"spec": {"size": 3, "tags": ["b"]}}
    patched = widgets.cluster.send("PATCH", widgets.path("a"), body, kind=MERGE).body
    assert patched["spec"] == {"size": 3, "color": "red", "tags": ["b"]}
    assert patched["metadata"]["generation"] == 2

    change = [{"op": "replace", "path": "/spec/size", "value": 99}]
    refused = widgets.cluster.send("PATCH", widgets.path("a"), change, kind=JSON_PATCH)

    assert refused.code == 422


def test_custom_objects_are_not_patched_strategically(widgets: Widgets) -> None:
    widgets.create(size=2)

    body = {"spec": {"size": 3}}
    answer = widgets.cluster.send("PATCH", widgets.path("a"), body, kind=STRATEGIC)

    assert answer.code == 415
    assert answer.body["message"] == (
        "the body of the request was in an unknown format - accepted media types include: "
        "application/json-patch+json, application/merge-patch+json, application/apply-patch+yaml"
    )


def test_custom_objects_are_applied(widgets: Widgets) -> None:
    def apply(manager: str, **spec: Any) -> Answer:
        return widgets.cluster.send(
            "PATCH", widgets.path("a"), widgets.widget(**spec), kind=APPLY, fieldManager=manager
        )

    assert apply("me", size=2, counts={"a": 1}).code == 201
    assert apply("you", size=2, counts={"b": 2}).body["spec"]["counts"] == {"a": 1, "b": 2}
    assert apply("me", size=2).body["spec"]["counts"] == {"b": 2}
    assert apply("me", size=3).code == 409


def test_update_has_to_say_which_version_it_replaces(widgets: Widgets) -> None:
    widgets.create(size=2)

    answer = widgets.cluster.send("PUT", widgets.path("a"), widgets.widget(size=3))

    assert answer.code == 422
    assert answer.body["message"] == (
        f'widgets.{widgets.group} "a" is invalid: metadata.resourceVersion: Invalid value: 0: '
        "must be specified for an update"
    )


def test_status_of_a_custom_object_is_written_apart(widgets: Widgets) -> None:
    widgets.create(size=2)
    body = {"spec": {"size": 9}, "status": {"phase": "Up"}}

    found = widgets.cluster.send("PATCH", widgets.path("a", "status"), body, kind=MERGE).body

    assert found["status"] == {"phase": "Up"}
    assert found["spec"]["size"] == 2
    assert found["metadata"]["generation"] == 1


def test_custom_object_is_scaled_by_the_paths_of_its_definition(widgets: Widgets) -> None:
    widgets.create(size=2)
    path = widgets.path("a", "scale")
    assert widgets.cluster.send("GET", path).body["spec"] == {"replicas": 2}

    answer = widgets.cluster.send("PATCH", path, {"spec": {"replicas": 4}}, kind=MERGE)

    assert answer.code == 200, answer.body
    assert widgets.get()["spec"]["size"] == 4


def test_table_has_the_columns_of_the_definition(widgets: Widgets) -> None:
    widgets.create(size=2)

    table = widgets.cluster.send("GET", widgets.path(), accept=TABLE).body

    heads = [entry["name"] for entry in table["columnDefinitions"]]
    assert heads == ["Name", "Size", "Phase"]
    assert table["rows"][0]["cells"] == ["a", 2, None]


def test_custom_objects_are_watched(widgets: Widgets) -> None:
    resource = f"{widgets.group}/v1/widgets"
    with widgets.cluster.watching(resource) as events:
        widgets.create(size=2)
        assert next(events)["type"] == "ADDED"
        widgets.cluster.send("DELETE", widgets.path("a"))
        event = next(events)

    assert (event["type"], event["object"]["kind"]) == ("DELETED", "Widget")


def test_object_is_seen_in_every_served_version(widgets: Widgets) -> None:
    widgets.create(size=2)
    change = [{"op": "add", "path": "/spec/versions/-", "value": a_version("v2", storage=False)}]
    answer = widgets.cluster.send("PATCH", widgets.definition, change, kind=JSON_PATCH)
    assert answer.code == 200, answer.body
    newer = widgets.path("a", version="v2")
    eventually(lambda: widgets.cluster.send("GET", newer).code == 200)

    assert widgets.get(version="v2")["apiVersion"] == f"{widgets.group}/v2"
    assert widgets.get()["apiVersion"] == f"{widgets.group}/v1"


def test_owner_may_be_a_custom_object(widgets: Widgets) -> None:
    owner = widgets.create(size=2)
    reference = {
        "apiVersion": owner["apiVersion"], "kind": "Widget", "name": "a",
        "uid": owner["metadata"]["uid"],
    }  # fmt: skip
    body = {"metadata": {"name": "owned", "ownerReferences": [reference]}}
    widgets.cluster.create("configmaps", body)

    widgets.cluster.send("DELETE", widgets.path("a"))

    assert eventually(lambda: "owned" not in widgets.cluster.names("configmaps"), patience=60.0)


def test_deleted_definition_takes_its_objects_along(widgets: Widgets) -> None:
    widgets.create(size=2)

    answer = widgets.cluster.send("DELETE", widgets.definition)

    assert answer.code == 200
    eventually(lambda: widgets.cluster.send("GET", widgets.definition).code == 404)
    assert eventually(lambda: widgets.cluster.send("GET", widgets.path()).code == 404)


def test_unfit_definitions_are_refused(cluster: Cluster) -> None:
    def fault(body: dict[str, Any]) -> str:
        answer = cluster.send("POST", DEFINITIONS, body)
        assert answer.code == 422, answer.body
        return str(answer.body["message"])

    group = f"{cluster.namespace}.example.com"
    other = a_definition(group)
    other["metadata"]["name"] = "other"
    assert 'must be spec.names.plural+"."+spec.group' in fault(other)
    assert 'supported values: "Cluster", "Namespaced"' in fault(a_definition(group, scope="All"))
    assert "should be a domain with at least one dot" in fault(a_definition("nodots"))
    kept_nowhere = [a_version(storage=False)]
    assert "must have exactly one version marked as storage version" in fault(
        a_definition(group, versions=kept_nowhere)
    )
    without_schema = a_version()
    del without_schema["schema"]
    assert "spec.versions[0].schema.openAPIV3Schema: Required value" in fault(
        a_definition(group, versions=[without_schema])
    )


def test_scope_of_a_definition_is_fixed(widgets: Widgets) -> None:
    body = {"spec": {"scope": "Cluster"}}

    answer = widgets.cluster.send("PATCH", widgets.definition, body, kind=MERGE)

    assert answer.code == 422
    assert 'spec.scope: Invalid value: "Cluster": field is immutable' in answer.body["message"]


def test_kubectl_works_with_custom_kinds(
    widgets: Widgets, kubectl: Kubectl, tmp_path: Path
) -> None:
    full = f"widgets.{widgets.group}"
    # What other checks discovered at the same time is no use here.
    cache = ("--cache-dir", str(tmp_path))
    text = (
        f"apiVersion: {widgets.group}/v1\nkind: Widget\nmetadata: {{name: w}}\nspec: {{size: 2}}\n"
    )
    kubectl(*cache, "wait", "--for=condition=established", f"crd/{full}", "--timeout=10s")

    # A kind takes a moment to be discovered.
    eventually(lambda: kubectl.attempt(*cache, "apply", "-f", "-", stdin=text).returncode == 0)
    larger = text.replace("size: 2", "size: 3")
    assert "configured" in kubectl(*cache, "apply", "-f", "-", stdin=larger)
    assert "SIZE" in kubectl(*cache, "get", full)
    assert "Name:" in kubectl(*cache, "describe", full, "w")
    kubectl(*cache, "label", full, "w", "a=b")
    kubectl(*cache, "scale", "--replicas=5", f"{full}/w")
    assert widgets.get("w")["spec"]["size"] == 5
    kubectl(*cache, "delete", full, "w")
