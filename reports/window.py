"""From when to when a run's fault was active.

It does not say what the fault did; `reports.steady` and `reports.response` do.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from orchestrator.domain.run import Finding, Phase, Run
from orchestrator.domain.timeline import Kind, TimelineEntry
from reports.figures import Figure, duration, instant
from reports.rules import FAULT_END, FAULT_LASTED, FAULT_START


@dataclass(frozen=True, slots=True, kw_only=True)
class FaultWindow:
    """The time in which a fault was active.

    Shape: ended_at is None while it still is; until is then the instant of writing.
    """

    began_at: datetime
    ended_at: datetime | None
    until: datetime
    began: Figure
    ended: Figure
    lasted: Figure

    def contains(self, moment: datetime) -> bool:
        """Whether the fault was active at that moment, both ends included."""
        return self.began_at <= moment <= self.until

    def since(self, moment: datetime) -> timedelta:
        """How long after the start of the fault that was; negative before it."""
        return moment - self.began_at


def window_of(
    run: Run, entries: Sequence[TimelineEntry], *, cut_off: datetime
) -> FaultWindow | None:
    """The window of a run's fault; None when its method was never let loose.

    Shape: the entries of the run.
    """
    if run.started_at is None or run.finding is Finding.UNFIT:
        return None
    first = _first_write(run, run.started_at, entries)
    began_at = first.occurred_at if first else run.started_at
    until = max(began_at, run.rolled_back_at or cut_off)
    return FaultWindow(
        began_at=began_at,
        ended_at=run.rolled_back_at and until,
        until=until,
        began=instant(FAULT_START, began_at, *([first] if first else [])),
        ended=instant(FAULT_END, run.rolled_back_at, note=_note(run)),
        lasted=duration(FAULT_LASTED, until - began_at),
    )


def _note(run: Run) -> str:
    if run.phase is Phase.STRANDED:
        return "restoring began then, and its end could not be proven"
    return "" if run.rolled_back_at else "still active when this was written"


def _first_write(
    run: Run, started_at: datetime, entries: Sequence[TimelineEntry]
) -> TimelineEntry | None:
    writes = [
        entry
        for entry in entries
        if entry.kind is Kind.WRITE
        and started_at <= entry.occurred_at <= (run.rolled_back_at or entry.occurred_at)
    ]
    return min(writes, key=lambda entry: (entry.occurred_at, entry.seq), default=None)
