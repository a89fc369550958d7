"""After restoring, the steady state is measured by whoever is there to measure it."""

import os
import signal
from pathlib import Path

import anyio

from orchestrator.ports import RunnerEnded, Sampled
from tests.integration.chaostoolkit.test_engine import (
    SOON,
    Ear,
    a_document,
    assigned,
    engine,
    marks,
    processes_in,
    runs_folder,
)

__all__ = ["marks", "runs_folder"]


def observers_in(folder: Path) -> list[int]:
    return [
        each
        for each in processes_in(folder)
        if b"observe" in Path(f"/proc/{each}/cmdline").read_bytes().split(b"\0")
    ]


async def test_whoever_takes_a_run_over_measures_when_it_is_asked_to(
    marks: Path,
    runs_folder: Path,
) -> None:
    ear = Ear()

    async with (
        engine().open(assigned(a_document(marks), recovering=True)) as execution,
        anyio.create_task_group() as tasks,
    ):
        tasks.start_soon(ear.listen, execution)
        await execution.undo()
        await execution.verify(patience=SOON)
        before = observers_in(runs_folder)
        await execution.measure()
        sampled = await ear.hears(Sampled)
        tasks.cancel_scope.cancel()

    assert before == []
    assert isinstance(sampled, Sampled)
    assert sampled.sample.within
    assert not processes_in(runs_folder)


async def test_observer_that_was_killed_is_replaced_by_another(
    marks: Path,
    runs_folder: Path,
) -> None:
    ear = Ear()

    async with (
        engine().open(assigned(a_document(marks))) as execution,
        anyio.create_task_group() as tasks,
    ):
        tasks.start_soon(ear.listen, execution)
        await ear.hears(Sampled)
        (observer,) = observers_in(runs_folder)
        os.kill(observer, signal.SIGKILL)
        await ear.hears(RunnerEnded)
        ear.heard.clear()
        await execution.measure()
        await ear.hears(Sampled)
        replaced = observers_in(runs_folder)
        tasks.cancel_scope.cancel()

    assert observer not in replaced
    assert len(replaced) == 1
    assert not processes_in(runs_folder)


async def test_observer_that_is_frozen_is_replaced_when_it_is_asked_for_anew(
    marks: Path,
    runs_folder: Path,
) -> None:
    ear = Ear()

    async with (
        engine().open(assigned(a_document(marks))) as execution,
        anyio.create_task_group() as tasks,
    ):
        tasks.start_soon(ear.listen, execution)
        await ear.hears(Sampled)
        (observer,) = observers_in(runs_folder)
        os.kill(observer, signal.SIGSTOP)
        while ear.heard:
            # Whatever it said before is heard by then.
            ear.heard.clear()
            await anyio.wait_all_tasks_blocked()
        await execution.measure(anew=True)
        await ear.hears(Sampled)
        replaced = observers_in(runs_folder)
        tasks.cancel_scope.cancel()

    assert len(replaced) == 1
    assert observer not in replaced
    # Nobody is told that the one that was replaced has ended.
    assert not any(isinstance(each, RunnerEnded) for each in ear.heard)
