"""What may be done to objects of a kind: what is not listed is never let through."""

from dataclasses import replace
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.domain.blast_radius import Allowed, BlastRadius, Denied, Target, Write
from orchestrator.domain.day_budget import Reservation, within
from orchestrator.domain.identity import RunId
from orchestrator.domain.undo import Path, Verb
from orchestrator.domain.verbs import ALL_VERBS, REPLICAS, WriteVerb, done_by, in_order, verbs_of
from tests.builders import a_radius

IMAGE: Path = ("spec", "template", "spec", "containers", "image")
CHANGED = st.frozensets(st.sampled_from([REPLICAS, IMAGE, ("spec",), ("metadata", "labels", "a")]))
KINDS = ("deployments", "pods", "configmaps")
LISTED = st.dictionaries(
    st.sampled_from(KINDS), st.frozensets(st.sampled_from(WriteVerb)), max_size=3
)


def a_write(verb: str, *changed: Path, kind: str = "deployments") -> Write:
    return Write(
        verb=verb,
        kind=kind,
        written=Target(kind=kind, namespace="shop", name="payment"),
        changed=frozenset(changed),
        creates=verb == Verb.CREATE,
        irreversible="exec" if verb == Verb.EXEC else "",
    )


WRITES = st.builds(
    lambda verb, changed, kind: a_write(verb, *(changed if verb == "change" else ()), kind=kind),
    st.sampled_from(Verb),
    CHANGED,
    st.sampled_from(KINDS),
)


def bold(**changes: Any) -> BlastRadius:
    """Limits of which only the verbs can be in the way."""
    fields = {kind: frozenset({"spec", "metadata", "data"}) for kind in KINDS}
    return replace(
        a_radius(kinds=frozenset(KINDS), creates=frozenset(KINDS), fields=fields),
        irreversible=frozenset({"exec"}),
        **changes,
    )


def rule(radius: BlastRadius, write: Write) -> str:
    verdict = radius.verdict(write, touched=set(), lost={})
    return verdict.rule if isinstance(verdict, Denied) else ""


def test_a_deployment_that_may_be_scaled_may_not_be_deleted_or_changed() -> None:
    radius = bold(verbs={"deployments": frozenset({WriteVerb.SCALE})})

    assert rule(radius, a_write("change", REPLICAS)) == ""
    for write in (
        a_write("delete"),
        a_write("create"),
        a_write("change", IMAGE),
        a_write("change", IMAGE, REPLICAS),
        a_write("change"),
    ):
        assert rule(radius, write) == "verbs"
    assert rule(radius, a_write("delete", kind="pods")) == ""


def test_what_may_be_changed_may_not_be_scaled_beside_it() -> None:
    radius = bold(verbs={"deployments": frozenset({WriteVerb.CHANGE})})

    assert rule(radius, a_write("change", IMAGE)) == ""
    assert rule(radius, a_write("change", IMAGE, REPLICAS)) == "verbs"


def test_a_pod_that_may_be_evicted_may_not_be_deleted() -> None:
    radius = bold(verbs={"pods": frozenset({WriteVerb.EVICT})})

    assert rule(radius, a_write("evict", kind="pods")) == ""
    assert rule(radius, a_write("delete", kind="pods")) == "verbs"
    assert rule(radius, a_write("exec", kind="pods")) == "verbs"


def test_a_refusal_names_the_kind_the_verb_the_line_of_the_plan_and_the_way_out() -> None:
    radius = bold(verbs={"deployments": frozenset({WriteVerb.SCALE, WriteVerb.CHANGE})})

    assert radius.verdict(a_write("delete"), touched=set(), lost={}) == Denied(
        rule="verbs",
        reason="delete is not among what may be done to deployments:"
        " the plan says kinds: {deployments: [change, scale]}; if it may be done, write"
        " kinds: {deployments: [change, scale, delete]}, or on the command line"
        " --kind deployments=change,scale,delete",
    )


def test_a_refused_change_names_a_field_that_it_is_about() -> None:
    radius = bold(verbs={"deployments": frozenset({WriteVerb.SCALE})})

    denied = radius.verdict(a_write("change", IMAGE, REPLICAS), touched=set(), lost={})

    assert isinstance(denied, Denied)
    assert denied.reason.startswith(
        "change (of spec.template.spec.containers.image) is not among what may be done to"
    )


def test_a_kind_whose_verbs_are_not_listed_may_be_written_in_any_way() -> None:
    for verb in Verb:
        assert rule(bold(), a_write(verb, kind="pods")) == ""


