"""A lease is sure to last from the moment on at which it was asked for."""

from datetime import timedelta
from typing import cast

import anyio
import pytest

from orchestrator.domain.identity import WorkerId
from orchestrator.domain.run import Run
from orchestrator.ports import Held, Storage
from orchestrator.services.leasing import Lease
from orchestrator.services.recording import Recording
from tests.builders import a_run
from tests.doubles.clock import TestClock
from tests.doubles.worlds import ME
from tests.unit.services.house import PATIENCE

LASTS = 0.12
"""Units: seconds."""


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


class Slow:
    """A storage that renews at once, and takes ever so long to say so."""

    def __init__(self) -> None:
        self.lease: Lease
        self.was_lost: list[bool] = []
        """Whether the lease was given up by the time of each answer."""
        self.answered_twice = anyio.Event()

    async def renew(self, run: Run, *, worker: WorkerId, lease: timedelta) -> Held:  # noqa: ARG002
        # The second answer comes when the first renewal is over, counted from when it was asked
        # for, and would not be, counted from its answer.
        await anyio.sleep(LASTS * (0.5 if self.was_lost else 0.9))
        self.was_lost.append(self.lease.is_lost)
        if len(self.was_lost) == 2:
            self.answered_twice.set()
        return Held(stop=None)


async def test_the_time_that_an_answer_takes_is_no_part_of_the_lease() -> None:
    storage, clock = Slow(), TestClock()
    storage.lease = Lease(
        a_run(),
        worker=ME,
        storage=cast("Storage", storage),
        clock=clock,
        recording=Recording(clock=clock),
        lasts=timedelta(seconds=LASTS),
    )

    with anyio.fail_after(PATIENCE):
        async with storage.lease.kept():
            await storage.answered_twice.wait()

    assert storage.was_lost == [False, True]
