"""Who may write at the moment: the run's method, its rollbacks, or nobody.

    closed ──play──> method ──restrain──> rollback ──close──> closed
       └──────────────────restrain───────────^

It does not judge a write.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from enum import StrEnum

import anyio

from orchestrator.domain.blast_radius import Denied
from orchestrator.domain.errors import Conflict
from orchestrator.ports import Clock


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
        self._lock = anyio.Lock()

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
        self._stage = Stage.METHOD

    async def restrain(self) -> None:
        """Let nothing but the rollbacks through; on return no write of the method is on its way."""
        self._may_play = False
        self._stage = Stage.ROLLBACK
        async with self._lock:
            pass

    @asynccontextmanager
    async def closed(self) -> AsyncIterator[None]:
        """Let nothing through from now on; inside, no write is on its way."""
        self.close()
        async with self._lock:
            yield

    def close(self) -> None:
        """Let no further write through, at once; those on their way still end."""
        self._may_play = False
        self._stage = Stage.CLOSED

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

    @property
    def _is_over(self) -> bool:
        began = self._played_at
        return began is None or self._clock.now() - began > self._longest
