"""Opens a day, arms its runs, closes it and reveals it.

It does not conduct: opening only makes the agenda's runs ready to be taken up by the clock.
"""

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

import structlog

from orchestrator.domain.day import ChaosDay
from orchestrator.domain.errors import Conflict, DayHalted
from orchestrator.domain.hypothesis import Sample
from orchestrator.domain.identity import DayId, RunId
from orchestrator.domain.incident import Incident, Status
from orchestrator.domain.plan import Window
from orchestrator.domain.run import Move, Phase, Run, RunMoved
from orchestrator.domain.timeline import Kind, Lane, TimelineEntry, VisibleAfter
from orchestrator.ports import Clock, Storage
from orchestrator.services.recording import Recording, Said

log = structlog.get_logger()


_WAITING: Final = frozenset({Phase.PLANNED, Phase.ARMED})


@dataclass(frozen=True, slots=True, kw_only=True)
class Opened:
    """A day that is open now, with its runs that may start, as they were stored with it."""

    day: ChaosDay
    runs: tuple[Run, ...]


class Opening:
    """Opens, closes and reveals days."""

    def __init__(self, *, storage: Storage, clock: Clock, recording: Recording) -> None:
        self._storage = storage
        self._clock = clock
        self._recording = recording

    async def open(self, day_id: DayId, *, said: Said) -> ChaosDay:
        """Open a day and arm every planned run of its agenda, but those that are done by hand.

        Boxes that are placed relative to the opening are placed now.
        Raises: IllegalMove; DayHalted; Conflict: it is outside the plan's window.
        """
        return (await self.open_with_runs(day_id, said=said)).day

    async def open_with_runs(self, day_id: DayId, *, said: Said) -> Opened:
        """As `open`; returns the runs that may start as well, as they were stored with the day.

        Raises: as `open`; LeaseLost: somebody took hold of a run meanwhile.
        """
        day = await self._storage.day(day_id)
        await self._refuse_if_halted(day_id)
        now = self._clock.now()
        _refuse_outside(day.plan.window, now)
        opened = day.open(now)
        waiting = [run for run in await self._storage.runs(day_id) if run.phase in _WAITING]
        placed = [replace(run, planned_at=day.plan.box(run.box).planned_at(now)) for run in waiting]
        armed = {run.id: self._armed(run, said) for run in placed if _goes_by_the_clock(run, day)}
        runs = tuple(armed[run.id][0] if run.id in armed else run for run in placed)
        told = [self._moved(run, fact, "was armed", said) for run, fact in armed.values()]
        # All at once: a day that is not open has no run that is armed by half of an opening.
        await self._storage.open_day(
            opened,
            was=day,
            runs=list(zip(runs, waiting, strict=True)),
            entries=[*told, self._opened(day, said)],
        )
        for run, fact in armed.values():
            _log_move(run, fact)
        log.info("day opened", day=day_id, by=said.by.name, source=said.source)
        return Opened(day=opened, runs=runs)

    def _armed(self, run: Run, said: Said) -> tuple[Run, RunMoved]:
        return run.advance(Move.ARM, by=said.by, at=self._clock.now())

    def _opened(self, day: ChaosDay, said: Said) -> TimelineEntry:
        text = (
            f"{day.plan.name} is open in the {day.plan.environment} environment: treat every"
            " failure in it as if production were on fire"
        )
        return self._recording.entry(
            day.id, Lane.DAY, Kind.OPENED, text, said=said, visible_after=VisibleAfter.NOW
        )

    async def arm(self, run_id: RunId, *, said: Said, has_hand: bool = False) -> Run:
        """Consent to a run.

        Shape: has_hand says that whoever works by hand is there.
        Raises: IllegalMove; DayHalted; Conflict: it is done by hand, and nobody is there.
        """
        run = await self._storage.run(run_id)
        await self._refuse_if_halted(run.day)
        day = await self._storage.day(run.day)
        if day.plan.box(run.box).by_hand and not has_hand:
            raise Conflict(
                f"{run.title} ({run.id}) is done by hand: whoever does it starts it, with"
                f" `chaosday by-hand --run {run.id}`"
            )
        return await self._move(run, Move.ARM, "was armed", said)

    async def cancel(self, run_id: RunId, *, said: Said, reason: str) -> Run:
        """Take a run off the agenda before it starts. Raises: IllegalMove."""
        run = await self._storage.run(run_id)
        return await self._move(
            replace(run, reason=reason), Move.CANCEL, f"was cancelled: {reason}", said
        )

    async def _move(self, run: Run, move: Move, text: str, said: Said) -> Run:
        moved, fact = run.advance(move, by=said.by, at=self._clock.now())
        await self._storage.move(moved, was=run, entries=[self._moved(run, fact, text, said)])
        _log_move(run, fact)
        return moved

    def _moved(self, run: Run, fact: RunMoved, text: str, said: Said) -> TimelineEntry:
        return self._recording.entry(
            run.day,
            Lane.MECHANICS,
            Kind.MOVED,
            f"{run.title} {text}",
            said=said,
            run=run.id,
            details={"move": fact.move, "phase": fact.phase},
        )

    async def _refuse_if_halted(self, day: DayId) -> None:
        if halt := await self._storage.halt(day):
            raise DayHalted(day=day, reason=halt.reason)

    async def close(self, day_id: DayId, *, said: Said) -> ChaosDay:
        """Close a day whose runs have all ended; what never started is cancelled.

        Raises: IllegalMove; Conflict: a run may still hold a fault.
        """
        day = await self._storage.day(day_id)
        closed = day.close(self._clock.now())
        runs = await self._storage.runs(day_id)
        holding = [run for run in runs if run.phase.may_hold_fault]
        if holding:
            raise Conflict(
                f"{holding[0].title} ({holding[0].id}) is {holding[0].phase} and may hold a fault;"
                " wait for it, abort it or restore it before closing the day"
            )
        for run in runs:
            if run.phase in _WAITING:
                await self.cancel(run.id, said=said, reason="the day closed before it started")
        await self._settle_shadows(day_id)
        entry = self._recording.entry(
            day_id,
            Lane.DAY,
            Kind.CLOSED,
            f"{day.plan.name} is over: from now on a failure is a real one",
            said=said,
            visible_after=VisibleAfter.NOW,
        )
        await self._storage.save_day(closed, was=day, entries=[entry])
        log.info("day closed", day=day_id, by=said.by.name, source=said.source)
        return closed

    async def _settle_shadows(self, day: DayId) -> None:
        """Say of each shadow that nobody found whether there was anything to find."""
        for shadow in await self._storage.incidents(day):
            if shadow.run is None or shadow.status is not Status.LATENT:
                continue
            run = await self._storage.run(shadow.run)
            lost = _was_lost(run, list(await self._storage.samples(run.id)))
            status = Status.UNDETECTED if lost else Status.ABSORBED
            await self._storage.save_incident(
                replace(shadow, status=status),
                was=shadow,
                entries=[self._settled(shadow, status)],
            )

    def _settled(self, shadow: Incident, status: Status) -> TimelineEntry:
        return self._recording.entry(
            shadow.day,
            Lane.INCIDENT,
            Kind.SHADOW,
            f"{shadow.title}: {status}",
            run=shadow.run,
            incident=shadow.id,
        )

    async def reveal(self, day_id: DayId, *, said: Said) -> ChaosDay:
        """Let everybody see what was planned and what ran. Raises: IllegalMove: not closed."""
        day = await self._storage.day(day_id)
        revealed = day.reveal(self._clock.now())
        if revealed == day:
            return day
        entry = self._recording.entry(
            day_id,
            Lane.DAY,
            Kind.REVEALED,
            "what was planned and what ran is open to everybody",
            said=said,
            visible_after=VisibleAfter.NOW,
        )
        await self._storage.save_day(revealed, was=day, entries=[entry])
        log.info("day revealed", day=day_id, by=said.by.name, source=said.source)
        return revealed


def _goes_by_the_clock(run: Run, day: ChaosDay) -> bool:
    """Whether a run is still to be armed, and nobody's hand is awaited for that."""
    return run.phase is Phase.PLANNED and not day.plan.box(run.box).by_hand


def _log_move(run: Run, fact: RunMoved) -> None:
    log.info(
        "run moved",
        day=run.day,
        run=run.id,
        move=fact.move.value,
        was=fact.was.value,
        phase=fact.phase.value,
        by=fact.by.name,
    )


def _refuse_outside(window: Window, now: datetime) -> None:
    if window.opens_at <= now < window.closes_at:
        return
    opens, closes = window.opens_at.isoformat(), window.closes_at.isoformat()
    raise Conflict(f"the plan's window is from {opens} to {closes}; open the day within it")


def _was_lost(run: Run, samples: list[Sample]) -> bool:
    if run.started_at is None or run.ended_at is None:
        return False
    return any(
        not sample.within
        for sample in samples
        if sample.is_of_hypothesis and run.started_at <= sample.at <= run.ended_at
    )
