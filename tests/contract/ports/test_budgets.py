"""No two runs hold more of a day's budget than there is, and what a run held is given back."""

from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from fractions import Fraction

import anyio
import pytest

from orchestrator.domain.day_budget import DayBudget, Reservation
from orchestrator.domain.errors import BudgetExhausted, LeaseLost
from orchestrator.domain.identity import DayId, RunId
from orchestrator.domain.run import Finding, Phase
from orchestrator.domain.undo import UndoState
from orchestrator.ports import Storage
from tests.builders import DAY, RUN, a_day, a_run, an_undo_record, at
from tests.contract.ports.conftest import Store
from tests.doubles.worlds import LONG, ME, SOMEBODY, some_runs, stored

FOUR = DayBudget(most_objects=4)


def a_part(run: RunId = RUN, objects: int = 3, **changes: object) -> Reservation:
    return Reservation(run=run, objects=objects, **changes)  # type: ignore[arg-type]


async def test_a_reservation_comes_back_as_it_was(storage: Storage) -> None:
    run = a_run(phase=Phase.ARMED)
    await stored(storage, run)
    part = a_part(
        targets=frozenset({"deployments/shop/payment"}),
        share=Fraction(1, 3),
        node_share=Fraction(1, 7),
        shares={"deployments/shop/payment": Fraction(1, 3)},
    )

    await storage.reserve(run, part, budget=FOUR)

    assert await storage.reservations(DAY) == [part]


async def test_a_run_that_does_not_fit_is_told_why_and_holds_nothing(storage: Storage) -> None:
    first, second = some_runs(2, phase=Phase.ARMED)
    await stored(storage, first, second)
    await storage.reserve(first, a_part(first.id), budget=FOUR)

    with pytest.raises(BudgetExhausted, match="6 objects would be touched at once, 4 are allowed"):
        await storage.reserve(second, a_part(second.id), budget=FOUR)

    assert [part.run for part in await storage.reservations(DAY)] == [first.id]


async def test_a_run_reserves_again_in_the_place_of_what_it_held(storage: Storage) -> None:
    run = a_run(phase=Phase.ARMED)
    await stored(storage, run)
    await storage.reserve(run, a_part(objects=4), budget=FOUR)

    await storage.reserve(run, a_part(objects=2), budget=FOUR)

    assert [part.objects for part in await storage.reservations(DAY)] == [2]


@pytest.mark.parametrize("phase", list(Phase))
async def test_a_part_is_held_until_nothing_more_is_touched(storage: Storage, phase: Phase) -> None:
    first, second = some_runs(2, phase=Phase.ARMED)
    await stored(storage, first, second)
    await storage.reserve(first, a_part(first.id), budget=FOUR)
    ended = a_run(id=first.id, phase=phase, finding=Finding.HELD, planned_at=first.planned_at)
    await storage.move(ended, was=first, entries=[])

    is_held = phase not in {Phase.CONCLUDED, Phase.CANCELLED}
    assert bool(await storage.reservations(DAY)) is is_held
    if not is_held:
        await storage.reserve(second, a_part(second.id), budget=FOUR)


async def test_a_run_that_was_taken_over_reserves_nothing(storage: Storage) -> None:
    await stored(storage, a_run(phase=Phase.ARMED))
    over = timedelta(seconds=-1)
    mine = await storage.claim(worker=ME, now=at(10), lease=over)
    await storage.claim(worker=SOMEBODY, now=at(10), lease=LONG)
    assert mine is not None

    with pytest.raises(LeaseLost):
        await storage.reserve(mine, a_part(), budget=FOUR)

    assert await storage.reservations(DAY) == []


async def test_another_day_has_a_budget_of_its_own(storage: Storage) -> None:
    here = a_run(phase=Phase.ARMED)
    there = a_run(id=RunId("there"), day=DayId("day-2"), phase=Phase.ARMED)
    await stored(storage, here)
    await stored(storage, there, day=a_day(id=DayId("day-2")))

    await storage.reserve(here, a_part(), budget=FOUR)
    await storage.reserve(there, a_part(there.id), budget=FOUR)

    assert [part.run for part in await storage.reservations(DayId("day-2"))] == [there.id]


async def test_what_two_runs_touch_counts_once(store: Store) -> None:
    first, second = some_runs(2, phase=Phase.ARMED)
    await stored(store.storage, first, second)
    await store.storage.reserve(first, a_part(first.id, objects=2), budget=FOUR)
    record = await store.journal.intend(
        an_undo_record(run=first.id, lost=("pods/shop/payment-1",)), fence=0
    )
    unmade = await store.journal.intend(
        an_undo_record(run=first.id, lost=("pods/shop/x",)), fence=0
    )
    await store.journal.settle(replace(unmade, state=UndoState.UNDONE))

    (part,) = await store.storage.reservations(DAY)
    assert part.targets == {record.ref.key, "pods/shop/payment-1"}
    await store.storage.reserve(
        second, a_part(second.id, objects=4, targets=part.targets), budget=FOUR
    )


async def test_runs_that_reserve_at_once_never_hold_more_than_there_is(
    storage: Storage, others: Storage
) -> None:
    runs = some_runs(12, phase=Phase.ARMED)
    await stored(storage, *runs)
    held: list[RunId] = []

    async def reserve(run_id: RunId, seen: Storage) -> None:
        with suppress(BudgetExhausted):
            run = await seen.run(run_id)
            await seen.reserve(run, a_part(run_id, objects=1), budget=FOUR)
            held.append(run_id)

    async with anyio.create_task_group() as tasks:
        for number, run in enumerate(runs):
            tasks.start_soon(reserve, run.id, (storage, others)[number % 2])

    assert len(held) == 4
    assert {part.run for part in await storage.reservations(DAY)} == set(held)
