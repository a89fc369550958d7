"""What a run was for the people, which tells resilience from blindness.

It does not judge people: it says whether a signal or a person's notice existed.
"""

from enum import StrEnum

from orchestrator.domain.run import Finding, Injection


class Outcome(StrEnum):
    """What a run was for the people."""

    ABSORBED = "absorbed"
    """The steady state held, and nobody had cause to notice."""
    EARLY_NOTICE = "early_notice"
    """The steady state held, and a person noticed all the same."""
    UNDETECTED = "undetected"
    """The steady state was lost and nobody noticed while it was."""
    HUMAN_FOUND = "human_found"
    """The steady state was lost and a person noticed."""
    INDETERMINATE = "indeterminate"
    NOT_STARTED = "not_started"
    INEFFECTIVE = "ineffective"


def outcome_of(
    *, finding: Finding | None, injection: Injection | None, lost: bool | None, noticed: bool
) -> Outcome:
    """Name the outcome.

    Shape: lost says whether a sample lay outside its tolerance; None if nothing was measured.
    """
    if finding in {None, Finding.UNFIT}:
        return Outcome.NOT_STARTED
    if injection is Injection.NOT_EFFECTIVE:
        return Outcome.INEFFECTIVE
    if lost is None:
        return Outcome.INDETERMINATE
    if lost:
        return Outcome.HUMAN_FOUND if noticed else Outcome.UNDETECTED
    if injection is not Injection.PROVEN:
        # Who holds out against what may never have happened has shown nothing.
        return Outcome.INDETERMINATE
    return Outcome.EARLY_NOTICE if noticed else Outcome.ABSORBED
