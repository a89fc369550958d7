"""Conducts runs that were claimed: armed ones from the start, unfinished ones to restoration.

A run that was taken over is never injected again. It does not choose which run is next;
`pacing` does.
"""

import itertools
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import partial
from typing import Final

import anyio
import structlog

from orchestrator.domain.blast_radius import BlastRadius
from orchestrator.domain.cluster_identity import ClusterIdentity
from orchestrator.domain.day import ChaosDay
from orchestrator.domain.errors import (
    AnotherCluster,
    ChaosDayError,
    Conflict,
    LeaseLost,
    Unavailable,
)
from orchestrator.domain.hypothesis import tolerances_of
from orchestrator.domain.identity import DayId, WorkerId
from orchestrator.domain.plan import TimeBox
from orchestrator.domain.run import Finding, Move, Phase, Run
from orchestrator.ports import Assignment, Clock, Engine, Execution, Hand, Storage
from orchestrator.services.clearing import Clearing
from orchestrator.services.course import TOO_LATE, Course, Limits, Pace
from orchestrator.services.leasing import Lease
from orchestrator.services.listening import Heard, Listening
from orchestrator.services.recording import Recording

log = structlog.get_logger()

_LOOK: Final = timedelta(milliseconds=50)
"""How often it is looked whether a run is to stop. Its guard needs nobody to tell it; this is for
what is broken to be put back soon."""
GONE: Final = "its command is gone"
NOBODY: Final = "it is done by hand, and whoever was to do it is gone"
_PARTING: Final = 5.0
"""Seconds that letting go of a run may take; its lease ends by itself."""
_RETRIES: Final = (0.0, 0.5, 1.0, 2.0, 4.0, 8.0, 15.0)
"""Seconds to wait before each try to restore with fresh processes; the last one again and again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Context:
    """What is known of a run's place in the plan."""

    day: ChaosDay
    box: TimeBox
    limits: Limits
    radius: BlastRadius
    approved_in: ClusterIdentity | None = None


