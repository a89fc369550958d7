"""What is shown while a day goes on outlives a database that is out for a moment."""

from types import SimpleNamespace
from typing import cast

import anyio
import pytest

from orchestrator.cli.following import followed
from orchestrator.wiring import Services
from tests.builders import DAY, a_day, a_run
from tests.doubles.clock import TestClock
from tests.doubles.storage import MemoryStorage
from tests.doubles.worlds import a_new_entry, stored


async def test_entries_are_shown_once_the_database_answers_again(
    capsys: pytest.CaptureFixture[str],
) -> None:
    storage = MemoryStorage()
    await stored(storage, a_run(), day=a_day())
    storage.outages["timeline"] = 1
    services = cast("Services", SimpleNamespace(storage=storage, clock=TestClock()))
    shown = ""

    with anyio.fail_after(10):
        async with followed(services, DAY, quiet=False):
            while storage.outages["timeline"]:  # noqa: ASYNC110 - the double rings no bell
                await anyio.sleep(0.005)
            await storage.append([a_new_entry()])
            while a_new_entry().text not in shown:
                await anyio.sleep(0.005)
                shown += capsys.readouterr().err


async def test_a_day_that_is_done_is_not_lost_because_its_last_entries_cannot_be_read() -> None:
    storage = MemoryStorage()
    await stored(storage, a_run(), day=a_day())
    services = cast("Services", SimpleNamespace(storage=storage, clock=TestClock()))

    with anyio.fail_after(10):
        async with followed(services, DAY, quiet=False):
            await anyio.wait_all_tasks_blocked()
            storage.outages["timeline"] = 1

    assert storage.outages["timeline"] == 0
