"""Who may write when."""

from datetime import datetime, timedelta

import anyio
import pytest

from orchestrator.domain.blast_radius import Denied
from orchestrator.guard.gate import ROLLBACKS, Gate, MayNotPlay, Stage
from tests.builders import at


class HandClock:
    """A clock that is set by hand."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def now(self) -> datetime:
        return at(self.seconds)


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
def clock() -> HandClock:
    return HandClock()


@pytest.fixture
def gate(clock: HandClock) -> Gate:
    return Gate(clock=clock, longest=timedelta(seconds=60), recovering=False)


def rule(gate: Gate) -> str:
    denied = gate.denied()
    return denied.rule if isinstance(denied, Denied) else ""


def test_gate_is_closed_until_the_method_plays(gate: Gate) -> None:
    assert rule(gate) == "stage"

    gate.play()

    assert rule(gate) == ""


def test_method_writes_no_longer_than_allowed(gate: Gate, clock: HandClock) -> None:
    gate.play()
    clock.seconds = 61

    assert rule(gate) == "longest"


async def test_rollbacks_may_write_when_the_time_is_over(gate: Gate, clock: HandClock) -> None:
    gate.play()
    clock.seconds = 61
    await gate.restrain()

    assert rule(gate) == ""
    assert gate.stage is Stage.ROLLBACK


def command_rule(gate: Gate) -> str:
    denied = gate.denied_command()
    return denied.rule if isinstance(denied, Denied) else ""


async def test_rollbacks_run_commands_for_a_time_that_no_second_restraint_prolongs(
    gate: Gate, clock: HandClock
) -> None:
    gate.play()
    clock.seconds = 61
    assert command_rule(gate) == "longest"

    await gate.restrain()
    assert command_rule(gate) == "rollback"
    gate.roll_back()
    assert command_rule(gate) == ""

    clock.seconds = 61 + ROLLBACKS.total_seconds() - 1
    await gate.restrain()
    assert command_rule(gate) == ""

    clock.seconds = 61 + ROLLBACKS.total_seconds()
    await gate.restrain()
    assert command_rule(gate) == "longest"
    assert rule(gate) == ""


async def test_a_guard_that_only_restores_has_no_method_to_wait_for(clock: HandClock) -> None:
    gate = Gate(clock=clock, longest=timedelta(seconds=60), recovering=True)
    await gate.restrain()

    assert command_rule(gate) == ""


async def test_the_word_that_the_method_has_ended_opens_nothing_by_itself(gate: Gate) -> None:
    gate.roll_back()

    assert command_rule(gate) == "stage"


async def test_a_command_of_the_rollbacks_is_cut_off_when_their_time_is_over(
    gate: Gate, clock: HandClock
) -> None:
    await gate.restrain()
    clock.seconds = ROLLBACKS.total_seconds() - 0.01

    with anyio.fail_after(5):
        async with gate.until_turned():
            await anyio.sleep_forever()


async def test_method_is_let_loose_once_and_never_after_a_restraint(gate: Gate) -> None:
    await gate.restrain()

    with pytest.raises(MayNotPlay):
        gate.play()


def test_method_is_not_let_loose_twice(gate: Gate) -> None:
    gate.play()

    with pytest.raises(MayNotPlay):
        gate.play()


def test_closed_gate_never_plays(gate: Gate) -> None:
    gate.close()

    with pytest.raises(MayNotPlay):
        gate.play()


async def test_restraint_waits_for_the_write_on_its_way(gate: Gate) -> None:
    gate.play()
    story: list[str] = []

    async def restrain() -> None:
        await gate.restrain()
        story.append("restrained")

    async with anyio.create_task_group() as tasks, gate.passing():
        tasks.start_soon(restrain)
        while gate.stage is not Stage.ROLLBACK:
            await anyio.lowlevel.checkpoint()
        await anyio.lowlevel.checkpoint()
        story.append("written")

    assert story == ["written", "restrained"]


def test_recovering_gate_never_plays(clock: HandClock) -> None:
    gate = Gate(clock=clock, longest=timedelta(seconds=60), recovering=True)

    with pytest.raises(MayNotPlay):
        gate.play()


async def test_closing_holds_at_once_and_waits_for_the_write_on_its_way(gate: Gate) -> None:
    gate.play()
    story: list[str] = []

    async def close() -> None:
        async with gate.closed():
            story.append("closed")

    async with anyio.create_task_group() as tasks, gate.passing():
        tasks.start_soon(close)
        while gate.stage is not Stage.CLOSED:
            await anyio.lowlevel.checkpoint()
        await anyio.lowlevel.checkpoint()
        story.append("written")

    assert story == ["written", "closed"]
