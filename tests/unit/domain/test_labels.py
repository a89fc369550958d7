"""Label selectors mean what Kubernetes means by them."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.domain.errors import InvalidValue
from orchestrator.domain.labels import (
    Operator,
    Requirement,
    are_met,
    as_query,
    equalities,
    requirements_of,
)


def expression(operator: str, *values: str) -> dict[str, Any]:
    return {"key": "app", "operator": operator, "values": list(values)}


@pytest.mark.parametrize(
    ("wanted", "labels", "is_met"),
    [
        (expression("In", "web", "cart"), {"app": "cart"}, True),
        (expression("In", "web", "cart"), {"app": "stock"}, False),
        (expression("In", "web"), {}, False),
        (expression("NotIn", "web"), {"app": "cart"}, True),
        (expression("NotIn", "web"), {"app": "web"}, False),
        (expression("NotIn", "web"), {}, True),
        (expression("Exists"), {"app": ""}, True),
        (expression("Exists"), {}, False),
        (expression("DoesNotExist"), {}, True),
        (expression("DoesNotExist"), {"app": "web"}, False),
    ],
)
def test_expression_is_met(wanted: dict[str, Any], labels: dict[str, str], is_met: bool) -> None:
    assert are_met(requirements_of({"matchExpressions": [wanted]}), labels) is is_met


def test_labels_and_expressions_must_all_be_met() -> None:
    selector = {"matchLabels": {"tier": "web"}, "matchExpressions": [expression("Exists")]}

    assert are_met(requirements_of(selector), {"tier": "web", "app": "x"})
    assert not are_met(requirements_of(selector), {"tier": "web"})
    assert not are_met(requirements_of(selector), {"app": "x"})


@pytest.mark.parametrize("selector", [None, {}, {"matchLabels": {}, "matchExpressions": []}])
def test_empty_selector_is_always_met(selector: dict[str, Any] | None) -> None:
    assert are_met(requirements_of(selector), {})
    assert as_query(requirements_of(selector)) == {}


@pytest.mark.parametrize(
    "selector",
    [
        {"matchFields": []},
        {"matchExpressions": [expression("Gt", "3")]},
        {"matchExpressions": [expression("In")]},
        {"matchExpressions": [expression("Exists", "x")]},
    ],
)
def test_selector_that_is_not_understood_is_refused(selector: dict[str, Any]) -> None:
    with pytest.raises(InvalidValue):
        requirements_of(selector)


def test_conditions_are_written_as_a_query_has_them() -> None:
    conditions = (
        *equalities({"tier": "web"}),
        Requirement(key="app", operator=Operator.IN, values=("a", "b")),
        Requirement(key="app", operator=Operator.NOT_IN, values=("c",)),
        Requirement(key="x", operator=Operator.EXISTS),
        Requirement(key="y", operator=Operator.DOES_NOT_EXIST),
    )

    assert as_query(conditions) == {
        "labelSelector": "tier=web,app in (a,b),app notin (c),x,!y",
    }


_APPS = st.sampled_from(["web", "cart", "stock"])
_CONDITIONS = st.one_of(
    st.builds(
        Requirement,
        key=st.sampled_from(["app", "tier"]),
        operator=st.sampled_from([Operator.IN, Operator.NOT_IN]),
        values=st.lists(_APPS, min_size=1, unique=True).map(tuple),
    ),
    st.builds(
        Requirement,
        key=st.sampled_from(["app", "tier"]),
        operator=st.sampled_from([Operator.EXISTS, Operator.DOES_NOT_EXIST]),
    ),
)


@given(one=_CONDITIONS, other=_CONDITIONS)
def test_a_condition_implies_another_where_no_labels_satisfy_it_alone(
    one: Requirement, other: Requirement
) -> None:
    apps = ["web", "cart", "stock", "elsewhere", None]
    sets = [
        {key: value for key, value in (("app", app), ("tier", tier)) if value is not None}
        for app in apps
        for tier in apps
    ]

    is_implied = all(other.is_met(labels) for labels in sets if one.is_met(labels))

    assert one.implies(other) is is_implied
