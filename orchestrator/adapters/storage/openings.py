"""The opening of a day in the store: the day and all of its runs in one transaction.

It does not decide which runs are armed.
"""

from collections.abc import Sequence

from orchestrator.adapters.storage.days import Days
from orchestrator.adapters.storage.runs import Runs
from orchestrator.domain.day import ChaosDay
from orchestrator.domain.run import Run
from orchestrator.domain.timeline import TimelineEntry


class Openings(Days, Runs):
    """Days that are opened."""

    async def open_day(
        self,
        day: ChaosDay,
        *,
        was: ChaosDay,
        runs: Sequence[tuple[Run, Run]],
        entries: Sequence[TimelineEntry],
    ) -> None:
        """Store a day as open, with its runs as that places and arms them.

        Shape: of each run, as it is from now on and as it was.
        Raises: Conflict, LeaseLost: the day or a run is no longer as it was.
        """
        async with self._database.writing() as connection:
            await self._lock_day(connection, day.id)
            for run, before in runs:
                await self._set_run(connection, run, before)
            await self._set_day(connection, day, was)
            await self._append(connection, entries)
        self._announce()
