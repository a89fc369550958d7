"""Hears what the processes of a run say, and remembers it.

It does not act on anything: the course of the run reads what was heard.
"""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Final

import anyio
import structlog

from orchestrator.domain.errors import Unavailable
from orchestrator.domain.guarding import STOP
from orchestrator.domain.hypothesis import Sample, out_for
from orchestrator.domain.identity import Actor, ActorKind
from orchestrator.domain.plan import AbortCondition
from orchestrator.domain.run import Injection, Run
from orchestrator.domain.timeline import Kind, Lane, TimelineEntry
from orchestrator.ports import (
    ActionEnded,
    ActionStarted,
    Execution,
    GuardEnded,
    Happening,
    MethodPlayed,
    Proved,
    RunnerEnded,
    Sampled,
    Storage,
    WriteMade,
    WriteRefused,
)
from orchestrator.services.leasing import Bell
from orchestrator.services.recording import Recording, Said

log = structlog.get_logger()

_RUNNER: Final = Said(by=Actor(kind=ActorKind.RUNNER, name="runner"), source="runner")
_GUARD: Final = Said(by=Actor(kind=ActorKind.GUARD, name="guard"), source="guard")
_PROBE: Final = Said(by=Actor(kind=ActorKind.PROBE, name="observer"), source="observer")
_KEEP_FOR: Final = timedelta(seconds=1)
"""How long samples wait to be stored together."""
_LOOK_AGAIN: Final = timedelta(milliseconds=250)
_FLUSH_WITHIN: Final = timedelta(seconds=10)


@dataclass(slots=True)
class Heard:
    """What has been heard of one execution so far."""

    bell: Bell
    samples: list[Sample] = field(default_factory=list)
    injection: Injection = Injection.UNKNOWN
    proven_at: datetime | None = None
    played: MethodPlayed | None = None
    trouble: str = ""
    """The first reason for which the method is not what was planned."""
    endings: list[str] = field(default_factory=list)
    """Why processes that hold no credentials ended before they were asked to."""
    guard_is_gone: bool = False
    is_stopped: bool = False
    """Whether the guard refused a write because the run was asked to stop."""
    by_hand: bool = False
    """Whether a person works, whom a refusal tells something and does not end."""
    writes: list[str] = field(default_factory=list)
    refusals: list[str] = field(default_factory=list)
    sampled_at: float | None = None
    """When the last sample was heard, by the event loop's clock."""

    def hear(self, happening: Happening) -> None:
        """Take one thing in, and wake whoever waits for it."""
        match happening:
            case Sampled(sample=sample):
                self.samples.append(sample)
                self.sampled_at = anyio.current_time()
            case MethodPlayed():
                self.played = happening
            case Proved(injection=injection, at=at):
                self.injection = injection
                self.proven_at = at if injection is Injection.PROVEN else None
            case ActionEnded(succeeded=False, part="method", name=name, problem=problem):
                self.mind(f"action {name!r} did not succeed: {problem}")
            case WriteRefused():
                self._hear_refusal(happening)
            case WriteMade(target=target):
                self.writes.append(target)
            case RunnerEnded(problem=problem):
                self.endings.append(problem or "the runner ended before it was asked to")
                self.mind(self.endings[-1])
            case GuardEnded(problem=problem):
                self.guard_is_gone = True
                self.mind(f"the guard ended: {problem}" if problem else "the guard ended")
            case ActionStarted() | ActionEnded():
                pass
        self.bell.ring()

    def _hear_refusal(self, refused: WriteRefused) -> None:
        told = f"{refused.target}: {refused.reason}"
        self.refusals.append(told)
        if refused.rule == STOP:
            self.is_stopped = True
            self.mind(refused.reason)
        elif not self.by_hand:
            self.mind(f"the guard refused a write to {told}")

    def mind(self, trouble: str) -> None:
        """Remember a reason for which the method is not what was planned; the first stays."""
        self.trouble = self.trouble or trouble
        self.bell.ring()

    def is_silent(self, patience: timedelta) -> bool:
        """Whether samples came, and none has come for so long."""
        if self.sampled_at is None:
            return False
        return anyio.current_time() - self.sampled_at > patience.total_seconds()

    def latest(self) -> dict[str, Sample]:
        """The newest sample of each probe of the hypothesis."""
        return {sample.probe: sample for sample in self.samples if sample.is_of_hypothesis}

    def broken(self, condition: AbortCondition, *, at: datetime, since: datetime) -> str:
        """The probe that breaks an abort condition, or an empty string.

        Only what was measured since the fault began counts.
        """
        for probe in (condition.watches,) if condition.watches else tuple(self.latest()):
            mine = [s for s in self.samples if s.probe == probe and s.at >= since]
            if mine and not mine[-1].within and out_for(mine, at=at) >= condition.out_for:
                return probe
        return ""

    def newest(self, probe: str) -> Sample | None:
        """The newest sample of one probe or abort condition."""
        return next((each for each in reversed(self.samples) if each.probe == probe), None)

    async def until(self, settled: Callable[[], bool], *, until: float | None) -> bool:
        """Wait until something is so, at most until an instant of the event loop's clock.

        It looks whenever something was heard, and again and again, since time passes as well.
        """
        while not settled():
            now = anyio.current_time()
            if until is not None and now >= until:
                return False
            soon = now + _LOOK_AGAIN.total_seconds()
            await self.bell.wait(until=soon if until is None else min(until, soon))
        return True


