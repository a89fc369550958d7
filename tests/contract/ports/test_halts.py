"""A halt latches, and no run slips past it."""

from contextlib import suppress
from dataclasses import replace
from functools import partial

import anyio
import pytest

from orchestrator.domain.day import DayState
from orchestrator.domain.errors import Conflict, DayHalted
from orchestrator.domain.identity import ORCHESTRATOR, DayId, RunId
from orchestrator.domain.run import Move, Phase, Run
from orchestrator.domain.undo import UndoState, Verb
from orchestrator.ports import Storage
from tests.builders import DAY, RUN, a_day, a_halt, a_run, an_undo_record, at
from tests.contract.ports.conftest import Store
from tests.doubles.worlds import LONG, ME, a_new_entry, moved, some_runs, stored


async def flag_of(storage: Storage, run: Run) -> str | None:
    taken = await storage.take(run, worker=ME, lease=LONG)
    return (await storage.renew(taken, worker=ME, lease=LONG)).stop


@pytest.mark.parametrize("phase", [Phase.ARMED, Phase.INJECTING, Phase.HOLDING])
async def test_a_halt_asks_whatever_runs_or_may_start_to_stop(
    storage: Storage, phase: Phase
) -> None:
    run = a_run(phase=phase)
    await stored(storage, run)

    await storage.engage(a_halt(), [a_new_entry()])

    assert await flag_of(storage, run) == "halted by Kim: a real incident"


async def test_a_halt_of_one_day_leaves_another_alone(storage: Storage) -> None:
    elsewhere = a_run(id=RunId("elsewhere"), day=DayId("day-2"), phase=Phase.HOLDING)
    await stored(storage)
    await stored(storage, elsewhere, day=a_day(id=DayId("day-2")))

    await storage.engage(a_halt(), [a_new_entry()])

    assert await storage.halt(DayId("day-2")) is None
    assert await flag_of(storage, elsewhere) is None


async def test_a_second_halt_leaves_the_first_in_force_and_is_recorded(storage: Storage) -> None:
    await stored(storage)

    await storage.engage(a_halt(reason="first"), [a_new_entry()])
    await storage.engage(a_halt(reason="second"), [a_new_entry()])

    halt = await storage.halt(DAY)
    assert halt is not None
    assert halt.reason == "first"
    assert len(await storage.timeline(DAY)) == 2


async def test_a_released_halt_is_no_longer_in_force_and_cannot_be_released_again(
    storage: Storage,
) -> None:
    await stored(storage)
    await storage.engage(a_halt(), [a_new_entry()])
    released = a_halt(released_at=at(50), released_by="Kim")

    await storage.release_halt(released, [a_new_entry()])
    with pytest.raises(Conflict, match="is not halted"):
        await storage.release_halt(released, [a_new_entry()])

    assert await storage.halt(DAY) is None
    assert len(await storage.timeline(DAY)) == 2


async def test_a_released_day_can_be_halted_again(storage: Storage) -> None:
    await stored(storage)
    await storage.engage(a_halt(), [a_new_entry()])
    await storage.release_halt(a_halt(released_at=at(50)), [a_new_entry()])

    await storage.engage(a_halt(reason="again", engaged_at=at(60)), [a_new_entry()])

    halt = await storage.halt(DAY)
    assert halt is not None
    assert halt.reason == "again"


async def test_releasing_a_halt_takes_back_its_own_flags_only(storage: Storage) -> None:
    halted, aborted = some_runs(2, phase=Phase.ARMED)
    await stored(storage, halted, aborted)
    await storage.request_stop(aborted.id, reason="aborted by Kim: not today")
    await storage.engage(a_halt(), [a_new_entry()])
    # The reasons of a halt that came second are its own, too.
    await storage.engage(a_halt(reason="another"), [a_new_entry()])

    await storage.release_halt(a_halt(released_at=at(50)), [a_new_entry()])

    assert await flag_of(storage, halted) is None
    assert await flag_of(storage, aborted) == "aborted by Kim: not today"


async def test_an_abort_that_is_asked_for_while_the_day_is_halted_outlasts_the_halt(
    storage: Storage,
) -> None:
    run = a_run(phase=Phase.ARMED)
    await stored(storage, run)
    await storage.engage(a_halt(), [a_new_entry()])

    await storage.request_stop(run.id, reason="aborted by Kim: not today")
    await storage.engage(a_halt(reason="another"), [a_new_entry()])
    await storage.release_halt(a_halt(released_at=at(50)), [a_new_entry()])

    assert await flag_of(storage, run) == "aborted by Kim: not today"


async def test_a_halt_holds_and_is_released_while_runs_move(
    storage: Storage, others: Storage
) -> None:
    """Whoever locks day and runs in another order than the others is ended by the database."""
    days = [DayId(f"day-{i}") for i in range(12)]
    for day in days:
        run = a_run(id=RunId(f"run of {day}"), day=day, phase=Phase.INJECTING)
        await stored(storage, run, day=a_day(id=day))
        held, _ = run.advance(Move.HOLD, by=ORCHESTRATOR, at=at(60))

        async with anyio.create_task_group() as tasks:
            hold = partial(storage.move, held, was=run, entries=[a_new_entry(day=day)])
            tasks.start_soon(hold)
            tasks.start_soon(others.engage, a_halt(day=day), [a_new_entry(day=day)])
        assert await others.halt(day) is not None

        back, _ = held.advance(Move.ABORT, by=ORCHESTRATOR, at=at(61))
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(partial(storage.move, back, was=held, entries=[a_new_entry(day=day)]))
            released = a_halt(day=day, released_at=at(62))
            tasks.start_soon(others.release_halt, released, [a_new_entry(day=day)])
        assert await others.halt(day) is None


