"""What the parts of the store have in common: the database, and appending to the timeline.

It does not know any noun but the timeline's entries.
"""

import itertools
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

import anyio
from sqlalchemy import insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from orchestrator.adapters.storage import rows, tables
from orchestrator.adapters.storage.database import Database
from orchestrator.domain.errors import NoSuchDay
from orchestrator.domain.identity import DayId
from orchestrator.domain.timeline import TimelineEntry


class Stored:
    """A part of the store."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._news = anyio.Event()

    def _announce(self) -> None:
        """Wake everybody in this process who waits for news."""
        news, self._news = self._news, anyio.Event()
        news.set()

    async def _append(
        self, connection: AsyncConnection, entries: Sequence[TimelineEntry]
    ) -> list[TimelineEntry]:
        """Number entries by their day's counter and store them in the caller's transaction.

        Shape: in the order given.
        Raises: NoSuchDay.
        """
        counts = Counter(entry.day for entry in entries)
        last = {day: await self._count_up(connection, day, counts[day]) for day in sorted(counts)}
        following = {day: itertools.count(last[day] - counts[day] + 1) for day in counts}
        numbered = [replace(entry, seq=next(following[entry.day])) for entry in entries]
        if numbered:
            await connection.execute(
                insert(tables.timeline), [rows.entry_to_row(entry) for entry in numbered]
            )
        return numbered

    @staticmethod
    async def _lock_day(connection: AsyncConnection, day: DayId) -> None:
        """Let nobody else change what belongs to the day until the transaction ends.

        The row of the day is locked before any of its runs, always: two who lock in another
        order would wait for each other, and the database would end one of them.
        """
        await connection.execute(
            select(tables.days.c.id).where(tables.days.c.id == day).with_for_update()
        )

    @staticmethod
    async def _count_up(connection: AsyncConnection, day: DayId, by: int) -> int:
        last = await connection.scalar(
            update(tables.days)
            .where(tables.days.c.id == day)
            .values(last_seq=tables.days.c.last_seq + by)
            .returning(tables.days.c.last_seq)
        )
        if last is None:
            raise NoSuchDay(day=day)
        return int(last)