class Listening:
    """Remembers what is heard."""

    def __init__(self, *, storage: Storage, recording: Recording) -> None:
        self._storage = storage
        self._recording = recording

    async def listen(
        self, execution: Execution, run: Run, heard: Heard, *, by: Actor | None = None
    ) -> None:
        """Hear an execution to its end.

        Shape: by is whose hand works, under whose name everything is recorded; None for nobody's.
        Raises: whatever nobody foresaw, when all is heard.
        """
        ear = _Ear(self._storage, self._recording, run, by)
        unforeseen: Exception | None = None
        try:
            async for happening in execution.happenings():
                heard.hear(happening)
                try:
                    await ear.remember(happening)
                except Unavailable as error:
                    # A fault whose course cannot be recorded teaches nothing.
                    heard.mind(f"what happened could not be recorded: {error}")
                except Exception as error:  # noqa: BLE001 - raised below, once all was heard
                    # Whoever restores needs to hear of it, and whether the steady state is back.
                    heard.mind(f"what happened could not be recorded: {error!r}")
                    unforeseen = unforeseen or error
        finally:
            await ear.flush()
            if unforeseen is not None:
                raise unforeseen


class _Ear:
    """Turns what happens to one run into samples and entries."""

    def __init__(
        self, storage: Storage, recording: Recording, run: Run, by: Actor | None = None
    ) -> None:
        self._storage = storage
        self._recording = recording
        self._run = run
        self._by = by
        self._kept: list[Sample] = []
        self._within: dict[str, bool] = {}

    async def remember(self, happening: Happening) -> None:
        if isinstance(happening, Sampled):
            self._kept.append(happening.sample)
        entry = self._entry_of(happening)
        if entry is not None and self._by is not None and entry.lane is not Lane.PROBE:
            # The guard saw it at that moment, so it is nobody's recollection.
            entry = replace(entry, actor=self._by)
        if entry is not None:
            await self._storage.append([entry])
        if self._kept and self._kept[-1].at - self._kept[0].at >= _KEEP_FOR:
            await self.flush()

    async def flush(self) -> None:
        """Store the samples that are kept; they stay kept while the database is out."""
        kept, self._kept = self._kept, []
        if not kept:
            return
        # Shielded, since a sample is either stored or still kept.
        with anyio.move_on_after(_FLUSH_WITHIN.total_seconds(), shield=True) as patience:
            try:
                await self._storage.add_samples(kept)
            except Unavailable as error:
                log.warning("samples not stored", run=self._run.id, why=str(error))
                self._kept = kept + self._kept
        if patience.cancelled_caught:
            self._kept = kept + self._kept

    def _entry_of(self, happening: Happening) -> TimelineEntry | None:
        match happening:
            case Sampled(sample=sample):
                return self._change(sample)
            case ActionStarted(name=name, at=at) if self._by is not None:
                text = f"works by hand: {name}"
                return self._entry(Lane.MECHANICS, Kind.NOTE, text, _RUNNER, at)
            case ActionEnded(name=name, at=at, succeeded=True, part="method"):
                return self._entry(Lane.FAULT, Kind.INJECTED, f"{name} was made", _RUNNER, at)
            case ActionEnded(name=name, at=at, succeeded=False, problem=problem, part=part):
                what = f"{name} of the {part}" if self._by is None else name
                text = f"{what} did not succeed: {problem}"
                return self._entry(Lane.MECHANICS, Kind.NOTE, text, _RUNNER, at)
            case ActionEnded(name=name, at=at):
                text = f"{name} was played"
                return self._entry(Lane.FAULT, Kind.RESTORED, text, _RUNNER, at)
            case Proved(at=at, injection=injection, evidence=evidence):
                text = f"proof of injection: {injection}: {evidence}"
                told: dict[str, object] = {"injection": injection.value, "evidence": evidence}
                return self._entry(Lane.FAULT, Kind.PROOF, text, _RUNNER, at, told)
            case WriteMade(at=at, verb=verb, target=target, lost=lost):
                text = f"{verb} {target}" + (f", behind it {', '.join(lost)}" if lost else "")
                return self._entry(Lane.MECHANICS, Kind.WRITE, text, _GUARD, at)
            case WriteRefused(at=at, target=target, rule=rule, reason=reason):
                text = f"refused by the rule {rule}: {target}: {reason}"
                return self._entry(Lane.MECHANICS, Kind.REFUSED, text, _GUARD, at)
            case _:
                return None

    def _change(self, sample: Sample) -> TimelineEntry | None:
        was = self._within.get(sample.probe)
        self._within[sample.probe] = sample.within
        if was is sample.within or (was is None and sample.within):
            return None
        state = "is within its tolerance again" if sample.within else "left its tolerance"
        value = sample.problem or sample.value
        return self._entry(
            Lane.PROBE,
            Kind.STEADY_STATE,
            f"{sample.probe} {state}: {value}",
            _PROBE,
            sample.at,
            {"probe": sample.probe, "within": sample.within},
        )

    def _entry(
        self,
        lane: Lane,
        kind: Kind,
        text: str,
        said: Said,
        at: datetime,
        details: dict[str, object] | None = None,
    ) -> TimelineEntry:
        return self._recording.entry(
            self._run.day,
            lane,
            kind,
            text,
            said=said,
            occurred_at=at,
            run=self._run.id,
            details=details,
        )
