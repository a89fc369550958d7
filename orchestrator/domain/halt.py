"""The one stop for everything on a day, latched until it is released.

It does not stop anything by itself: whoever holds a run reads the latch.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final

from orchestrator.domain.identity import Actor, DayId
from orchestrator.domain.run import Phase, Run

_MAY_WRITE: Final = frozenset({Phase.INJECTING, Phase.HOLDING})


class HaltState(StrEnum):
    """How far a halt has come. From its first instant on, nothing may be armed or started."""

    ENGAGING = "engaging"
    """A run was told to stop, and its guard has not said yet that its method writes no more."""
    ENGAGED = "engaged"
    """No guard lets a further write of a method through."""


def state_of(runs: Iterable[Run]) -> HaltState:
    """How far the halt of a day with these runs is."""
    is_writing = any(run.phase in _MAY_WRITE for run in runs)
    return HaltState.ENGAGING if is_writing else HaltState.ENGAGED


@dataclass(frozen=True, slots=True, kw_only=True)
class Halt:
    """A halt of a day, with its reason."""

    day: DayId
    by: Actor
    reason: str
    engaged_at: datetime
    released_at: datetime | None = None
    released_by: str = ""

    @property
    def is_engaged(self) -> bool:
        """Whether nothing may be armed or started."""
        return self.released_at is None
