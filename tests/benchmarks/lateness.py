"""How late planned runs are taken up, with 200 of them pending, against a bare timer."""

import asyncio
import tempfile
import time
from datetime import UTC, datetime, timedelta
from typing import cast

import anyio

from orchestrator.adapters.clock import SystemClock
from orchestrator.adapters.storage import Database, SqlStorage
from orchestrator.domain.day import DayState
from orchestrator.domain.identity import RunId, WorkerId
from orchestrator.domain.run import Phase, Run
from orchestrator.services.conducting import Conducting
from orchestrator.services.pacing import Pacing
from tests.benchmarks.rows import Row
from tests.builders import a_day, a_run

RUNS = 200
APART = timedelta(milliseconds=25)


class _Noting:
    """Stands in for the conductor: notes when it was handed a run, and conducts nothing."""

    def __init__(self) -> None:
        self.late: list[float] = []
        self.is_busy = False

    async def conduct(self, run: Run) -> Run:
        await anyio.lowlevel.checkpoint()
        self.late.append((datetime.now(UTC) - run.planned_at).total_seconds() * 1000)
        return run

    def stop_all(self, reason: str) -> None:
        """Nothing is being conducted."""


async def _ours() -> list[float]:
    with tempfile.TemporaryDirectory() as folder:
        async with Database(f"sqlite+aiosqlite:///{folder}/late.db") as database:
            storage = SqlStorage(database)
            first = datetime.now(UTC) + timedelta(seconds=1)
            day = a_day(state=DayState.OPEN)
            runs = [
                a_run(id=RunId(f"run-{i}"), phase=Phase.ARMED, planned_at=first + i * APART)
                for i in range(RUNS)
            ]
            await storage.add_day(day, runs, [])
            noting = _Noting()
            pacing = Pacing(
                storage=storage,
                clock=SystemClock(),
                conducting=cast(Conducting, noting),
                worker=WorkerId("bench"),
                lease=timedelta(seconds=60),
            )
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(pacing.pace)
                with anyio.fail_after(60):
                    while len(noting.late) < RUNS:  # noqa: ASYNC110
                        await anyio.sleep(0.05)
                pacing.stop("measured")
            return noting.late


async def _bare() -> list[float]:
    loop = asyncio.get_running_loop()
    first = loop.time() + 0.1
    late = []
    for i in range(RUNS):
        due = first + i * APART.total_seconds()
        await asyncio.sleep(max(due - loop.time(), 0))
        late.append((loop.time() - due) * 1000)
    return late


def measure() -> list[Row]:
    time.sleep(0.2)
    ours, bare = anyio.run(_ours), asyncio.run(_bare())
    return [
        Row(what=f"lateness of a planned start, {RUNS} pending, p50", ours=[_part(ours, 0.5)],
            beside="bare timer", theirs=[_part(bare, 0.5)], unit="ms", budget=""),
        Row(what=f"lateness of a planned start, {RUNS} pending, p99", ours=[_part(ours, 0.99)],
            beside="bare timer", theirs=[_part(bare, 0.99)], unit="ms", budget="50 ms"),
    ]  # fmt: skip


def _part(values: list[float], part: float) -> float:
    return sorted(values)[min(int(len(values) * part), len(values) - 1)]
