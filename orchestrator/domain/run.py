"""One execution of an experiment, and every move it can make.

    planned ──arm──> armed ──start──> injecting ──hold──> holding
       │               │                  │                  │
     cancel     cancel/refuse        abort/recover   finish/abort/recover
       │               │                  └────────┬─────────┘
       └──> cancelled <┘                     rolling_back ──strand──> stranded
                                                   │ verify              │ restore
                             concluded <─conclude─ verifying ──strand──>─┘ (back to rolling_back)

It does not know how a fault is injected or undone.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import Final

from orchestrator.domain.errors import IllegalMove
from orchestrator.domain.identity import Actor, DayId, RunId


class Phase(StrEnum):
    """Where a run is on its way."""

    PLANNED = "planned"
    ARMED = "armed"
    INJECTING = "injecting"
    HOLDING = "holding"
    ROLLING_BACK = "rolling_back"
    VERIFYING = "verifying"
    CONCLUDED = "concluded"
    CANCELLED = "cancelled"
    STRANDED = "stranded"

    @property
    def may_hold_fault(self) -> bool:
        """Whether something of ours may be in the cluster."""
        return self in _MAY_HOLD_FAULT

    @property
    def is_final(self) -> bool:
        """Whether nothing more happens by itself."""
        return self in {Phase.CONCLUDED, Phase.CANCELLED, Phase.STRANDED}


_MAY_HOLD_FAULT: Final = frozenset(
    {Phase.INJECTING, Phase.HOLDING, Phase.ROLLING_BACK, Phase.VERIFYING, Phase.STRANDED}
)


class Move(StrEnum):
    """One step from a phase to the next."""

    ARM = "arm"
    CANCEL = "cancel"
    REFUSE = "refuse"
    START = "start"
    HOLD = "hold"
    FINISH = "finish"
    ABORT = "abort"
    RECOVER = "recover"
    VERIFY = "verify"
    CONCLUDE = "conclude"
    STRAND = "strand"
    RESTORE = "restore"


# Every road from INJECTING leads through ROLLING_BACK and VERIFYING: a run never
# concludes on the word of the method alone, and none goes back to INJECTING.
MOVES: Final[Mapping[tuple[Phase, Move], Phase]] = {
    (Phase.PLANNED, Move.ARM): Phase.ARMED,
    (Phase.PLANNED, Move.CANCEL): Phase.CANCELLED,
    (Phase.ARMED, Move.CANCEL): Phase.CANCELLED,
    (Phase.ARMED, Move.REFUSE): Phase.CANCELLED,
    (Phase.ARMED, Move.START): Phase.INJECTING,
    (Phase.INJECTING, Move.HOLD): Phase.HOLDING,
    (Phase.INJECTING, Move.ABORT): Phase.ROLLING_BACK,
    (Phase.INJECTING, Move.RECOVER): Phase.ROLLING_BACK,
    (Phase.HOLDING, Move.FINISH): Phase.ROLLING_BACK,
    (Phase.HOLDING, Move.ABORT): Phase.ROLLING_BACK,
    (Phase.HOLDING, Move.RECOVER): Phase.ROLLING_BACK,
    (Phase.ROLLING_BACK, Move.RECOVER): Phase.ROLLING_BACK,
    (Phase.VERIFYING, Move.RECOVER): Phase.ROLLING_BACK,
    (Phase.ROLLING_BACK, Move.VERIFY): Phase.VERIFYING,
    (Phase.VERIFYING, Move.CONCLUDE): Phase.CONCLUDED,
    (Phase.ROLLING_BACK, Move.STRAND): Phase.STRANDED,
    (Phase.VERIFYING, Move.STRAND): Phase.STRANDED,
    (Phase.STRANDED, Move.RESTORE): Phase.ROLLING_BACK,
}


class Finding(StrEnum):
    """What a run found about the hypothesis."""

    HELD = "held"
    DEVIATED = "deviated"
    ABORTED = "aborted"
    UNFIT = "unfit"
    """The steady state did not hold before anything was injected."""
    INEFFECTIVE = "ineffective"
    """The fault was sent and did not take effect."""
    STRANDED = "stranded"
    UNKNOWN = "unknown"
    """Nothing was measured while the fault held, or something was refused: nothing is claimed."""

    @property
    def is_of_hypothesis(self) -> bool:
        """Whether it was found out while the fault held, and stays whatever restoring comes to."""
        return self in {Finding.HELD, Finding.DEVIATED, Finding.INEFFECTIVE, Finding.UNKNOWN}


class Injection(StrEnum):
    """What is known of the fault having taken effect."""

    PROVEN = "proven"
    NOT_EFFECTIVE = "not_effective"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """One execution of an experiment on the day.

    `fence` counts the holders a run has had; a move by an earlier holder is lost.
    """

    id: RunId
    day: DayId
    box: str
    """The time box of the agenda."""
    experiment: str
    """The experiment's name in the plan."""
    title: str
    planned_at: datetime
    phase: Phase = Phase.PLANNED
    fence: int = 0
    finding: Finding | None = None
    injection: Injection | None = None
    reason: str = ""
    """Why it was aborted or refused."""
    stranded: str = ""
    """Why its restoration could not be proven at first; it stays when it is proven later."""
    started_at: datetime | None = None
    """When the method was let loose; written before it was."""
    injected_at: datetime | None = None
    """When the method's last action had been made."""
    proven_at: datetime | None = None
    """When the fault was first seen to have taken effect."""
    rolled_back_at: datetime | None = None
    """When restoring began."""
    ended_at: datetime | None = None

    @property
    def why(self) -> str:
        """Why it ended as it did, for people: what ended it, and what became of its restoration."""
        return "; ".join(filter(None, (self.reason, self._restoration())))

    @property
    def ending(self) -> Finding | None:
        """What it ended as, in a word: that it is stranded comes before what it found."""
        return Finding.STRANDED if self.phase is Phase.STRANDED else self.finding

    def finding_or(self, otherwise: Finding) -> Finding:
        """What it found of the hypothesis, if it did; how it ends otherwise."""
        found = self.finding
        return found if found is not None and found.is_of_hypothesis else otherwise

    def _restoration(self) -> str:
        if not self.stranded:
            return ""
        if self.phase is Phase.STRANDED:
            return f"stranded: {self.stranded}"
        since = "is being restored"
        if self.phase is Phase.CONCLUDED and self.ended_at is not None:
            since = f"is restored since {self.ended_at.isoformat(timespec='seconds')}"
        return f"it was stranded ({self.stranded}) and {since}"

    def advance(self, move: Move, *, by: Actor, at: datetime) -> tuple["Run", "RunMoved"]:
        """Make one move.

        Raises: IllegalMove: the phase does not allow it.
        """
        phase = MOVES.get((self.phase, move))
        if phase is None:
            raise IllegalMove(noun="run", phase=self.phase, move=move)
        moved = RunMoved(run=self.id, move=move, was=self.phase, phase=phase, by=by, at=at)
        return _stamped(replace(self, phase=phase), at), moved


def _stamped(run: Run, at: datetime) -> Run:
    match run.phase:
        case Phase.INJECTING:
            return replace(run, started_at=at)
        case Phase.HOLDING:
            return replace(run, injected_at=at)
        case Phase.ROLLING_BACK:
            # A stranded run that is restored after all has not ended yet.
            return replace(run, rolled_back_at=run.rolled_back_at or at, ended_at=None)
        case Phase.CONCLUDED | Phase.CANCELLED | Phase.STRANDED:
            return replace(run, ended_at=at)
        case _:
            return run


@dataclass(frozen=True, slots=True, kw_only=True)
class RunMoved:
    """The fact that a run made a move; stored together with the run or not at all."""

    run: RunId
    move: Move
    was: Phase
    phase: Phase
    by: Actor
    at: datetime
