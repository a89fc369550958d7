"""Who may act on a run: claims, leases, fences and flags."""

from dataclasses import replace
from datetime import timedelta

import anyio
import pytest

from orchestrator.domain.day import DayState
from orchestrator.domain.errors import Conflict, LeaseLost
from orchestrator.domain.identity import DayId, RunId, WorkerId
from orchestrator.domain.run import Move, Phase, Run
from orchestrator.ports import Storage
from tests.builders import DAY, RUN, a_day, a_halt, a_run, at
from tests.doubles.worlds import (
    LONG,
    ME,
    OVER,
    SOMEBODY,
    a_new_entry,
    moved,
    some_runs,
    stored,
)

UNFINISHED = [Phase.INJECTING, Phase.HOLDING, Phase.ROLLING_BACK, Phase.VERIFYING]
ARMED = a_run(phase=Phase.ARMED)


async def claimed(storage: Storage, *, lease: timedelta = LONG, by: WorkerId = ME) -> Run:
    run = await storage.claim(worker=by, now=at(100), lease=lease)
    assert run is not None
    return run


async def test_a_move_by_an_earlier_holder_is_lost(storage: Storage, others: Storage) -> None:
    await stored(storage, ARMED)
    mine = await claimed(storage, lease=OVER)
    theirs = await claimed(others, by=SOMEBODY)

    with pytest.raises(LeaseLost):
        await moved(storage, mine, Move.START)

    assert await storage.run(RUN) == theirs
    assert await storage.timeline(DAY) == []


async def test_a_move_from_another_phase_is_a_conflict(storage: Storage) -> None:
    await stored(storage, ARMED)
    await moved(storage, ARMED, Move.CANCEL)

    with pytest.raises(Conflict, match="cancelled, no longer armed"):
        await moved(storage, ARMED, Move.START)

    assert (await storage.run(RUN)).phase is Phase.CANCELLED
    assert len(await storage.timeline(DAY)) == 1


async def test_each_claim_raises_the_fence(storage: Storage) -> None:
    await stored(storage, ARMED)

    fences = [(await claimed(storage, lease=OVER)).fence for _ in range(3)]

    assert fences == [1, 2, 3]
    assert (await storage.run(RUN)).fence == 3


async def test_a_run_is_claimed_when_it_is_due_and_not_before(storage: Storage) -> None:
    await stored(storage, replace(ARMED, planned_at=at(10)))

    assert await storage.claim(worker=ME, now=at(9.999), lease=LONG) is None
    assert await storage.claim(worker=ME, now=at(10), lease=LONG) is not None


@pytest.mark.parametrize("phase", sorted(set(Phase) - {Phase.ARMED, *UNFINISHED}))
async def test_a_run_that_is_neither_armed_nor_unfinished_is_never_claimed(
    storage: Storage, phase: Phase
) -> None:
    await stored(storage, a_run(phase=phase))

    assert await storage.claim(worker=ME, now=at(100), lease=LONG) is None


@pytest.mark.parametrize("state", [DayState.PLANNED, DayState.CLOSED])
async def test_a_run_of_a_day_that_is_not_open_is_not_claimed(
    storage: Storage, state: DayState
) -> None:
    await stored(storage, ARMED, day=a_day(state=state))

    assert await storage.claim(worker=ME, now=at(100), lease=LONG) is None
    assert await storage.next_due() is None


async def test_a_run_of_a_halted_day_is_not_claimed_until_the_halt_is_released(
    storage: Storage,
) -> None:
    await stored(storage, ARMED)
    await storage.engage(a_halt(), [a_new_entry()])
    assert await storage.claim(worker=ME, now=at(100), lease=LONG) is None
    assert await storage.next_due() is None

    await storage.release_halt(a_halt(released_at=at(30)), [a_new_entry()])

    assert await storage.next_due() == at(0)
    assert await storage.claim(worker=ME, now=at(100), lease=LONG) is not None


async def test_only_the_runs_of_the_day_asked_for_are_started(storage: Storage) -> None:
    await stored(storage, ARMED)

    assert await storage.claim(worker=ME, now=at(100), lease=LONG, day=DayId("another")) is None
    assert await storage.next_due(DayId("another")) is None
    assert await storage.next_due(DAY) == at(0)
    assert await storage.claim(worker=ME, now=at(100), lease=LONG, day=DAY) is not None


@pytest.mark.parametrize("phase", UNFINISHED)
async def test_an_unfinished_run_comes_before_those_that_are_due(
    storage: Storage, phase: Phase
) -> None:
    abandoned = a_run(id=RunId("abandoned"), phase=phase, planned_at=at(50))
    await stored(storage, ARMED, abandoned)

    first, second = await claimed(storage), await claimed(storage)

    assert [first.id, second.id] == ["abandoned", RUN]
    assert first.phase is phase


@pytest.mark.parametrize("phase", UNFINISHED)
async def test_an_unfinished_run_is_claimed_whatever_became_of_its_day(
    storage: Storage, phase: Phase
) -> None:
    await stored(storage, a_run(phase=phase), day=a_day(state=DayState.CLOSED))
    await storage.engage(a_halt(), [a_new_entry()])

    run = await storage.claim(worker=ME, now=at(-9999), lease=LONG, day=DayId("another"))

    assert run is not None


