"""The course of one run, from the check of the steady state to its conclusion.

Any doubt is an abort, and every road that injected leads through restoring. It does not open
the processes of the run, nor take a run over; `conducting` does.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Final
from uuid import uuid4

import anyio
import structlog

from orchestrator.domain.abort import PREFIX
from orchestrator.domain.errors import ChaosDayError, DayHalted, EngineUnavailable
from orchestrator.domain.hypothesis import Sample, finding_of, holds
from orchestrator.domain.identity import IncidentId
from orchestrator.domain.incident import Incident, Status
from orchestrator.domain.plan import AbortCondition
from orchestrator.domain.run import Finding, Injection, Move, Phase, Run
from orchestrator.domain.timeline import Kind, Lane, VisibleAfter
from orchestrator.domain.undo import Restoration
from orchestrator.ports import Clock, Execution, Storage
from orchestrator.services.leasing import Lease
from orchestrator.services.listening import Heard
from orchestrator.services.recording import Recording
from orchestrator.services.steadying import Steadying, Unsteady

log = structlog.get_logger()


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """How long the steps of a run may take."""

    before: timedelta = timedelta(seconds=1)
    """For how long the steady state is measured before anything is injected."""
    first_sample: timedelta = timedelta(seconds=20)
    """Within what time every probe must have answered once."""
    rollbacks: timedelta = timedelta(seconds=30)
    """How long the experiment's own rollbacks may take."""
    verification: timedelta = timedelta(seconds=60)
    """Within what time the world must be as before."""
    after: timedelta = timedelta(seconds=30)
    """Within what time after that the steady state must hold again."""
    restoring: timedelta = timedelta(seconds=180)
    """How long restoring may take in all before a person is called; to measure comes on top."""
    silence: timedelta = timedelta(seconds=20)
    """How long nothing may be measured while the fault is in: longer than any one probe takes."""
    lease: timedelta = timedelta(seconds=3)
    probe_interval: timedelta = timedelta(milliseconds=500)

    @property
    def ending(self) -> timedelta:
        """How long a run may take to end once its fault's time is over."""
        return self.restoring + 2 * self.first_sample + self.after


@dataclass(frozen=True, slots=True, kw_only=True)
class Ending:
    """How the fault's time came to an end."""

    move: Move
    reason: str = ""


TOO_LATE: Final = "its time box was over before it could start"
_HEARD_WITHIN: Final = 1.0
"""Seconds within which the reason of a halt is heard that the guard knew first."""
_UNFORESEEN: Final = Ending(move=Move.ABORT, reason="the conductor was interrupted")


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What ends a run early."""

    longest: timedelta
    abort_when: tuple[AbortCondition, ...]
    probes: int
    """How many probes the hypothesis has."""
    service: str
    tolerances: Mapping[str, str] = field(default_factory=dict)
    """The tolerances of these probes by their names, for people."""
    by_hand: bool = False
    """Whether an agent of chaos works by hand, and may be refused something on the way."""
    starts_by: datetime | None = None
    """After when it must not start; None where that is nobody's wish."""
    over_at: datetime | None = None
    """When it is over, whenever it began; None where only how long it lasts counts."""

    def left(self, now: datetime) -> timedelta:
        """How long what starts now may last."""
        return self.longest if self.over_at is None else min(self.longest, self.over_at - now)

    @property
    def is_measured(self) -> bool:
        """Whether anything is sampled while the fault is in."""
        return self.probes > 0 or any(each.measure is not None for each in self.abort_when)


