"""What is started apart from any plan does not go on beside a halt."""

import sys

import anyio
import pytest

from orchestrator.adapters.storage import Database, SqlStorage
from tests.acceptance.stage import Stage
from tests.builders import DAY, a_day, a_halt
from tests.doubles.worlds import a_new_entry

HAND = ("by-hand", "--", sys.executable, "-c", "print('it was done')")
RUN = ("run", "pod-killed")


async def _halt_a_day(url: str) -> None:
    async with Database(url) as database:
        storage = SqlStorage(database)
        await storage.add_day(a_day(), [], [])
        await storage.engage(a_halt(), [a_new_entry()])


@pytest.mark.parametrize("words", [HAND, RUN], ids=["by-hand", "run"])
def test_nothing_is_begun_by_itself_while_a_day_is_halted(
    sqlite_stage: Stage, words: tuple[str, ...]
) -> None:
    anyio.run(_halt_a_day, sqlite_stage.database)

    called = sqlite_stage.call(*words)

    assert called.returncode == 4, called.stderr
    assert f"day {DAY} is halted (a real incident)" in called.stderr
    assert f"chaosday halt --release --day {DAY}" in called.stderr
    assert "it was done" not in called.stdout
