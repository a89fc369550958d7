"""Who and which: ids, roles and the people behind a move.

It does not decide what a role may see; `services.revealing` does.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import NewType

DayId = NewType("DayId", str)
RunId = NewType("RunId", str)
IncidentId = NewType("IncidentId", str)
EntryId = NewType("EntryId", str)
TokenId = NewType("TokenId", str)
PreviewId = NewType("PreviewId", str)
WorkerId = NewType("WorkerId", str)


class Role(StrEnum):
    """What somebody is on the day, which decides what they may do and see."""

    FACILITATOR = "facilitator"
    AGENT = "agent"
    RESPONDER = "responder"
    READER = "reader"
    """A stakeholder or reviewer, who reads debriefs."""

    @property
    def is_in_the_know(self) -> bool:
        """Whether the plan is no secret to this role."""
        return self in {Role.FACILITATOR, Role.AGENT}


class ActorKind(StrEnum):
    """What kind of source an entry of the timeline has."""

    HUMAN = "human"
    SCRIPT = "script"
    """A scripted stand-in for a person, as in a demo; said to be one wherever it shows."""
    ORCHESTRATOR = "orchestrator"
    RUNNER = "runner"
    PROBE = "probe"
    GUARD = "guard"


@dataclass(frozen=True, slots=True, kw_only=True)
class Actor:
    """Who or what made a move or an entry."""

    kind: ActorKind
    name: str
    role: Role | None = None

    @property
    def is_person(self) -> bool:
        """Whether it counts as a person's response: a human, or the script that plays one."""
        return self.kind in {ActorKind.HUMAN, ActorKind.SCRIPT}


ORCHESTRATOR = Actor(kind=ActorKind.ORCHESTRATOR, name="chaosday")
