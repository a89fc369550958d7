"""What responders open and resolve, and the hidden record that each run opens.

    latent ──> detected ─┐
                         ├──> acknowledged ──> declared ──> mitigated ──> resolved
       (declared at once)┘         └───────────────┴──────────────┴──────────^

A shadow incident stays `latent`, unseen, until a responder's incident is linked to its run
(then it is `merged`) or the day closes on it (then it is `undetected` or `absorbed`).
It does not decide who may see an incident; `services.revealing` does.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import Final

from orchestrator.domain.errors import IllegalMove
from orchestrator.domain.identity import DayId, IncidentId, RunId
from orchestrator.domain.timeline import VisibleAfter


class Status(StrEnum):
    """Where an incident is on its way."""

    LATENT = "latent"
    DECLARED = "declared"
    ACKNOWLEDGED = "acknowledged"
    MITIGATED = "mitigated"
    RESOLVED = "resolved"
    MERGED = "merged"
    UNDETECTED = "undetected"
    ABSORBED = "absorbed"

    @property
    def is_open(self) -> bool:
        """Whether responders are still at it."""
        return self in {Status.DECLARED, Status.ACKNOWLEDGED, Status.MITIGATED}


class Step(StrEnum):
    """What people do to an incident."""

    ACKNOWLEDGE = "acknowledge"
    ESCALATE = "escalate"
    MITIGATE = "mitigate"
    RESOLVE = "resolve"
    REOPEN = "reopen"


STEPS: Final[Mapping[tuple[Status, Step], Status]] = {
    (Status.DECLARED, Step.ACKNOWLEDGE): Status.ACKNOWLEDGED,
    (Status.DECLARED, Step.ESCALATE): Status.DECLARED,
    (Status.ACKNOWLEDGED, Step.ESCALATE): Status.ACKNOWLEDGED,
    (Status.MITIGATED, Step.ESCALATE): Status.MITIGATED,
    (Status.DECLARED, Step.MITIGATE): Status.MITIGATED,
    (Status.ACKNOWLEDGED, Step.MITIGATE): Status.MITIGATED,
    (Status.DECLARED, Step.RESOLVE): Status.RESOLVED,
    (Status.ACKNOWLEDGED, Step.RESOLVE): Status.RESOLVED,
    (Status.MITIGATED, Step.RESOLVE): Status.RESOLVED,
    (Status.RESOLVED, Step.REOPEN): Status.DECLARED,
    (Status.MITIGATED, Step.REOPEN): Status.DECLARED,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Incident:
    """One incident of the exercise, or the shadow of a run.

    `run` is set on shadows only; what links a responder's incident to runs is a `RunLink`.
    """

    id: IncidentId
    day: DayId
    key: str
    """Short and speakable, INC-3; shadows have none of their own that a responder sees."""
    title: str
    status: Status
    opened_at: datetime
    recorded_at: datetime
    opened_by: str
    visible_after: VisibleAfter
    service: str = ""
    run: RunId | None = None

    @property
    def is_shadow(self) -> bool:
        """Whether a run opened it rather than a person."""
        return self.run is not None

    def take(self, step: Step) -> "Incident":
        """Make one step.

        Raises: IllegalMove: the status does not allow it.
        """
        status = STEPS.get((self.status, step))
        if status is None:
            raise IllegalMove(noun="incident", phase=self.status, move=step)
        return replace(self, status=status)


@dataclass(frozen=True, slots=True, kw_only=True)
class RunLink:
    """The belief that an incident belongs to a run, and whose belief it is.

    It always betrays, so no responder sees one before the reveal.
    """

    run: RunId
    incident: IncidentId
    decided_by: str
    decided_at: datetime
    because: str
