"""What the database of a stage says, each time read by a connection of its own.

It writes nothing, and holds nothing open while commands are killed.
"""

import anyio

from orchestrator.adapters.storage import Database, SqlStorage, SqlUndoJournal
from orchestrator.domain.day import ChaosDay
from orchestrator.domain.identity import RunId
from orchestrator.domain.run import Phase, Run
from tests.acceptance.stage import Stage


def days_of(stage: Stage) -> list[ChaosDay]:
    """Every day in the database."""

    async def read() -> list[ChaosDay]:
        async with Database(stage.database) as database:
            return list(await SqlStorage(database).days())

    return anyio.run(read)


def runs_of(stage: Stage) -> list[Run]:
    """Every run in the database."""

    async def read() -> list[Run]:
        async with Database(stage.database) as database:
            storage = SqlStorage(database)
            return [run for day in await storage.days() for run in await storage.runs(day.id)]

    return anyio.run(read)


def phase_is(stage: Stage, *phases: Phase) -> Run | None:
    """A run in one of the phases that somebody has taken hold of."""
    return next((run for run in runs_of(stage) if run.phase in phases and run.fence), None)


def is_free(stage: Stage, run: RunId) -> bool:
    """Whether the lease is over by which its holder might still live."""

    async def read() -> bool:
        async with Database(stage.database) as database:
            return await SqlUndoJournal(database).is_free(run)

    return anyio.run(read)
