"""Takes a plan, pins its experiments and lays out the runs of its agenda.

It does not arm anything.
"""

import re
import secrets
from collections.abc import Mapping
from typing import Any

from orchestrator.domain.day import ChaosDay, PinnedExperiment
from orchestrator.domain.errors import NoSuchExperiment
from orchestrator.domain.identity import DayId, RunId
from orchestrator.domain.plan import Plan, TimeBox
from orchestrator.domain.run import Run
from orchestrator.domain.timeline import Kind, Lane
from orchestrator.ports import Catalogue, Clock, PlanFormat, Storage
from orchestrator.services.recording import Recording, Said


class Planning:
    """Plans days."""

    def __init__(
        self,
        *,
        storage: Storage,
        plans: PlanFormat,
        catalogue: Catalogue,
        clock: Clock,
        recording: Recording,
    ) -> None:
        self._storage = storage
        self._plans = plans
        self._catalogue = catalogue
        self._clock = clock
        self._recording = recording

    async def plan(
        self,
        text: str,
        *,
        source: str,
        said: Said,
        documents: Mapping[str, Mapping[str, Any]] | None = None,
        is_scripted: bool = False,
    ) -> ChaosDay:
        """Plan a day from a plan as people write it.

        Shape: documents holds experiments handed over with the plan, by the name that the
        plan gives them; all others come from the catalogue.
        Raises: InvalidPlan; InvalidExperiment; NoSuchExperiment.
        """
        plan = self._plans.read(text, source=source)
        experiments = self._pin(plan, documents or {})
        return await self.lay_out(
            plan, experiments, plan_source=text, said=said, is_scripted=is_scripted
        )

    async def lay_out(
        self,
        plan: Plan,
        experiments: Mapping[str, PinnedExperiment],
        *,
        plan_source: str,
        said: Said,
        is_scripted: bool = False,
    ) -> ChaosDay:
        """Store a day for a plan whose experiments are pinned already."""
        now = self._clock.now()
        day = ChaosDay(
            id=_day_id(plan.name),
            plan=plan,
            plan_source=plan_source,
            experiments=experiments,
            created_at=now,
            is_scripted=is_scripted,
        )
        entry = self._recording.entry(
            day.id, Lane.DAY, Kind.NOTE, f"{plan.name} was planned", said=said
        )
        runs = [_run(day, box, experiments[box.experiment]) for box in plan.agenda]
        await self._storage.add_day(day, sorted(runs, key=lambda run: run.planned_at), [entry])
        return day

    def _pin(
        self, plan: Plan, documents: Mapping[str, Mapping[str, Any]]
    ) -> dict[str, PinnedExperiment]:
        names = dict.fromkeys(box.experiment for box in plan.agenda)
        return {name: self._pinned(name, documents) for name in names}

    def _pinned(self, name: str, documents: Mapping[str, Mapping[str, Any]]) -> PinnedExperiment:
        if name in documents:
            return self._catalogue.pin(name, documents[name])
        # A plan may come from afar, so a path in it is never read here.
        known = self._catalogue.names()
        if name not in known:
            raise NoSuchExperiment(experiment=name, known=known)
        return self._catalogue.read(name)


def _run(day: ChaosDay, box: TimeBox, experiment: PinnedExperiment) -> Run:
    return Run(
        id=RunId(f"run-{secrets.token_hex(4)}"),
        day=day.id,
        box=box.name,
        experiment=box.experiment,
        title=box.title or experiment.title,
        planned_at=box.planned_at(day.plan.window.opens_at),
    )


def _day_id(name: str) -> DayId:
    slug = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")[:40].strip("-") or "day"
    return DayId(f"{slug}-{secrets.token_hex(2)}")
