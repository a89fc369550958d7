"""Previews on the wire: what a run would do, and what of the day's budget is held.

They are for those who know the plan; a preview tells all of it.
"""

from datetime import datetime
from typing import Self

from pydantic import Field

from api.views.values import Asked, View
from orchestrator.domain.day_budget import DayBudget, Reservation
from orchestrator.domain.preview import Effect, Part, Preview
from orchestrator.services.previewing import document_of


class PreviewRequest(Asked):
    """How thorough a preview is to be."""

    with_dry_run: bool = Field(default=True, description="Whether the experiment is played dry.")
    with_opaque: bool = Field(
        default=False,
        description="Whether it is played also where an activity may do anything outside.",
    )


class ActivityView(View):
    """One activity of the experiment."""

    part: Part
    name: str
    does: str
    effect: Effect
    why: str = Field(description="Why it is opaque, or what could not be resolved.")
    candidates: list[str] = Field(description="The objects from which it takes some or all.")
    chooses: int | None = Field(description="How many of the candidates; null for all.")


class ForeseenWriteView(View):
    """One write that the dry run came to."""

    verb: str = Field(description="What it does to the object, as a plan names it.")
    target: str
    touched: list[str]
    behind: dict[str, list[str]] = Field(description="What would be lost, by workload.")
    sizes: dict[str, int] = Field(description="How many pods each workload has.")
    staying: list[str] = Field(
        description="The pods on a node that takes no more of them, none of which is lost."
    )


class ForeseenRefusalView(View):
    """One write that the guard would refuse."""

    target: str
    rule: str
    reason: str


class TargetSetView(View):
    """What the run would touch in all."""

    objects: list[str]
    count: int
    lost: dict[str, int]
    sizes: dict[str, int]
    candidates: list[str]
    is_whole: bool = Field(description="Whether the dry run came to its end.")


class PreviewView(View):
    """What a run would do."""

    id: str
    subject: str = Field(description="A digest of experiment, configuration, cluster and limits.")
    title: str
    cluster: str = Field(description="Where it was found out: the context and its server.")
    cluster_uid: str = Field(
        description="The uid of its namespace kube-system; empty where it may not be read."
    )
    made_at: datetime
    activities: list[ActivityView]
    writes: list[ForeseenWriteView]
    refusals: list[ForeseenRefusalView]
    made_dry: bool
    problem: str = Field(description="Why there was no dry run, or why it broke off.")
    targets: TargetSetView
    approved_by: str
    approved_at: datetime | None

    @classmethod
    def of(cls, preview: Preview) -> Self:
        """The view of a preview."""
        return cls.model_validate(document_of(preview), from_attributes=False)


class ReservationView(View):
    """What one run holds of the day's budget."""

    run: str
    objects: int
    touched: list[str] = Field(description="What it named or has touched so far.")
    share: float
    node_share: float
    shares: dict[str, float] | None = Field(description="By workload, where a preview named them.")

    @classmethod
    def of(cls, part: Reservation) -> Self:
        """The view of one part."""
        shares = part.shares
        return cls(
            run=part.run,
            objects=part.objects,
            touched=sorted(part.targets),
            share=float(part.share),
            node_share=float(part.node_share),
            shares=None if shares is None else {key: float(each) for key, each in shares.items()},
        )


class BudgetView(View):
    """The day's budget, and who holds how much of it."""

    most_runs: int | None
    most_objects: int | None
    most_share: float
    most_node_share: float
    held: list[ReservationView]

    @classmethod
    def of(cls, budget: DayBudget | None, held: list[Reservation]) -> Self:
        """The view of a budget; one without limits when the plan sets none."""
        budget = budget or DayBudget()
        return cls(
            most_runs=budget.most_runs,
            most_objects=budget.most_objects,
            most_share=float(budget.most_share),
            most_node_share=float(budget.most_node_share),
            held=[ReservationView.of(part) for part in held],
        )
