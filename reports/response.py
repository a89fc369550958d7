"""Who noticed what when, and how long after the start of the fault.

It names nobody and judges nobody: it orders what people recorded.
"""

from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import Final

from orchestrator.domain.identity import EntryId, IncidentId, RunId
from orchestrator.domain.run import Run
from orchestrator.domain.timeline import PEOPLES_KINDS, Kind, TimelineEntry
from reports.figures import Censoring, Figure, Unit, duration, numbers_of
from reports.rules import TIME_TO
from reports.window import FaultWindow


class Milestone(StrEnum):
    """A turn in the response to a fault."""

    NOTICED = "noticed"
    DECLARED = "declared"
    ACKNOWLEDGED = "acknowledged"
    ESCALATED = "escalated"
    MITIGATED = "mitigated"
    RESOLVED = "resolved"


MILESTONES: Final[Mapping[Kind, Milestone]] = {
    Kind.SAW: Milestone.NOTICED,
    Kind.THOUGHT: Milestone.NOTICED,
    Kind.DID: Milestone.NOTICED,
    Kind.DECLARED: Milestone.DECLARED,
    Kind.ACKNOWLEDGED: Milestone.ACKNOWLEDGED,
    Kind.ESCALATED: Milestone.ESCALATED,
    Kind.MITIGATED: Milestone.MITIGATED,
    Kind.RESOLVED: Milestone.RESOLVED,
}


class Belonging(StrEnum):
    """Why an entry is read as belonging to a run."""

    RECORDED = "recorded on the run"
    LINKED = "incident linked to the run"
    TIME = "by time alone"


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """What a person recorded, seen from one run.

    Units: since counts from the start of the fault; negative before it.
    """

    entry: TimelineEntry
    milestone: Milestone | None
    belongs: Belonging
    since: timedelta
    counts: bool
    """Whether it enters a number; the in-the-know, plain notes and corrected ones do not."""
    is_active: bool
    """Whether the fault was active when it occurred."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Response:
    """What people recorded on one run, and the times that follow.

    Shape: marks in the order in which they occurred; a time for every milestone.
    """

    marks: tuple[Mark, ...]
    times: Mapping[Milestone, Figure]
    noticed: bool
    firsts: Mapping[Milestone, Mark]
    """The mark that a time or its limit was taken from, for milestones that have one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ties:
    """What ties entries to runs, for the whole day."""

    runs_of: Mapping[IncidentId, Set[RunId]]
    corrected: Set[EntryId]

    def tied_to(self, entry: TimelineEntry) -> Set[RunId]:
        """The runs that an entry is tied to by what was recorded."""
        own = {entry.run} if entry.run else set()
        return own | (self.runs_of.get(entry.incident, frozenset()) if entry.incident else set())


def response_of(
    run: Run, window: FaultWindow | None, entries: Sequence[TimelineEntry], ties: Ties
) -> Response:
    """Gather what people recorded on a run and time it.

    Shape: all entries of the day that people made.
    """
    if window is None:
        unknown = Figure(value=None, unit=Unit.DURATION, how=TIME_TO, note="no fault")
        return Response(marks=(), times=dict.fromkeys(Milestone, unknown), noticed=False, firsts={})
    marks = sorted(
        (mark for entry in entries if (mark := _mark(run, window, entry, ties))),
        key=lambda mark: (mark.entry.occurred_at, mark.entry.seq),
    )
    firsts = {each: first for each in Milestone if (first := _first(each, marks))}
    return Response(
        marks=tuple(marks),
        times={each: _time(window, firsts.get(each)) for each in Milestone},
        noticed=any(mark.counts and mark.is_active for mark in marks),
        firsts=firsts,
    )


def _mark(run: Run, window: FaultWindow, entry: TimelineEntry, ties: Ties) -> Mark | None:
    belongs = _belonging(run, window, entry, ties)
    if belongs is None:
        return None
    milestone = MILESTONES.get(entry.kind)
    role = entry.actor.role
    return Mark(
        entry=entry,
        milestone=milestone,
        belongs=belongs,
        since=window.since(entry.occurred_at),
        counts=bool(milestone)
        and not (role and role.is_in_the_know)
        and entry.id not in ties.corrected,
        is_active=window.contains(entry.occurred_at),
    )


def _belonging(run: Run, window: FaultWindow, entry: TimelineEntry, ties: Ties) -> Belonging | None:
    if not is_response(entry):
        return None
    tied = ties.tied_to(entry)
    if entry.run == run.id:
        return Belonging.RECORDED
    if run.id in tied:
        return Belonging.LINKED
    return Belonging.TIME if not tied and window.contains(entry.occurred_at) else None


def is_response(entry: TimelineEntry) -> bool:
    """Whether a person said or did it in response, rather than to run the day."""
    is_theirs = entry.kind in MILESTONES or entry.kind in PEOPLES_KINDS
    return entry.actor.is_person and is_theirs


def _first(milestone: Milestone, marks: Sequence[Mark]) -> Mark | None:
    return next(
        (
            mark
            for mark in marks
            if mark.counts
            and mark.since >= timedelta()
            and milestone in {mark.milestone, Milestone.NOTICED}
        ),
        None,
    )


def _time(window: FaultWindow, first: Mark | None) -> Figure:
    if first and first.is_active:
        return duration(TIME_TO, first.since, first.entry)
    ended = Censoring.FAULT_ENDED if window.ended_at else Censoring.STILL_ACTIVE
    return Figure(
        value=window.until - window.began_at,
        unit=Unit.DURATION,
        how=TIME_TO,
        from_entries=numbers_of(*([first.entry] if first else [])),
        censored=ended,
    )