class Course:
    """Takes one run through its course on one execution."""

    def __init__(
        self,
        *,
        lease: Lease,
        execution: Execution,
        heard: Heard,
        limits: Limits,
        pace: Pace,
        storage: Storage,
        clock: Clock,
        recording: Recording,
    ) -> None:
        self._lease = lease
        self._execution = execution
        self._heard = heard
        self._limits = limits
        self._pace = pace
        self._storage = storage
        self._clock = clock
        self._recording = recording
        self._was_let_loose = False
        self._flaw = ""
        """Of what a hand did, at the end of its fault."""

    # Before

    async def run_through(self) -> Run:
        """Take an armed run to its end.

        Returns the run concluded, cancelled or stranded.
        Raises: ChaosDayError: the execution broke while restoring; the run is not at its end.
        """
        try:
            unfit = await self._unfit()
            if unfit is None:
                await self._execution.take_baseline()
        except ChaosDayError as error:
            return await self._refuse(str(error), None)
        if unfit is not None:
            return await self._refuse(*unfit)
        if self._is_late():
            return await self._refuse(TOO_LATE, None)
        return await self._inject_and_restore()

    def _is_late(self) -> bool:
        """Whether its box is over by now: to be made ready, and to be measured, took its time."""
        now = self._clock.now()
        if self._limits.left(now) <= timedelta():
            return True
        return self._limits.starts_by is not None and now > self._limits.starts_by

    async def _unfit(self) -> tuple[str, Finding | None] | None:
        """Why the run must not start, and what that found; None when it may."""
        heard, probes = self._heard, self._limits.probes
        begun = anyio.current_time()

        def measured() -> bool:
            is_whole = len(heard.latest()) >= probes and all(map(heard.newest, self._watched))
            return is_whole or self._must_not_start()

        in_time = await heard.until(measured, until=begun + self._pace.first_sample.total_seconds())
        before = self._pace.before.total_seconds() * self._limits.is_measured
        await heard.until(self._must_not_start, until=begun + before)
        if self._lease.stop or heard.trouble:
            return self._lease.stop or heard.trouble, None
        if not in_time:
            return "not every probe of the steady state answered in time", Finding.UNFIT
        if probes and not holds(heard.latest().values()):
            return f"the steady state does not hold: {_outside(heard)}", Finding.UNFIT
        for name in self._watched:
            if (newest := heard.newest(name)) is None or not newest.within:
                return f"{name} is not so before the fault: {_told(newest)}", Finding.UNFIT
        return None

    @property
    def _watched(self) -> list[str]:
        """The names of the samples that are taken for abort conditions alone."""
        return [each.watches for each in self._limits.abort_when if each.measure is not None]

    def _must_not_start(self) -> bool:
        return bool(self._lease.stop or self._heard.trouble)

    async def _refuse(self, reason: str, finding: Finding | None) -> Run:
        return await self._lease.move(Move.REFUSE, reason, reason=reason, finding=finding)

    # The fault

    async def _inject_and_restore(self) -> Run:
        try:
            await self._lease.move(Move.START)
        except DayHalted as error:
            return await self._refuse(str(error), None)
        ending = _UNFORESEEN
        try:
            await self._open_shadow()
            ending = await self._inject_and_hold()
        except ChaosDayError as error:
            ending = Ending(move=Move.ABORT, reason=str(error))
        finally:
            with anyio.fail_after(self._pace.ending.total_seconds(), shield=True):
                await self._restore(ending)
        return self._lease.run

    async def _inject_and_hold(self) -> Ending:
        heard = self._heard
        longest = self._limits.left(self._clock.now())
        last = anyio.current_time() + longest.total_seconds()
        # A process that was asleep since the start was stored may have lost the run meanwhile.
        await self._lease.confirm()
        if early := self._end_now():
            return early
        self._was_let_loose = True
        await self._execution.play()
        await heard.until(lambda: self._is_in or self._end_now() is not None, until=last)
        if not self._is_in or self._end_now():
            return self._end_now() or _too_long(longest)
        await self._lease.move(Move.HOLD)
        # A hand goes on while its first fault is in; the runner has played everything.
        await heard.until(lambda: bool(heard.played or self._end_now()), until=last)
        if heard.played is None or self._end_now():
            return self._end_now() or _too_long(longest)
        # The runner says for how long; the clock that counts is the one that cannot jump.
        over = anyio.current_time() + heard.played.hold.total_seconds()
        await heard.until(lambda: self._end_now() is not None, until=min(over, last))
        if early := self._end_now():
            return early
        if over > last:
            return _too_long(longest)
        self._flaw = self._flaw_of_hand()
        return Ending(move=Move.FINISH, reason=self._flaw)

    @property
    def _is_in(self) -> bool:
        """Whether the fault is in: all of a method was played, or a hand made its first write."""
        return self._heard.played is not None or (self._limits.by_hand and bool(self._heard.writes))

    def _flaw_of_hand(self) -> str:
        """Why nothing can be claimed of what was done by hand; empty when something can."""
        if not self._limits.by_hand:
            return ""
        return self._refused() or ("" if self._heard.writes else "nothing was written by hand")

    def _refused(self) -> str:
        """What the guard refused of the run, whatever it was doing; empty when nothing."""
        refused = self._heard.refusals
        more = f" (and {len(refused) - 1} more)" if len(refused) > 1 else ""
        return f"the guard refused {refused[0]}{more}" if refused else ""

    def _end_now(self) -> Ending | None:
        """Why the fault's time is over before its time, if it is."""
        if reason := self._lease.stop or self._heard.trouble:
            return Ending(move=Move.ABORT, reason=reason)
        if self._limits.is_measured and self._heard.is_silent(self._pace.silence):
            seconds = self._pace.silence.total_seconds()
            reason = f"nothing was measured for {seconds:g} s"
            return Ending(move=Move.ABORT, reason=reason)
        if self._heard.injection is Injection.NOT_EFFECTIVE:
            if self._lease.run.phase is Phase.INJECTING:
                return None
            return Ending(move=Move.FINISH, reason="the fault did not take effect")
        started_at = self._lease.run.started_at
        for condition in self._limits.abort_when if started_at else ():
            assert started_at is not None
            probe = self._heard.broken(condition, at=self._clock.now(), since=started_at)
            if probe:
                seconds = condition.out_for.total_seconds()
                name = probe.removeprefix(PREFIX)
                return Ending(
                    move=Move.ABORT,
                    reason=f"{PREFIX}{name} was out of tolerance for {seconds:g} s",
                )
        return None

    async def _open_shadow(self) -> None:
        run = self._lease.run
        now = self._clock.now()
        shadow = Incident(
            id=IncidentId(uuid4().hex),
            day=run.day,
            key=f"shadow of {run.id}",
            title=f"shadow of {run.title}",
            status=Status.LATENT,
            opened_at=now,
            recorded_at=now,
            opened_by="chaosday",
            visible_after=VisibleAfter.REVEAL,
            service=self._limits.service,
            run=run.id,
        )
        await self._storage.add_incident(shadow, [], [])

    # Restoring

    async def _restore(self, ending: Ending) -> None:
        self._lease.reason = ending.reason
        # No further write gets through from here on; the record of it may take a moment longer.
        await self._execution.restrain()
        ending = await self._as_asked(ending)
        await self._lease.move(
            ending.move,
            ending.reason,
            reason=ending.reason,
            injection=self._heard.injection,
            proven_at=self._heard.proven_at,
        )
        if ending.move is Move.FINISH:
            await self._execution.finish(patience=self._pace.rollbacks)
        else:
            await self._execution.stop(patience=self._pace.rollbacks)
        await self.prove(aborted=ending.move is not Move.FINISH, is_hit=self._was_let_loose)

    async def _as_asked(self, ending: Ending) -> Ending:
        """An abort with the reason of whoever asked for it, if somebody did.

        A guard heeds a halt sooner than this process hears of it, and what it refuses for it fails
        first.
        """
        if not self._heard.is_stopped:
            return ending
        last = anyio.current_time() + _HEARD_WITHIN
        await self._heard.until(lambda: self._lease.stop is not None, until=last)
        return replace(ending, reason=self._lease.stop or ending.reason)

    async def restore_again(self) -> Run:
        """Restore a run that was taken over: its rollbacks first, then the undo journal."""
        try:
            await self._execution.restrain()
            await self._execution.roll_back(patience=self._pace.rollbacks)
        except EngineUnavailable as error:
            # The journal knows all that was changed, whether or not the rollbacks were played.
            log.warning("rollbacks not played", run=self._lease.run.id, why=str(error))
        return await self.prove(aborted=True)

    async def prove(self, *, aborted: bool, is_hit: bool = True) -> Run:
        """Undo what is left, verify, and conclude or strand a run that is rolling back.

        Shape: is_hit says whether its method may have done anything, as that of every run may
        that was taken over.
        Raises: ChaosDayError: the execution broke; the run is not at its end.
        """
        undone = await self._execution.undo()
        await self._lease.move(Move.VERIFY)
        verified = await self._execution.verify(patience=self._pace.verification)
        restoration = replace(
            verified,
            undone=(*undone.undone, *verified.undone),
            kept=verified.kept or undone.kept,
            notes=verified.notes or undone.notes,
        )
        if not restoration.is_proven:
            return await self.strand("; ".join(restoration.pending))
        is_measured = is_hit and self._limits.probes > 0
        unsteady = await self._steadying().awaited() if is_measured else None
        if unsteady is not None:
            await self._tell(restoration, "what it changed is put back")
            return await self.strand(unsteady.reason, self._finding(aborted=aborted, now=unsteady))
        await self._tell(restoration, "restoration is proven")
        return await self._conclude(self._finding(aborted=aborted))

    async def _conclude(self, finding: Finding) -> Run:
        run = self._lease.run
        text = "restored after it was stranded" if run.stranded else ""
        why = self._refused() if finding is Finding.UNKNOWN else ""
        return await self._lease.move(
            Move.CONCLUDE, text, finding=finding, reason=run.reason or why
        )

    async def strand(self, reason: str, finding: Finding | None = None) -> Run:
        """Call for a person: restoration could not be proven."""
        found = finding or self._lease.run.finding_or(Finding.STRANDED)
        return await self._lease.move(Move.STRAND, reason, stranded=reason, finding=found)

    def _steadying(self) -> Steadying:
        return Steadying(
            lease=self._lease,
            execution=self._execution,
            heard=self._heard,
            clock=self._clock,
            tolerances=self._limits.tolerances,
            first_sample=self._pace.first_sample,
            after=self._pace.after,
        )

    async def _tell(self, restoration: Restoration, text: str) -> None:
        run = self._lease.run
        kept = "; ".join(str(difference) for difference in restoration.kept)
        if restoration.undone:
            text += f"; put back: {', '.join(dict.fromkeys(restoration.undone))}"
        if kept:
            text += f"; kept, as others changed it: {kept}"
        text = "; ".join([text, *restoration.notes])
        await self._storage.append(
            [
                self._recording.entry(
                    run.day,
                    Lane.FAULT,
                    Kind.RESTORED,
                    text,
                    run=run.id,
                    details={
                        "undone": list(restoration.undone),
                        "kept": [str(difference) for difference in restoration.kept],
                        "notes": list(restoration.notes),
                    },
                )
            ]
        )

    def _finding(self, *, aborted: bool, now: Unsteady | None = None) -> Finding:
        """What it found. Shape: now is why the steady state is not proven to hold by now."""
        run = self._lease.run
        finding = finding_of(
            aborted=aborted,
            injection=run.injection or Injection.UNKNOWN,
            during=_between(self._heard.samples, run.started_at, run.rolled_back_at),
            measurable=self._limits.probes > 0,
        )
        if finding is not Finding.HELD:
            # One that was stranded may have found something before.
            return run.finding_or(finding) if aborted else finding
        if now is not None:
            return Finding.DEVIATED if now.was_measured else Finding.UNKNOWN
        return Finding.UNKNOWN if self._flaw or self._refused() else finding


def _between(samples: list[Sample], start: datetime | None, end: datetime | None) -> list[Sample]:
    if start is None or end is None:
        return []
    return [each for each in samples if each.is_of_hypothesis and start <= each.at <= end]


def _outside(heard: Heard) -> str:
    return "; ".join(
        f"{sample.probe}: {_told(sample)}"
        for sample in heard.latest().values()
        if not sample.within
    )


def _told(sample: Sample | None) -> str:
    return "nothing was measured" if sample is None else sample.problem or sample.value


def _too_long(longest: timedelta) -> Ending:
    seconds = longest.total_seconds()
    return Ending(move=Move.ABORT, reason=f"it lasted longer than the {seconds:g} s allowed")
