"""The agenda on the wire: the secret half of a plan, with the runs of its boxes.

Only those who see all are ever given one.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Self

from pydantic import Field

from api.views.runs import RunView
from api.views.values import View
from orchestrator.domain.blast_radius import BlastRadius
from orchestrator.domain.day import ChaosDay
from orchestrator.domain.plan import TimeBox
from orchestrator.domain.run import Run
from orchestrator.domain.verbs import in_order


class BlastRadiusView(View):
    """The most that may be touched."""

    namespaces: list[str]
    selectors: dict[str, str]
    kinds: list[str]
    verbs: dict[str, list[str]] = Field(
        description="What alone may be done to objects of a kind; to one left out, anything."
    )
    most_objects: int
    most_share: float = Field(description="Of one workload's pods, from above 0 to 1.")
    longest_seconds: float

    @classmethod
    def of(cls, radius: BlastRadius) -> Self:
        """The view of a blast radius."""
        return cls(
            namespaces=sorted(radius.namespaces),
            selectors=dict(radius.selectors),
            kinds=sorted(radius.kinds),
            verbs={kind: list(in_order(each)) for kind, each in sorted(radius.verbs.items())},
            most_objects=radius.most_objects,
            most_share=float(radius.most_share),
            longest_seconds=radius.longest.total_seconds(),
        )


class ExpectationView(View):
    """What is believed to happen."""

    what: str
    within_seconds: float | None


class BoxView(View):
    """One slot of the agenda, with its run."""

    name: str
    title: str
    experiment: str
    service: str
    team: str
    at: datetime | None
    after_seconds: float | None = Field(description="Counted from the opening, if not `at`.")
    lasts_seconds: float
    configuration: dict[str, Any]
    expects: list[ExpectationView]
    blast_radius: BlastRadiusView
    beside_others: bool
    run: RunView | None

    @classmethod
    def of(cls, day: ChaosDay, box: TimeBox, run: Run | None) -> Self:
        """The view of a box, with the limits that hold for it."""
        return cls(
            name=box.name,
            title=box.title,
            experiment=box.experiment,
            service=box.service,
            team=box.team,
            at=box.at,
            after_seconds=None if box.after is None else box.after.total_seconds(),
            lasts_seconds=box.lasts.total_seconds(),
            configuration=dict(box.configuration),
            expects=_expectations(box),
            blast_radius=BlastRadiusView.of(day.plan.radius_of(box)),
            beside_others=box.beside_others,
            run=RunView.of(run) if run else None,
        )


def _expectations(box: TimeBox) -> list[ExpectationView]:
    return [
        ExpectationView(
            what=each.what, within_seconds=each.within.total_seconds() if each.within else None
        )
        for each in box.expects
    ]


class AbortConditionView(View):
    """A probe outside its tolerance for so long ends a run early."""

    probe: str = Field(description="Empty for any probe of the hypothesis.")
    out_for_seconds: float


class AgendaView(View):
    """The agenda of a day and the limits of all its runs, in the order of the boxes' starts."""

    day: str
    boxes: list[BoxView]
    blast_radius: BlastRadiusView
    abort_when: list[AbortConditionView]

    @classmethod
    def of(cls, day: ChaosDay, runs: Sequence[Run]) -> Self:
        """The view of an agenda."""
        by_box: Mapping[str, Run] = {run.box: run for run in runs}
        places = {run.box: place for place, run in enumerate(runs)}
        boxes = sorted(day.plan.agenda, key=lambda box: places.get(box.name, len(places)))
        return cls(
            day=day.id,
            boxes=[BoxView.of(day, box, by_box.get(box.name)) for box in boxes],
            blast_radius=BlastRadiusView.of(day.plan.blast_radius),
            abort_when=[
                AbortConditionView(probe=each.probe, out_for_seconds=each.out_for.total_seconds())
                for each in day.plan.abort_when
            ],
        )
