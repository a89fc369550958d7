"""What a plan requires is held against what a machine gives."""

from dataclasses import replace

import pytest

from orchestrator.domain.containment import (
    BEST_EFFORT,
    REQUIRED,
    Containment,
    Measure,
    Standing,
    State,
)
from orchestrator.domain.errors import ContainmentMissing
from orchestrator.domain.plan import Environment
from tests.builders import a_plan


def standings(**states: State) -> list[Standing]:
    return [
        Standing(
            measure=measure,
            state=states.get(measure.value, State.ON),
            why="the kernel is old",
            way_out="take a newer one",
        )
        for measure in Measure
    ]


def test_best_effort_requires_nothing() -> None:
    BEST_EFFORT.check(standings(files=State.OFF, network=State.OFF))


@pytest.mark.parametrize("state", [State.OFF, State.PARTLY])
def test_whatever_is_not_wholly_in_force_is_missing(state: State) -> None:
    with pytest.raises(ContainmentMissing, match="network is") as error:
        REQUIRED.check(standings(network=state))

    assert error.value.missing == ["network"]
    assert "the kernel is old; take a newer one" in str(error.value)


def test_a_list_requires_its_measures_alone() -> None:
    files = Containment(required=frozenset({Measure.FILES}))

    files.check(standings(network=State.OFF))
    assert [each.measure for each in files.missing(standings(files=State.OFF))] == [Measure.FILES]


def test_production_requires_every_measure_unless_its_plan_says_otherwise() -> None:
    plan = replace(a_plan(), environment=Environment.PRODUCTION, containment=None)

    assert plan.required_containment == REQUIRED
    assert replace(plan, environment=Environment.TEST).required_containment == BEST_EFFORT
    assert replace(plan, containment=BEST_EFFORT).required_containment == BEST_EFFORT
