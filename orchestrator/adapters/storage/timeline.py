"""The timeline in the store: append and read; triggers refuse anything else."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Final

import anyio
from sqlalchemy import select

from orchestrator.adapters.storage import rows, tables
from orchestrator.adapters.storage.stored import Stored
from orchestrator.domain.identity import DayId
from orchestrator.domain.timeline import TimelineEntry

_POLL: Final = timedelta(milliseconds=200)
"""How soon an entry written by another process is seen; our own are seen at once."""


class Timelines(Stored):
    """Timelines."""

    async def append(self, entries: Sequence[TimelineEntry]) -> Sequence[TimelineEntry]:
        """Append entries; returns them with their numbers."""
        async with self._database.writing() as connection:
            numbered = await self._append(connection, entries)
        self._announce()
        return numbered

    async def timeline(
        self, day: DayId, *, after: int = 0, limit: int | None = None
    ) -> Sequence[TimelineEntry]:
        """The entries of a day with a number above `after`, in order."""
        table = tables.timeline
        async with self._database.reading() as connection:
            found = await connection.execute(
                select(table)
                .where(table.c.day == day, table.c.seq > after)
                .order_by(table.c.seq)
                .limit(limit)
            )
            return [rows.entry_from_row(row) for row in found]

    async def changed(self, day: DayId, *, after: int, patience: timedelta) -> bool:
        """Wait until the day has an entry numbered above `after`; False when patience ran out."""
        with anyio.move_on_after(patience.total_seconds()):
            while True:
                news = self._news
                if await self._last(day) > after:
                    return True
                with anyio.move_on_after(_POLL.total_seconds()):
                    await news.wait()
        return False

    async def _last(self, day: DayId) -> int:
        days = tables.days.c
        async with self._database.reading() as connection:
            return int(await connection.scalar(select(days.last_seq).where(days.id == day)) or 0)
