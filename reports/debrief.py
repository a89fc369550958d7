"""The debrief of a day as values: what was injected, what was measured, who noticed what when.

It does not draw or write; `swimlane`, `html`, `markdown` and `summary` do.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, tzinfo

from orchestrator.domain.day import ChaosDay
from orchestrator.domain.identity import ActorKind, IncidentId, RunId
from orchestrator.domain.outcome import Outcome
from orchestrator.domain.record import DayRecord
from orchestrator.domain.run import Injection
from orchestrator.domain.timeline import Kind, TimelineEntry
from reports.figures import Figure, count
from reports.incidents import IncidentReview, incidents_of
from reports.mechanics import Restored
from reports.response import Ties, is_response
from reports.review import RunReview, review_of
from reports.rules import COUNTS, UNLINKED
from reports.words import zone_of


@dataclass(frozen=True, slots=True, kw_only=True)
class Counts:
    """How many runs there were, and of how many what is known."""

    planned: Figure
    started: Figure
    proven: Figure
    lost: Figure
    noticed: Figure
    restored: Figure
    unlinked: Figure


@dataclass(frozen=True, slots=True, kw_only=True)
class HaltReview:
    """One halt of the day; released is None when it was still engaged."""

    halted: TimelineEntry
    released: TimelineEntry | None

    @property
    def reason(self) -> str:
        """Why the day was halted."""
        return str(self.halted.details.get("reason") or self.halted.text)


@dataclass(frozen=True, slots=True, kw_only=True)
class Debrief:
    """All that a report of a day says.

    Shape: runs in the order of the agenda; entries by number.
    """

    day: ChaosDay
    zone: tzinfo
    generated_at: datetime
    version: str
    runs: tuple[RunReview, ...]
    incidents: tuple[IncidentReview, ...]
    halts: tuple[HaltReview, ...]
    entries: tuple[TimelineEntry, ...]
    counts: Counts
    is_scripted: bool
    """Whether at least one person of the day was played by a script."""

    @property
    def started(self) -> tuple[RunReview, ...]:
        """The runs whose method was let loose."""
        return tuple(run for run in self.runs if run.window)

    @property
    def unlinked(self) -> tuple[IncidentReview, ...]:
        """Incidents that belong to no run: found, not injected."""
        return tuple(incident for incident in self.incidents if not incident.links)

    def with_outcome(self, outcome: Outcome | None) -> tuple[RunReview, ...]:
        """The runs of one outcome; None for those that have not ended."""
        return tuple(run for run in self.runs if run.outcome is outcome)


def debrief_of(record: DayRecord, *, generated_at: datetime, version: str) -> Debrief:
    """Compute the debrief of a day from all that was recorded on it."""
    entries = sorted(record.entries, key=lambda entry: entry.seq)
    people = [entry for entry in entries if is_response(entry)]
    ties = _ties(record)
    own = _by_run(entries)
    incidents = incidents_of(record)
    runs = tuple(
        review_of(
            run,
            day=record.day,
            entries=own.get(run.id, []),
            people=people,
            ties=ties,
            samples=record.samples.get(run.id, ()),
            incidents=tuple(each for each in incidents if run.id in each.runs),
            cut_off=generated_at,
        )
        for run in record.runs
    )
    return Debrief(
        day=record.day,
        zone=zone_of(record.day.plan.window.zone),
        generated_at=generated_at,
        version=version,
        runs=runs,
        incidents=incidents,
        halts=_halts(entries),
        entries=tuple(entries),
        counts=_counts(runs, incidents),
        is_scripted=record.day.is_scripted
        or any(entry.actor.kind is ActorKind.SCRIPT for entry in entries),
    )


def _ties(record: DayRecord) -> Ties:
    runs_of: dict[IncidentId, set[RunId]] = {}
    for link in record.links:
        runs_of.setdefault(link.incident, set()).add(link.run)
    for incident in record.incidents:
        if incident.run:
            runs_of.setdefault(incident.id, set()).add(incident.run)
    return Ties(
        runs_of=runs_of,
        corrected=frozenset(entry.corrects for entry in record.entries if entry.corrects),
    )


def _by_run(entries: Sequence[TimelineEntry]) -> Mapping[RunId, list[TimelineEntry]]:
    own: dict[RunId, list[TimelineEntry]] = {}
    for entry in entries:
        if entry.run:
            own.setdefault(entry.run, []).append(entry)
    return own


def _halts(entries: Sequence[TimelineEntry]) -> tuple[HaltReview, ...]:
    found: list[HaltReview] = []
    for entry in entries:
        if entry.kind is Kind.HALTED:
            found.append(HaltReview(halted=entry, released=None))
        elif entry.kind is Kind.RELEASED and found and found[-1].released is None:
            found[-1] = HaltReview(halted=found[-1].halted, released=entry)
    return tuple(found)


def _counts(runs: Sequence[RunReview], incidents: Sequence[IncidentReview]) -> Counts:
    started = [run for run in runs if run.window]
    unlinked = [incident for incident in incidents if not incident.links]
    return Counts(
        planned=count(COUNTS, len(runs)),
        started=count(COUNTS, len(started)),
        proven=count(COUNTS, sum(run.proof.injection is Injection.PROVEN for run in started)),
        lost=count(COUNTS, sum(run.lost is True for run in started)),
        noticed=count(COUNTS, sum(run.response.noticed for run in started)),
        restored=count(COUNTS, sum(run.restoration.restored is Restored.PROVEN for run in started)),
        unlinked=count(UNLINKED, len(unlinked)),
    )
