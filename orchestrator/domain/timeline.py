"""The append-only record of the day.

It does not correct anything in place: a correction is a further entry, which names the one that
it corrects.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from orchestrator.domain.identity import Actor, DayId, EntryId, IncidentId, RunId


class Lane(StrEnum):
    """Where an entry is drawn."""

    DAY = "day"
    FAULT = "fault"
    PROBE = "probe"
    PEOPLE = "people"
    INCIDENT = "incident"
    MECHANICS = "mechanics"


class Kind(StrEnum):
    """What an entry says."""

    OPENED = "opened"
    CLOSED = "closed"
    REVEALED = "revealed"
    HALTED = "halted"
    RELEASED = "released"
    MOVED = "moved"
    INJECTED = "injected"
    PROOF = "proof"
    WRITE = "write"
    REFUSED = "refused"
    RESTORED = "restored"
    STEADY_STATE = "steady_state"
    SAW = "saw"
    THOUGHT = "thought"
    DID = "did"
    NOTE = "note"
    DECLARED = "declared"
    ACKNOWLEDGED = "acknowledged"
    ESCALATED = "escalated"
    MITIGATED = "mitigated"
    RESOLVED = "resolved"
    LINKED = "linked"
    SHADOW = "shadow"


PEOPLES_KINDS = (Kind.SAW, Kind.THOUGHT, Kind.DID, Kind.NOTE)
"""What people say in their own words."""


class VisibleAfter(StrEnum):
    """From when on those who must not know may see something."""

    NOW = "now"
    REVEAL = "reveal"


class Precision(StrEnum):
    """How sure the moment of an entry is."""

    EXACT = "exact"
    RECALLED = "recalled"
    """Told afterwards by a person, so drawn hollow."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TimelineEntry:
    """One thing that happened, and when and from whom we heard of it.

    Units: seq counts the entries of a day from 1 without gaps; 0 while not yet stored.
    """

    id: EntryId
    day: DayId
    occurred_at: datetime
    recorded_at: datetime
    lane: Lane
    kind: Kind
    text: str
    actor: Actor
    source: str
    """By which way it came: cli, api, orchestrator, runner, guard."""
    visible_after: VisibleAfter
    precision: Precision = Precision.EXACT
    run: RunId | None = None
    incident: IncidentId | None = None
    corrects: EntryId | None = None
    details: Mapping[str, object] = field(default_factory=dict)
    """Facts for machines; JSON values only."""
    seq: int = 0
