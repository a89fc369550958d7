"""Makes entries for the timeline, with both clocks and a source.

It does not store them: whoever makes a move stores the move and its entries together.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from uuid import uuid4

from orchestrator.domain.identity import ORCHESTRATOR, Actor, DayId, EntryId, IncidentId, RunId
from orchestrator.domain.timeline import Kind, Lane, Precision, TimelineEntry, VisibleAfter
from orchestrator.ports import Clock


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """Who says something, and by which way it reached us."""

    by: Actor
    source: str


OURSELVES = Said(by=ORCHESTRATOR, source="orchestrator")


class Recording:
    """Makes entries."""

    def __init__(self, *, clock: Clock) -> None:
        self._clock = clock

    def entry(
        self,
        day: DayId,
        lane: Lane,
        kind: Kind,
        text: str,
        *,
        said: Said = OURSELVES,
        occurred_at: datetime | None = None,
        visible_after: VisibleAfter = VisibleAfter.REVEAL,
        run: RunId | None = None,
        incident: IncidentId | None = None,
        details: Mapping[str, object] | None = None,
    ) -> TimelineEntry:
        """Make one entry; secret unless said otherwise.

        An entry about an earlier moment, told by a person, is marked as recalled.
        """
        now = self._clock.now()
        at = occurred_at or now
        recalled = said.by.is_person and at < now
        return TimelineEntry(
            id=EntryId(uuid4().hex),
            day=day,
            occurred_at=at,
            recorded_at=now,
            lane=lane,
            kind=kind,
            text=text,
            actor=said.by,
            source=said.source,
            visible_after=visible_after,
            precision=Precision.RECALLED if recalled else Precision.EXACT,
            run=run,
            incident=incident,
            details=details or {},
        )
