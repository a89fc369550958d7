"""Finds out what a run would do before it does, and takes a facilitator's consent to that.

It does not hold a run back; `clearing` does.
"""

import hashlib
import json
from dataclasses import asdict, dataclass
from datetime import timedelta
from typing import Any, Final
from uuid import uuid4

from orchestrator.domain.day import ChaosDay, DayState, PinnedExperiment
from orchestrator.domain.errors import Conflict, DayHalted, NoSuchPreview, NotAllowed
from orchestrator.domain.guarding import radius_to_line
from orchestrator.domain.identity import DayId, PreviewId, Role, RunId
from orchestrator.domain.plan import ClusterAddress, Plan, TimeBox
from orchestrator.domain.preview import Preview, targets_of
from orchestrator.domain.run import Run
from orchestrator.domain.timeline import Kind, Lane, TimelineEntry
from orchestrator.ports import Assignment, Clock, Kubeconfigs, Rehearser, Storage
from orchestrator.services.recording import Recording, Said

PATIENCE: Final = timedelta(seconds=60)
"""For one rehearsal: pauses are left out, so it lasts as long as the actions themselves."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """What a preview is of: one box of a plan, with its experiment."""

    plan: Plan
    box: TimeBox
    experiment: PinnedExperiment

    @classmethod
    def of(cls, day: ChaosDay, run: Run) -> "Subject":
        """What a run of a day would do."""
        experiment = day.experiments[run.experiment]
        return cls(plan=day.plan, box=day.plan.box(run.box), experiment=experiment)

    @property
    def digest(self) -> str:
        """Tells apart whatever may make a difference: anything changed is another subject."""
        cluster = self.plan.cluster
        parts = {
            "experiment": self.experiment.digest,
            "configuration": dict(self.box.configuration),
            "environment": self.plan.environment,
            "cluster": [cluster.kubeconfig, cluster.context],
            "may_reach": None if self.plan.may_reach is None else sorted(self.plan.may_reach),
            "containment": sorted(self.plan.required_containment.required),
            "radius": radius_to_line(self.plan.radius_of(self.box)),
            **({"by_hand": True} if self.box.by_hand else {}),
        }
        return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()


class Previewing:
    """Makes previews and takes approvals."""

    def __init__(
        self,
        *,
        storage: Storage,
        rehearser: Rehearser,
        kubeconfigs: Kubeconfigs,
        recording: Recording,
        clock: Clock,
        patience: timedelta = PATIENCE,
    ) -> None:
        self._storage = storage
        self._rehearser = rehearser
        self._kubeconfigs = kubeconfigs
        self._recording = recording
        self._clock = clock
        self._patience = patience

    async def preview_run(
        self,
        run_id: RunId,
        *,
        by: Role | None = None,
        with_dry_run: bool = True,
        with_opaque: bool = False,
    ) -> Preview:
        """Find out what a run of a day would do.

        Opaque activities are really done, so that is the facilitator's to ask for, and not on a
        halted day.
        Raises: NoSuchRun; NotAllowed; DayHalted; ClusterUnavailable.
        """
        run = await self._storage.run(run_id)
        day = await self._storage.day(run.day)
        if with_opaque:
            await self._refuse_opaque(day.id, by)
        return await self.preview(
            Subject.of(day, run), with_dry_run=with_dry_run, with_opaque=with_opaque
        )

    async def _refuse_opaque(self, day: DayId, by: Role | None) -> None:
        if by is not Role.FACILITATOR:
            raise NotAllowed(role=str(by), move="have opaque activities done for a preview")
        if halt := await self._storage.halt(day):
            raise DayHalted(day=day, reason=halt.reason)

    async def preview(
        self, subject: Subject, *, with_dry_run: bool = True, with_opaque: bool = False
    ) -> Preview:
        """Find out what a box of a plan would do, and remember it. Raises: ClusterUnavailable."""
        preview = await self.resolve(subject, with_dry_run=with_dry_run, with_opaque=with_opaque)
        await self._storage.add_preview(preview)
        return preview

    async def preview_of(self, run_id: RunId, preview: PreviewId) -> Preview:
        """A preview of that very run as it is planned. Raises: NoSuchRun; NoSuchPreview."""
        run = await self._storage.run(run_id)
        day = await self._storage.day(run.day)
        found = await self._storage.preview(preview)
        if found.subject != Subject.of(day, run).digest:
            raise NoSuchPreview(preview=preview)
        return found

    async def resolve(
        self, subject: Subject, *, with_dry_run: bool = True, with_opaque: bool = False
    ) -> Preview:
        """Find out what a box of a plan would do now, and forget it.

        Raises: KubeconfigUnreadable; ClusterUnavailable.
        """
        address = await self.address_of(subject)
        if subject.box.by_hand:
            return await self._unforeseeable(subject, address)
        seen = await self._rehearser.rehearse(
            _assignment(subject, at=uuid4().hex),
            with_dry_run=with_dry_run,
            with_opaque=with_opaque,
            patience=self._patience,
        )
        # What was refused was not made, so nobody knows what would have come after it.
        is_whole = seen.made_dry and not seen.problem and not seen.refusals
        return Preview(
            id=PreviewId(uuid4().hex),
            subject=subject.digest,
            title=subject.box.title or subject.experiment.title,
            made_at=self._clock.now(),
            activities=seen.activities,
            writes=seen.writes,
            refusals=seen.refusals,
            made_dry=seen.made_dry,
            problem=seen.problem,
            targets=targets_of(seen.writes, seen.activities, is_whole=is_whole),
            address=address,
            cluster=seen.cluster,
        )

    async def address_of(self, subject: Subject) -> ClusterAddress:
        """Where a plan's cluster is at this moment. Raises: KubeconfigUnreadable."""
        return await self._kubeconfigs.address_of(subject.plan.cluster)

    async def _unforeseeable(self, subject: Subject, address: ClusterAddress) -> Preview:
        """What can be said of a hand before it works; to approve it is to trust in the limits."""
        return Preview(
            id=PreviewId(uuid4().hex),
            subject=subject.digest,
            title=subject.box.title or subject.experiment.title,
            made_at=self._clock.now(),
            activities=(),
            writes=(),
            refusals=(),
            made_dry=False,
            problem="it is done by hand, and what a hand does is not known before",
            targets=targets_of((), (), is_whole=False),
            address=address,
            cluster=await self._rehearser.locate(_assignment(subject, at=uuid4().hex)),
        )

    async def approve(self, preview: PreviewId, *, said: Said) -> Preview:
        """Consent to what a preview shows; whoever did so first stays who approved it.

        It is safe for the same person to repeat.
        Raises: NoSuchPreview; NotAllowed; Conflict: somebody else approved it.
        """
        if said.by.role is not Role.FACILITATOR:
            raise NotAllowed(role=str(said.by.role), move="approve a preview")
        entries = await self._entries(await self._storage.preview(preview), said)
        await self._storage.approve(preview, by=said.by.name, at=self._clock.now(), entries=entries)
        approved = await self._storage.preview(preview)
        if approved.approved_by != said.by.name:
            raise Conflict(f"preview {preview} needs no second approval: {consent(approved)}")
        return approved

    async def _entries(self, preview: Preview, said: Said) -> list[TimelineEntry]:
        """What the timelines of the days say of an approval whose runs it is of."""
        entries: list[TimelineEntry] = []
        for day in await self._storage.days():
            if day.state is not DayState.CLOSED:
                runs = await self._storage.runs(day.id)
                meant = [run for run in runs if Subject.of(day, run).digest == preview.subject]
                entries += [self._approved(run, preview, said) for run in meant]
        return entries

    def _approved(self, run: Run, preview: Preview, said: Said) -> TimelineEntry:
        return self._recording.entry(
            run.day,
            Lane.MECHANICS,
            Kind.NOTE,
            f"the preview of {run.title} was approved",
            said=said,
            run=run.id,
            details={"preview": preview.id, "cluster": str(preview.address or "")},
        )


