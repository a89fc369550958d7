"""The debrief as JSON: its numbers, each with how it is computed.

It computes nothing; `reports.debrief` does.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Self

from pydantic import Field

from api.views.incidents import IncidentView
from api.views.runs import RunView
from api.views.timeline import EntryView
from api.views.values import View
from orchestrator.domain.identity import IncidentId
from orchestrator.domain.outcome import Outcome
from orchestrator.domain.run import Injection
from reports.debrief import Counts, Debrief
from reports.expectations import ExpectationReview
from reports.figures import Censoring, Figure, Unit
from reports.review import RunReview
from reports.steady import ProbeReview


class FigureView(View):
    """A number, and how it is computed."""

    value: float | datetime | None = Field(
        description="Durations in seconds, shares from 0 to 1; null when it is unknown."
    )
    unit: Unit
    rule: str = Field(description="The slug of its rule in `rules`.")
    censored: Censoring | None = Field(
        description="Why the value is only a limit within which it did not happen."
    )
    from_entries: list[int] = Field(description="Numbers on the day's timeline.")
    note: str

    @classmethod
    def of(cls, figure: Figure, rules: dict[str, "RuleView"]) -> Self:
        """The view of a figure; its rule joins the rules."""
        how = figure.how
        rules.setdefault(how.slug, RuleView(title=how.title, text=how.text))
        value = figure.value
        return cls(
            value=value.total_seconds() if isinstance(value, timedelta) else value,
            unit=figure.unit,
            rule=how.slug,
            censored=figure.censored,
            from_entries=list(figure.from_entries),
            note=figure.note,
        )


class RuleView(View):
    """How a number is computed."""

    title: str
    text: str


class ProbeReviewView(View):
    """One probe over one run."""

    probe: str
    tolerance: str
    figures: dict[str, FigureView]

    @classmethod
    def of(cls, probe: ProbeReview, rules: dict[str, RuleView]) -> Self:
        """The view of a probe's review."""
        figures = {
            "taken": probe.taken,
            "before": probe.before,
            "during": probe.during,
            "after": probe.after,
            "first_lost": probe.first_lost,
            "restored": probe.restored,
            "longest_out": probe.longest_out,
        }
        return cls(probe=probe.probe, tolerance=probe.tolerance, figures=_figures(figures, rules))


class ExpectationReviewView(View):
    """What was expected, beside what was observed."""

    what: str
    within_seconds: float | None
    stated_in: str
    verdict: str

    @classmethod
    def of(cls, expectation: ExpectationReview) -> Self:
        """The view of an expectation's review."""
        within = expectation.within
        return cls(
            what=expectation.what,
            within_seconds=within.total_seconds() if within else None,
            stated_in=expectation.stated_in,
            verdict=expectation.verdict,
        )


class RunReviewView(View):
    """One run, reviewed."""

    run: RunView
    service: str
    team: str
    outcome: Outcome | None
    lost: bool | None = Field(description="Whether the steady state was; null if unmeasured.")
    noticed: bool
    injection: Injection | None
    evidence: str
    restored: str
    figures: dict[str, FigureView]
    probes: list[ProbeReviewView]
    expectations: list[ExpectationReviewView]
    incidents: list[str]

    @classmethod
    def of(cls, review: RunReview, rules: dict[str, RuleView]) -> Self:
        """The view of a run's review."""
        return cls(
            run=RunView.of(review.run),
            service=review.service,
            team=review.team,
            outcome=review.outcome,
            lost=review.lost,
            noticed=review.response.noticed,
            injection=review.proof.injection,
            evidence=review.proof.evidence,
            restored=review.restoration.restored,
            figures=_figures(_figures_of(review), rules),
            probes=[ProbeReviewView.of(probe, rules) for probe in review.probes],
            expectations=[ExpectationReviewView.of(each) for each in review.expectations],
            incidents=[each.incident.key for each in review.incidents],
        )


def _figures_of(review: RunReview) -> dict[str, Figure]:
    figures = {"proof": review.proof.after, "restoration": review.restoration.took}
    if window := review.window:
        figures |= {"began": window.began, "ended": window.ended, "lasted": window.lasted}
    times = review.response.times
    return figures | {f"time_to_{each}": figure for each, figure in times.items()}


def _figures(figures: Mapping[str, Figure], rules: dict[str, RuleView]) -> dict[str, FigureView]:
    return {name: FigureView.of(figure, rules) for name, figure in figures.items()}


class DebriefView(View):
    """The debrief of a day."""

    day: str
    name: str
    generated_at: datetime
    version: str
    is_scripted: bool = Field(description="Whether a script played at least one person.")
    counts: dict[str, FigureView]
    runs: list[RunReviewView]
    incidents: list[IncidentView]
    timeline: list[EntryView]
    rules: dict[str, RuleView] = Field(description="How the numbers are computed, by slug.")

    @classmethod
    def of(cls, debrief: Debrief) -> Self:
        """The view of a debrief."""
        rules: dict[str, RuleView] = {}
        reviewed = debrief.incidents
        keys = {each.incident.id: IncidentId(each.incident.key) for each in reviewed}
        return cls(
            day=debrief.day.id,
            name=debrief.day.plan.name,
            generated_at=debrief.generated_at,
            version=debrief.version,
            is_scripted=debrief.is_scripted,
            counts=_figures(_counts(debrief.counts), rules),
            runs=[RunReviewView.of(review, rules) for review in debrief.runs],
            incidents=[IncidentView.of(each.incident, each.links) for each in reviewed],
            timeline=[EntryView.of(entry, keys=keys) for entry in debrief.entries],
            rules=rules,
        )


def _counts(counts: Counts) -> dict[str, Figure]:
    return {
        "planned": counts.planned,
        "started": counts.started,
        "proven": counts.proven,
        "lost": counts.lost,
        "noticed": counts.noticed,
        "restored": counts.restored,
        "unlinked": counts.unlinked,
    }
