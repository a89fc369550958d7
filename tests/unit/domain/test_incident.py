"""The steps of an incident, and the states of a day."""

import pytest

from orchestrator.domain.day import ChaosDay, DayState
from orchestrator.domain.errors import IllegalMove
from orchestrator.domain.incident import STEPS, Status, Step
from tests.builders import RUN, a_day, an_incident, at


@pytest.mark.parametrize(("status", "step"), list(STEPS))
def test_a_step_that_is_drawn_is_taken(status: Status, step: Step) -> None:
    assert an_incident(status=status).take(step).status is STEPS[status, step]


@pytest.mark.parametrize(
    ("status", "step"),
    [(status, step) for status in Status for step in Step if (status, step) not in STEPS],
)
def test_a_step_that_is_not_drawn_is_refused(status: Status, step: Step) -> None:
    with pytest.raises(IllegalMove, match=f" {status} incident cannot {step}"):
        an_incident(status=status).take(step)


@pytest.mark.parametrize("step", list(Step))
@pytest.mark.parametrize(
    "status", [Status.LATENT, Status.MERGED, Status.UNDETECTED, Status.ABSORBED]
)
def test_nobody_takes_a_step_with_a_shadow(status: Status, step: Step) -> None:
    shadow = an_incident(status=status, run=RUN)

    assert shadow.is_shadow
    with pytest.raises(IllegalMove):
        shadow.take(step)


@pytest.mark.parametrize("status", [status for status in Status if status.is_open])
def test_an_open_incident_can_be_resolved_and_reopened(status: Status) -> None:
    resolved = an_incident(status=status).take(Step.RESOLVE)

    assert not resolved.status.is_open
    assert resolved.take(Step.REOPEN).status is Status.DECLARED


def test_a_day_goes_from_planned_to_open_to_closed_to_revealed() -> None:
    day = a_day(state=DayState.PLANNED, opened_at=None)

    revealed = day.open(at(1)).close(at(2)).reveal(at(3))

    assert (revealed.opened_at, revealed.closed_at, revealed.revealed_at) == (at(1), at(2), at(3))
    assert revealed.reveal(at(4)) == revealed


@pytest.mark.parametrize(
    ("state", "move"),
    [
        (DayState.OPEN, ChaosDay.open),
        (DayState.CLOSED, ChaosDay.open),
        (DayState.PLANNED, ChaosDay.close),
        (DayState.CLOSED, ChaosDay.close),
        (DayState.PLANNED, ChaosDay.reveal),
        (DayState.OPEN, ChaosDay.reveal),
    ],
)
def test_a_day_makes_no_other_move(state: DayState, move: object) -> None:
    assert callable(move)
    with pytest.raises(IllegalMove):
        move(a_day(state=state), at(1))
