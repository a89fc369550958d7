"""Days are opened, halted, closed and revealed, each only when it may be."""

from datetime import timedelta

import pytest

from orchestrator.domain.day import DayState
from orchestrator.domain.errors import Conflict, DayHalted, IllegalMove, InvalidValue, NoSuchDay
from orchestrator.domain.identity import DayId, RunId
from orchestrator.domain.incident import Status
from orchestrator.domain.run import Phase
from orchestrator.domain.timeline import Kind, VisibleAfter
from tests.builders import DAY, RUN, a_box, a_day, a_plan, a_run, a_sample, at
from tests.doubles.worlds import a_new_incident, stored
from tests.unit.services.house import KIM, House

PLANNED = {"state": DayState.PLANNED, "opened_at": None}


async def test_opening_arms_every_run_and_places_those_that_follow_the_opening(
    house: House,
) -> None:
    fixed = a_box(name="fixed", at=at(500), after=None)
    relative = a_box(name="relative", after=timedelta(seconds=30))
    day = a_day(plan=a_plan(agenda=(fixed, relative)), **PLANNED)
    runs = [a_run(id=RunId(box.name), box=box.name) for box in (fixed, relative)]
    await stored(house.storage, *runs, day=day)
    house.clock.skip(timedelta(seconds=100))

    opened = await house.opening.open(DAY, said=KIM)

    first, second = await house.storage.runs(DAY)
    assert opened.state is DayState.OPEN
    assert opened.opened_at is not None
    assert {first.phase, second.phase} == {Phase.ARMED}
    assert first.planned_at == at(500)
    assert second.planned_at == opened.opened_at + timedelta(seconds=30)


async def test_everybody_sees_that_the_day_is_open_and_nobody_that_runs_were_armed(
    house: House,
) -> None:
    await house.with_run(phase=Phase.PLANNED, day=PLANNED)

    await house.opening.open(DAY, said=KIM)

    seen = {entry.kind: entry.visible_after for entry in await house.entries()}
    assert seen == {Kind.MOVED: VisibleAfter.REVEAL, Kind.OPENED: VisibleAfter.NOW}


async def test_a_day_is_opened_once(house: House) -> None:
    await house.with_run(phase=Phase.PLANNED, day=PLANNED)
    await house.opening.open(DAY, said=KIM)

    with pytest.raises(IllegalMove, match="an open day cannot open"):
        await house.opening.open(DAY, said=KIM)


async def test_opening_that_broke_off_can_be_done_again(house: House) -> None:
    await house.with_run(phase=Phase.PLANNED, day=PLANNED)
    house.storage.outages["open_day"] = 1
    with pytest.raises(Exception, match="it is out"):
        await house.opening.open(DAY, said=KIM)

    assert (await house.run()).phase is Phase.PLANNED
    await house.opening.open(DAY, said=KIM)

    assert (await house.run()).phase is Phase.ARMED


async def test_nothing_is_opened_or_armed_on_a_halted_day(house: House) -> None:
    await house.with_run(phase=Phase.PLANNED, day=PLANNED)
    await house.halting.halt(DAY, said=KIM, reason="a real incident")

    with pytest.raises(DayHalted, match="a real incident"):
        await house.opening.open(DAY, said=KIM)
    with pytest.raises(DayHalted):
        await house.opening.arm(RUN, said=KIM)

    assert (await house.run()).phase is Phase.PLANNED


async def test_a_run_that_was_cancelled_says_why(house: House) -> None:
    await house.with_run(phase=Phase.ARMED)

    run = await house.opening.cancel(RUN, said=KIM, reason="not today")

    assert (run.phase, run.reason) == (Phase.CANCELLED, "not today")
    with pytest.raises(IllegalMove):
        await house.opening.arm(RUN, said=KIM)


@pytest.mark.parametrize("phase", [phase for phase in Phase if phase.may_hold_fault])
async def test_a_day_with_a_run_that_may_hold_a_fault_is_not_closed(
    house: House, phase: Phase
) -> None:
    await house.with_run(phase=phase)

    with pytest.raises(Conflict, match="may hold a fault"):
        await house.opening.close(DAY, said=KIM)

    assert (await house.storage.day(DAY)).state is DayState.OPEN
    house.stage.fault_is_in = False


