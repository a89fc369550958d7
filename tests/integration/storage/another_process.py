"""A process that opens a database beside the test, and appends entries to its day's timeline."""

import sys
from datetime import UTC, datetime
from uuid import uuid4

import anyio

from orchestrator.adapters.storage import Database, SqlStorage
from orchestrator.domain.identity import ORCHESTRATOR, DayId, EntryId
from orchestrator.domain.timeline import Kind, Lane, TimelineEntry, VisibleAfter

WHEN = datetime(2026, 11, 24, tzinfo=UTC)


def an_entry(day: DayId, text: str) -> TimelineEntry:
    return TimelineEntry(
        id=EntryId(uuid4().hex),
        day=day,
        occurred_at=WHEN,
        recorded_at=WHEN,
        lane=Lane.DAY,
        kind=Kind.NOTE,
        text=text,
        actor=ORCHESTRATOR,
        source="orchestrator",
        visible_after=VisibleAfter.NOW,
    )


async def main(url: str, day: str, count: int) -> None:
    # Until this line, so that all processes begin together.
    sys.stdin.readline()
    async with Database(url) as database:
        storage = SqlStorage(database)
        for i in range(count):
            await storage.append([an_entry(DayId(day), str(i))])


if __name__ == "__main__":
    anyio.run(main, sys.argv[1], sys.argv[2], int(sys.argv[3]))
