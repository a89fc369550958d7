"""chaosk8s on objects of kinds that clients define."""

import json
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from kubernetes import client

from tests.contract.cluster.asking import Cluster, Object
from tests.contract.cluster.chaosk8s_calls import Chaosk8s
from tests.contract.cluster.chaosk8s_world import a_file, defined

Names = dict[str, str]
CREATE = "crd.actions.create_custom_object"
CREATE_WIDE = "crd.actions.create_cluster_custom_object"
PATCH = "crd.actions.patch_custom_object"
PATCH_WIDE = "crd.actions.patch_cluster_custom_object"
DELETE = "crd.actions.delete_custom_object"
DELETE_WIDE = "crd.actions.delete_cluster_custom_object"
GET = "crd.probes.get_custom_object"
GET_WIDE = "crd.probes.get_cluster_custom_object"
FROM_JSON = "crd.actions.apply_from_json"
FROM_YAML = "crd.actions.apply_from_yaml"
BIGGER = [{"op": "replace", "path": "/spec/size", "value": 3}]
NO_PAGE = "'Not Found' 404 page not found"
SPEC: Object = {"type": "object", "properties": {"size": {"type": "integer", "minimum": 1}}}


@pytest.fixture(scope="module")
def group(api: client.ApiClient) -> Iterator[str]:
    """A group with a kind that lives in namespaces and one that does not, served meanwhile."""
    anywhere = Cluster(api, "default")
    name = f"scratch-{uuid.uuid4().hex[:8]}.example.com"
    gadgets = defined(anywhere, name, "v1", "Gadget", "gadgets", SPEC)
    machines = defined(anywhere, name, "v1", "Machine", "machines", SPEC, scope="Cluster")
    with gadgets, machines:
        yield name


@pytest.fixture
def gadgets(group: str, cluster: Cluster) -> Names:
    """How to name the kind that lives in namespaces."""
    return {"group": group, "version": "v1", "plural": "gadgets", "ns": cluster.namespace}


@pytest.fixture
def machines(group: str, cluster: Cluster) -> Iterator[Names]:
    """How to name the kind that lives in no namespace; its object is gone afterwards."""
    yield {"group": group, "version": "v1", "plural": "machines"}
    cluster.send("DELETE", f"/apis/{group}/v1/machines/a")


def an_object(kind: Names, size: int = 1) -> Object:
    """An object of a kind; it is valid when its size is positive."""
    name = "Machine" if kind["plural"] == "machines" else "Gadget"
    api_version = f"{kind['group']}/{kind['version']}"
    body = {"apiVersion": api_version, "kind": name, "metadata": {"name": "a"}}
    return {**body, "spec": {"size": size}}


def test_custom_object_is_created_read_patched_and_deleted(
    chaosk8s: Chaosk8s, gadgets: Names
) -> None:
    made = chaosk8s(CREATE, resource=an_object(gadgets), **gadgets)
    assert made["metadata"]["generation"] == 1

    patched = chaosk8s(PATCH, name="a", resource=BIGGER, **gadgets)
    assert (patched["spec"], patched["metadata"]["generation"]) == ({"size": 3}, 2)

    assert chaosk8s(GET, name="a", **gadgets)["spec"] == {"size": 3}
    listed = chaosk8s("crd.probes.list_custom_objects", **gadgets)
    assert listed["kind"] == "GadgetList"
    assert [item["metadata"]["name"] for item in listed["items"]] == ["a"]

    gone = chaosk8s(DELETE, name="a", **gadgets)
    assert (gone["kind"], gone["status"]) == ("Status", "Success")
    assert gone["details"]["uid"] == made["metadata"]["uid"]
    _refused(chaosk8s, DELETE, gadgets, "Failed to delete", r"\"a\" not found")


def test_custom_object_of_no_namespace_is_created_read_patched_and_deleted(
    chaosk8s: Chaosk8s, machines: Names
) -> None:
    made = chaosk8s(CREATE_WIDE, resource=an_object(machines), **machines)
    assert "namespace" not in made["metadata"]

    patched = chaosk8s(PATCH_WIDE, name="a", resource=BIGGER, **machines)
    assert (patched["spec"], patched["metadata"]["generation"]) == ({"size": 3}, 2)

    assert chaosk8s(GET_WIDE, name="a", **machines)["spec"] == {"size": 3}
    listed = chaosk8s("crd.probes.list_cluster_custom_objects", **machines)
    assert [item["metadata"]["name"] for item in listed["items"]] == ["a"]

    assert chaosk8s(DELETE_WIDE, name="a", **machines)["status"] == "Success"
    _refused(chaosk8s, DELETE_WIDE, machines, "Failed to delete", r"\"a\" not found")


def _refused(chaosk8s: Chaosk8s, function: str, kind: Names, *core: str) -> None:
    outcome = chaosk8s.attempt(function, name="a", **kind)
    assert outcome.fails_with("ActivityFailed", "'Not Found'", *core), outcome


def test_custom_object_is_created_from_a_file(
    chaosk8s: Chaosk8s, gadgets: Names, tmp_path: Path
) -> None:
    path = a_file(tmp_path, an_object(gadgets), "gadget.yaml")

    assert chaosk8s(CREATE, resource_as_yaml_file=path, **gadgets)["spec"] == {"size": 1}

    outcome = chaosk8s.attempt(CREATE, resource_as_yaml_file="/no/such/file", **gadgets)
    core = "Path '/no/such/file' is not a valid resource file"
    assert outcome.fails_with("ActivityFailed", core), outcome
    outcome = chaosk8s.attempt(CREATE, **gadgets)
    core = "Either `body_as_object` or `body_as_yaml_file` must be set"
    assert outcome.fails_with("ActivityFailed", core), outcome