def test_to_list_a_verb_lifts_no_other_rule() -> None:
    every = dict.fromkeys(KINDS, ALL_VERBS)
    careful = replace(bold(verbs=every), creates=frozenset(), irreversible=frozenset(), fields={})

    assert rule(careful, a_write("create")) == "creates"
    assert rule(careful, a_write("exec", kind="pods")) == "irreversible"
    assert rule(careful, a_write("change", ("spec", "hostNetwork"), kind="pods")) == "fields"
    assert rule(replace(careful, kinds=frozenset({"pods"})), a_write("delete")) == "kinds"


def test_a_scale_is_a_change_of_the_replicas_alone() -> None:
    assert done_by("change", {REPLICAS}) == {WriteVerb.SCALE}
    assert done_by("change", {REPLICAS, IMAGE}) == {WriteVerb.SCALE, WriteVerb.CHANGE}
    assert done_by("change", {IMAGE}) == {WriteVerb.CHANGE}
    assert done_by("change", set()) == {WriteVerb.CHANGE}
    assert done_by("create", {REPLICAS}) == {WriteVerb.CREATE}


def test_a_verb_that_nobody_knows_is_done_by_nothing() -> None:
    with pytest.raises(ValueError, match="wipe"):
        done_by("wipe", set())


def test_verbs_are_those_that_fit_their_kind() -> None:
    assert verbs_of("nodes") == {WriteVerb.CHANGE}
    assert WriteVerb.SCALE in verbs_of("deployments")
    assert WriteVerb.SCALE not in verbs_of("daemonsets") | verbs_of("pods")
    assert {WriteVerb.EVICT, WriteVerb.EXEC} <= verbs_of("pods")
    assert {str(verb) for verb in Verb} <= {str(verb) for verb in ALL_VERBS}
    assert in_order({WriteVerb.DELETE, WriteVerb.CREATE}) == (WriteVerb.CREATE, WriteVerb.DELETE)


def test_the_part_of_the_day_s_budget_keeps_the_verbs() -> None:
    radius = bold(verbs={"deployments": frozenset({WriteVerb.SCALE})})

    narrowed = within(radius, Reservation(run=RunId("run-1"), objects=3, share=Fraction(1, 2)))

    assert rule(narrowed, a_write("delete")) == "verbs"


def test_narrower_limits_take_verbs_away_and_never_give_any() -> None:
    day = bold(verbs={"deployments": frozenset({WriteVerb.SCALE, WriteVerb.CHANGE})})
    box = bold(
        verbs={
            "deployments": frozenset({WriteVerb.SCALE, WriteVerb.DELETE}),
            "pods": frozenset({WriteVerb.DELETE}),
        }
    )

    both = day.narrowed_to(box)

    assert both == replace(box, verbs=both.verbs)
    assert both.verbs == {
        "deployments": {WriteVerb.SCALE},
        "pods": {WriteVerb.DELETE},
    }
    assert day.narrowed_to(bold()).verbs == bold().narrowed_to(day).verbs == day.verbs


def test_verbs_of_a_kind_that_is_not_written_at_all_are_left_out() -> None:
    day = bold(verbs={"deployments": frozenset({WriteVerb.SCALE})})

    assert day.narrowed_to(bold(kinds=frozenset({"pods"}))).verbs == {}


@given(LISTED, WRITES)
def test_no_verb_is_let_through_that_is_not_listed(
    listed: dict[str, frozenset[WriteVerb]], write: Write
) -> None:
    verdict = bold(verbs=listed).verdict(write, touched=set(), lost={})

    needed = done_by(write.verb, write.changed)
    is_listed = needed <= listed.get(write.kind, ALL_VERBS)
    assert (verdict == Allowed()) is is_listed


@given(LISTED, st.sampled_from(KINDS), st.sampled_from(WriteVerb), WRITES)
def test_one_verb_more_never_refuses_what_was_allowed(
    listed: dict[str, frozenset[WriteVerb]], kind: str, verb: WriteVerb, write: Write
) -> None:
    wider = {**listed, kind: listed.get(kind, ALL_VERBS) | {verb}}

    if rule(bold(verbs=listed), write) == "":
        assert rule(bold(verbs=wider), write) == ""


@given(LISTED, LISTED, WRITES)
def test_limits_narrowed_to_others_allow_what_both_allow(
    one: dict[str, frozenset[WriteVerb]], other: dict[str, frozenset[WriteVerb]], write: Write
) -> None:
    both = bold(verbs=one).narrowed_to(bold(verbs=other))

    allowed = [rule(bold(verbs=each), write) == "" for each in (one, other)]
    assert (rule(both, write) == "") is all(allowed)
