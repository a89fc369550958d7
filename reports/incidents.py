"""The incidents of people, and which runs they are linked to.

It leaves out the shadows that runs open; they are no incident that anybody declared.
"""

from collections.abc import Sequence, Set
from dataclasses import dataclass

from orchestrator.domain.identity import RunId
from orchestrator.domain.incident import Incident, RunLink
from orchestrator.domain.plan import Person
from orchestrator.domain.record import DayRecord
from orchestrator.domain.timeline import TimelineEntry
from reports.words import seat_named, seat_of


@dataclass(frozen=True, slots=True, kw_only=True)
class IncidentReview:
    """One incident with its entries, and the links to the runs of the day."""

    incident: Incident
    links: tuple[RunLink, ...]
    entries: tuple[TimelineEntry, ...]

    @property
    def runs(self) -> Set[RunId]:
        """The runs that it is linked to."""
        return {link.run for link in self.links}

    def opener(self, people: Sequence[Person]) -> str:
        """Who opened it, by role and team; a script is called one."""
        name = self.incident.opened_by
        entry = next((entry for entry in self.entries if entry.actor.name == name), None)
        return seat_of(entry.actor, people) if entry else seat_named(name, people)


def incidents_of(record: DayRecord) -> tuple[IncidentReview, ...]:
    """The incidents of people, oldest first."""
    known = {run.id for run in record.runs}
    return tuple(
        IncidentReview(
            incident=incident,
            links=tuple(
                link for link in record.links if link.incident == incident.id and link.run in known
            ),
            entries=tuple(entry for entry in record.entries if entry.incident == incident.id),
        )
        for incident in record.incidents
        if not incident.is_shadow
    )