def consent(preview: Preview) -> str:
    """Who approved a preview, and when."""
    at = preview.approved_at
    return f"{preview.approved_by} approved it at {at.isoformat(timespec='seconds') if at else '?'}"


def _assignment(subject: Subject, *, at: str) -> Assignment:
    plan, box = subject.plan, subject.box
    rehearsal = Run(
        id=RunId(f"rehearsal-{at}"),
        day=DayId("rehearsal"),
        box=box.name,
        experiment=box.experiment,
        title=box.title or subject.experiment.title,
        planned_at=plan.window.opens_at,
    )
    return Assignment(
        run=rehearsal,
        experiment=subject.experiment,
        configuration=box.configuration,
        cluster=plan.cluster,
        radius=plan.radius_of(box),
        probe_interval=timedelta(seconds=1),
        rehearsing=True,
        containment=plan.required_containment,
        may_reach=plan.may_reach,
    )


def document_of(preview: Preview) -> dict[str, Any]:
    """A preview as a plain document, the same for every way out.

    Shape: sets as sorted lists.
    """
    targets = preview.targets
    return {
        "id": preview.id,
        "subject": preview.subject,
        "title": preview.title,
        "cluster": str(preview.address or ""),
        "cluster_uid": preview.cluster.uid if preview.cluster else "",
        "made_at": preview.made_at,
        "activities": [asdict(each) for each in preview.activities],
        "writes": [asdict(each) for each in preview.writes],
        "refusals": [asdict(each) for each in preview.refusals],
        "made_dry": preview.made_dry,
        "problem": preview.problem,
        "targets": {
            "objects": sorted(targets.objects),
            "count": targets.count,
            "lost": dict(sorted(targets.lost.items())),
            "sizes": dict(sorted(targets.sizes.items())),
            "candidates": sorted(targets.candidates),
            "is_whole": targets.is_whole,
        },
        "approved_by": preview.approved_by,
        "approved_at": preview.approved_at,
    }
