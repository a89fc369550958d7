"""Halts on the wire, and the reasons that people give.

It hides no reason; `revealing` does.
"""

from datetime import datetime
from typing import Self

from pydantic import Field

from api.views.values import ActorView, Asked, Text, View
from orchestrator.domain.halt import Halt, HaltState


class ReasonRequest(Asked):
    """Why."""

    reason: Text = Field(examples=["a real incident in payment"])


class HaltView(View):
    """A halt of a day."""

    day: str
    by: ActorView
    reason: str = Field(
        description="Empty until the reveal, for responders and readers, if one who knows the"
        " plan gave it."
    )
    engaged_at: datetime
    released_at: datetime | None
    released_by: str

    @classmethod
    def of(cls, halt: Halt) -> Self:
        """The view of a halt, as its audience may see it."""
        return cls(
            day=halt.day,
            by=ActorView.of(halt.by),
            reason=halt.reason,
            engaged_at=halt.engaged_at,
            released_at=halt.released_at,
            released_by=halt.released_by,
        )


class HaltedView(View):
    """Whether a day is halted, and by which halt."""

    halted: bool
    state: HaltState | None = Field(
        description="`engaging` while a write of a method may be on its way, or a command goes on,"
        " though no guard begins another; then `engaged`. Not told to responders and readers"
        " before the reveal."
    )
    halt: HaltView | None

    @classmethod
    def of(cls, halt: Halt | None, state: HaltState | None) -> Self:
        """The view of the halt in force, and how far it is."""
        if halt is None:
            return cls(halted=False, state=None, halt=None)
        return cls(halted=True, state=state, halt=HaltView.of(halt))
