"""A guard that is left alone, with a database that hangs or a cluster that is out for long."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta
from typing import Any, cast

import anyio
import pytest

from orchestrator.domain.errors import ClusterUnavailable, Unavailable
from orchestrator.domain.guarding import GuardAssignment
from orchestrator.domain.run import Phase
from orchestrator.domain.undo import UndoRecord, UndoState
from orchestrator.guard.asking import questions
from orchestrator.guard.commands import Commands
from orchestrator.guard.remembering import RememberingJournal
from orchestrator.guard.upstream import Reply, Upstream
from tests.builders import RUN, a_radius, a_run
from tests.doubles.storage import MemoryStorage, MemoryUndoJournal
from tests.doubles.worlds import stored
from tests.unit.guard.one_object import OneObject, World, a_change, states

MOMENT = timedelta(milliseconds=60)
"""How long the guards here wait for their database."""


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


class Hanging(MemoryUndoJournal):
    """A journal whose database takes what is asked and does not answer, until it goes on."""

    def __init__(self, storage: MemoryStorage) -> None:
        super().__init__(storage)
        self._goes = anyio.Event()
        self._goes.set()
        self.asked = 0

    def hang(self) -> None:
        self._goes = anyio.Event()

    def go_on(self) -> None:
        self._goes.set()

    async def _answered(self) -> None:
        self.asked += 1
        with anyio.CancelScope(shield=not self._goes.is_set()):
            await self._goes.wait()

    async def is_held(self, *args: Any, **more: Any) -> bool:
        await self._answered()
        return await super().is_held(*args, **more)

    async def is_free(self, *args: Any) -> bool:
        await self._answered()
        return await super().is_free(*args)

    async def intend(self, *args: Any, **more: Any) -> UndoRecord:
        await self._answered()
        return await super().intend(*args, **more)

    async def settle(self, record: UndoRecord) -> None:
        await self._answered()
        await super().settle(record)

    async def records(self, *args: Any) -> Any:
        await self._answered()
        return await super().records(*args)


class Restorable(OneObject):
    """An API server that takes what an undo sends, and may be out."""

    is_out = False
    refused = 0

    async def send(self, method: str, path: str, **more: Any) -> Reply:
        self._check()
        return await super().send(method, path, **more)

    async def read(self, path: str) -> Any:
        self._check()
        return await super().read(path)

    def _check(self) -> None:
        if self.is_out:
            self.refused += 1
            raise ClusterUnavailable(cluster="double", problem="no answer")


class Left:
    """A guard that has made one write, and whose conductor is gone."""

    def __init__(self, world: World, journal: Hanging, remembering: RememberingJournal) -> None:
        self.world = world
        self.journal = journal
        self.remembering = remembering
        self.commands = Commands(
            assignment=GuardAssignment(run=RUN, radius=a_radius()),
            upstream=cast("Upstream", world.server),
            journal=remembering,
            gate=world.gate,
        )

    @property
    def server(self) -> Restorable:
        assert isinstance(self.world.server, Restorable)
        return self.world.server

    @property
    def is_restored(self) -> bool:
        return self.server.data == {"a": "before"}

    async def until_restored(self) -> None:
        while not self.is_restored:  # noqa: ASYNC110 - the double's data rings no bell
            await anyio.sleep(0.005)


@asynccontextmanager
async def left() -> AsyncIterator[Left]:
    world = World(server=Restorable())
    await stored(world.storage, a_run(phase=Phase.HOLDING))
    journal = Hanging(world.storage)
    world.gate.play()
    with anyio.fail_after(8):
        async with questions(patience=MOMENT) as asking:
            remembering = RememberingJournal(journal, world.ledger, asking)
            try:
                assert (await world.writing(remembering).make(a_change())).is_success
                yield Left(world, journal, remembering)
            finally:
                journal.go_on()


async def test_a_guard_puts_back_from_memory_while_its_database_hangs_and_the_journal_agrees() -> (
    None
):
    async with left() as guard, anyio.create_task_group() as tasks:
        guard.journal.hang()
        tasks.start_soon(guard.commands.undo_alone)
        await guard.until_restored()
        assert guard.remembering.owes
        guard.journal.go_on()

    assert await states(guard.journal) == [UndoState.UNDONE]


async def test_nobody_waits_for_a_database_while_a_question_to_it_hangs() -> None:
    async with left() as guard:
        guard.journal.hang()
        with pytest.raises(Unavailable, match="did not answer"):
            await guard.remembering.is_held(RUN, fence=1, grace=timedelta())
        asked, begun = guard.journal.asked, anyio.current_time()

        for _ in range(20):
            with pytest.raises(Unavailable, match="did not answer"):
                await guard.remembering.is_held(RUN, fence=1, grace=timedelta())

        assert guard.journal.asked == asked
        assert anyio.current_time() - begun < MOMENT.total_seconds() * 10
        guard.journal.go_on()
        await anyio.wait_all_tasks_blocked()
        assert await guard.remembering.is_held(RUN, fence=0, grace=timedelta())


async def test_a_write_that_waits_for_a_hanging_database_does_not_hold_up_the_undo() -> None:
    async with left() as guard, anyio.create_task_group() as tasks:
        writing = guard.world.writing(guard.remembering)
        refused: list[Unavailable] = []

        async def write() -> None:
            try:
                await writing.make(a_change(to="again"))
            except Unavailable as error:
                refused.append(error)

        guard.journal.hang()
        tasks.start_soon(write)
        await anyio.wait_all_tasks_blocked()
        tasks.start_soon(guard.commands.undo_alone)
        await guard.until_restored()
        assert refused
        guard.journal.go_on()

    # The intent was stored once nobody waited for it any more; its write was not made.
    assert await states(guard.journal) == [UndoState.UNDONE, UndoState.UNDONE]
    assert guard.is_restored


async def test_an_older_state_never_comes_after_a_newer_one() -> None:
    async with left() as guard:
        (record,) = await guard.journal.records(RUN)
        guard.journal.hang()
        await guard.remembering.settle(replace(record, note="first"))
        await guard.remembering.settle(replace(record, note="second"))
        guard.journal.go_on()
        await anyio.wait_all_tasks_blocked()

        assert [each.note for each in await guard.journal.records(RUN)] == ["second"]


async def test_a_guard_alone_tries_at_least_once_however_long_a_write_was_on_its_way() -> None:
    async with left() as guard:
        patience = timedelta(milliseconds=20)

        async def slow_write() -> None:
            with anyio.CancelScope(shield=True):
                async with guard.world.gate.passing():
                    await anyio.sleep(patience.total_seconds() * 5)

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(slow_write)
            await anyio.wait_all_tasks_blocked()
            restoration = await guard.commands.undo_alone(patience)

        assert restoration.is_proven
        assert guard.is_restored


async def test_a_guard_alone_goes_on_while_the_cluster_is_out_and_nobody_holds_the_run() -> None:
    async with left() as guard, anyio.create_task_group() as tasks:
        guard.server.is_out = True
        tasks.start_soon(guard.commands.undo_alone, timedelta())
        while guard.server.refused < 3:  # noqa: ASYNC110 - the double rings no bell
            await anyio.sleep(0.005)
        guard.server.is_out = False
        await guard.until_restored()


async def test_a_guard_leaves_a_cluster_that_is_out_to_whoever_holds_the_run() -> None:
    async with left() as guard:
        guard.server.is_out = True
        guard.world.storage.steal(RUN)

        restoration = await guard.commands.undo_alone(timedelta())

        assert not restoration.is_proven


async def test_a_guard_alone_does_not_try_for_ever() -> None:
    async with left() as guard:
        guard.server.is_out = True
        at_most = timedelta(milliseconds=300)

        restoration = await guard.commands.undo_alone(timedelta(), at_most=at_most)

        assert restoration.pending
