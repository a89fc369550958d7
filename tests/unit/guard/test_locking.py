"""A write is made to the object that was looked at, and to no other."""

from typing import Any

import pytest

from orchestrator.guard.bodies import Media
from orchestrator.guard.calls import Call, classify
from orchestrator.guard.locking import (
    locked_to,
    names_version,
    own_lock,
    own_uid,
    preconditions,
    spares_annotations,
    version_of,
)
from orchestrator.guard.owning import without_owners
from orchestrator.guard.paths import Route, parse_path
from orchestrator.guard.refusals import NotLetThrough

NOW = {"metadata": {"name": "one", "uid": "u", "resourceVersion": "7"}}
MERGE, JSON_PATCH = Media.MERGE_PATCH, Media.JSON_PATCH


def a_call(
    method: str,
    body: Any,
    *,
    kind: str = "configmaps",
    part: str = "",
    media: Media = Media.JSON,
) -> Call:
    route = parse_path(f"/api/v1/namespaces/shop/{kind}/one{part}")
    assert isinstance(route, Route)
    return classify(method, route, {}, media, body)


def a_patch(body: Any) -> Call:
    return a_call("PATCH", body, media=JSON_PATCH if isinstance(body, list) else MERGE)


def test_the_version_that_a_client_asks_for_is_heard() -> None:
    precondition = {"preconditions": {"resourceVersion": "5"}}

    assert own_lock(a_patch({"metadata": {"resourceVersion": "5"}})) == "5"
    assert own_lock(a_call("DELETE", precondition)) == "5"
    assert own_lock(a_patch({"data": {}})) == own_lock(a_call("DELETE", None)) == ""
    assert own_lock(a_patch([{"op": "remove", "path": "/data"}])) == ""


def test_a_change_by_paths_may_name_a_version() -> None:
    assert names_version({"metadata": {"resourceVersion": "5"}})
    assert names_version([{"op": "test", "path": "/metadata/resourceVersion", "value": "5"}])
    assert not names_version({"metadata": {"labels": {}}})
    assert not names_version({"data": {}})


def test_the_object_that_a_client_means_to_delete_is_heard() -> None:
    meant = {"preconditions": {"uid": "u"}}
    eviction = {"metadata": {"name": "one"}, "deleteOptions": meant}

    assert own_uid(a_call("DELETE", meant)) == "u"
    assert own_uid(a_call("POST", eviction, kind="pods", part="/eviction")) == "u"
    assert own_uid(a_call("DELETE", {})) == ""


def test_a_change_is_locked_to_the_version_that_was_looked_at() -> None:
    operation = {"op": "remove", "path": "/data"}
    labelled = {"metadata": {"labels": {"a": "b"}}, "data": {}}

    assert locked_to({"data": {}}, NOW) == {"data": {}, "metadata": {"resourceVersion": "7"}}
    assert locked_to(labelled, NOW)["metadata"] == {"labels": {"a": "b"}, "resourceVersion": "7"}
    assert locked_to({"metadata": {"resourceVersion": "5"}}, NOW) == {
        "metadata": {"resourceVersion": "5"}
    }
    assert locked_to([operation], NOW) == [
        {"op": "test", "path": "/metadata/resourceVersion", "value": "7"},
        operation,
    ]


def test_a_deletion_is_locked_to_the_object_and_but_for_pods_to_its_version() -> None:
    assert preconditions(a_call("DELETE", {}), {}, NOW) == {"uid": "u", "resourceVersion": "7"}
    assert preconditions(a_call("DELETE", {}, kind="pods"), {}, NOW) == {"uid": "u"}
    asked = {"preconditions": {"uid": "another"}}
    assert preconditions(a_call("DELETE", asked), asked, NOW)["uid"] == "another"


def test_an_object_without_a_version_has_an_empty_one() -> None:
    assert version_of(NOW) == "7"
    assert version_of({}) == version_of({"metadata": {}}) == ""


@pytest.mark.parametrize(
    ("body", "is_spared"),
    [
        ({"metadata": {"annotations": {"a": "b"}}}, True),
        ({"data": {}}, True),
        ({"metadata": {"annotations": None}}, False),
        ({"metadata": {"annotations": {"$patch": "replace"}}}, False),
        ([{"op": "add", "path": "/metadata/annotations/a", "value": "b"}], True),
        ([{"op": "remove", "path": "/metadata/annotations"}], False),
        ([{"op": "replace", "path": "/metadata", "value": {}}], False),
        ([{"op": "replace", "path": "", "value": {}}], False),
        ([{"op": "copy", "path": "/data/a", "from": "/data/b"}], True),
        ([{"op": "copy", "path": "/data", "from": "/metadata/annotations"}], False),
    ],
)
def test_a_patch_spares_the_annotations_that_it_does_not_name(body: Any, is_spared: bool) -> None:
    assert spares_annotations(a_patch(body)) is is_spared


def test_what_replaces_an_object_spares_no_annotations() -> None:
    assert not spares_annotations(a_call("PUT", {"metadata": {"name": "one"}}))
    assert not spares_annotations(a_call("DELETE", {}))


OWNERS = "/metadata/managedFields"


@pytest.mark.parametrize("op", ["add", "replace", "remove"])
@pytest.mark.parametrize("path", [OWNERS, f"{OWNERS}/0"])
def test_who_owns_a_field_is_left_out_of_a_patch(op: str, path: str) -> None:
    other = {"op": "add", "path": "/data/a", "value": "b"}

    assert without_owners([{"op": op, "path": path}, other], target="x") == [other]


@pytest.mark.parametrize(
    "operation",
    [
        {"op": "move", "path": OWNERS, "from": "/data"},
        {"op": "copy", "path": "/data", "from": f"{OWNERS}/0"},
        {"op": "replace", "path": "/metadata", "value": {"managedFields": []}},
        {"op": "replace", "path": "", "value": {"metadata": {"managedFields": []}}},
        {"op": "replace", "path": "/metadata", "value": "not an object"},
        {"op": "replace", "path": "/", "value": "not an object"},
        {"op": "add", "path": 1},
        "not an operation",
    ],
)
def test_a_patch_that_may_change_who_owns_a_field_is_refused(operation: Any) -> None:
    other = {"op": "add", "path": "/data/a", "value": "b"}

    with pytest.raises(NotLetThrough) as refused:
        without_owners([other, operation], target="x")

    assert refused.value.rule == "body"


@pytest.mark.parametrize(
    "operation",
    [
        {"op": "replace", "path": "/metadata", "value": {"labels": {}}},
        {"op": "replace", "path": "", "value": {"metadata": {"labels": {}}}},
        {"op": "add", "path": "/metadata/managedFieldsOfMine", "value": "x"},
        {"op": "add", "path": "/data", "value": "text"},
    ],
)
def test_a_patch_of_anything_else_is_left_as_it_is(operation: Any) -> None:
    assert without_owners([operation], target="x") == [operation]


def test_who_owns_a_field_is_left_out_of_an_object() -> None:
    directive = {"$setElementOrder/managedFields": [], "managedFields": [], "name": "one"}

    assert without_owners({"metadata": directive, "data": {}}, target="x") == {
        "metadata": {"name": "one"},
        "data": {},
    }
    assert without_owners({"data": {}}, target="x") == {"data": {}}
