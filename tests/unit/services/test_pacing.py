"""Runs are taken up by the clock, lost ones first, and nothing is taken up after a stop."""

from datetime import timedelta

import anyio
import pytest

from orchestrator.domain.errors import Conflict, DatabaseUnavailable, NoSuchRun
from orchestrator.domain.identity import RunId
from orchestrator.domain.plan import TimeBox
from orchestrator.domain.run import Finding, Phase
from tests.builders import DAY, RUN, a_box, a_day, a_plan, a_run
from tests.doubles.stage import FOREVER
from tests.doubles.worlds import LONG, OVER, SOMEBODY, stored
from tests.unit.services.house import KIM, PATIENCE, House

BOXES: tuple[TimeBox, ...] = tuple(a_box(name=f"box-{i}") for i in range(3))


async def with_runs(house: House, *planned_after: float) -> None:
    runs = [
        a_run(
            id=RunId(f"run-{i}"),
            box=BOXES[i].name,
            phase=Phase.ARMED,
            planned_at=house.clock.now() + timedelta(seconds=seconds),
        )
        for i, seconds in enumerate(planned_after)
    ]
    await stored(house.storage, *runs, day=a_day(plan=a_plan(agenda=BOXES)))


async def test_the_runs_of_an_agenda_are_conducted_when_they_are_due(house: House) -> None:
    await with_runs(house, 0, 0.15, 0.05)

    with anyio.fail_after(PATIENCE):
        await house.pacing.pace(DAY, until_done=True)

    runs = await house.storage.runs(DAY)
    assert {run.phase for run in runs} == {Phase.CONCLUDED}
    for run in runs:
        assert run.started_at is not None
        assert run.started_at >= run.planned_at
    assert [each.run.id for each in house.stage.assignments] == ["run-0", "run-2", "run-1"]


async def test_a_run_that_was_armed_meanwhile_is_taken_up_when_nudged(house: House) -> None:
    await house.with_run(phase=Phase.PLANNED)

    with anyio.fail_after(PATIENCE):
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(house.pacing.pace)
            await house.opening.arm(RUN, said=KIM)
            house.pacing.nudge()
            await house.stage.until("-> concluded")
            house.pacing.stop("enough")


async def test_a_stop_restores_what_runs_and_takes_up_nothing_more(house: House) -> None:
    await with_runs(house, 0, 0.05)
    house.script(hold=FOREVER)

    with anyio.fail_after(PATIENCE):
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(house.pacing.pace)
            await house.stage.until("-> holding")
            house.pacing.stop("the service is ending")
            await house.pacing.stopped()

    first, second = await house.storage.runs(DAY)
    assert (first.phase, first.reason) == (Phase.CONCLUDED, "the service is ending")
    assert second.phase is Phase.ARMED


async def test_a_stop_while_a_run_is_being_claimed_starts_no_fault(house: House) -> None:
    house.at_pace(before=timedelta(milliseconds=50))
    await with_runs(house, 0)
    house.storage.hanging.add("claim")

    with anyio.fail_after(PATIENCE):
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(house.pacing.pace)
            await anyio.wait_all_tasks_blocked()
            house.pacing.stop("the service is ending")
            house.storage.resume("claim")
            await house.pacing.stopped()

    (run,) = await house.storage.runs(DAY)
    assert run.phase in {Phase.CANCELLED, Phase.ARMED}
    assert not house.stage.was_hit


async def test_recovering_restores_every_lost_run_before_anything_starts(house: House) -> None:
    lost = a_run(id=RunId("lost"), box=BOXES[0].name, phase=Phase.HOLDING)
    armed = a_run(id=RunId("armed"), box=BOXES[1].name, phase=Phase.ARMED)
    await stored(house.storage, armed, lost, day=a_day(plan=a_plan(agenda=BOXES)))
    house.stage.fault_is_in = True

    with anyio.fail_after(PATIENCE):
        (restored,) = await house.pacing.recover()

    assert (restored.id, restored.phase) == ("lost", Phase.CONCLUDED)
    assert (await house.run(armed.id)).phase is Phase.ARMED


async def test_recovering_waits_for_a_lease_that_may_be_that_of_a_lost_conductor(
    house: House,
) -> None:
    house.at_pace(lease=timedelta(milliseconds=300))
    await house.with_run(phase=Phase.HOLDING)
    await house.claimed(by=SOMEBODY, lease=timedelta(milliseconds=200))

    with anyio.fail_after(PATIENCE):
        (restored,) = await house.pacing.recover()

    assert restored.phase is Phase.CONCLUDED


async def with_two_lost(house: House) -> None:
    first = a_run(id=RunId("first"), box=BOXES[0].name, phase=Phase.HOLDING)
    later = first.planned_at + timedelta(seconds=1)
    second = a_run(id=RunId("second"), box=BOXES[1].name, phase=Phase.HOLDING, planned_at=later)
    await stored(house.storage, first, second, day=a_day(plan=a_plan(agenda=BOXES)))


