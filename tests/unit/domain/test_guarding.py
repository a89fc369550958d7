"""What conductor and guard say to each other survives the way."""

import json
from datetime import timedelta
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.domain.blast_radius import PROTECTED_NAMESPACES, BlastRadius
from orchestrator.domain.errors import InvalidValue
from orchestrator.domain.guarding import (
    GuardAssignment,
    assignment_from_line,
    assignment_to_line,
    restoration_from_line,
    restoration_to_line,
)
from orchestrator.domain.identity import RunId
from orchestrator.domain.undo import Difference, Restoration
from tests.builders import a_radius

NAMES = st.text(min_size=1, max_size=8).filter(lambda name: name not in PROTECTED_NAMESPACES)
RADII = st.builds(
    BlastRadius,
    namespaces=st.frozensets(NAMES),
    selectors=st.dictionaries(NAMES, st.text()),
    kinds=st.frozensets(NAMES),
    most_objects=st.integers(1, 1000),
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
    )
)
def test_assignment_arrives_as_it_was_sent(assignment: GuardAssignment) -> None:
    line = json.loads(json.dumps(assignment_to_line(assignment)))

    assert assignment_from_line(line) == assignment


@given(st.builds(Restoration, undone=TEXTS, kept=st.lists(DIFFERENCES).map(tuple), pending=TEXTS))
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
    ],
)
def test_assignment_that_cannot_be_read_is_refused(spoilt: dict[str, object]) -> None:
    whole = assignment_to_line(GuardAssignment(run=RunId("r"), radius=a_radius()))
    line = {**whole, **spoilt} if spoilt else {}
    if isinstance(spoilt.get("radius"), dict):
        line["radius"] = {**whole["radius"], **spoilt["radius"]}  # type: ignore[dict-item]

    with pytest.raises(InvalidValue):
        assignment_from_line(line)


def test_whatever_is_not_plainly_false_means_recovering() -> None:
    line = assignment_to_line(GuardAssignment(run=RunId("r"), radius=a_radius()))

    assert assignment_from_line({**line, "recovering": "no"}).recovering
    assert not assignment_from_line({**line, "recovering": False}).recovering
