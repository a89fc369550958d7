"""Incidents on the wire.

Whether a shadow or a link is shown was decided before.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Self

from pydantic import Field

from api.views.timeline import WHEN
from api.views.values import Asked, Line, Text, View
from orchestrator.domain.incident import Incident, RunLink, Status


class DeclareRequest(Asked):
    """A new incident. Everybody on the day reads its title at once."""

    title: Text = Field(examples=["checkout answers 503"])
    service: Line = Field(default="", examples=["checkout"])
    when: Line = WHEN


class StepRequest(Asked):
    """One step of an incident."""

    text: Text = Field(default="", examples=["scaled payment back up"])
    when: Line = WHEN


class LinkView(View):
    """The belief that an incident belongs to a run."""

    run: str
    decided_by: str
    decided_at: datetime
    because: str

    @classmethod
    def of(cls, link: RunLink) -> Self:
        """The view of a link."""
        return cls(
            run=link.run,
            decided_by=link.decided_by,
            decided_at=link.decided_at,
            because=link.because,
        )


class IncidentView(View):
    """An incident of the exercise."""

    key: str = Field(examples=["INC-3"])
    id: str
    title: str
    status: Status
    is_open: bool
    service: str
    opened_at: datetime
    opened_by: str
    recorded_at: datetime
    is_shadow: bool = Field(description="Whether a run opened it; seen by those who see all.")
    links: list[LinkView] = Field(description="Empty for those who do not see all.")

    @classmethod
    def of(cls, incident: Incident, links: Sequence[RunLink] = ()) -> Self:
        """The view of an incident; links are those that its audience may see."""
        own = [LinkView.of(link) for link in links if link.incident == incident.id]
        return cls(
            key=incident.key,
            id=incident.id,
            title=incident.title,
            status=incident.status,
            is_open=incident.status.is_open,
            service=incident.service,
            opened_at=incident.opened_at,
            opened_by=incident.opened_by,
            recorded_at=incident.recorded_at,
            is_shadow=incident.is_shadow,
            links=own,
        )


class IncidentsView(View):
    """Incidents of a day, oldest first."""

    day: str
    incidents: list[IncidentView]
