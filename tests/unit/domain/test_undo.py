"""Putting back field by field: ours returns, others' stays, and twice is as good as once."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.domain.net_effect import merged
from orchestrator.domain.undo import ABSENT, changed_leaves, restoring, value_at

LEAVES = st.integers(0, 3) | st.lists(st.integers(0, 2), max_size=2) | st.sampled_from(["a", ""])
KEYS = st.sampled_from(["spec", "replicas", "labels", "app.kubernetes.io/name"])
DOCUMENTS = st.recursive(
    st.dictionaries(KEYS, LEAVES, max_size=3),
    lambda inner: st.dictionaries(KEYS, inner | LEAVES, max_size=3),
    max_leaves=8,
)
Document = dict[str, Any]


def put_back(before: Document, after: Document, now: Document) -> Document:
    return merged(now, restoring(key="x", before=before, after=after, now=now).patch)


@given(DOCUMENTS, DOCUMENTS)
def test_untouched_by_others_every_field_is_as_before(before: Document, after: Document) -> None:
    restored = put_back(before, after, after)

    assert all(value_at(restored, path) == was for path, (was, _) in leaves(before, after))


@given(DOCUMENTS, DOCUMENTS, DOCUMENTS)
def test_only_fields_that_still_hold_our_value_change(
    before: Document, after: Document, now: Document
) -> None:
    restored = put_back(before, after, now)
    ours = dict(changed_leaves(before, after))

    for path, (was, set_by_us) in ours.items():
        if value_at(now, path) == set_by_us:
            assert value_at(restored, path) == was
    for path in changed_leaves(now, restored):
        assert any(path[: len(each)] == each or each[: len(path)] == path for each in ours)


@given(DOCUMENTS, DOCUMENTS, DOCUMENTS)
def test_twice_is_as_good_as_once(before: Document, after: Document, now: Document) -> None:
    once = put_back(before, after, now)

    assert put_back(before, after, once) == once


def leaves(before: Document, after: Document) -> list[tuple[Any, Any]]:
    return list(changed_leaves(before, after).items())


def test_value_of_others_is_kept_and_said() -> None:
    result = restoring(
        key="deployments/shop/cart",
        before={"spec": {"replicas": 3, "paused": False}},
        after={"spec": {"replicas": 0, "paused": True}},
        now={"spec": {"replicas": 5, "paused": True}},
    )

    assert result.patch == {"spec": {"paused": False}}
    assert [str(each) for each in result.kept] == [
        "deployments/shop/cart spec.replicas: was 3, we set 0, now 5"
    ]


def test_field_that_was_not_there_goes_again() -> None:
    result = restoring(
        key="x",
        before={"spec": {"selector": {"app": "cart"}}},
        after={"spec": {"selector": {"app": "cart", "bogus": "y"}}},
        now={"spec": {"selector": {"app": "cart", "bogus": "y", "theirs": "z"}}},
    )

    assert result.patch == {"spec": {"selector": {"bogus": None}}}


def test_map_that_was_removed_returns_field_by_field() -> None:
    before = {"metadata": {"labels": {"a": "1", "b": "2"}}}
    after: Document = {"metadata": {}}
    now = {"metadata": {"labels": {"b": "theirs"}}}

    result = restoring(key="x", before=before, after=after, now=now)

    assert result.patch == {"metadata": {"labels": {"a": "1"}}}
    assert [each.field for each in result.kept] == ["metadata.labels.b"]


def test_lists_are_put_back_whole() -> None:
    before = {"spec": {"containers": [{"image": "good"}]}}
    after = {"spec": {"containers": [{"image": "bad"}]}}

    assert restoring(key="x", before=before, after=after, now=after).patch == before


def test_what_the_server_writes_is_never_ours() -> None:
    before = {"metadata": {"generation": 1, "resourceVersion": "1"}, "status": {"replicas": 3}}
    after = {"metadata": {"generation": 2, "resourceVersion": "2"}, "status": {"replicas": 0}}

    assert changed_leaves(before, after) == {}


@pytest.mark.parametrize("nothing", [{}, {"spec": None}])
def test_null_is_as_good_as_absent(nothing: Document) -> None:
    assert changed_leaves(nothing, {"spec": None}) == {}
    assert value_at(nothing, ("spec",)) is ABSENT


def a_node(*taints: tuple[str, str, str]) -> Document:
    entries = [{"key": key, "value": value, "effect": effect} for key, value, effect in taints]
    return {"metadata": {"name": "one"}, "spec": {"taints": entries} if entries else {}}


THEIRS, OURS = ("theirs", "", "NoSchedule"), ("ours", "", "NoExecute")
LATER = ("later", "", "NoSchedule")


@pytest.mark.parametrize(
    ("before", "after", "now", "wanted"),
    [
        (a_node(THEIRS), a_node(THEIRS, OURS), a_node(THEIRS, OURS, LATER), a_node(THEIRS, LATER)),
        (a_node(), a_node(OURS), a_node(OURS), a_node()),
        (a_node(THEIRS), a_node(), a_node(LATER), a_node(LATER, THEIRS)),
        (a_node(), a_node(OURS), a_node(LATER), a_node(LATER)),
    ],
)
def test_taints_return_one_by_one(
    before: Document, after: Document, now: Document, wanted: Document
) -> None:
    found = restoring(key="nodes//one", before=before, after=after, now=now)

    assert found.kept == ()
    assert merged(now, found.patch)["spec"] == wanted["spec"]


def test_taint_that_others_changed_stays_and_is_told() -> None:
    changed = a_node(("ours", "theirs now", "NoExecute"))

    found = restoring(key="nodes//one", before=a_node(), after=a_node(OURS), now=changed)

    assert found.patch == {}
    assert [each.field for each in found.kept] == ["spec.taints.ours:NoExecute"]


@given(DOCUMENTS, DOCUMENTS)
def test_untouched_by_others_no_empty_map_is_left_and_none_is_lost(
    before: Document, after: Document
) -> None:
    assert put_back(before, after, after) == before


@given(DOCUMENTS, DOCUMENTS, DOCUMENTS)
def test_a_map_goes_only_if_it_was_not_there_and_nothing_of_others_is_in_it(
    before: Document, after: Document, now: Document
) -> None:
    restored = put_back(before, after, now)
    ours = changed_leaves(before, after)

    for path in maps_of(now):
        gone = value_at(restored, path) is ABSENT
        assert not gone or value_at(before, path) is ABSENT
    for path, (_, theirs) in leaves_of(now).items():
        # A plain value where a map of ours was is no field beside ours.
        is_beside = not any(each[: len(path)] == path for each in ours)
        if is_beside and value_at(after, path) != theirs:
            assert value_at(restored, path) == theirs


def maps_of(document: Document) -> list[tuple[str, ...]]:
    inner = {key: value for key, value in document.items() if isinstance(value, dict)}
    below = [(key, *path) for key, value in inner.items() for path in maps_of(value)]
    return [*((key,) for key in inner), *below]


def leaves_of(document: Document) -> dict[tuple[str, ...], tuple[Any, Any]]:
    return {path: pair for path, pair in changed_leaves({}, document).items() if pair[1] != {}}


ROLLING = {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": "25%", "maxUnavailable": "25%"}}
TERMS = {"nodeSelectorTerms": [{"matchExpressions": [{"key": "zone", "operator": "Exists"}]}]}
AFFINITY = {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": TERMS}}


@pytest.mark.parametrize(
    ("before", "after", "patch"),
    [
        (
            {"strategy": {"type": "Recreate"}},
            {"strategy": ROLLING},
            {"strategy": {"type": "Recreate", "rollingUpdate": None}},
        ),
        ({"a": 1}, {"a": 1, "affinity": AFFINITY}, {"affinity": None}),
        ({"affinity": {}}, {"affinity": AFFINITY}, {"affinity": {"nodeAffinity": None}}),
        ({"selector": {}}, {"selector": {"app": "x"}}, {"selector": {"app": None}}),
        ({"selector": {"app": "x"}}, {"selector": {}}, {"selector": {"app": "x"}}),
    ],
)
def test_what_was_added_goes_whole_and_what_was_empty_stays(
    before: Document, after: Document, patch: Document
) -> None:
    found = restoring(key="x", before={"spec": before}, after={"spec": after}, now={"spec": after})

    assert found.patch == {"spec": patch}


def test_added_map_stays_when_others_put_something_in_it() -> None:
    now = {"spec": {"behavior": {"scaleDown": {"ours": 1}, "scaleUp": {"theirs": 2}}}}
    ours = {"spec": {"behavior": {"scaleDown": {"ours": 1}}}}

    found = restoring(key="x", before={"spec": {}}, after=ours, now=now)

    assert found.patch == {"spec": {"behavior": {"scaleDown": None}}}
    assert merged(now, found.patch) == {"spec": {"behavior": {"scaleUp": {"theirs": 2}}}}


def test_map_added_empty_is_no_longer_ours_once_others_put_something_in_it() -> None:
    now = {"spec": {"rollingUpdate": {"theirs": 1}}}

    found = restoring(key="x", before={"spec": {}}, after={"spec": {"rollingUpdate": {}}}, now=now)

    assert (found.patch, found.kept) == ({}, ())
