"""Days on the wire, and who takes part.

It shows nothing of the plan's agenda; see `api.views.agenda`.
"""

from datetime import datetime
from typing import Self

from pydantic import Field

from api.views.halts import HaltView
from api.views.values import View
from orchestrator.domain.day import ChaosDay, DayState
from orchestrator.domain.halt import Halt
from orchestrator.domain.identity import Role
from orchestrator.domain.plan import Environment, Person
from orchestrator.services.revealing import Audience, people


class WindowView(View):
    """When a day is."""

    zone: str = Field(description="An IANA zone.", examples=["Europe/Berlin"])
    opens_at: datetime
    closes_at: datetime


class PersonView(View):
    """Somebody who takes part."""

    name: str
    role: Role
    team: str

    @classmethod
    def of(cls, person: Person) -> Self:
        """The view of a person."""
        return cls(name=person.name, role=person.role, team=person.team)


class DayView(View):
    """A Chaos Day as anybody on it may see it."""

    id: str = Field(examples=["checkout-chaos-day-4f2a"])
    name: str
    environment: Environment
    state: DayState
    window: WindowView
    people: list[PersonView] = Field(description="Without the agents of chaos until the reveal.")
    channels: dict[str, str] = Field(examples=[{"responders": "#chaos-day"}])
    halt: HaltView | None = Field(description="The halt in force.")
    created_at: datetime
    opened_at: datetime | None
    closed_at: datetime | None
    revealed_at: datetime | None
    is_scripted: bool = Field(description="Whether its people are played by a script.")

    @classmethod
    def of(cls, audience: Audience, halt: Halt | None) -> Self:
        """The view of a day for an audience; halt as that audience may see it."""
        day = audience.day
        return cls(
            id=day.id,
            name=day.plan.name,
            environment=day.plan.environment,
            state=day.state,
            window=_window(day),
            people=[PersonView.of(person) for person in people(audience)],
            channels=dict(day.plan.channels),
            halt=HaltView.of(halt) if halt else None,
            created_at=day.created_at,
            opened_at=day.opened_at,
            closed_at=day.closed_at,
            revealed_at=day.revealed_at,
            is_scripted=day.is_scripted,
        )


def _window(day: ChaosDay) -> WindowView:
    window = day.plan.window
    return WindowView(zone=window.zone, opens_at=window.opens_at, closes_at=window.closes_at)


class DaysView(View):
    """Days, newest first."""

    days: list[DayView]
