"""A process that opens a database beside the test, and reserves parts of its day's budget."""

import sys
from contextlib import suppress

import anyio

from orchestrator.adapters.storage import Database, SqlStorage
from orchestrator.domain.day_budget import DayBudget, Reservation
from orchestrator.domain.errors import BudgetExhausted
from orchestrator.domain.identity import RunId


async def main(url: str, most: int, runs: list[str]) -> None:
    # Until this line, so that all processes begin together.
    sys.stdin.readline()
    async with Database(url) as database:
        storage = SqlStorage(database)
        for name in runs:
            run = await storage.run(RunId(name))
            part = Reservation(run=run.id, objects=1)
            with suppress(BudgetExhausted):
                await storage.reserve(run, part, budget=DayBudget(most_objects=most))
                sys.stdout.write(f"{name}\n")


if __name__ == "__main__":
    anyio.run(main, sys.argv[1], int(sys.argv[2]), sys.argv[3:])
