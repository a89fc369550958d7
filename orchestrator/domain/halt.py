"""The one stop for everything on a day, latched until it is released.

It does not stop anything by itself: whoever writes for a run or holds it reads the latch.
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from orchestrator.domain.identity import Actor, DayId, RunId


class HaltState(StrEnum):
    """How far a halt has come. From its first instant on, nothing may be armed or started."""

    ENGAGING = "engaging"
    """No guard begins a write of a method, but one may be on its way, or a command goes on."""
    ENGAGED = "engaged"
    """No write of a method reaches the cluster any more."""


def state_of(writing: Collection[RunId]) -> HaltState:
    """How far the halt of a day is of which these runs may still write something."""
    return HaltState.ENGAGING if writing else HaltState.ENGAGED


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
