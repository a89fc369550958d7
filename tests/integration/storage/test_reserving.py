"""Processes that reserve at once never hold more of a day's budget than there is."""

import subprocess
import sys
from pathlib import Path

import anyio

from orchestrator.adapters.storage import Database, SqlStorage
from orchestrator.domain.run import Phase
from tests.builders import DAY
from tests.doubles.worlds import some_runs, stored

PROGRAM = Path(__file__).with_name("reserving_process.py")
ROOT = Path(__file__).parents[3]
PATIENCE = 60
MOST = 5


def reserved_beside(url: str, shares: list[list[str]]) -> list[str]:
    """Have processes reserve for runs all at once; returns the runs that hold a part."""
    started = [
        subprocess.Popen(
            [sys.executable, str(PROGRAM), url, str(MOST), *runs],
            cwd=ROOT,
            env={"PYTHONPATH": str(ROOT), "PATH": ""},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for runs in shares
    ]
    try:
        for process in started:
            assert process.stdin is not None
            process.stdin.write("now\n")
            process.stdin.flush()
        said = [process.communicate(timeout=PATIENCE) for process in started]
    finally:
        for process in started:
            process.kill()
    assert [process.returncode for process in started] == [0] * len(started), said
    return [line for out, _ in said for line in out.split()]


async def test_processes_that_reserve_at_once_share_one_budget(empty_database: str) -> None:
    runs = some_runs(12, phase=Phase.ARMED)
    async with Database(empty_database) as database:
        storage = SqlStorage(database)
        await stored(storage, *runs)
        names = [str(run.id) for run in runs]
        shares = [names[process::3] for process in range(3)]

        held = await anyio.to_thread.run_sync(reserved_beside, empty_database, shares)

        assert len(held) == MOST
        assert sorted(held) == [part.run for part in await storage.reservations(DAY)]
