"""The moves of a run: whatever is done to it, what was injected is restored and verified."""

import itertools
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.domain.errors import IllegalMove
from orchestrator.domain.identity import ORCHESTRATOR
from orchestrator.domain.run import MOVES, Finding, Move, Phase, Run
from tests.builders import RUN, a_run, at

FORBIDDEN = [(phase, move) for phase in Phase for move in Move if (phase, move) not in MOVES]
any_moves = st.lists(st.integers(0, 11), max_size=40)
"""Which of the moves to try: mostly one that the phase allows, since others change nothing."""


def walked(choices: Sequence[int]) -> list[Run]:
    """Every state that a run passes when moves are tried one after the other."""
    states = [a_run()]
    for i, choice in enumerate(choices):
        allowed = [move for phase, move in MOVES if phase is states[-1].phase]
        options = [*allowed * 3, *Move]
        move = options[choice % len(options)]
        try:
            run, _ = states[-1].advance(move, by=ORCHESTRATOR, at=at(i))
        except IllegalMove:
            continue
        states.append(run)
    return states


@given(any_moves)
def test_no_run_that_started_concludes_without_rolling_back_and_verifying(
    moves: list[int],
) -> None:
    phases = [run.phase for run in walked(moves)]

    if Phase.INJECTING in phases and Phase.CONCLUDED in phases:
        since = phases[phases.index(Phase.INJECTING) :]
        assert Phase.ROLLING_BACK in since
        assert since[since.index(Phase.CONCLUDED) - 1] is Phase.VERIFYING


@pytest.mark.parametrize("avoided", [Phase.ROLLING_BACK, Phase.VERIFYING])
@pytest.mark.parametrize("end", [Phase.CONCLUDED, Phase.CANCELLED])
def test_no_way_from_the_start_of_a_fault_to_the_end_leads_past_restoring(
    avoided: Phase, end: Phase
) -> None:
    reached, new = {Phase.INJECTING}, {Phase.INJECTING}
    while new:
        new = {after for (was, _), after in MOVES.items() if was in new} - reached - {avoided}
        reached |= new

    assert end not in reached


@given(any_moves)
def test_nothing_is_injected_twice(moves: list[int]) -> None:
    phases = [run.phase for run in walked(moves)]

    assert phases.count(Phase.INJECTING) <= 1
    assert phases.count(Phase.HOLDING) <= 1


@given(any_moves)
def test_once_restoring_began_a_run_never_goes_back_to_the_fault(moves: list[int]) -> None:
    phases = [run.phase for run in walked(moves)]

    if Phase.ROLLING_BACK in phases:
        since = phases[phases.index(Phase.ROLLING_BACK) :]
        assert not {Phase.PLANNED, Phase.ARMED, Phase.INJECTING, Phase.HOLDING} & set(since)


@given(any_moves)
def test_a_run_that_may_hold_a_fault_is_never_cancelled(moves: list[int]) -> None:
    phases = [run.phase for run in walked(moves)]

    for was, phase in itertools.pairwise(phases):
        if phase is Phase.CANCELLED:
            assert not was.may_hold_fault


@given(any_moves)
def test_instants_are_stamped_once_and_in_order(moves: list[int]) -> None:
    states = walked(moves)
    last = states[-1]

    stamps = [last.started_at, last.injected_at, last.rolled_back_at]
    known = [stamp for stamp in stamps if stamp is not None]
    assert known == sorted(known)
    if last.phase.may_hold_fault:
        assert last.started_at is not None
    if last.phase in {Phase.CONCLUDED, Phase.CANCELLED, Phase.STRANDED}:
        assert last.ended_at is not None
    rolled_back = {run.rolled_back_at for run in states if run.rolled_back_at}
    assert len(rolled_back) <= 1