@pytest.mark.parametrize("phase", [Phase.ARMED, *UNFINISHED])
async def test_a_run_that_is_held_is_claimed_by_nobody_else(
    storage: Storage, others: Storage, phase: Phase
) -> None:
    await stored(storage, a_run(phase=phase))
    await claimed(storage)

    assert await others.claim(worker=SOMEBODY, now=at(100), lease=LONG) is None
    with pytest.raises(Conflict, match="held by another"):
        await others.take(a_run(phase=phase), worker=SOMEBODY, lease=LONG)


async def test_a_run_whose_lease_is_over_is_claimed_again(
    storage: Storage, others: Storage
) -> None:
    await stored(storage, a_run(phase=Phase.HOLDING))
    mine = await claimed(storage, lease=OVER)

    theirs = await claimed(others, by=SOMEBODY)

    assert (theirs.id, theirs.fence) == (mine.id, mine.fence + 1)


async def test_a_lease_that_was_renewed_lasts(storage: Storage, others: Storage) -> None:
    await stored(storage, ARMED)
    mine = await claimed(storage, lease=OVER)

    await storage.renew(mine, worker=ME, lease=LONG)

    assert await others.claim(worker=SOMEBODY, now=at(100), lease=LONG) is None


async def test_a_lease_that_was_lost_cannot_be_renewed(storage: Storage, others: Storage) -> None:
    await stored(storage, ARMED)
    mine = await claimed(storage, lease=OVER)
    theirs = await claimed(others, by=SOMEBODY)

    with pytest.raises(LeaseLost):
        await storage.renew(mine, worker=ME, lease=LONG)
    with pytest.raises(LeaseLost):
        await storage.renew(theirs, worker=ME, lease=LONG)
    await others.renew(theirs, worker=SOMEBODY, lease=LONG)


async def test_a_run_that_was_let_go_is_claimed_at_once(storage: Storage, others: Storage) -> None:
    await stored(storage, ARMED)
    mine = await claimed(storage)

    await storage.release(mine, worker=ME)

    assert await others.claim(worker=SOMEBODY, now=at(100), lease=LONG) is not None


async def test_letting_go_of_what_was_lost_takes_it_from_nobody(
    storage: Storage, others: Storage
) -> None:
    await stored(storage, ARMED)
    mine = await claimed(storage, lease=OVER)
    theirs = await claimed(others, by=SOMEBODY)

    await storage.release(mine, worker=ME)

    await others.renew(theirs, worker=SOMEBODY, lease=LONG)
    assert await storage.claim(worker=ME, now=at(100), lease=LONG) is None


async def test_two_who_claim_at_once_get_different_runs(storage: Storage, others: Storage) -> None:
    await stored(storage, *some_runs(12, phase=Phase.ARMED))
    got: list[RunId] = []

    async def claim_all(from_storage: Storage, worker: WorkerId) -> None:
        while run := await from_storage.claim(worker=worker, now=at(100), lease=LONG):
            got.append(run.id)

    async with anyio.create_task_group() as tasks:
        for worker in range(4):
            tasks.start_soon(claim_all, (storage, others)[worker % 2], WorkerId(f"w{worker}"))

    # Each of them once. Somebody may find nothing while another's claim is under way, but a
    # run that was passed over would be missing here.
    assert sorted(got) == sorted(run.id for run in some_runs(12))


async def test_one_stranded_run_can_be_taken(storage: Storage) -> None:
    stranded = a_run(phase=Phase.STRANDED, fence=4)
    await stored(storage, stranded)

    taken = await storage.take(stranded, worker=ME, lease=LONG)

    assert taken == replace(stranded, fence=5)


async def test_a_stop_is_told_when_the_lease_is_renewed_and_the_first_reason_stays(
    storage: Storage, others: Storage
) -> None:
    await stored(storage, ARMED)
    run = await claimed(storage)
    assert (await storage.renew(run, worker=ME, lease=LONG)).stop is None

    await others.request_stop(run.id, reason="first")
    await others.request_stop(run.id, reason="second")

    assert (await storage.renew(run, worker=ME, lease=LONG)).stop == "first"


async def test_the_next_due_run_is_the_earliest_that_is_armed_and_free(storage: Storage) -> None:
    planned = a_run(id=RunId("planned"), planned_at=at(1))
    await stored(storage, planned, *some_runs(3, phase=Phase.ARMED, planned_at=at(7)))
    assert await storage.next_due() == at(7)

    for _ in range(3):
        await claimed(storage)

    assert await storage.next_due() is None


async def test_unfinished_runs_are_all_that_hold_a_fault_but_stranded_ones(
    storage: Storage,
) -> None:
    runs = [a_run(id=RunId(phase), phase=phase) for phase in Phase]
    await stored(storage, *runs)
    await claimed(storage)

    assert {run.phase for run in await storage.unfinished()} == set(UNFINISHED)
