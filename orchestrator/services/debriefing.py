"""Gathers all that is known of a day for its debrief.

It does not compute or draw; `reports` does.
"""

from orchestrator.domain.hypothesis import Sample
from orchestrator.domain.identity import DayId, RunId
from orchestrator.domain.record import DayRecord
from orchestrator.ports import Storage


class Debriefing:
    """Gathers records of days."""

    def __init__(self, *, storage: Storage) -> None:
        self._storage = storage

    async def record(self, day: DayId) -> DayRecord:
        """Everything that was recorded on a day. Raises: NoSuchDay."""
        runs = await self._storage.runs(day)
        return DayRecord(
            day=await self._storage.day(day),
            runs=runs,
            entries=await self._storage.timeline(day),
            incidents=await self._storage.incidents(day),
            links=await self._storage.links(day),
            samples={run.id: await self._samples(run.id) for run in runs},
        )

    async def _samples(self, run: RunId) -> list[Sample]:
        """What was measured of the steady state; an abort condition is no part of it."""
        return [each for each in await self._storage.samples(run) if each.is_of_hypothesis]
