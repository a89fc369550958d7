"""Kinds are written with what may be done to them, and read strictly."""

from typing import Final

import jsonschema
import pytest

from orchestrator.adapters.planfile import PlanFile, plan_schema
from orchestrator.adapters.planfile.tree import tree_of
from orchestrator.domain.plan import Plan
from orchestrator.domain.verbs import WriteVerb
from tests.unit.adapters.planfile.plans import edited, faults

DAY: Final = "kinds: [pods, deployments]"
BOX: Final = "service: checkout"
LIMITED: Final = "kinds: {pods: [delete, evict], deployments: [scale, change]}"

WRONG: Final = {
    "unknown verb": (
        "kinds: {pods: [delete, remove]}",
        (
            "line 23: blast_radius.kinds.pods[1] = remove: is no verb of a plan;"
            " use one of: create, change, scale, delete, evict, exec"
        ),
    ),
    "misspelt verb": (
        "kinds: {pods: [Deleted]}",
        "line 23: blast_radius.kinds.pods[0] = Deleted: is no verb of a plan; did you mean delete?",
    ),
    "verb that does not fit the kind": (
        "kinds: {services: [change, scale]}",
        (
            "line 23: blast_radius.kinds.services[1] = scale:"
            " is nothing that can be done to services; use some of: create, change, delete"
        ),
    ),
    "nodes deleted": (
        "kinds: {nodes: [delete]}",
        (
            "line 23: blast_radius.kinds.nodes[0] = delete:"
            " is nothing that can be done to nodes; use some of: change"
        ),
    ),
    "no verbs": (
        "kinds: {pods: []}",
        "line 23: blast_radius.kinds.pods: is empty; write at least one, such as `pods: [scale]`",
    ),
    "null for verbs": (
        "kinds: {pods: }",
        (
            "line 23: blast_radius.kinds.pods: has no value;"
            " write one, or leave the line out if the field may be missing"
        ),
    ),
    "text for verbs": (
        "kinds: {pods: delete}",
        (
            "line 23: blast_radius.kinds.pods = delete: is text, not a list;"
            " write it such as `pods: [scale]`"
        ),
    ),
    "number for a verb": (
        "kinds: {pods: [7]}",
        'line 23: blast_radius.kinds.pods[0] = 7: is a number, not text; put it in quotes: "7"',
    ),
    "no kinds": (
        "kinds: {}",
        (
            "line 23: blast_radius.kinds: is empty;"
            " write at least one, such as `kinds: [pods, deployments]`"
        ),
    ),
    "text for kinds": (
        "kinds: pods",
        (
            "line 23: blast_radius.kinds = pods: is text, not a list;"
            " write it such as `kinds: [pods, deployments]`"
        ),
    ),
    "singular kind with verbs": (
        "kinds: {Deployment: [scale]}",
        (
            "line 23: blast_radius.kinds.Deployment: is no plural resource name;"
            " did you mean deployments?"
        ),
    ),
    "kind twice": (
        "kinds: {pods: [delete], pods: [evict]}",
        "line 23: blast_radius.kinds.pods: is in line 23 already; keep one of the two",
    ),
    "commands that the plan does not allow": (
        "kinds: {pods: [exec]}",
        (
            "line 23: blast_radius.kinds.pods[0] = exec:"
            " cannot be put back, and the day's irreversible does not name it;"
            " add `irreversible: [exec]`, or leave it out"
        ),
    ),
    "made without the verb": (
        "kinds: {pods: [delete]}\n  creates: [pods]",
        (
            "line 24: blast_radius.creates[0] = pods: is not among the verbs of kinds.pods;"
            " add create to kinds.pods, or leave it out"
        ),
    ),
}

WIDER: Final = {
    "verb beyond the day's": (
        "{kinds: {deployments: [scale, delete]}}",
        (
            "line 15: agenda[0].blast_radius.kinds.deployments[1] = delete:"
            " lies outside the day's blast radius; use some of: change, scale"
        ),
    ),
    "kind beyond the day's": (
        "{kinds: {services: [change]}}",
        (
            "line 15: agenda[0].blast_radius.kinds.services:"
            " lies outside the day's blast radius; use some of: pods, deployments"
        ),
    ),
    "making beyond the day's": (
        "{kinds: {pods: [create]}}",
        (
            "line 15: agenda[0].blast_radius.kinds.pods[0] = create:"
            " lies outside the day's blast radius; use some of: delete, evict"
        ),
    ),
    "verb that does not fit the kind": (
        "{kinds: {pods: [scale]}}",
        (
            "line 15: agenda[0].blast_radius.kinds.pods[0] = scale: is nothing that can be done"
            " to pods; use some of: create, change, delete, evict, exec"
        ),
    ),
    "making beside the day's verbs": (
        "{creates: [pods]}",
        (
            "line 15: agenda[0].blast_radius.creates[0] = pods:"
            " lies outside the day's blast radius; leave it out"
        ),
    ),
}


