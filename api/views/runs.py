"""Runs and their samples on the wire.

The fence and the lease stay inside.
"""

from datetime import datetime
from typing import Self

from pydantic import Field

from api.views.values import View
from orchestrator.domain.hypothesis import Sample
from orchestrator.domain.run import Finding, Injection, Phase, Run


class RunView(View):
    """One execution of an experiment."""

    id: str = Field(examples=["run-5e1f20ab"])
    day: str
    box: str
    experiment: str
    title: str
    planned_at: datetime
    phase: Phase
    may_hold_fault: bool = Field(description="Whether something of ours may be in the cluster.")
    finding: Finding | None
    injection: Injection | None
    reason: str = Field(
        description="Why it was aborted, refused or stranded, and since when it is restored."
    )
    started_at: datetime | None
    injected_at: datetime | None
    proven_at: datetime | None
    rolled_back_at: datetime | None
    ended_at: datetime | None

    @classmethod
    def of(cls, run: Run) -> Self:
        """The view of a run."""
        return cls(
            id=run.id,
            day=run.day,
            box=run.box,
            experiment=run.experiment,
            title=run.title,
            planned_at=run.planned_at,
            phase=run.phase,
            may_hold_fault=run.phase.may_hold_fault,
            finding=run.finding,
            injection=run.injection,
            reason=run.why,
            started_at=run.started_at,
            injected_at=run.injected_at,
            proven_at=run.proven_at,
            rolled_back_at=run.rolled_back_at,
            ended_at=run.ended_at,
        )


class SampleView(View):
    """One observation by one probe of the hypothesis."""

    probe: str
    at: datetime
    within: bool = Field(description="Whether the value lay inside the probe's tolerance.")
    value: str
    took_seconds: float
    problem: str = Field(description="Why the probe had no value, if it had none.")

    @classmethod
    def of(cls, sample: Sample) -> Self:
        """The view of a sample."""
        return cls(
            probe=sample.probe,
            at=sample.at,
            within=sample.within,
            value=sample.value,
            took_seconds=sample.took.total_seconds(),
            problem=sample.problem,
        )


class SamplesView(View):
    """Observations of a run, oldest first."""

    run: str
    samples: list[SampleView]