@pytest.mark.parametrize("phase", [Phase.PLANNED, Phase.ARMED])
async def test_closing_cancels_what_never_started(house: House, phase: Phase) -> None:
    await house.with_run(phase=phase)

    closed = await house.opening.close(DAY, said=KIM)

    assert closed.state is DayState.CLOSED
    assert (await house.run()).phase is Phase.CANCELLED
    assert await house.storage.next_due(DAY) is None


@pytest.mark.parametrize(
    ("within", "status"), [(False, Status.UNDETECTED), (True, Status.ABSORBED)]
)
async def test_closing_says_of_what_nobody_found_whether_there_was_something_to_find(
    house: House, within: bool, status: Status
) -> None:
    await house.with_run(phase=Phase.CONCLUDED, started_at=at(10), ended_at=at(30))
    shadow = a_new_incident(key="shadow", run=RUN, status=Status.LATENT)
    await house.storage.add_incident(shadow, [], [])
    # What was measured outside the fault's time says nothing.
    await house.storage.add_samples(
        [a_sample(at=at(5), within=False), a_sample(at=at(20), within=within)]
    )

    await house.opening.close(DAY, said=KIM)

    (settled,) = await house.storage.incidents(DAY)
    assert settled.status is status


async def test_a_day_is_revealed_once_and_only_when_it_is_closed(house: House) -> None:
    await house.with_run(phase=Phase.CONCLUDED)
    with pytest.raises(IllegalMove):
        await house.opening.reveal(DAY, said=KIM)
    await house.opening.close(DAY, said=KIM)

    revealed = await house.opening.reveal(DAY, said=KIM)

    assert revealed.revealed_at is not None
    assert await house.opening.reveal(DAY, said=KIM) == revealed
    assert len(await house.entries(Kind.REVEALED)) == 1


async def test_halting_needs_a_reason_and_a_day(house: House) -> None:
    await house.with_run()

    with pytest.raises(InvalidValue, match="reason"):
        await house.halting.halt(DAY, said=KIM, reason="  ")
    with pytest.raises(NoSuchDay):
        await house.halting.halt(DayId("nowhere"), said=KIM, reason="because")


async def test_a_halt_is_latched_until_it_is_released(house: House) -> None:
    await house.with_run()
    await house.halting.halt(DAY, said=KIM, reason="first")

    second = await house.halting.halt(DAY, said=KIM, reason="second")
    released = await house.halting.release(DAY, said=KIM)

    assert second.reason == "first"
    assert not released.is_engaged
    assert await house.storage.halt(DAY) is None
    with pytest.raises(Conflict, match="not halted"):
        await house.halting.release(DAY, said=KIM)


async def test_everybody_hears_of_a_halt_and_those_in_the_know_read_why(house: House) -> None:
    await house.with_run()

    await house.halting.halt(DAY, said=KIM, reason="payment is really down")

    (entry,) = await house.entries(Kind.HALTED)
    assert entry.visible_after is VisibleAfter.NOW
    assert "payment" not in entry.text
    assert entry.details == {"reason": "payment is really down"}


async def test_a_halt_is_not_released_while_a_run_may_hold_a_fault(house: House) -> None:
    await house.with_run(phase=Phase.ROLLING_BACK)
    await house.halting.halt(DAY, said=KIM, reason="a real incident")

    with pytest.raises(Conflict, match="still rolling_back"):
        await house.halting.release(DAY, said=KIM)

    assert await house.storage.halt(DAY) is not None
    house.stage.fault_is_in = False


@pytest.mark.parametrize(
    "phase", sorted(set(Phase) - {Phase.ARMED, Phase.INJECTING, Phase.HOLDING})
)
async def test_there_is_nothing_to_abort_in_a_run_that_does_not_run(
    house: House, phase: Phase
) -> None:
    await house.with_run(phase=phase)

    with pytest.raises(Conflict, match="nothing to abort"):
        await house.halting.abort(RUN, said=KIM, reason="enough")

    house.stage.fault_is_in = False


async def test_an_armed_run_that_was_aborted_never_starts(house: House) -> None:
    await house.with_run()
    await house.halting.abort(RUN, said=KIM, reason="not today")
    (noted,) = await house.entries(Kind.NOTE)
    await house.halting.halt(DAY, said=KIM, reason="a real incident")
    await house.halting.release(DAY, said=KIM)

    run = await house.conduct()

    assert (run.phase, run.reason) == (Phase.CANCELLED, "aborted by Kim: not today")
    assert (noted.actor, noted.run) == (KIM.by, RUN)
    assert noted.text.endswith("asked for: not today")
    assert not house.stage.was_hit
