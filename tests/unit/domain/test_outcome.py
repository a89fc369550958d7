from itertools import product

import pytest

from orchestrator.domain.outcome import Outcome, outcome_of
from orchestrator.domain.run import Finding, Injection

MEASURED = [finding for finding in Finding if finding is not Finding.UNFIT]


def an_outcome(
    *,
    finding: Finding | None = Finding.DEVIATED,
    injection: Injection | None = Injection.PROVEN,
    lost: bool | None = True,
    noticed: bool = False,
) -> Outcome:
    return outcome_of(finding=finding, injection=injection, lost=lost, noticed=noticed)


@pytest.mark.parametrize(
    ("lost", "noticed", "outcome"),
    [
        (True, True, Outcome.HUMAN_FOUND),
        (True, False, Outcome.UNDETECTED),
        (False, True, Outcome.EARLY_NOTICE),
        (False, False, Outcome.ABSORBED),
        (None, True, Outcome.INDETERMINATE),
        (None, False, Outcome.INDETERMINATE),
    ],
)
def test_outcome_follows_from_what_was_lost_and_what_was_noticed(
    lost: bool | None, noticed: bool, outcome: Outcome
) -> None:
    assert an_outcome(lost=lost, noticed=noticed) is outcome


@pytest.mark.parametrize("finding", [None, Finding.UNFIT])
def test_run_that_injected_nothing_is_not_started_whatever_was_seen(
    finding: Finding | None,
) -> None:
    for lost, noticed in product([True, False, None], [True, False]):
        assert an_outcome(finding=finding, lost=lost, noticed=noticed) is Outcome.NOT_STARTED


def test_fault_without_effect_says_nothing_of_system_or_people() -> None:
    for lost, noticed in product([True, False, None], [True, False]):
        outcome = an_outcome(injection=Injection.NOT_EFFECTIVE, lost=lost, noticed=noticed)
        assert outcome is Outcome.INEFFECTIVE


@pytest.mark.parametrize("finding", MEASURED)
def test_loss_that_nobody_noticed_is_undetected_even_if_the_run_was_cut_short(
    finding: Finding,
) -> None:
    assert an_outcome(finding=finding, lost=True, noticed=False) is Outcome.UNDETECTED


def test_unmeasured_run_is_never_called_absorbed() -> None:
    for finding, injection in product(Finding, [*Injection, None]):
        outcome = an_outcome(finding=finding, injection=injection, lost=None)
        assert outcome not in {Outcome.ABSORBED, Outcome.EARLY_NOTICE}