def test_custom_object_of_somebody_else_counts_as_created(
    chaosk8s: Chaosk8s, gadgets: Names, machines: Names
) -> None:
    for function, kind in ((CREATE, gadgets), (CREATE_WIDE, machines)):
        chaosk8s(function, resource=an_object(kind), **kind)

        answer = chaosk8s(function, resource=an_object(kind, size=2), **kind)

        assert (answer["kind"], answer["code"]) == ("Status", 409)
        assert answer["reason"] == "AlreadyExists"


def test_invalid_custom_object_is_refused(
    chaosk8s: Chaosk8s, gadgets: Names, machines: Names
) -> None:
    outcome = chaosk8s.attempt(CREATE, resource=an_object(gadgets, size=0), **gadgets)
    core = "spec.size: Invalid value: 0: spec.size in body should be greater than or equal to 1"
    assert outcome.fails_with("ActivityFailed", "'Unprocessable Entity'", core), outcome

    outcome = chaosk8s.attempt(CREATE_WIDE, resource=an_object(machines, size=0), **machines)
    # Somebody forgot that the text is a format.
    assert outcome.message == "Failed to create custom resource object: '{x.reason}' {x.body}"


def test_object_in_place_of_a_json_patch_is_refused(
    chaosk8s: Chaosk8s, gadgets: Names, machines: Names
) -> None:
    change = {"spec": {"size": 2}}

    for function, create, kind in ((PATCH, CREATE, gadgets), (PATCH_WIDE, CREATE_WIDE, machines)):
        chaosk8s(create, resource=an_object(kind), **kind)
        outcome = chaosk8s.attempt(function, name="a", resource=change, **kind)
        core = "the body of the request was in an unknown format"
        assert outcome.fails_with("ActivityFailed", "'Unsupported Media Type'", core), outcome


def test_custom_object_is_never_replaced(
    chaosk8s: Chaosk8s, gadgets: Names, machines: Names
) -> None:
    chaosk8s(CREATE, resource=an_object(gadgets), **gadgets)
    chaosk8s(CREATE_WIDE, resource=an_object(machines), **machines)

    for function, kind in (
        ("crd.actions.replace_custom_object", gadgets),
        ("crd.actions.replace_cluster_custom_object", machines),
    ):
        outcome = chaosk8s.attempt(function, name="a", resource=an_object(kind, size=2), **kind)
        assert outcome.fails_with("ValidationError", "Unexpected keyword argument"), outcome
    assert chaosk8s(GET, name="a", **gadgets)["spec"] == {"size": 1}


@pytest.mark.parametrize("function", [FROM_JSON, FROM_YAML])
def test_nothing_is_ever_applied(
    cluster: Cluster, chaosk8s: Chaosk8s, gadgets: Names, function: str
) -> None:
    body = an_object(gadgets)
    body["metadata"]["namespace"] = cluster.namespace

    outcome = chaosk8s.attempt(function, resource=json.dumps(body))

    assert outcome.fails_with("ValidationError", "create_namespaced_custom_object"), outcome
    assert cluster.names(f"{gadgets['group']}/v1/gadgets") == []


@pytest.mark.parametrize("function", [FROM_JSON, FROM_YAML])
@pytest.mark.parametrize(
    ("body", "error", "core"),
    [
        ({"kind": "Gadget"}, "ActivityFailed", "missing apiVersion in resource"),
        ({"apiVersion": "example.com/v1"}, "ActivityFailed", "missing kind in resource"),
        ({"apiVersion": "v1", "kind": "ConfigMap"}, "ValueError", "not enough values to unpack"),
    ],
)
def test_what_is_no_custom_object_is_not_applied(
    chaosk8s: Chaosk8s, function: str, body: Object, error: str, core: str
) -> None:
    outcome = chaosk8s.attempt(function, resource=json.dumps(body))

    assert outcome.fails_with(error, core), outcome


def test_custom_object_that_is_not_there_is_not_found(
    chaosk8s: Chaosk8s, gadgets: Names, machines: Names
) -> None:
    # The questions say that they failed to create, which they did not try.
    _refused(chaosk8s, GET, gadgets, "Failed to create", r"\"a\" not found")
    _refused(chaosk8s, GET_WIDE, machines, "Failed to create", r"\"a\" not found")
    arguments: dict[str, Any] = {"name": "a", "resource": BIGGER}
    for function, kind in ((PATCH, gadgets), (PATCH_WIDE, machines)):
        outcome = chaosk8s.attempt(function, **arguments, **kind)
        assert outcome.fails_with("ActivityFailed", "Failed to patch", "'Not Found'"), outcome


def test_kind_that_nobody_defined_is_no_page(chaosk8s: Chaosk8s, gadgets: Names) -> None:
    other = {**gadgets, "plural": "nothings"}

    outcome = chaosk8s.attempt(CREATE, resource=an_object(gadgets), **other)
    assert outcome.fails_with("ActivityFailed", NO_PAGE), outcome
    outcome = chaosk8s.attempt("crd.probes.list_custom_objects", **other)
    assert outcome.fails_with("ActivityFailed", NO_PAGE), outcome
    del other["ns"]
    outcome = chaosk8s.attempt("crd.probes.list_cluster_custom_objects", **other)
    assert outcome.fails_with("ActivityFailed", NO_PAGE), outcome
