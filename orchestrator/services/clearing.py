"""Clears a run for its start: by an approved preview that still holds, and by the day's budget.

It does not start anything, and narrows limits, never widens them.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from fractions import Fraction

import structlog

from orchestrator.domain.blast_radius import BlastRadius
from orchestrator.domain.cluster_identity import ClusterIdentity, elsewhere
from orchestrator.domain.day import ChaosDay
from orchestrator.domain.day_budget import Reservation, asked_by, within
from orchestrator.domain.errors import NotApproved
from orchestrator.domain.preview import Preview, TargetSet
from orchestrator.domain.run import Run
from orchestrator.domain.timeline import Kind, Lane
from orchestrator.ports import Storage
from orchestrator.services.previewing import Previewing, Subject, consent
from orchestrator.services.recording import Recording

log = structlog.get_logger()


@dataclass(frozen=True, slots=True, kw_only=True)
class Cleared:
    """How a run may start."""

    radius: BlastRadius
    """The limits within which it may."""
    cluster: ClusterIdentity | None = None
    """Where alone it may; None for one that needs no approval, or whose cluster was not noted."""


class Clearing:
    """Decides whether a run may start, and within which limits."""

    def __init__(self, *, storage: Storage, previewing: Previewing, recording: Recording) -> None:
        self._storage = storage
        self._previewing = previewing
        self._recording = recording

    async def clear(self, run: Run, day: ChaosDay) -> Cleared:
        """How the run may start; its part of the budget is held from now on.

        Raises: NotApproved; BudgetExhausted; LeaseLost; ClusterUnavailable; EngineUnavailable.
        """
        preview = await self._approved(run, day)
        approved = preview.targets if preview and preview.targets.is_whole else None
        radius = await self._within_budget(run, day, approved)
        return Cleared(radius=radius, cluster=preview.cluster if preview else None)

    async def _within_budget(
        self, run: Run, day: ChaosDay, approved: TargetSet | None
    ) -> BlastRadius:
        """The limits of the run, of which its part of the day's budget is held.

        Shape: approved is what was approved; None where that is not known.
        """
        radius = day.plan.radius_of(day.plan.box(run.box))
        if approved is not None:
            radius = pinned(radius, approved)
        budget = day.plan.day_budget
        if budget is None:
            return radius
        asked = asked_by(run.id, radius, budget)
        if approved is not None:
            asked = replace(
                asked,
                objects=max(approved.count, 1),
                targets=approved.certain,
                shares=_shares(approved),
            )
        await self._storage.reserve(run, asked, budget=budget)
        await self._tell(run, asked)
        return within(radius, asked)

    async def _tell(self, run: Run, asked: Reservation) -> None:
        """Put on the timeline why the run may touch no more than that."""
        shares = f", and of workloads {_shown(asked)}" if asked.shares else ""
        text = f"{run.title} holds {asked.objects} objects of the day's budget{shares}"
        entry = self._recording.entry(run.day, Lane.MECHANICS, Kind.NOTE, text, run=run.id)
        await self._storage.append([entry])
        log.info("budget reserved", run=run.id, objects=asked.objects)

    async def _approved(self, run: Run, day: ChaosDay) -> Preview | None:
        """The preview that was approved and still holds; None where none is needed.

        Raises: NotApproved.
        """
        subject = Subject.of(day, run)
        approved = await self._storage.approved(subject.digest)
        if approved is None:
            if day.plan.needs_approved_preview:
                raise NotApproved(run=run.title, problem="no preview of it was approved")
            return None
        await self._refuse_elsewhere(run, subject, approved)
        # To find out again what is opaque would be to do it, outside of any run and past a halt.
        if approved.targets.is_whole and not approved.opaque:
            await self._refuse_more(run, subject, approved)
            # A kubeconfig that is changed while it is found out leads elsewhere now.
            await self._refuse_elsewhere(run, subject, approved)
        await self._tell_approval(run, approved)
        return approved

    async def _refuse_elsewhere(self, run: Run, subject: Subject, approved: Preview) -> None:
        """Refuse a cluster that is not the one that was previewed. Raises: NotApproved."""
        now = await self._previewing.address_of(subject)
        if approved.address is None:
            problem = f"the cluster of its approved preview was not noted, and this is {now}"
            raise NotApproved(run=run.title, problem=problem)
        if now != approved.address:
            problem = (
                f"its approved preview is of the cluster {approved.address}, and this is {now}"
            )
            raise NotApproved(run=run.title, problem=problem)

    async def _refuse_more(self, run: Run, subject: Subject, approved: Preview) -> None:
        """Refuse a run that would do more by now than was approved. Raises: NotApproved."""
        now = await self._previewing.resolve(subject)
        if problem := elsewhere(approved.cluster, now.cluster):
            raise NotApproved(run=run.title, problem=problem)
        if problem := now.refused or now.targets.beyond(approved.targets):
            told = f"{problem} ({now.problem})" if now.problem else problem
            raise NotApproved(run=run.title, problem=told)

    async def _tell_approval(self, run: Run, approved: Preview) -> None:
        """Put on the timeline by whose consent the run starts, which may be older than the day."""
        text = f"{run.title} starts by its approved preview: {consent(approved)}"
        entry = self._recording.entry(run.day, Lane.MECHANICS, Kind.NOTE, text, run=run.id)
        await self._storage.append([entry])


def pinned(radius: BlastRadius, approved: TargetSet) -> BlastRadius:
    """The limits of a run, narrowed to what was approved."""
    return replace(
        radius,
        kinds=radius.kinds if approved.count else frozenset(),
        most_objects=min(radius.most_objects, max(approved.count, 1)),
        shares=_shares(approved),
    )


def _shares(approved: TargetSet) -> Mapping[str, Fraction]:
    return {
        workload: min(Fraction(lost, max(approved.sizes.get(workload, 0), 1)), Fraction(1))
        for workload, lost in approved.lost.items()
    }


def _shown(asked: Reservation) -> str:
    shares = sorted((asked.shares or {}).items())
    return ", ".join(f"{float(share):.0%} of {workload}" for workload, share in shares)
