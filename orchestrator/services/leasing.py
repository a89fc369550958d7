"""Keeps hold of a run while it is conducted, and hears of reasons to stop.

A stop is a flag, never an exception: the course of the run reads it and rolls back. It does
not decide what a stop leads to.
"""

from dataclasses import replace
from datetime import timedelta

import anyio
import structlog

from orchestrator.domain.errors import LeaseLost, Unavailable
from orchestrator.domain.identity import ORCHESTRATOR, WorkerId
from orchestrator.domain.run import Move, Run
from orchestrator.domain.timeline import Kind, Lane
from orchestrator.ports import Clock, Storage
from orchestrator.services.recording import Recording

log = structlog.get_logger()


class Bell:
    """Wakes whoever waits for something to have changed."""

    def __init__(self) -> None:
        self._rung = anyio.Event()

    def ring(self) -> None:
        """Wake everybody who waits."""
        rung, self._rung = self._rung, anyio.Event()
        rung.set()

    async def wait(self, *, until: float | None = None) -> None:
        """Wait for the next ring, or until an instant of the event loop's clock."""
        rung = self._rung
        patience = None if until is None else max(until - anyio.current_time(), 0)
        with anyio.move_on_after(patience):
            await rung.wait()


class Lease:
    """The hold of this process on one run."""

    def __init__(
        self,
        run: Run,
        *,
        worker: WorkerId,
        storage: Storage,
        clock: Clock,
        recording: Recording,
        lasts: timedelta,
    ) -> None:
        self.run = run
        self.stop: str | None = None
        self.is_lost = False
        self.reason = ""
        """Why the fault's time ended, until a move has stored it."""
        self.bell = Bell()
        self._worker = worker
        self._storage = storage
        self._clock = clock
        self._recording = recording
        self._lasts = lasts

    def ask_to_stop(self, reason: str) -> None:
        """Set the flag; the first reason stays."""
        self.stop = self.stop or reason
        self.bell.ring()

    async def keep(self) -> None:
        """Renew until cancelled; gives the run up when the lease is lost or cannot be renewed.

        A renewal that is late is tried for once: if it is made, nobody took the run meanwhile.
        """
        seconds = self._lasts.total_seconds()
        sure_until = anyio.current_time() + seconds
        while not self.is_lost:
            begun = anyio.current_time()
            try:
                with anyio.fail_after(max(sure_until - begun, seconds / 6)):
                    held = await self._storage.renew(
                        self.run, worker=self._worker, lease=self._lasts
                    )
            except (LeaseLost, TimeoutError):
                self._lose()
                return
            except Unavailable:
                if anyio.current_time() >= sure_until:
                    self._lose()
                    return
            else:
                sure_until = begun + seconds
                if held.stop is not None:
                    self.ask_to_stop(held.stop)
            await anyio.sleep(seconds / 6)

    def _lose(self) -> None:
        self.is_lost = True
        self.ask_to_stop("somebody else holds this run now")

    async def move(self, move: Move, text: str = "", **changes: object) -> Run:
        """Make a move of the run, stored with its entry or not at all.

        Raises: LeaseLost; IllegalMove; DayHalted.
        """
        if self.is_lost:
            raise LeaseLost(run=self.run.id)
        was = self.run
        changed = replace(was, **changes)  # type: ignore[arg-type]
        moved, fact = changed.advance(move, by=ORCHESTRATOR, at=self._clock.now())
        entry = self._recording.entry(
            was.day,
            Lane.MECHANICS,
            Kind.MOVED,
            f"{was.title}: {fact.phase}" + (f", {text}" if text else ""),
            run=was.id,
            occurred_at=fact.at,
            details={"move": fact.move, "was": fact.was, "phase": fact.phase},
        )
        with anyio.move_on_after(self._lasts.total_seconds()) as patience:
            await self._storage.move(moved, was=was, entries=[entry])
        if patience.cancelled_caught:
            # Whether it was stored is not known, and the lease may be over: whoever takes the run
            # over will know.
            self._lose()
            raise LeaseLost(run=was.id)
        self.run = moved
        log.info(
            "run moved",
            day=was.day,
            run=was.id,
            move=fact.move.value,
            was=fact.was.value,
            phase=fact.phase.value,
            why=text,
        )
        self.bell.ring()
        return moved

    async def release(self) -> None:
        """Let go, so that nobody has to wait for the lease to end."""
        await self._storage.release(self.run, worker=self._worker)
