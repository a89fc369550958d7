"""Decides what an audience sees; routes, streams, reports and calendars ask here.

Until the reveal, whoever is not in the know sees no plan, no run, no shadow and no entry
that could betray one, and no gap in any number that would tell of what is hidden. It does
not store anything.
"""

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta

from orchestrator.domain.day import ChaosDay
from orchestrator.domain.errors import NoSuchIncident, NoSuchRun, NotAllowed
from orchestrator.domain.halt import Halt, HaltState, state_of
from orchestrator.domain.identity import Actor, DayId, EntryId, IncidentId, Role, RunId
from orchestrator.domain.incident import Incident, RunLink
from orchestrator.domain.plan import Person
from orchestrator.domain.run import Run
from orchestrator.domain.timeline import TimelineEntry, VisibleAfter
from orchestrator.ports import Storage

_PATIENCE = timedelta(seconds=10)


@dataclass(frozen=True, slots=True, kw_only=True)
class Audience:
    """Who looks, at which day."""

    role: Role
    day: ChaosDay

    @property
    def sees_all(self) -> bool:
        """Whether nothing is secret any more, or never was to this role."""
        return self.role.is_in_the_know or self.day.revealed_at is not None

    def must_see_all(self, *, to: str) -> None:
        """Refuse those from whom it is secret. Raises: NotAllowed."""
        if not self.sees_all:
            raise NotAllowed(role=self.role, move=f"{to} before the reveal")


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """How far an audience has read a timeline.

    Units: seen numbers the last entry looked at; shown counts those that the audience sees.
    """

    seen: int = 0
    shown: int = 0


class Revealing:
    """Shows what may be shown."""

    def __init__(self, *, storage: Storage) -> None:
        self._storage = storage

    async def audience(self, day: DayId, role: Role) -> Audience:
        """Somebody who looks at a day as it is now. Raises: NoSuchDay."""
        return Audience(role=role, day=await self._storage.day(day))

    async def timeline(
        self, audience: Audience, *, after: int = 0, limit: int | None = None
    ) -> Sequence[TimelineEntry]:
        """The entries that an audience sees, numbered for it.

        Those who do not see all get numbers that count what they see, without gaps.
        """
        if audience.sees_all:
            return await self._storage.timeline(audience.day.id, after=after, limit=limit)
        entries = await self._storage.timeline(audience.day.id)
        shown, _ = _shown(audience, entries, Place())
        return shown[after:] if limit is None else shown[after : after + limit]

    async def entry(self, audience: Audience, entry: EntryId) -> TimelineEntry | None:
        """One entry as an audience sees it, with its number for that audience."""
        entries = await self.timeline(audience)
        return next((each for each in reversed(entries) if each.id == entry), None)

    async def next_entries(
        self, audience: Audience, place: Place
    ) -> tuple[Sequence[TimelineEntry], Place]:
        """The entries beyond a place, waited for; none when none came that may be shown."""
        day = audience.day.id
        await self._storage.changed(day, after=place.seen, patience=_PATIENCE)
        return _shown(audience, await self._storage.timeline(day, after=place.seen), place)

    async def follow(self, audience: Audience, *, after: int = 0) -> AsyncIterator[TimelineEntry]:
        """The entries that an audience sees, those to come included; never ends."""
        place = Place(seen=after if audience.sees_all else 0)
        while True:
            entries, place = await self.next_entries(audience, place)
            for entry in entries:
                if entry.seq > after:
                    yield entry

    async def incidents(self, audience: Audience) -> Sequence[Incident]:
        """The incidents that an audience sees; shadows only after the reveal."""
        incidents = await self._storage.incidents(audience.day.id)
        if audience.sees_all:
            return incidents
        return [
            each
            for each in incidents
            if each.visible_after is VisibleAfter.NOW and not each.is_shadow
        ]

    async def incident(self, audience: Audience, key: str) -> Incident:
        """One incident by its key. Raises: NoSuchIncident: none, or none that may be shown."""
        wanted = key.strip().upper()
        for each in await self.incidents(audience):
            if each.key.upper() == wanted:
                return each
        raise NoSuchIncident(incident=key)

    async def keys(self, audience: Audience) -> Mapping[IncidentId, str]:
        """The keys of the incidents that an audience sees."""
        return {each.id: each.key for each in await self.incidents(audience)}

    async def links(self, audience: Audience) -> Sequence[RunLink]:
        """Which incident is believed to belong to which run; that always betrays."""
        return await self._storage.links(audience.day.id) if audience.sees_all else []

    async def halt(self, audience: Audience) -> Halt | None:
        """The halt in force; without its reason if one who knows the plan gave it."""
        halt = await self._storage.halt(audience.day.id)
        return None if halt is None else _halt(audience, halt)

    async def halt_state(self, audience: Audience) -> HaltState | None:
        """How far the halt is; None for those whom it would tell that a fault is in."""
        if not audience.sees_all:
            return None
        return state_of(await self._storage.writing(audience.day.id))

    async def run(self, run: RunId, *, role: Role, day: DayId | None) -> Run:
        """One run, for those who may see it; day is the only one that they may touch, if any.

        Raises: NoSuchRun: it does not exist, or they may not know whether it does.
        """
        if day is not None and not (await self.audience(day, role)).sees_all:
            raise NoSuchRun(run=run)
        found = await self._storage.run(run)
        if day is not None and found.day != day:
            raise NoSuchRun(run=run)
        if not (await self.audience(found.day, role)).sees_all:
            raise NoSuchRun(run=run)
        return found


def people(audience: Audience) -> Sequence[Person]:
    """Who takes part, as far as an audience may know: who plans may tell what is planned."""
    everybody = audience.day.plan.people
    if audience.sees_all:
        return everybody
    return [each for each in everybody if each.role is not Role.AGENT]


def _shown(
    audience: Audience, entries: Sequence[TimelineEntry], place: Place
) -> tuple[Sequence[TimelineEntry], Place]:
    """What an audience sees of some entries, and its place behind them."""
    seen = entries[-1].seq if entries else place.seen
    if audience.sees_all:
        return entries, Place(seen=seen, shown=seen)
    visible = [entry for entry in entries if entry.visible_after is VisibleAfter.NOW]
    shown = [
        _without_secrets(entry, number)
        for number, entry in enumerate(visible, start=place.shown + 1)
    ]
    return shown, Place(seen=seen, shown=place.shown + len(shown))


def _without_secrets(entry: TimelineEntry, number: int) -> TimelineEntry:
    return replace(
        entry, seq=number, run=None, corrects=None, details={}, actor=_without_agent(entry.actor)
    )


def _halt(audience: Audience, halt: Halt) -> Halt:
    if audience.sees_all:
        return halt
    in_the_know = halt.by.role is not None and halt.by.role.is_in_the_know
    reason = "" if in_the_know else halt.reason
    return replace(halt, reason=reason, by=_without_agent(halt.by))


def _without_agent(actor: Actor) -> Actor:
    """Somebody, without it being said of them that they strike: `people` does not tell either."""
    return replace(actor, role=None) if actor.role is Role.AGENT else actor
