"""A guard as a process, with a journal in SQLite; on demand it dies on the way of a write."""

import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import anyio

from orchestrator.adapters.clock import SystemClock
from orchestrator.adapters.storage import Database, SqlUndoJournal
from orchestrator.domain.undo import UndoRecord
from orchestrator.guard.stdio import guard_on_stdio


class DeadlyJournal(SqlUndoJournal):
    """A journal whose process dies right after an intent, or right before it is settled."""

    def __init__(self, database: Database, *, at: str) -> None:
        super().__init__(database)
        self._at = at

    async def intend(self, record: UndoRecord, *, fence: int, of_method: bool = True) -> UndoRecord:
        record = await super().intend(record, fence=fence, of_method=of_method)
        self._die("intend")
        return record

    async def settle(self, record: UndoRecord) -> None:
        self._die("settle")
        await super().settle(record)

    def _die(self, at: str) -> None:
        if self._at == at:
            os.kill(os.getpid(), signal.SIGKILL)


async def main(url: str, dies_at: str) -> None:
    await guard_on_stdio(journal=deadly(url, dies_at), clock=SystemClock())


@asynccontextmanager
async def deadly(url: str, dies_at: str) -> AsyncIterator[DeadlyJournal]:
    async with Database(url) as database:
        yield DeadlyJournal(database, at=dies_at)


if __name__ == "__main__":
    anyio.run(main, sys.argv[1], sys.argv[2])
