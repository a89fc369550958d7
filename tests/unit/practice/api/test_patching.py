"""The forms of patches, as Kubernetes carries them out."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.practice.api.applying import merge
from orchestrator.practice.api.patching import json_patch, merge_patch, strategic_merge
from orchestrator.practice.api.statuses import ApiError

POD = "core.v1.PodSpec"
JSON = st.recursive(
    st.one_of(st.booleans(), st.integers(), st.text(max_size=4)),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=3), inner, max_size=3)
    ),
    max_leaves=8,
)
DOCUMENTS = st.dictionaries(st.text(max_size=3), JSON, max_size=4)


@given(DOCUMENTS, DOCUMENTS)
def test_merge_patch_applied_twice_is_the_same_as_once(document: Any, patch: Any) -> None:
    once = merge_patch(document, patch)

    assert merge_patch(once, patch) == once


@given(DOCUMENTS, DOCUMENTS)
def test_patches_leave_the_document_as_it_was(document: Any, patch: Any) -> None:
    before = repr(document)

    merge_patch(document, patch)
    json_patch(document, [{"op": "add", "path": "/new", "value": patch}])
    merge(document, patch, "core.v1.ConfigMap")

    assert repr(document) == before


@pytest.mark.parametrize(
    ("patch", "expected"),
    [
        ([{"op": "add", "path": "/a/-", "value": 4}], {"a": [1, 2, 3, 4]}),
        ([{"op": "add", "path": "/a/0", "value": 0}], {"a": [0, 1, 2, 3]}),
        ([{"op": "remove", "path": "/a/1"}], {"a": [1, 3]}),
        ([{"op": "replace", "path": "/a/2", "value": 9}], {"a": [1, 2, 9]}),
        ([{"op": "move", "from": "/a/0", "path": "/b"}], {"a": [2, 3], "b": 1}),
        ([{"op": "copy", "from": "/a", "path": "/b"}], {"a": [1, 2, 3], "b": [1, 2, 3]}),
        ([{"op": "add", "path": "/c~1d", "value": 1}], {"a": [1, 2, 3], "c/d": 1}),
    ],
)
def test_json_patch_operations(patch: Any, expected: Any) -> None:
    assert json_patch({"a": [1, 2, 3]}, patch) == expected


@pytest.mark.parametrize(
    "patch",
    [
        [{"op": "remove", "path": "/nope"}],
        [{"op": "replace", "path": "/nope", "value": 1}],
        [{"op": "add", "path": "/x/y", "value": 1}],
        [{"op": "test", "path": "/a", "value": 1}],
        [{"op": "test", "path": "/flag", "value": 1}],
        [{"op": "add", "path": "/a/9", "value": 1}],
    ],
)
def test_json_patch_that_can_not_be_carried_out_is_unprocessable(patch: Any) -> None:
    with pytest.raises(ApiError) as refusal:
        json_patch({"a": [1, 2, 3], "flag": True}, patch)

    assert refusal.value.code == 422


def test_strategic_merge_keeps_items_of_other_keys() -> None:
    document = {"containers": [{"name": "a", "image": "a:1"}, {"name": "b", "image": "b:1"}]}

    patched = strategic_merge(document, {"containers": [{"name": "b", "image": "b:2"}]}, POD)

    assert patched["containers"] == [
        {"name": "a", "image": "a:1"},
        {"name": "b", "image": "b:2"},
    ]


def test_strategic_merge_directives() -> None:
    document = {
        "containers": [{"name": "a", "image": "a:1"}, {"name": "b", "image": "b:1"}],
        "nodeSelector": {"x": "1", "y": "2"},
        "securityContext": {"runAsUser": 1},
    }
    patch = {
        "containers": [{"name": "a", "$patch": "delete"}],
        "$setElementOrder/containers": [{"name": "b"}],
        "nodeSelector": {"x": None},
        "securityContext": {"$patch": "replace", "fsGroup": 2},
    }

    patched = strategic_merge(document, patch, POD)

    assert patched == {
        "containers": [{"name": "b", "image": "b:1"}],
        "nodeSelector": {"y": "2"},
        "securityContext": {"fsGroup": 2},
    }


def test_strategic_merge_puts_items_into_the_order_asked_for() -> None:
    document = {"containers": [{"name": "a"}, {"name": "b"}]}
    patch = {"$setElementOrder/containers": [{"name": "b"}, {"name": "a"}]}

    patched = strategic_merge(document, patch, POD)

    assert [container["name"] for container in patched["containers"]] == ["b", "a"]


def test_strategic_merge_retains_only_the_keys_listed() -> None:
    document = {"volumes": [{"name": "v", "emptyDir": {}}]}
    item = {"name": "v", "$retainKeys": ["name", "configMap"], "configMap": {"name": "c"}}

    patched = strategic_merge(document, {"volumes": [item]}, POD)

    assert patched["volumes"] == [{"name": "v", "configMap": {"name": "c"}}]


def test_strategic_merge_of_finalizers_adds_and_deletes() -> None:
    document = {"finalizers": ["a/x", "b/x"]}
    patch = {"finalizers": ["c/x"], "$deleteFromPrimitiveList/finalizers": ["a/x"]}

    patched = strategic_merge(document, patch, "meta.v1.ObjectMeta")

    assert sorted(patched["finalizers"]) == ["b/x", "c/x"]


def test_item_without_its_merge_key_is_refused() -> None:
    with pytest.raises(ApiError, match="does not contain declared merge key: name"):
        strategic_merge({"containers": []}, {"containers": [{"image": "a"}]}, POD)


def test_ports_are_applied_by_number_and_protocol() -> None:
    document = {"ports": [{"containerPort": 80, "protocol": "TCP", "name": "a"}]}
    configuration = {"ports": [{"containerPort": 80, "name": "b"}, {"containerPort": 81}]}

    applied = merge(document, configuration, "core.v1.Container")

    assert applied["ports"] == [
        {"containerPort": 80, "protocol": "TCP", "name": "b"},
        {"containerPort": 81},
    ]
