"""What responders do: note what they saw, thought and did, and take incidents to their end.

An incident is linked to the run that it most likely belongs to, behind the responders' backs.
It does not tell anybody about that link; `revealing` does, when it may.
"""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final
from uuid import uuid4

import structlog

from orchestrator.domain.errors import Conflict, InvalidValue, NoSuchIncident
from orchestrator.domain.identity import DayId, IncidentId, RunId
from orchestrator.domain.incident import Incident, RunLink, Status, Step
from orchestrator.domain.moment import moment_of
from orchestrator.domain.run import Run
from orchestrator.domain.timeline import (
    PEOPLES_KINDS,
    Kind,
    Lane,
    TimelineEntry,
    VisibleAfter,
)
from orchestrator.ports import Clock, Storage
from orchestrator.services.recording import Recording, Said

log = structlog.get_logger()

GRACE: Final = timedelta(minutes=15)
"""How long after a fault ended an incident may still belong to it."""

_KIND_OF: Final = {
    Step.ACKNOWLEDGE: Kind.ACKNOWLEDGED,
    Step.ESCALATE: Kind.ESCALATED,
    Step.MITIGATE: Kind.MITIGATED,
    Step.RESOLVE: Kind.RESOLVED,
    Step.REOPEN: Kind.DECLARED,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """What somebody says, and when they say it happened."""

    said: Said
    text: str = ""
    when: str = ""
    """As people write moments; empty means now."""


class Responding:
    """Records the response."""

    def __init__(self, *, storage: Storage, clock: Clock, recording: Recording) -> None:
        self._storage = storage
        self._clock = clock
        self._recording = recording

    async def note(
        self, day: DayId, kind: Kind, told: Told, *, incident: str = ""
    ) -> TimelineEntry:
        """Note what somebody saw, thought or did.

        Raises: InvalidValue; InvalidMoment; NoSuchDay; NoSuchIncident.
        """
        if kind not in PEOPLES_KINDS:
            allowed = ", ".join(PEOPLES_KINDS)
            raise InvalidValue(
                field="kind", value=kind, problem="is not for people to say", way_out=allowed
            )
        about = await self._find(day, incident) if incident else None
        entry = self._entry(day, Lane.PEOPLE, kind, _required("text", told.text), told)
        if about is not None:
            entry = replace(entry, incident=about.id)
        (stored,) = await self._storage.append([entry])
        return stored

    async def declare(self, day: DayId, told: Told, *, service: str = "") -> Incident:
        """Open an incident. Raises: InvalidValue; InvalidMoment; NoSuchDay."""
        title = _required("title", told.text)
        await self._storage.day(day)
        entry = self._entry(day, Lane.INCIDENT, Kind.DECLARED, title, told)
        incident = Incident(
            id=IncidentId(uuid4().hex),
            day=day,
            key="",
            title=title,
            status=Status.DECLARED,
            opened_at=entry.occurred_at,
            recorded_at=entry.recorded_at,
            opened_by=told.said.by.name,
            visible_after=VisibleAfter.NOW,
            service=service,
        )
        stored = await self._storage.add_incident(
            incident, [], [replace(entry, incident=incident.id)]
        )
        await self._link(stored)
        log.info("incident declared", day=day, incident=stored.key)
        return stored

    async def step(self, day: DayId, key: str, step: Step, told: Told) -> Incident:
        """Take an incident one step on.

        Raises: NoSuchIncident; IllegalMove; InvalidMoment.
        """
        incident = await self._find(day, key)
        taken = incident.take(step)
        kind = _KIND_OF[step]
        text = told.text.strip() or f"{incident.key} {kind}"
        entry = replace(self._entry(day, Lane.INCIDENT, kind, text, told), incident=incident.id)
        await self._storage.save_incident(taken, was=incident, entries=[entry])
        log.info("incident moved", day=day, incident=incident.key, step=step.value)
        return taken

    def _entry(self, day: DayId, lane: Lane, kind: Kind, text: str, told: Told) -> TimelineEntry:
        when = moment_of(told.when, now=self._clock.now()) if told.when else None
        return self._recording.entry(
            day,
            lane,
            kind,
            text,
            said=told.said,
            occurred_at=when,
            visible_after=_visibility(told.said),
        )

    async def _find(self, day: DayId, key: str) -> Incident:
        wanted = key.strip().upper()
        for incident in await self._storage.incidents(day):
            # A shadow has no key that anybody may ask for.
            if not incident.is_shadow and incident.key.upper() == wanted:
                return incident
        raise NoSuchIncident(incident=key)

    async def _link(self, incident: Incident) -> None:
        runs = await self._storage.runs(incident.day)
        day = await self._storage.day(incident.day)
        services = {run.id: day.plan.box(run.box).service for run in runs}
        found = likely_run(incident, runs, services)
        if found is None:
            return
        run, because = found
        link = RunLink(
            run=run.id,
            incident=incident.id,
            decided_by="chaosday",
            decided_at=self._clock.now(),
            because=because,
        )
        await self._storage.link(
            link, [self._linked(incident, run, f"{incident.key} is linked to it: {because}")]
        )
        await self._merge_shadow(incident, run)

    async def _merge_shadow(self, incident: Incident, run: Run) -> None:
        for shadow in await self._storage.incidents(incident.day):
            if shadow.run == run.id and shadow.status is Status.LATENT:
                # Somebody else's incident of the same run may have merged it meanwhile.
                with suppress(Conflict):
                    await self._storage.save_incident(
                        replace(shadow, status=Status.MERGED), was=shadow, entries=[]
                    )

    def _linked(self, incident: Incident, run: Run, text: str) -> TimelineEntry:
        return self._recording.entry(
            incident.day, Lane.INCIDENT, Kind.LINKED, text, run=run.id, incident=incident.id
        )


def likely_run(
    incident: Incident, runs: Sequence[Run], services: Mapping[RunId, str]
) -> tuple[Run, str] | None:
    """The run that an incident most likely belongs to, and why; None when there is none.

    A fault that was active when the incident began goes before one that ended shortly
    before; among those the service that the incident names decides, then the newest.
    """
    candidates = [run for run in runs if _touches(run, incident.opened_at)]
    if not candidates:
        return None

    def likelihood(run: Run) -> tuple[bool, bool, datetime]:
        assert run.started_at is not None
        same = bool(incident.service) and services.get(run.id) == incident.service
        return (_is_active(run, incident.opened_at), same, run.started_at)

    run = max(candidates, key=likelihood)
    active, same, _ = likelihood(run)
    when = "its fault was active then" if active else "its fault had ended shortly before"
    return run, when + (", and it is about the same service" if same else "")


def _is_active(run: Run, at: datetime) -> bool:
    if run.started_at is None or at < run.started_at:
        return False
    return run.ended_at is None or at <= run.ended_at


def _touches(run: Run, at: datetime) -> bool:
    if run.started_at is None or at < run.started_at:
        return False
    return run.ended_at is None or at <= run.ended_at + GRACE


def _visibility(said: Said) -> VisibleAfter:
    # What those in the know write may betray, so it waits for the reveal.
    in_the_know = said.by.role is not None and said.by.role.is_in_the_know
    return VisibleAfter.REVEAL if in_the_know else VisibleAfter.NOW


def _required(field: str, text: str) -> str:
    if not text.strip():
        raise InvalidValue(
            field=field, value=text, problem="is empty", way_out="say it in a few words"
        )
    return text.strip()