async def test_a_lost_run_is_restored_while_another_cannot_be(house: House) -> None:
    house.at_pace(restoring=timedelta(minutes=3))
    await with_two_lost(house)
    house.script(unreachable=frozenset({"first"}))

    with anyio.fail_after(PATIENCE):
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(house.pacing.recover)
            await house.stage.until("-> concluded")
            assert (await house.run(RunId("first"))).phase is Phase.ROLLING_BACK
            house.at_pace(restoring=timedelta())
            house.script()

    for run in ("first", "second"):
        assert (await house.run(RunId(run))).phase is Phase.CONCLUDED


async def test_a_recovery_that_breaks_off_does_not_end_the_others(house: House) -> None:
    await with_two_lost(house)
    house.storage.forget_box(RunId("first"))

    with anyio.fail_after(PATIENCE):
        (restored,) = await house.pacing.recover()

    assert (restored.id, restored.phase) == ("second", Phase.CONCLUDED)
    house.stage.fault_is_in = False


async def test_recovering_restores_what_it_claimed_before_the_database_went_out(
    house: House,
) -> None:
    await with_two_lost(house)
    await house.storage.claim(worker=SOMEBODY, now=house.clock.now(), lease=LONG)
    house.storage.outages["unfinished"] = 1

    with anyio.fail_after(PATIENCE), pytest.raises(DatabaseUnavailable):
        await house.pacing.recover()

    assert (await house.run(RunId("second"))).phase is Phase.CONCLUDED
    house.stage.fault_is_in = False


async def test_recovering_leaves_a_run_to_a_conductor_that_renews_its_lease(house: House) -> None:
    house.at_pace(lease=timedelta(milliseconds=100))
    await house.with_run(phase=Phase.HOLDING)
    await house.claimed(by=SOMEBODY, lease=LONG)

    with anyio.fail_after(PATIENCE):
        assert await house.pacing.recover() == []

    assert (await house.run()).phase is Phase.HOLDING
    house.stage.fault_is_in = False


async def test_a_conductor_that_breaks_off_does_not_end_the_others(house: House) -> None:
    await with_runs(house, 0, 0.1)
    (first, second) = await house.storage.runs(DAY)
    house.storage.forget_box(first.id)

    with anyio.fail_after(PATIENCE):
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(house.pacing.pace)
            await house.stage.until("-> concluded")
            house.pacing.stop("enough")

    assert (await house.run(second.id)).phase is Phase.CONCLUDED
    broken = await house.run(first.id)
    # It is tried again when its lease is over, not at once and for ever.
    assert (broken.phase, broken.fence) == (Phase.ARMED, 1)


async def test_an_outage_of_the_database_does_not_end_the_pace(house: House) -> None:
    await with_runs(house, 0)
    house.storage.outages |= {"claim": 1, "next_due": 1}

    with anyio.fail_after(PATIENCE):
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(house.pacing.pace)
            await house.stage.until("-> concluded")
            house.pacing.stop("enough")


@pytest.mark.parametrize("call", ["day", "runs"])
async def test_an_agenda_that_cannot_be_read_for_a_moment_is_not_taken_for_done(
    house: House, call: str
) -> None:
    await with_runs(house, 0.1)
    house.storage.outages[call] = 1

    with anyio.fail_after(PATIENCE):
        await house.pacing.pace(DAY, until_done=True)

    (run,) = await house.storage.runs(DAY)
    assert run.phase is Phase.CONCLUDED


@pytest.mark.parametrize("phase", [Phase.STRANDED, Phase.HOLDING])
async def test_one_run_can_be_restored_by_hand(house: House, phase: Phase) -> None:
    await house.with_run(phase=phase)
    house.stage.fault_is_in = True

    run = await house.pacing.restore(RUN)

    assert (run.phase, run.finding) == (Phase.CONCLUDED, Finding.ABORTED)


@pytest.mark.parametrize("phase", [Phase.PLANNED, Phase.ARMED, Phase.CONCLUDED, Phase.CANCELLED])
async def test_a_run_that_holds_no_fault_has_nothing_to_restore(house: House, phase: Phase) -> None:
    await house.with_run(phase=phase)

    with pytest.raises(Conflict, match="nothing to restore"):
        await house.pacing.restore(RUN)
    with pytest.raises(NoSuchRun):
        await house.pacing.restore(RunId("nothing"))


async def test_a_run_that_somebody_holds_is_not_restored_beside_them(house: House) -> None:
    await house.with_run(phase=Phase.HOLDING)
    await house.claimed(by=SOMEBODY)

    with pytest.raises(Conflict, match="held by another"):
        await house.pacing.restore(RUN)

    house.stage.fault_is_in = False


async def test_a_run_whose_lease_is_over_is_taken_over_while_pacing(house: House) -> None:
    await house.with_run(phase=Phase.INJECTING)
    lost = await house.claimed(by=SOMEBODY, lease=OVER)

    with anyio.fail_after(PATIENCE):
        await house.pacing.pace(DAY, until_done=True)

    run = await house.run()
    assert (run.phase, run.fence) == (Phase.CONCLUDED, lost.fence + 1)
    assert "play" not in house.story
