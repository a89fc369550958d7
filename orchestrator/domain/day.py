"""One planned event in one environment.

It does not hold its agenda's runs; they are kept beside it.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from typing import Any

from orchestrator.domain.errors import IllegalMove
from orchestrator.domain.identity import DayId
from orchestrator.domain.plan import Plan


class DayState(StrEnum):
    """Where a day is."""

    PLANNED = "planned"
    OPEN = "open"
    CLOSED = "closed"


@dataclass(frozen=True, slots=True, kw_only=True)
class PinnedExperiment:
    """An experiment as it was when the day was planned.

    Shape: document is a Chaos Toolkit experiment; digest the SHA-256 of its canonical JSON.
    """

    name: str
    document: Mapping[str, Any]
    digest: str
    card: str = ""
    """The card in Markdown, for people."""

    @property
    def title(self) -> str:
        """What the experiment calls itself."""
        return str(self.document.get("title", self.name))

    def without_method(self) -> "PinnedExperiment":
        """The experiment as it is when an agent of chaos works by hand: what it measures is left.

        Its rollbacks go with the method whose they are; the guard's undo puts everything back.
        """
        return replace(self, document={**self.document, "method": [], "rollbacks": []})


@dataclass(frozen=True, slots=True, kw_only=True)
class ChaosDay:
    """A Chaos Day and how far it is."""

    id: DayId
    plan: Plan
    plan_source: str
    """The plan as it was given, YAML or JSON."""
    experiments: Mapping[str, PinnedExperiment] = field(default_factory=dict)
    state: DayState = DayState.PLANNED
    created_at: datetime
    opened_at: datetime | None = None
    closed_at: datetime | None = None
    revealed_at: datetime | None = None
    is_scripted: bool = False
    """Whether its people are played by a script, which every debrief then says."""

    @property
    def is_apart(self) -> bool:
        """Whether a command made it for one run of its own: nobody wrote a plan for it."""
        return not self.plan_source

    def open(self, at: datetime) -> "ChaosDay":
        """Open the day.

        Raises: IllegalMove: it is open or closed already.
        """
        if self.state is not DayState.PLANNED:
            raise IllegalMove(noun="day", phase=self.state, move="open")
        return replace(self, state=DayState.OPEN, opened_at=at)

    def close(self, at: datetime) -> "ChaosDay":
        """Close the day.

        Raises: IllegalMove: it is not open.
        """
        if self.state is not DayState.OPEN:
            raise IllegalMove(noun="day", phase=self.state, move="close")
        return replace(self, state=DayState.CLOSED, closed_at=at)

    def reveal(self, at: datetime) -> "ChaosDay":
        """Let everybody know what was planned and what ran.

        Raises: IllegalMove: the day is not closed yet.
        """
        if self.state is not DayState.CLOSED:
            raise IllegalMove(noun="day", phase=self.state, move="be revealed")
        return self if self.revealed_at else replace(self, revealed_at=at)