async def test_what_of_a_halted_day_still_writes_is_known(store: Store) -> None:
    """A write without its end counts, and a command, until its run has left the method."""
    quiet, writing, running, armed = some_runs(4, phase=Phase.HOLDING)
    writing = replace(writing, phase=Phase.INJECTING)
    armed = replace(armed, phase=Phase.ARMED)
    await stored(store.storage, quiet, writing, running, armed)
    made = await store.journal.intend(an_undo_record(run=quiet.id), fence=0)
    refused = await store.journal.intend(an_undo_record(run=quiet.id, verb=Verb.EXEC), fence=0)
    await store.journal.settle(replace(made, state=UndoState.DONE))
    await store.journal.settle(replace(refused, state=UndoState.UNDONE))
    under_way = await store.journal.intend(an_undo_record(run=writing.id), fence=0)
    command = await store.journal.intend(an_undo_record(run=running.id, verb=Verb.EXEC), fence=0)
    await store.journal.settle(replace(command, state=UndoState.DONE))
    before = await store.others.writing(DAY)

    await store.storage.engage(a_halt(), [a_new_entry()])
    halted = await store.others.writing(DAY)
    await store.journal.settle(replace(under_way, state=UndoState.DONE))
    settled = await store.others.writing(DAY)
    await moved(store.storage, running, Move.ABORT)

    assert before == [quiet.id, writing.id, running.id]
    assert halted == [writing.id, running.id]
    assert settled == [running.id]
    assert await store.others.writing(DAY) == []


async def test_a_write_of_a_method_counts_until_it_is_settled_while_its_run_rolls_back(
    store: Store,
) -> None:
    """A guard that waits for a slow API server is not waited for, and its write may still come."""
    (run,) = some_runs(1, phase=Phase.HOLDING)
    await stored(store.storage, run)
    sent = await store.journal.intend(an_undo_record(run=run.id, at=at(50)), fence=0)
    await store.storage.engage(a_halt(), [a_new_entry()])

    await moved(store.storage, run, Move.ABORT)
    left_over = await store.others.writing(DAY)
    later = an_undo_record(run=run.id, at=at(61))
    undoing = await store.journal.intend(later, fence=0, of_method=False)
    await store.journal.settle(replace(sent, state=UndoState.DONE))

    assert undoing.state is UndoState.INTENT
    assert left_over == [run.id]
    assert await store.others.writing(DAY) == []


async def test_why_runs_are_to_stop_is_known_to_other_processes(
    storage: Storage, others: Storage
) -> None:
    halted, aborted, free = some_runs(3, phase=Phase.HOLDING)
    free = replace(free, day=DayId("day-2"))
    await stored(storage, halted, aborted)
    await stored(storage, free, day=a_day(id=DayId("day-2")))

    await storage.request_stop(aborted.id, reason="aborted by Kim: not today")
    await storage.engage(a_halt(), [a_new_entry()])

    assert await others.stops([halted.id, aborted.id, free.id, RunId("nothing")]) == {
        halted.id: "halted by Kim: a real incident",
        aborted.id: "aborted by Kim: not today",
    }
    assert await others.stops([free.id]) == {}


async def test_no_run_starts_on_a_halted_day(storage: Storage) -> None:
    armed = a_run(phase=Phase.ARMED)
    await stored(storage, armed)
    await storage.engage(a_halt(), [a_new_entry()])

    with pytest.raises(DayHalted, match="a real incident"):
        await moved(storage, armed, Move.START)

    assert await storage.run(RUN) == armed


@pytest.mark.parametrize("halt_is_first", [True, False])
async def test_a_run_that_starts_while_the_day_is_halted_is_refused_or_flagged(
    storage: Storage, others: Storage, halt_is_first: bool
) -> None:
    runs = [
        a_run(id=RunId(f"run-{i}"), day=DayId(f"day-{i}"), phase=Phase.ARMED) for i in range(10)
    ]
    started: list[Run] = []

    async def start(run: Run) -> None:
        after, _ = run.advance(Move.START, by=ORCHESTRATOR, at=at(60))
        with suppress(DayHalted):
            await storage.move(after, was=run, entries=[a_new_entry(day=run.day)])
            started.append(after)

    async def halt(run: Run) -> None:
        await others.engage(a_halt(day=run.day), [a_new_entry(day=run.day)])

    for run in runs:
        await stored(storage, run, day=a_day(id=run.day))
        async with anyio.create_task_group() as tasks:
            for step in (halt, start) if halt_is_first else (start, halt):
                tasks.start_soon(step, run)

    for run in started:
        assert await flag_of(storage, run), f"{run.id} started and nobody told it to stop"


async def test_the_halts_that_count_elsewhere_are_those_of_open_days(storage: Storage) -> None:
    states = {"open": DayState.OPEN, "closed": DayState.CLOSED, "planned": DayState.PLANNED}
    for name, state in {**states, "released": DayState.OPEN, "quiet": DayState.OPEN}.items():
        await stored(storage, day=a_day(id=DayId(name), state=state))
        if name != "quiet":
            await storage.engage(a_halt(day=DayId(name)), [a_new_entry(day=DayId(name))])
    released = a_halt(day=DayId("released"), released_at=at(50))
    await storage.release_halt(released, [a_new_entry(day=DayId("released"))])

    assert await storage.halts() == [a_halt(day=DayId("open"))]
