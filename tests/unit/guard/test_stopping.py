"""A run that is asked to stop writes nothing more, whether or not its conductor says so."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, cast

import anyio
import pytest

from orchestrator.domain.guarding import STOP, GuardAssignment
from orchestrator.domain.identity import RunId
from orchestrator.domain.run import Phase
from orchestrator.domain.undo import UndoState
from orchestrator.guard.asking import Questions, questions
from orchestrator.guard.commands import Commands
from orchestrator.guard.gate import Stage
from orchestrator.guard.refusals import NotLetThrough
from orchestrator.guard.remembering import RememberingJournal
from orchestrator.guard.upstream import Reply, Upstream
from orchestrator.guard.writing import Writing
from orchestrator.ports import UndoJournal
from tests.builders import DAY, RUN, a_halt, a_radius, a_run
from tests.doubles.storage import MemoryUndoJournal
from tests.doubles.worlds import a_new_entry, stored
from tests.unit.guard.one_object import OneObject, World, a_change, nothing, overtaken, states


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


async def begun(world: World) -> tuple[Writing, MemoryUndoJournal]:
    """A guard whose run is in its method, and which hears nothing of its conductor any more."""
    await stored(world.storage, a_run(phase=Phase.INJECTING))
    journal = MemoryUndoJournal(world.storage)
    world.gate.play()
    return world.writing(journal), journal


async def halt(world: World) -> None:
    await world.storage.engage(a_halt(), [a_new_entry()])


async def test_a_write_of_a_halted_run_is_refused_although_the_conductor_is_frozen() -> None:
    world = World()
    writing, journal = await begun(world)
    await halt(world)

    with pytest.raises(NotLetThrough, match="halted by Kim: a real incident") as refused:
        await writing.make(a_change())

    assert refused.value.rule == STOP
    assert world.gate.stage is Stage.ROLLBACK
    assert world.server.sent == 0
    assert await states(journal) == []


@dataclass
class SlowObject(OneObject):
    """An API server that takes its time for a dry run: something happens meanwhile."""

    meanwhile: Callable[[], Awaitable[None]] = nothing

    async def promise(self, data: dict[str, str]) -> Reply:
        await self.meanwhile()
        return await super().promise(data)


async def test_a_write_that_is_being_judged_while_the_day_is_halted_is_not_made() -> None:
    server = SlowObject()
    world = World(server=server)
    writing, journal = await begun(world)
    server.meanwhile = lambda: halt(world)

    with pytest.raises(NotLetThrough, match="a real incident"):
        await writing.make(a_change())

    assert server.sent == 0
    assert await states(journal) == []


async def test_a_halt_is_not_engaged_while_a_slow_server_has_a_write_in_hand() -> None:
    world = World()
    writing, journal = await begun(world)
    writers: list[list[str]] = []

    async def halted_meanwhile() -> None:
        await halt(world)
        writers.append(list(await world.storage.writing(DAY)))

    world.server.happens = halted_meanwhile
    await writing.make(a_change())
    writers.append(list(await world.storage.writing(DAY)))

    assert writers == [[RUN], []]
    assert await states(journal) == [UndoState.DONE]


async def test_rollbacks_of_a_halted_run_are_let_through() -> None:
    world = World()
    writing, journal = await begun(world)
    await writing.make(a_change())
    await halt(world)
    await world.gate.restrain()

    reply = await writing.make(a_change(to="before"))

    assert reply.is_success
    assert world.server.data == {"a": "before"}
    assert await states(journal) == [UndoState.DONE, UndoState.DONE]


@dataclass
class AnnotatedObject(OneObject):
    """An API server on which somebody annotates the object before each write of ours."""

    notes: int = 0

    def document(self, data: Mapping[str, str], version: int) -> dict[str, Any]:
        found = super().document(data, version)
        found["metadata"]["annotations"] = {"notes": str(self.notes)}
        return found

    async def write(self, data: dict[str, str]) -> Reply:  # noqa: ARG002
        self.sent += 1
        self.notes, self.version = self.notes + 1, self.version + 1
        await self.happens()
        return overtaken()


async def test_a_write_that_came_too_late_is_not_tried_again_once_the_run_is_to_stop() -> None:
    server = AnnotatedObject()
    world = World(server=server)
    writing, journal = await begun(world)

    async def halt_at_third() -> None:
        if server.sent == 3:
            await halt(world)

    server.happens = halt_at_third
    with pytest.raises(NotLetThrough) as refused, anyio.fail_after(4):
        await writing.make(a_change())

    assert refused.value.rule == STOP
    assert server.sent == 3
    assert await states(journal) == [UndoState.UNDONE]


async def test_a_command_that_goes_on_is_cut_off_when_the_run_is_to_stop() -> None:
    world = World()
    _, journal = await begun(world)

    with anyio.fail_after(5):
        async with (
            questions() as asking,
            anyio.create_task_group() as tasks,
            world.gate.until_turned(),
        ):
            commands = commands_of(world, journal, asking)
            await commands.heed_stop()
            await halt(world)
            tasks.start_soon(commands.heed_stop)
            await anyio.sleep_forever()

    assert world.gate.stage is Stage.ROLLBACK


@pytest.mark.parametrize("is_recovering", [True, False])
async def test_a_stop_opens_the_gate_to_nobody(is_recovering: bool) -> None:
    world = World()
    await stored(world.storage, a_run(phase=Phase.INJECTING))
    journal = MemoryUndoJournal(world.storage)
    if not is_recovering:
        world.gate.play()
        world.gate.close()
    await halt(world)

    async with questions() as asking:
        await commands_of(world, journal, asking).heed_stop()

    assert world.gate.stage is Stage.CLOSED


class ClosedMeanwhile(MemoryUndoJournal):
    """A journal that answers whether the run is to stop after an undo has closed the gate."""

    def __init__(self, world: World) -> None:
        super().__init__(world.storage)
        self._world = world

    async def is_stopped(self, run: RunId) -> bool:
        self._world.gate.close()
        return await super().is_stopped(run)


async def test_a_stop_does_not_open_a_gate_that_an_undo_closed_while_it_was_asked_for() -> None:
    world = World()
    await begun(world)
    await halt(world)

    async with questions() as asking:
        await commands_of(world, ClosedMeanwhile(world), asking).heed_stop()

    assert world.gate.stage is Stage.CLOSED


def commands_of(world: World, journal: UndoJournal, asking: Questions) -> Commands:
    return Commands(
        assignment=GuardAssignment(run=RUN, radius=a_radius()),
        upstream=cast("Upstream", world.server),
        journal=RememberingJournal(journal, world.ledger, asking),
        gate=world.gate,
    )
