"""The outcome matrix: lost against noticed, which tells resilience from blindness.

It places runs and does not rank them.
"""

from dataclasses import dataclass

from orchestrator.domain.outcome import Outcome
from reports.debrief import Debrief
from reports.review import RunReview
from reports.words import OutcomeWords, outcome_words


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """One outcome and the runs that came to it."""

    outcome: Outcome | None
    words: OutcomeWords
    runs: tuple[RunReview, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Matrix:
    """The four outcomes of a fault that was measured, and the runs beside them.

    Shape: lost and held each hold the noticed cell, then the unnoticed one; outside holds
    only outcomes that occurred.
    """

    lost: tuple[Cell, Cell]
    held: tuple[Cell, Cell]
    outside: tuple[Cell, ...]


def matrix_of(debrief: Debrief) -> Matrix:
    """Place each run of the day."""

    def cell(outcome: Outcome | None) -> Cell:
        return Cell(
            outcome=outcome, words=outcome_words(outcome), runs=debrief.with_outcome(outcome)
        )

    beside = (Outcome.INDETERMINATE, Outcome.INEFFECTIVE, Outcome.NOT_STARTED, None)
    return Matrix(
        lost=(cell(Outcome.HUMAN_FOUND), cell(Outcome.UNDETECTED)),
        held=(cell(Outcome.EARLY_NOTICE), cell(Outcome.ABSORBED)),
        outside=tuple(found for outcome in beside if (found := cell(outcome)).runs),
    )
