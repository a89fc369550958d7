"""Keeps hold of a run while it is conducted, and hears of reasons to stop.

A stop is a flag, never an exception: the course of the run reads it and rolls back. It does
not decide what a stop leads to.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta
from typing import Final

import anyio
import structlog
from anyio.abc import TaskGroup

from orchestrator.domain.errors import LeaseLost, Unavailable
from orchestrator.domain.identity import ORCHESTRATOR, WorkerId
from orchestrator.domain.run import Move, Run
from orchestrator.domain.timeline import Kind, Lane, TimelineEntry
from orchestrator.ports import Clock, Storage
from orchestrator.services.recording import Recording

log = structlog.get_logger()

_RENEWALS: Final = 6
"""How often a lease is renewed in the time that it lasts."""


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
        self._sure_until: float
        self._tasks: TaskGroup

    def ask_to_stop(self, reason: str) -> None:
        """Set the flag; the first reason stays."""
        self.stop = self.stop or reason
        self.bell.ring()

    @asynccontextmanager
    async def kept(self) -> AsyncIterator[None]:
        """Renew while the scope lasts; gives the run up when the lease cannot be sure to last."""
        async with anyio.create_task_group() as tasks:
            self._tasks = tasks
            self._sure_until = anyio.current_time() + self._lasts.total_seconds()
            tasks.start_soon(self._renew)
            tasks.start_soon(self._watch)
            yield
            tasks.cancel_scope.cancel()

    async def _renew(self) -> None:
        seconds = self._lasts.total_seconds()
        while not self.is_lost:
            begun = anyio.current_time()
            try:
                held = await self._storage.renew(self.run, worker=self._worker, lease=self._lasts)
            except LeaseLost:
                self._lose()
                return
            except Unavailable as error:
                log.warning("lease not renewed", run=self.run.id, why=str(error))
            except Exception:
                # Whatever it is, the lease is no longer sure; the run must not break off for it.
                log.exception("lease not renewed", run=self.run.id)
                self._lose()
                return
            else:
                self._sure_until = begun + seconds
                if held.stop is not None:
                    self.ask_to_stop(held.stop)
            await anyio.sleep(seconds / _RENEWALS)

    async def _watch(self) -> None:
        """Give the run up when its lease may be over, however long a renewal takes.

        A process that was asleep gets one more try: if it is renewed, nobody took the run.
        """
        while not self.is_lost:
            known = self._sure_until
            await anyio.sleep(max(known - anyio.current_time(), 0))
            if self._sure_until == known:
                await anyio.sleep(self._lasts.total_seconds() / _RENEWALS)
            if self._sure_until == known:
                log.warning("lease given up", run=self.run.id)
                self._lose()

    async def confirm(self) -> None:
        """Make sure that the run is still ours at this moment.

        Raises: LeaseLost; DatabaseUnavailable: it is not known.
        """
        try:
            held = await self._storage.renew(self.run, worker=self._worker, lease=self._lasts)
        except LeaseLost:
            self._lose()
            raise
        if held.stop is not None:
            self.ask_to_stop(held.stop)

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
        await self._store(moved, was, entry)
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

    async def _store(self, moved: Run, was: Run, entry: TimelineEntry) -> None:
        """Store a move, waiting for no longer than a lease lasts.

        Whether a move that was not waited for is stored is not known here; whoever takes the run
        over will know.
        """
        outcome: list[Exception | None] = []
        until = anyio.current_time() + self._lasts.total_seconds()

        async def store() -> None:
            try:
                await self._storage.move(moved, was=was, entries=[entry])
                outcome.append(None)
            except Exception as error:  # noqa: BLE001 - passed on below, outside the group
                outcome.append(error)
            self.bell.ring()

        self._tasks.start_soon(store)
        while not outcome and not self.is_lost and anyio.current_time() < until:
            await self.bell.wait(until=until)
        if not outcome:
            self._lose()
            raise LeaseLost(run=was.id)
        if outcome[0] is not None:
            raise outcome[0]

    async def release(self) -> None:
        """Let go, so that nobody has to wait for the lease to end."""
        await self._storage.release(self.run, worker=self._worker)
