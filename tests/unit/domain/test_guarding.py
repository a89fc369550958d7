"""What conductor and guard say to each other survives the way."""

import json
from datetime import timedelta
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.domain.blast_radius import (
    IRREVERSIBLE,
    PROTECTED_NAMESPACES,
    BlastRadius,
    Budgets,
)
from orchestrator.domain.cluster_identity import ClusterIdentity
from orchestrator.domain.errors import InvalidValue
from orchestrator.domain.guarding import (
    GuardAssignment,
    answer,
    assignment_from_line,
    assignment_to_line,
    excuse,
    radius_to_line,
    restoration_from_line,
    restoration_to_line,
)
from orchestrator.domain.identity import RunId
from orchestrator.domain.labels import Operator, Requirement
from orchestrator.domain.undo import Difference, Restoration
from orchestrator.domain.verbs import WriteVerb
from tests.builders import a_radius

NAMES = st.text(min_size=1, max_size=8).filter(lambda name: name not in PROTECTED_NAMESPACES)
RADII = st.builds(
    BlastRadius,
    namespaces=st.frozensets(NAMES),
    selectors=st.dictionaries(NAMES, st.text()),
    expressions=st.lists(
        st.builds(
            Requirement,
            key=st.text(),
            operator=st.just(Operator.NOT_IN),
            values=st.lists(st.text(), min_size=1).map(tuple),
        ),
        max_size=2,
    ).map(tuple),
    kinds=st.frozensets(NAMES),
    verbs=st.dictionaries(NAMES, st.frozensets(st.sampled_from(WriteVerb))),
    creates=st.frozensets(NAMES),
    fields=st.dictionaries(NAMES, st.frozensets(st.text())),
    most_node_share=st.fractions(Fraction(1, 100), 1, max_denominator=100),
    shares=st.none() | st.dictionaries(NAMES, st.fractions(0, 1, max_denominator=9)),
    disruption_budgets=st.sampled_from(Budgets),
    irreversible=st.frozensets(st.sampled_from(sorted(IRREVERSIBLE))),
    reads_secrets=st.booleans(),
    most_objects=st.integers(1, 1000),
    named=st.frozensets(NAMES),
    most_share=st.fractions(Fraction(1, 100), 1, max_denominator=100),
    longest=st.timedeltas(timedelta(), timedelta(days=2)),
)
DIFFERENCES = st.builds(
    Difference, object=st.text(), field=st.text(), before=st.text(), ours=st.text(), now=st.text()
)
TEXTS = st.lists(st.text()).map(tuple)


@given(
    st.builds(
        GuardAssignment,
        run=NAMES.map(RunId),
        radius=RADII,
        kubeconfig=st.text(),
        context=st.text(),
        recovering=st.booleans(),
        rehearsing=st.booleans(),
        approved_in=st.none() | st.builds(ClusterIdentity, uid=st.text(), server=st.text()),
    )
)
def test_assignment_arrives_as_it_was_sent(assignment: GuardAssignment) -> None:
    line = json.loads(json.dumps(assignment_to_line(assignment)))

    assert assignment_from_line(line) == assignment


RESTORATIONS = st.builds(
    Restoration,
    undone=TEXTS,
    kept=st.lists(DIFFERENCES).map(tuple),
    pending=TEXTS,
    notes=TEXTS,
)


@given(RESTORATIONS)
def test_restoration_arrives_as_it_was_sent(restoration: Restoration) -> None:
    line = json.loads(json.dumps(restoration_to_line(restoration)))

    assert restoration_from_line(line) == restoration


@pytest.mark.parametrize(
    "spoilt",
    [
        {},
        {"radius": None},
        {"radius": {"namespaces": "shop"}},
        {"radius": {"namespaces": ["kube-system"]}},
        {"radius": {"most_share": [1, 0]}},
        {"radius": {"most_objects": 0}},
        {"radius": {"verbs": {"pods": ["wipe"]}}},
        {"radius": {"verbs": None}},
        {"approved_in": "the cluster of before"},
        {"approved_in": {"server": "https://one"}},
    ],
)
def test_assignment_that_cannot_be_read_is_refused(spoilt: dict[str, object]) -> None:
    whole = assignment_to_line(GuardAssignment(run=RunId("r"), radius=a_radius()))
    line = {**whole, **spoilt} if spoilt else {}
    if isinstance(spoilt.get("radius"), dict):
        line["radius"] = {**whole["radius"], **spoilt["radius"]}  # type: ignore[dict-item]

    with pytest.raises(InvalidValue):
        assignment_from_line(line)


def test_limits_without_verbs_are_written_as_before_there_were_any() -> None:
    assert "verbs" not in radius_to_line(a_radius())


def test_a_command_that_was_not_carried_out_says_why() -> None:
    assert excuse(7, "the cluster is out") == {"id": 7, "ok": False, "detail": "the cluster is out"}
    assert answer(7, undone=[]) == {"id": 7, "ok": True, "undone": []}


def test_whatever_is_not_plainly_false_means_recovering() -> None:
    line = assignment_to_line(GuardAssignment(run=RunId("r"), radius=a_radius()))

    assert assignment_from_line({**line, "recovering": "no"}).recovering
    assert not assignment_from_line({**line, "recovering": False}).recovering


def test_whatever_is_not_plainly_false_means_rehearsing() -> None:
    line = assignment_to_line(GuardAssignment(run=RunId("r"), radius=a_radius()))

    assert assignment_from_line({**line, "rehearsing": "no"}).rehearsing
    assert not assignment_from_line({**line, "rehearsing": False}).rehearsing
