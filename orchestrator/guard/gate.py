"""Who may write at the moment: the run's method, its rollbacks, or nobody.

    closed ──play──> method ──stop, roll back, restrain──> rollback ──close──> closed
       └───────────────────────restrain───────────────────────^

It does not judge a write.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

import anyio

from orchestrator.domain.blast_radius import Denied
from orchestrator.domain.errors import Conflict
from orchestrator.ports import Clock

ROLLBACKS: Final = timedelta(seconds=90)
"""For how long the rollbacks may run commands: a second runner may have to play them anew."""
_WORD: Final = timedelta(seconds=3)
"""How long a command waits for the word that the method has ended, which takes another way."""


class Stage(StrEnum):
    """Whose writes the guard lets through."""

    CLOSED = "closed"
    METHOD = "method"
    ROLLBACK = "rollback"


class MayNotPlay(Conflict):
    """The method may not be let loose."""

    slug = "may-not-play"


class Gate:
    """One lock around every write, so that the stage changes between two and never within one."""

    def __init__(self, *, clock: Clock, longest: timedelta, recovering: bool) -> None:
        self._clock = clock
        self._longest = longest
        self._may_play = not recovering
        self._stage = Stage.CLOSED
        self._played_at: datetime | None = None
        self._restrained_at: datetime | None = None
        self._lock = anyio.Lock()
        self._turned = anyio.Event()
        self._method_has_ended = anyio.Event()
        if recovering:
            self._method_has_ended.set()
        self._open: set[anyio.Event] = set()
        self._cut: set[anyio.Event] = set()

    @property
    def stage(self) -> Stage:
        """The stage at this moment."""
        return self._stage

    def play(self) -> None:
        """Let the writes of the method through. Once, and never when recovering.

        Raises: MayNotPlay.
        """
        if not self._may_play:
            raise MayNotPlay("this guard only restores; the method is never let loose again")
        self._may_play = False
        self._played_at = self._clock.now()
        self._turn_to(Stage.METHOD)

    async def restrain(self) -> None:
        """Let nothing but the rollbacks through; on return no write of the method is on its way."""
        self._turn_to_rollback()
        async with self._lock:
            await self._all_cut_off()

    def stop(self) -> None:
        """Let nothing more of the method through, at once; what is on its way still ends.

        For whoever finds out on a write's way, where nobody can wait for it, that the run is to
        stop.
        """
        if self._stage is Stage.METHOD:
            self._turn_to_rollback()

    def roll_back(self) -> None:
        """Take note that the method has ended: what comes from now on comes from its rollbacks.

        It rests on what a runner says, and gives nothing: after it less may be written than before.
        """
        self._method_has_ended.set()
        self.stop()

    def _turn_to_rollback(self) -> None:
        self._may_play = False
        # Who restrains it again gives it no more time.
        self._restrained_at = self._restrained_at or self._clock.now()
        self._turn_to(Stage.ROLLBACK)

    async def until_told_apart(self) -> None:
        """Wait a moment for the word that the method has ended, if only rollbacks may pass."""
        if self._stage is Stage.ROLLBACK:
            with anyio.move_on_after(_WORD.total_seconds()):
                await self._method_has_ended.wait()

    @asynccontextmanager
    async def closed(self) -> AsyncIterator[None]:
        """Let nothing through from now on; inside, no write is on its way."""
        self.close()
        async with self._lock:
            await self._all_cut_off()
            yield

    def close(self) -> None:
        """Let no further write through, at once; those on their way still end."""
        self._may_play = False
        self._turn_to(Stage.CLOSED)

    def _turn_to(self, stage: Stage) -> None:
        if stage is self._stage:
            # What began in this stage is not cut off by whoever asks for it once more.
            return
        self._stage = stage
        self._turned.set()
        self._turned = anyio.Event()
        self._cut |= self._open

    async def _all_cut_off(self) -> None:
        """Wait until whatever went on across a turn has ended."""
        for ended in tuple(self._cut):
            await ended.wait()

    @asynccontextmanager
    async def until_turned(self) -> AsyncIterator[None]:
        """For what goes on for longer than one write: it is cancelled when the stage changes.

        Entered while passing; the time that its stage has for commands is its limit as well.
        """
        ended, turned = anyio.Event(), self._turned
        self._open.add(ended)
        limit = self._left_for_commands.total_seconds()

        async def cut_off(scope: anyio.CancelScope) -> None:
            with anyio.move_on_after(limit):
                await turned.wait()
            scope.cancel()

        try:
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(cut_off, tasks.cancel_scope)
                yield
                tasks.cancel_scope.cancel()
        finally:
            self._open.discard(ended)
            self._cut.discard(ended)
            ended.set()

    @asynccontextmanager
    async def passing(self) -> AsyncIterator[None]:
        """One write's way: the stage read inside holds until it is forwarded."""
        async with self._lock:
            yield

    def denied(self) -> Denied | None:
        """Why nobody may write now; None when somebody may."""
        match self._stage:
            case Stage.CLOSED:
                return Denied(rule="stage", reason="nothing may be written at this moment")
            case Stage.METHOD if self._is_over:
                return Denied(rule="longest", reason=f"the time allowed is over ({self._longest})")
            case _:
                return None

    def denied_command(self) -> Denied | None:
        """Why nobody may run a command now; None when somebody may."""
        if self._stage is Stage.ROLLBACK and not self._method_has_ended.is_set():
            return Denied(rule="rollback", reason="the method is being stopped, and has not ended")
        if self._stage is Stage.ROLLBACK and not self._left_for_commands:
            reason = f"the time for the commands of rollbacks is over ({ROLLBACKS})"
            return Denied(rule="longest", reason=reason)
        return self.denied()

    @property
    def _left_for_commands(self) -> timedelta:
        """The time that the stage has left for commands, which nothing can put back."""
        match self._stage, self._restrained_at:
            case Stage.METHOD, _:
                return self.remaining
            case Stage.ROLLBACK, datetime() as since:
                return max(ROLLBACKS - (self._clock.now() - since), timedelta())
            case _:
                return timedelta()

    @property
    def remaining(self) -> timedelta:
        """The time that is left to the method; none before it is let loose."""
        if self._played_at is None:
            return timedelta()
        return max(self._longest - (self._clock.now() - self._played_at), timedelta())

    @property
    def _is_over(self) -> bool:
        began = self._played_at
        return began is None or self._clock.now() - began > self._longest