@pytest.mark.parametrize("phase", list(Phase))
def test_there_is_a_way_to_the_end_from_every_phase(phase: Phase) -> None:
    reached, new = {phase}, {phase}
    while new:
        new = {after for (was, _), after in MOVES.items() if was in new} - reached
        reached |= new

    assert any(each in {Phase.CONCLUDED, Phase.CANCELLED} for each in reached)


@pytest.mark.parametrize(
    "phase", [phase for phase in Phase if phase.may_hold_fault and not phase.is_final]
)
def test_a_run_that_may_hold_a_fault_can_always_be_recovered(phase: Phase) -> None:
    assert MOVES[phase, Move.RECOVER] is Phase.ROLLING_BACK


@pytest.mark.parametrize(("phase", "move"), FORBIDDEN)
def test_every_move_that_is_not_drawn_is_refused(phase: Phase, move: Move) -> None:
    run = a_run(phase=phase)

    with pytest.raises(IllegalMove) as refusal:
        run.advance(move, by=ORCHESTRATOR, at=at(0))

    assert (refusal.value.phase, refusal.value.move) == (phase, move)
    assert f" {phase} run cannot {move}" in str(refusal.value)


@pytest.mark.parametrize(("phase", "move"), list(MOVES))
def test_a_move_says_who_made_it_when_and_from_where(phase: Phase, move: Move) -> None:
    run, fact = a_run(phase=phase).advance(move, by=ORCHESTRATOR, at=at(7))

    assert run.phase is MOVES[phase, move]
    assert (fact.run, fact.move, fact.was, fact.phase) == (RUN, move, phase, run.phase)
    assert (fact.by, fact.at) == (ORCHESTRATOR, at(7))


def test_a_run_that_is_restored_after_it_was_stranded_has_not_ended_yet() -> None:
    stranded = a_run(phase=Phase.STRANDED, rolled_back_at=at(1), ended_at=at(5))

    restoring, _ = stranded.advance(Move.RESTORE, by=ORCHESTRATOR, at=at(60))

    assert restoring.ended_at is None
    assert restoring.rolled_back_at == at(1)


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"reason": "halted"}, "halted"),
        ({"phase": Phase.STRANDED, "reason": "halted; x is left"}, "halted; x is left"),
        ({"phase": Phase.STRANDED, "stranded": "x is left"}, "stranded: x is left"),
        (
            {"phase": Phase.ROLLING_BACK, "reason": "halted", "stranded": "x is left"},
            "halted; it was stranded (x is left) and is being restored",
        ),
        (
            {"phase": Phase.CONCLUDED, "stranded": "x is left", "ended_at": at(0.5)},
            f"it was stranded (x is left) and is restored since {at(0).isoformat()}",
        ),
    ],
)
def test_a_run_tells_what_ended_it_and_what_became_of_its_restoration(
    changes: dict[str, Any], why: str
) -> None:
    assert a_run(**changes).why == why


def test_the_phases_that_may_hold_a_fault_are_those_between_start_and_proof() -> None:
    assert {phase for phase in Phase if phase.may_hold_fault} == {
        Phase.INJECTING,
        Phase.HOLDING,
        Phase.ROLLING_BACK,
        Phase.VERIFYING,
        Phase.STRANDED,
    }


def test_stranded_run_ends_as_such_and_keeps_what_it_found() -> None:
    stranded = a_run(phase=Phase.STRANDED, finding=Finding.DEVIATED)

    assert stranded.ending is Finding.STRANDED
    assert stranded.finding_or(Finding.ABORTED) is Finding.DEVIATED
    assert replace(stranded, phase=Phase.CONCLUDED).ending is Finding.DEVIATED


@pytest.mark.parametrize("finding", [None, Finding.ABORTED, Finding.STRANDED, Finding.UNFIT])
def test_what_says_nothing_of_the_hypothesis_does_not_stay(finding: Finding | None) -> None:
    assert a_run(finding=finding).finding_or(Finding.ABORTED) is Finding.ABORTED
