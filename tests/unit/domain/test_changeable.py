"""Which fields change, and whether they are among those that may."""

from typing import Any

import pytest

from orchestrator.domain.changeable import (
    DEFAULT_FIELDS,
    changed_fields,
    is_covered,
    may_change,
    shared,
)


def a_pod_spec(**container: Any) -> dict[str, Any]:
    return {"spec": {"containers": [{"name": "main", "image": "a"} | container]}}


CONTAINER = ("spec", "containers")


@pytest.mark.parametrize(
    ("before", "after", "changed"),
    [
        (a_pod_spec(), a_pod_spec(), set()),
        (a_pod_spec(), a_pod_spec(image="b"), {(*CONTAINER, "image")}),
        (
            a_pod_spec(),
            a_pod_spec(securityContext={"privileged": True}),
            {(*CONTAINER, "securityContext", "privileged")},
        ),
        (a_pod_spec(), {"spec": {"containers": []}}, {CONTAINER}),
        (
            a_pod_spec(),
            {"spec": {"containers": [*a_pod_spec()["spec"]["containers"], {"name": "b"}]}},
            {CONTAINER},
        ),
        (
            a_pod_spec(env=[{"name": "A", "value": "1"}, {"name": "B", "value": "2"}]),
            a_pod_spec(env=[{"name": "B", "value": "2"}, {"name": "A", "value": "1"}]),
            {(*CONTAINER, "env")},
        ),
        (a_pod_spec(args=["a"]), a_pod_spec(args=["b"]), {(*CONTAINER, "args")}),
        ({"spec": {}}, {"spec": {"template": {}}}, {("spec", "template")}),
        ({"spec": {"a": None}}, {"spec": {}}, set()),
        ({"metadata": {"resourceVersion": "1"}}, {"metadata": {"resourceVersion": "2"}}, set()),
        ({"data": {"a.b": "x"}}, {"data": {}}, {("data", "a.b")}),
    ],
)
def test_changed_fields_are_named_without_positions(
    before: dict[str, Any], after: dict[str, Any], changed: set[tuple[str, ...]]
) -> None:
    assert changed_fields(before, after) == changed


def test_field_covers_what_lies_below_it_and_nothing_beside_it() -> None:
    assert is_covered(("spec", "template", "metadata"), {"spec.template"})
    assert not is_covered(("spec",), {"spec.template"})
    assert not is_covered(("spec", "templates"), {"spec.template"})


@pytest.mark.parametrize(
    "field",
    [
        "spec.template.spec.securityContext",
        "spec.template.spec.containers.securityContext.privileged",
        "spec.template.spec.volumes",
        "spec.template.spec.hostNetwork",
        "spec.template.spec.serviceAccountName",
        "spec.template.spec.priorityClassName",
        "spec.template.spec.tolerations",
        "spec.template.spec.containers",
        "spec.selector",
        "metadata.finalizers",
        "metadata.ownerReferences",
    ],
)
def test_usual_fields_give_no_power(field: str) -> None:
    path = tuple(field.split("."))
    for kind in ("deployments", "statefulsets", "daemonsets", "replicasets", "pods"):
        assert not is_covered(path, DEFAULT_FIELDS[kind])


def test_plan_names_fields_in_the_place_of_the_usual_ones() -> None:
    fields = {"deployments": frozenset({"spec.replicas"})}

    assert may_change(fields, "deployments") == {"spec.replicas"}
    assert may_change(fields, "pods") == DEFAULT_FIELDS["pods"]


def test_shared_fields_are_those_that_both_allow() -> None:
    one = frozenset({"spec.template", "spec.replicas"})
    other = frozenset({"spec.template.metadata", "metadata"})

    assert shared(one, other) == {"spec.template.metadata"}
    assert shared(one, frozenset()) == frozenset()
