"""The one stop for everything on a day, latched until it is released.

It does not stop anything by itself: whoever holds a run reads the latch.
"""

from dataclasses import dataclass
from datetime import datetime

from orchestrator.domain.identity import Actor, DayId


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
