"""Sees whether the steady state holds again, once everything that a run changed is put back.

A fault may have set off what no undo takes back, so that nothing else proves the system to be as
well as before. It does not decide what follows; the course of the run does.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

import anyio

from orchestrator.domain.errors import EngineUnavailable, LeaseLost
from orchestrator.domain.hypothesis import Sample, holds
from orchestrator.ports import Clock, Execution
from orchestrator.services.leasing import Lease
from orchestrator.services.listening import Heard

_TRIES: Final = 3
"""How many times another observer is started in the place of one that ended."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Unsteady:
    """Why the steady state is not proven to hold again."""

    reason: str
    was_measured: bool
    """Whether every probe answered, so that one of them is known to be out of its tolerance."""


class Steadying:
    """Measures the steady state of one run after restoring.

    Shape: tolerances by the names of the probes; within first_sample every probe must have
    answered, and within after as long again they must hold together.
    """

    def __init__(
        self,
        *,
        lease: Lease,
        execution: Execution,
        heard: Heard,
        clock: Clock,
        tolerances: Mapping[str, str],
        first_sample: timedelta,
        after: timedelta,
    ) -> None:
        self._lease = lease
        self._execution = execution
        self._heard = heard
        self._clock = clock
        self._tolerances = tolerances
        self._first_sample = first_sample
        self._after = after
        self._since: datetime | None = None
        self._problem = ""
        self._endings = 0

    async def awaited(self) -> Unsteady | None:
        """Measure until it holds; returns why it is not proven to, None when it is.

        Raises: EngineUnavailable: the guard ended, through which it is measured; LeaseLost.
        """
        self._since = self._clock.now()
        if not await self._all_answer():
            return self._unmeasured()
        if await self._until(lambda: holds(self._fresh.values()), within=self._after):
            return None
        return self._unsteady()

    async def _all_answer(self) -> bool:
        """Have it measured until every probe has answered; whether they did.

        An observer that says nothing at all may be frozen, so another has a try.
        """
        for anew in (False, True):
            if not await self._is_measuring(anew=anew):
                return False
            if await self._until(lambda: not self._missing, within=self._first_sample):
                return True
            if self._fresh or self._problem:
                return False
        return False

    async def _until(self, settled: Callable[[], bool], *, within: timedelta) -> bool:
        """Measure until something is so, with another observer in the place of one that ended."""
        until = anyio.current_time() + within.total_seconds()
        for _ in range(_TRIES):
            await self._heard.until(lambda: settled() or self._is_over, until=until)
            if settled() or not self._has_ended:
                return settled()
            self._problem = self._heard.endings[-1]
            if not await self._is_measuring():
                break
        return False

    async def _is_measuring(self, *, anew: bool = False) -> bool:
        """Have it measured from now on; whether somebody does."""
        self._endings = len(self._heard.endings)
        try:
            await self._execution.measure(anew=anew)
        except EngineUnavailable as error:
            self._problem = str(error)
            return False
        return True

    @property
    def _has_ended(self) -> bool:
        """Whether the observer ended before it was asked to."""
        return len(self._heard.endings) > self._endings

    @property
    def _is_over(self) -> bool:
        """Whether nobody measures any more.

        Raises: EngineUnavailable: the guard ended; LeaseLost: it is another's to see.
        """
        if self._heard.guard_is_gone:
            raise EngineUnavailable(process="guard", problem="it ended before all was measured")
        if self._lease.is_lost:
            raise LeaseLost(run=self._lease.run.id)
        return self._has_ended

    @property
    def _fresh(self) -> dict[str, Sample]:
        """The newest sample of each probe that was taken since everything was put back."""
        assert self._since is not None
        return {name: s for name, s in self._heard.latest().items() if s.at >= self._since}

    @property
    def _missing(self) -> list[str]:
        return [name for name in self._tolerances if name not in self._fresh]

    def _unmeasured(self) -> Unsteady:
        seconds = self._first_sample.total_seconds()
        silent = f"no answer within {seconds:g} s from {', '.join(self._missing)}"
        problem = f"whether the steady state holds could not be measured: {self._problem or silent}"
        return Unsteady(reason=self._told(problem), was_measured=False)

    def _unsteady(self) -> Unsteady:
        out = "; ".join(
            f"{name}: {sample.problem or sample.value} (tolerance: {self._tolerances[name]})"
            for name, sample in self._fresh.items()
            if not sample.within
        )
        seconds = self._after.total_seconds()
        problem = f"the steady state does not hold again within {seconds:g} s: {out}"
        return Unsteady(reason=self._told(problem), was_measured=True)

    def _told(self, problem: str) -> str:
        again = f"`chaosday restore {self._lease.run.id}` measures again"
        return f"what it changed is put back, but {problem}; see to it, then {again}"
