"""The timeline on the wire.

It numbers nothing: entries come with the numbers of their audience.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Literal, Self

from pydantic import Field

from api.views.values import ActorView, Asked, Line, Text, View
from orchestrator.domain.identity import IncidentId
from orchestrator.domain.timeline import Kind, Lane, Precision, TimelineEntry

WHEN = Field(
    default="",
    description="When it happened: a time ago such as `-2m`, an instant with its zone, or"
    " nothing for now.",
    examples=["-2m", "2026-12-01T09:30+01:00"],
)


class NoteRequest(Asked):
    """What somebody saw, thought or did."""

    kind: Literal["saw", "thought", "did", "note"] = "note"
    text: Text = Field(examples=["checkout answers 503"])
    when: Line = WHEN
    incident: Line = Field(default="", description="The key of an incident.", examples=["INC-3"])


class EntryView(View):
    """One thing that happened, and when and from whom we heard of it."""

    seq: int = Field(description="Counts from 1, without gaps, what the asking audience sees.")
    id: str
    occurred_at: datetime
    recorded_at: datetime
    lane: Lane
    kind: Kind
    text: str
    actor: ActorView
    source: str = Field(description="By which way it came.", examples=["cli", "api", "runner"])
    precision: Precision = Field(description="`recalled` when told afterwards by a person.")
    incident: str | None = Field(description="The key of the incident that it is about.")
    run: str | None = Field(description="Nothing until the reveal, for those not in the know.")
    corrects: str | None
    details: dict[str, Any]

    @classmethod
    def of(cls, entry: TimelineEntry, *, keys: Mapping[IncidentId, str]) -> Self:
        """The view of an entry, as its audience may see it; keys names incidents for people."""
        return cls(
            seq=entry.seq,
            id=entry.id,
            occurred_at=entry.occurred_at,
            recorded_at=entry.recorded_at,
            lane=entry.lane,
            kind=entry.kind,
            text=entry.text,
            actor=ActorView.of(entry.actor),
            source=entry.source,
            precision=entry.precision,
            incident=keys.get(entry.incident) if entry.incident else None,
            run=entry.run,
            corrects=entry.corrects,
            details=dict(entry.details),
        )


class TimelineView(View):
    """A part of a timeline, in order."""

    day: str
    entries: list[EntryView]
    next: int = Field(description="What to send as `after` to go on from here.")

    @classmethod
    def of(
        cls,
        day: str,
        entries: Sequence[TimelineEntry],
        *,
        after: int,
        keys: Mapping[IncidentId, str],
    ) -> Self:
        """The view of entries above `after`."""
        shown = [EntryView.of(entry, keys=keys) for entry in entries]
        return cls(day=day, entries=shown, next=shown[-1].seq if shown else after)
