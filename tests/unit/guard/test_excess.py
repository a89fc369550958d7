"""Whatever an account may do beyond a plan is found in the rules that the cluster lists."""

from collections import defaultdict
from typing import Any

import pytest

from orchestrator.domain.plan import Plan
from orchestrator.guard.excess import beyond, places_for
from orchestrator.guard.permissions import needed_for
from tests.builders import a_plan, a_radius

Rule = dict[str, Any]
EVERYBODYS: Rule = {
    "apiGroups": ["authorization.k8s.io"],
    "resources": ["selfsubjectaccessreviews", "selfsubjectrulesreviews"],
    "verbs": ["create"],
}


@pytest.fixture
def plan() -> Plan:
    return a_plan(blast_radius=a_radius(kinds=frozenset({"pods", "nodes"})))


def a_rule(verbs: str, resources: str, group: str = "", *names: str) -> Rule:
    named = {"resourceNames": list(names)} if names else {}
    return {
        "apiGroups": [group],
        "resources": resources.split(),
        "verbs": verbs.split(),
        **named,
    }


def listed(plan: Plan) -> dict[str, list[Rule]]:
    """What an account is listed with that was given what is printed."""
    found: dict[str, list[Rule]] = defaultdict(list)
    places = places_for(plan)
    for each in needed_for(plan):
        rule = a_rule(each.verb, each.resource, each.group)
        for place in [each.namespace] if each.namespace else places:
            found[place].append(rule)
    return {place: [EVERYBODYS, *found[place]] for place in places}


def told(plan: Plan, place: str, *rules: Rule) -> list[str]:
    """What is told of an account that is given more in a place, or in all of them."""
    given = listed(plan)
    for each in [place] if place else given:
        given[each] += rules
    return [str(each) for each in beyond(plan, given)]


def test_rules_are_looked_at_in_the_plan_and_beside_it(plan: Plan) -> None:
    assert places_for(plan) == ["default", "kube-system", "shop"]
    by_default = a_plan(blast_radius=a_radius(namespaces=frozenset({"default"})))
    assert places_for(by_default) == ["default", "kube-public", "kube-system"]


def test_what_is_printed_is_nothing_in_excess(plan: Plan) -> None:
    assert told(plan, "") == []


@pytest.mark.parametrize(
    ("place", "rule", "expected"),
    [
        ("shop", a_rule("get", "secrets"), ["get secrets in shop"]),
        ("shop", a_rule("get", "configmaps", "", "one"), ["get configmaps one in shop"]),
        ("shop", a_rule("list", "services", "", "one"), []),
        ("shop", a_rule("*", "pods"), ["* pods in shop"]),
        ("shop", a_rule("get", "*"), ["get * in shop"]),
        ("shop", a_rule("get", "pods", "*"), ["get pods.* in shop"]),
        ("default", a_rule("get", "pods"), ["get pods in default"]),
        ("kube-system", a_rule("list", "pods"), []),
        ("kube-system", a_rule("delete", "pods"), ["delete pods in kube-system"]),
        ("", a_rule("delete", "nodes"), ["delete nodes in the whole cluster"]),
        ("", a_rule("delete", "pods"), ["delete pods in the whole cluster"]),
        ("", a_rule("*", "*", "*"), ["* *.* in the whole cluster"]),
        ("", a_rule("create", "selfsubjectreviews", "authentication.k8s.io"), []),
    ],
)
def test_whatever_is_granted_beside_that_is(
    plan: Plan, place: str, rule: Rule, expected: list[str]
) -> None:
    assert told(plan, place, rule) == expected


def test_part_of_something_wider_is_not_told_twice(plan: Plan) -> None:
    rules = (a_rule("get list", "secrets"), a_rule("*", "secrets"), a_rule("get", "leases"))

    assert told(plan, "shop", *rules) == ["get leases in shop", "* secrets in shop"]


def test_some_objects_alone_are_no_more_than_all_of_them(plan: Plan) -> None:
    rules = (a_rule("get", "secrets"), a_rule("*", "secrets", "", "one"))

    assert told(plan, "shop", *rules) == ["* secrets one in shop", "get secrets in shop"]


def test_rule_that_says_nothing_grants_nothing(plan: Plan) -> None:
    assert told(plan, "shop", {}, {"verbs": ["get"]}, {"resources": None}) == []
