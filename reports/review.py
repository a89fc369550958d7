"""One run, reviewed from every side that was recorded.

It does not say why something happened; that is for the people in the room.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from orchestrator.domain.day import ChaosDay
from orchestrator.domain.hypothesis import Sample
from orchestrator.domain.outcome import Outcome, outcome_of
from orchestrator.domain.plan import TimeBox
from orchestrator.domain.run import Injection, Phase, Run
from orchestrator.domain.timeline import TimelineEntry
from reports.expectations import ExpectationReview, expectations_of, review
from reports.incidents import IncidentReview
from reports.mechanics import (
    Proof,
    RestorationReview,
    Writes,
    proof_of,
    restoration_of,
    writes_of,
)
from reports.response import Response, Ties, response_of
from reports.steady import ProbeReview, probes_of, was_lost
from reports.window import FaultWindow, window_of


@dataclass(frozen=True, slots=True, kw_only=True)
class RunReview:
    """All that a report says of one run.

    Shape: window is None when nothing was injected; lost is None when nothing was measured;
    outcome is None while the run has not ended.
    """

    run: Run
    service: str
    team: str
    description: str
    actions: tuple[str, ...]
    window: FaultWindow | None
    proof: Proof
    probes: tuple[ProbeReview, ...]
    lost: bool | None
    response: Response
    outcome: Outcome | None
    expectations: tuple[ExpectationReview, ...]
    writes: Writes
    restoration: RestorationReview
    incidents: tuple[IncidentReview, ...]


def review_of(
    run: Run,
    *,
    day: ChaosDay,
    entries: Sequence[TimelineEntry],
    people: Sequence[TimelineEntry],
    ties: Ties,
    samples: Sequence[Sample],
    incidents: tuple[IncidentReview, ...],
    cut_off: datetime,
) -> RunReview:
    """Review a run.

    Shape: entries are the run's own, people those of the whole day that people made.
    """
    box = next((box for box in day.plan.agenda if box.name == run.box), None)
    pinned = day.experiments.get(run.experiment)
    document: Mapping[str, Any] = pinned.document if pinned else {}
    window = window_of(run, entries, cut_off=cut_off)
    probes = probes_of(document, samples, window)
    lost = was_lost(probes)
    response = response_of(run, window, people, ties)
    return RunReview(
        run=run,
        service=box.service if box else "",
        team=box.team if box else "",
        description=str(document.get("description") or ""),
        actions=_actions(document),
        window=window,
        proof=proof_of(run, window, entries),
        probes=probes,
        lost=lost,
        response=response,
        outcome=_outcome(run, lost=lost, noticed=response.noticed),
        expectations=_expectations(box, document, run, response),
        writes=writes_of(run, entries),
        restoration=restoration_of(run, window, entries),
        incidents=incidents,
    )


def _outcome(run: Run, *, lost: bool | None, noticed: bool) -> Outcome | None:
    if run.phase.may_hold_fault and run.phase is not Phase.STRANDED:
        return None
    return outcome_of(finding=run.finding, injection=run.injection, lost=lost, noticed=noticed)


def _expectations(
    box: TimeBox | None, document: Mapping[str, Any], run: Run, response: Response
) -> tuple[ExpectationReview, ...]:
    stated = expectations_of(planned=box.expects if box else (), document=document)
    # A fault that never took effect is none that anybody could notice.
    times = None if run.injection is Injection.NOT_EFFECTIVE else response.times
    return tuple(
        review(where, expectation, kind, times=times) for where, expectation, kind in stated
    )


def _actions(document: Mapping[str, Any]) -> tuple[str, ...]:
    method = document.get("method")
    return tuple(
        str(activity.get("name") or "an action")
        for activity in (method if isinstance(method, list) else [])
        if isinstance(activity, Mapping) and activity.get("type") == "action"
    )