class Conducting:
    """Conducts runs."""

    def __init__(
        self,
        *,
        storage: Storage,
        engine: Engine,
        clock: Clock,
        recording: Recording,
        clearing: Clearing,
        worker: WorkerId,
        pace: Pace,
        hand: Hand | None = None,
    ) -> None:
        self._storage = storage
        self._engine = engine
        self._clock = clock
        self._recording = recording
        self._clearing = clearing
        self._listening = Listening(storage=storage, recording=recording)
        self._worker = worker
        self._pace = pace
        self._hand = hand
        self._leases: set[Lease] = set()
        self._next_look = 0.0
        self._own: set[DayId] = set()

    @property
    def is_busy(self) -> bool:
        """Whether a run is being conducted."""
        return bool(self._leases)

    def answer_for(self, day: DayId) -> None:
        """Conduct that day's runs even if it was made for one command: this process is that one."""
        self._own.add(day)

    def stop_all(self, reason: str) -> None:
        """Ask every run that is being conducted to stop and restore."""
        for lease in self._leases:
            lease.ask_to_stop(reason)

    async def conduct(self, run: Run) -> Run:
        """Take a claimed run to its end, and let go of it.

        Returns the run as this process saw it last; another holder may have taken it over.
        Cancelling asks it to stop: it is restored by the processes that are there before it is
        let go.
        """
        lease = Lease(
            run,
            worker=self._worker,
            storage=self._storage,
            clock=self._clock,
            recording=self._recording,
            lasts=self._pace.lease,
        )
        self._leases.add(lease)
        problem: Exception | None = None
        async with anyio.create_task_group() as outside:
            outside.start_soon(_stop_when_cancelled, lease)
            outside.start_soon(self._look_out)
            # Whatever restores needs the tasks that carry its questions to the guard and keep its
            # lease. So a cancellation reaches none of them, and is heard as a stop.
            with anyio.CancelScope(shield=True):
                try:
                    await self._conduct_and_keep(lease)
                except Exception as error:  # noqa: BLE001 - passed on below, outside the group
                    problem = error
            outside.cancel_scope.cancel()
        if problem is not None:
            raise problem
        return lease.run

    async def _look_out(self) -> None:
        """Hear of stops sooner than by renewing; one look is for all runs of this process."""
        while True:
            await anyio.sleep(_LOOK.total_seconds())
            if anyio.current_time() >= self._next_look:
                self._next_look = anyio.current_time() + _LOOK.total_seconds()
                await self._hear_of_stops()

    async def _hear_of_stops(self) -> None:
        leases = {lease.run.id: lease for lease in self._leases if lease.stop is None}
        if not leases:
            return
        try:
            stops = await self._storage.stops(leases.keys())
        except Exception:  # noqa: BLE001 - whoever renews the lease meets it too, and acts on it
            log.warning("stops not read", runs=sorted(leases))
            return
        for run, reason in stops.items():
            leases[run].ask_to_stop(reason)

    async def _conduct_and_keep(self, lease: Lease) -> None:
        async with lease.kept():
            try:
                await self._conduct(lease)
            except (Conflict, Unavailable) as error:
                # Whoever claims the run next restores it; its lease ends by itself.
                log.warning("run let go", run=lease.run.id, why=str(error))
                lease.is_lost = True
            else:
                with anyio.move_on_after(_PARTING), suppress(Unavailable):
                    await lease.release()
            finally:
                # A run that broke off in any other way is not let go either: it would be taken
                # up again at once, to break off again.
                self._leases.discard(lease)

    async def _conduct(self, lease: Lease) -> None:
        context = await self._context(lease.run)
        problem = ""
        if not lease.run.phase.may_hold_fault:
            problem = await self._from_the_start(lease, context)
        elif lease.run.phase is Phase.STRANDED:
            await _restore_anew(lease)
        if lease.run.phase.may_hold_fault and not lease.run.phase.is_final:
            await self._restore(lease, context, problem)

    async def _context(self, run: Run) -> _Context:
        day = await self._storage.day(run.day)
        box = day.plan.box(run.box)
        document = day.experiments[run.experiment].document
        hypothesis = document.get("steady-state-hypothesis") or {}
        limits = Limits(
            longest=min(day.plan.radius_of(box).longest, box.lasts),
            # What a hand does begins when somebody comes to it, and is over when its box is.
            over_at=run.planned_at + box.lasts if box.by_hand else None,
            starts_by=run.planned_at + box.lasts,
            abort_when=day.plan.abort_when,
            probes=len(hypothesis.get("probes", ())),
            service=box.service,
            tolerances=tolerances_of(document),
            by_hand=box.by_hand,
        )
        return _Context(day=day, box=box, limits=limits, radius=day.plan.radius_of(box))

    async def _from_the_start(self, lease: Lease, context: _Context) -> str:
        """Take an armed run through its course; returns what broke, if something did."""
        run = lease.run
        if reason := self._whose_is_gone(context) or self._late(run, context):
            await lease.move(Move.REFUSE, reason, reason=reason)
            return ""
        try:
            cleared = await self._clearing.clear(run, context.day)
            context = replace(context, radius=cleared.radius, approved_in=cleared.cluster)
            # To find out again what it would do takes as long as its actions.
            if late := self._late(run, context):
                await lease.move(Move.REFUSE, late, reason=late)
                return ""
            async with self._opened(lease, context, recovering=False) as course:
                await course.run_through()
        except LeaseLost:
            raise
        except (ChaosDayError, TimeoutError) as error:
            problem = str(error) or "restoring took too long"
            if not lease.run.phase.may_hold_fault and not lease.run.phase.is_final:
                await lease.move(Move.REFUSE, problem, reason=problem)
            return problem
        return ""

    def _late(self, run: Run, context: _Context) -> str:
        return TOO_LATE if self._clock.now() > run.planned_at + context.box.lasts else ""

    def _whose_is_gone(self, context: _Context) -> str:
        """Why nobody is there any more who wanted the run; empty when somebody is."""
        if context.box.by_hand:
            return "" if self._hand is not None else NOBODY
        return GONE if context.day.is_apart and context.day.id not in self._own else ""

    async def _restore(self, lease: Lease, context: _Context, broke: str) -> None:
        """Restore with fresh processes, trying again until patience is over.

        Shape: broke says why the processes of this conductor could not; empty for a run that was
        taken over.
        """
        gone = f"its conductor was gone while it was {lease.run.phase}"
        reason = lease.run.reason or lease.reason or broke
        if not reason and not lease.run.stranded:
            reason = gone
        last = anyio.current_time() + self._pace.restoring.total_seconds()
        problem = "restoring took too long"
        for wait in itertools.chain(_RETRIES, itertools.repeat(_RETRIES[-1])):
            if anyio.current_time() + wait > last:
                break
            await anyio.sleep(wait)
            try:
                found = lease.run.finding_or(Finding.ABORTED)
                await lease.move(Move.RECOVER, reason, reason=reason, finding=found)
                async with self._opened(lease, context, recovering=True) as course:
                    await course.restore_again()
            except LeaseLost:
                raise
            except AnotherCluster as error:
                # It stays another, however often it is asked.
                problem = str(error)
                break
            except ChaosDayError as error:
                problem = str(error)
            if lease.run.phase.is_final:
                return
        found = lease.run.finding_or(Finding.STRANDED)
        await lease.move(Move.STRAND, problem, stranded=problem, finding=found)

    @asynccontextmanager
    async def _opened(
        self, lease: Lease, context: _Context, *, recovering: bool
    ) -> AsyncIterator[Course]:
        heard = Heard(lease.bell, by_hand=context.box.by_hand)
        assignment = self._assignment(lease.run, context, recovering=recovering)
        async with (
            self._engine.open(assignment) as execution,
            self._heard(execution, lease.run, heard, by=assignment.hand),
        ):
            course = Course(
                lease=lease,
                execution=execution,
                heard=heard,
                limits=context.limits,
                pace=self._pace,
                storage=self._storage,
                clock=self._clock,
                recording=self._recording,
            )
            try:
                yield course
            except BaseException:
                # What was heard last may wait for a database that hangs; the fault must not.
                await execution.let_go()
                raise

    @asynccontextmanager
    async def _heard(
        self, execution: Execution, run: Run, heard: Heard, *, by: Hand | None
    ) -> AsyncIterator[None]:
        """Listen while the scope lasts; errors of the scope come out as they are."""
        problem: BaseException | None = None
        async with anyio.create_task_group() as tasks:
            listen = partial(self._listening.listen, by=by.by if by else None)
            tasks.start_soon(listen, execution, run, heard)
            try:
                yield
            except ChaosDayError as error:
                problem = error
            except TimeoutError as error:
                problem = error
            tasks.cancel_scope.cancel()
        if problem is not None:
            raise problem

    def _assignment(self, run: Run, context: _Context, *, recovering: bool) -> Assignment:
        plan, box = context.day.plan, context.box
        experiment = context.day.experiments[run.experiment]
        return Assignment(
            run=run,
            experiment=experiment.without_method() if box.by_hand else experiment,
            configuration=box.configuration,
            cluster=plan.cluster,
            radius=context.radius,
            probe_interval=self._pace.probe_interval,
            recovering=recovering,
            abort_when=plan.abort_when,
            containment=plan.required_containment,
            may_reach=plan.may_reach,
            approved_in=context.approved_in,
            hand=self._hand if box.by_hand and not recovering else None,
        )


async def _restore_anew(lease: Lease) -> None:
    """Begin to restore a stranded run once more; why it was stranded stays with it."""
    run = lease.run
    # Of one that was stranded long ago, the reason tells all there is.
    apart = {} if run.stranded else {"stranded": run.reason, "reason": ""}
    await lease.move(Move.RESTORE, "restored anew, as it was stranded", **apart)


async def _stop_when_cancelled(lease: Lease) -> None:
    try:
        await anyio.sleep_forever()
    finally:
        lease.ask_to_stop("the conductor was interrupted")