def read(text: str) -> Plan:
    return PlanFile().read(text, source="plan.yaml")


@pytest.mark.parametrize(("kinds", "said"), WRONG.values(), ids=WRONG)
def test_wrong_verbs_are_told_with_line_value_and_way_out(kinds: str, said: str) -> None:
    assert faults(edited(DAY, kinds)) == [said]


@pytest.mark.parametrize(("own", "said"), WIDER.values(), ids=WIDER)
def test_a_box_has_some_of_the_day_s_verbs(own: str, said: str) -> None:
    assert faults(edited(BOX, f"blast_radius: {own}", text=edited(DAY, LIMITED))) == [said]


def test_a_box_makes_only_what_the_day_makes_though_the_day_lists_no_verbs() -> None:
    assert faults(edited(BOX, "blast_radius: {kinds: {pods: [create, evict]}}")) == [
        (
            "line 15: agenda[0].blast_radius.kinds.pods[0] = create:"
            " lies outside the day's blast radius; use some of: change, delete, evict, exec"
        )
    ]


def test_a_box_makes_what_its_own_verbs_say() -> None:
    day = edited(DAY, "kinds: {configmaps: [create], jobs: [create, delete]}")
    wrong = "blast_radius: {kinds: {jobs: [delete], configmaps: [create]}, creates: [jobs]}"
    right = "blast_radius: {kinds: {jobs: [create], configmaps: [create]}, creates: [jobs]}"

    assert faults(edited(BOX, wrong, text=day)) == [
        (
            "line 15: agenda[0].blast_radius.creates[0] = jobs: is not among the verbs of"
            " kinds.jobs; add create to kinds.jobs, or leave it out"
        )
    ]
    plan = read(edited(BOX, right, text=day))
    assert plan.radius_of(plan.agenda[0]).creates == {"configmaps", "jobs"}


def test_a_list_of_kinds_limits_no_verbs() -> None:
    radius = read(edited(DAY, DAY)).blast_radius

    assert radius.kinds == {"pods", "deployments"}
    assert not radius.verbs
    assert not radius.creates


def test_verbs_arrive_and_create_says_what_may_be_made() -> None:
    kinds = "kinds: {deployments: [scale], configmaps: [create, change]}"
    radius = read(edited(DAY, kinds)).blast_radius

    assert radius.kinds == {"deployments", "configmaps"}
    assert radius.verbs == {
        "deployments": {WriteVerb.SCALE},
        "configmaps": {WriteVerb.CREATE, WriteVerb.CHANGE},
    }
    assert radius.creates == {"configmaps"}


def test_the_limits_of_a_box_have_the_verbs_of_both() -> None:
    own = "blast_radius: {kinds: {deployments: [scale]}}"
    plan = read(edited(BOX, own, text=edited(DAY, LIMITED)))

    first, second = (plan.radius_of(box) for box in plan.agenda)

    assert first.kinds == {"deployments"}
    assert first.verbs == {"deployments": {WriteVerb.SCALE}}
    assert second.verbs == plan.blast_radius.verbs


def test_a_box_that_lists_kinds_alone_keeps_the_day_s_verbs() -> None:
    plan = read(edited(BOX, "blast_radius: {kinds: [pods]}", text=edited(DAY, LIMITED)))

    verbs = plan.radius_of(plan.agenda[0]).verbs

    assert verbs == {"pods": {WriteVerb.DELETE, WriteVerb.EVICT}}


def test_a_box_may_list_verbs_where_the_day_lists_none() -> None:
    plan = read(edited(BOX, "blast_radius: {kinds: {deployments: [scale]}}"))

    assert plan.radius_of(plan.agenda[0]).verbs == {"deployments": {WriteVerb.SCALE}}


def test_commands_may_be_listed_where_the_plan_allows_them() -> None:
    radius = read(edited(DAY, "kinds: {pods: [exec]}\n  irreversible: [exec]")).blast_radius

    assert radius.verbs == {"pods": {WriteVerb.EXEC}}


@pytest.mark.parametrize(
    ("kinds", "is_accepted"),
    [
        (DAY, True),
        (LIMITED, True),
        ("kinds: {pods: [remove]}", False),
        ("kinds: {pods: []}", False),
        ("kinds: {}", False),
        ("kinds: {Pod: [delete]}", False),
        ("kinds: pods", False),
    ],
)
def test_an_editor_sees_what_the_reader_refuses(kinds: str, is_accepted: bool) -> None:
    validator = jsonschema.Draft202012Validator(plan_schema())

    assert validator.is_valid(tree_of(edited(DAY, kinds)).value) is is_accepted
