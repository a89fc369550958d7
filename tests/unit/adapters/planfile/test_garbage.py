"""Whatever is handed in, the reader answers with a plan or with what is wrong."""

import json
from contextlib import suppress
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from orchestrator.adapters.planfile import PlanFile
from orchestrator.adapters.planfile.tree import tree_of
from orchestrator.domain.errors import InvalidPlan
from orchestrator.domain.plan import Plan
from tests.unit.adapters.planfile.plans import SMALL

LINES = SMALL.splitlines()
SIGNS = ["&a ", "*a", "<<: *a", "!!", "!x ", "- ", "? ", ": ", "| ", "> ", "{", "}", "[", "]", "#"]
WORDS = ["'", '"', "\t", "%YAML 1.1", "---", "...", "0x", "1e999", "-", ".", "~", "\\ud800", "\0"]
PIECES = st.sampled_from([*SIGNS, *WORDS, *LINES, "at", "agenda:", "  "]) | st.text(max_size=8)
SCALARS: st.SearchStrategy[Any] = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(allow_nan=False, allow_infinity=False),
    st.text(max_size=10),
    st.sampled_from(["09:30", "+1h", "90s", "50%", "shop", "test", "2026-12-01T09:00", "a.yaml"]),
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=6), inner, max_size=4)
    ),
    max_leaves=10,
)


def answer(text: str) -> Plan | InvalidPlan:
    try:
        return PlanFile().read(text, source="garbage")
    except InvalidPlan as refusal:
        answered = refusal
    assert answered.faults
    assert all("\n" not in str(fault) for fault in answered.faults)
    return answered


@settings(max_examples=300, deadline=None)
@given(st.lists(st.lists(PIECES, max_size=4).map("".join), max_size=200).map("\n".join))
def test_lines_of_garbage_are_answered(text: str) -> None:
    answer(text)


@settings(max_examples=300, deadline=None)
@given(st.data())
def test_plans_with_broken_places_are_answered(data: st.DataObject) -> None:
    lines = list(LINES)
    for _ in range(data.draw(st.integers(1, 4))):
        place = data.draw(st.integers(0, len(lines) - 1))
        column = data.draw(st.integers(0, len(lines[place])))
        length = data.draw(st.integers(0, 12))
        piece = data.draw(PIECES)
        lines[place] = lines[place][:column] + piece + lines[place][column + length :]

    answer("\n".join(lines))


@settings(max_examples=300, deadline=None)
@given(st.data())
def test_plans_with_values_of_any_kind_are_answered(data: st.DataObject) -> None:
    plan = tree_of(SMALL).value
    for _ in range(data.draw(st.integers(1, 3))):
        here: Any = plan
        while data.draw(st.booleans()):
            steps = list(here) if isinstance(here, dict) else list(range(len(here)))
            deeper = [step for step in steps if isinstance(here[step], dict | list) and here[step]]
            if not deeper:
                break
            here = here[data.draw(st.sampled_from(deeper))]
        keys = list(here) if isinstance(here, dict) else list(range(len(here)))
        here[data.draw(st.sampled_from(keys))] = data.draw(VALUES)

    with suppress(UnicodeEncodeError):
        answer(json.dumps(plan))
