"""A run that is done by hand: who may begin it, when, and how it comes to its end."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

import anyio
import pytest

from orchestrator.domain.day import DayState
from orchestrator.domain.errors import Conflict, DayHalted
from orchestrator.domain.identity import Actor, ActorKind, Role
from orchestrator.domain.run import Finding, Phase
from orchestrator.domain.timeline import Kind, Precision
from orchestrator.ports import Happening, MethodPlayed, WriteMade, WriteRefused
from orchestrator.services.previewing import Subject
from orchestrator.services.recording import Said
from tests.builders import DAY, RUN, a_box, a_day, a_plan, a_run, an_experiment, at
from tests.doubles.stage import FOREVER
from tests.doubles.worlds import LONG, SOMEBODY
from tests.unit.services.house import PATIENCE, House

EVE = Actor(kind=ActorKind.HUMAN, name="Eve", role=Role.AGENT)
SAID = Said(by=EVE, source="cli")
BOX = a_box(by_hand=True)
A_MOMENT = timedelta(milliseconds=50)


class AHand:
    """A hand that does nothing itself: the stage does what the test says."""

    by = EVE
    deed = "kubectl scale deployment/payment --replicas=0"
    hold = timedelta()

    async def work(self, variables: Mapping[str, str]) -> str:
        raise AssertionError(f"the stage plays for the hand: {variables}")

    async def end(self) -> None:
        """Nothing was begun."""


@pytest.fixture
def house() -> House:
    return House(hand=AHand())


async def with_box(house: House, phase: Phase = Phase.PLANNED, **changes: Any) -> None:
    await house.with_run(phase, plan={"agenda": (BOX,)}, **changes)


@asynccontextmanager
async def at_work(house: House) -> AsyncIterator[None]:
    """The run, conducted beside the scope to its end."""
    with anyio.fail_after(PATIENCE):
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(conduct, house)
            await house.stage.until("play")
            yield


async def conduct(house: House) -> None:
    await house.by_hand.conduct(RUN, said=SAID)


def played(hold: timedelta = timedelta()) -> Happening:
    return MethodPlayed(at=at(1), hold=hold)


def refused() -> Happening:
    return WriteRefused(at=at(1), target="secrets/shop/*", rule="secrets", reason="it is secret")


# Its course


async def test_it_takes_the_course_of_any_run_without_method_and_rollbacks(house: House) -> None:
    await with_box(house)
    house.script(hold=A_MOMENT)

    with anyio.fail_after(PATIENCE):
        ended = await house.by_hand.conduct(RUN, said=SAID)

    assert (ended.phase, ended.finding) == (Phase.CONCLUDED, Finding.HELD)
    document = house.stage.assignments[0].experiment.document
    assert (document["method"], document["rollbacks"]) == ([], [])
    assert (
        document["steady-state-hypothesis"] == (an_experiment().document["steady-state-hypothesis"])
    )
    assert not house.stage.fault_is_in


async def test_whatever_it_writes_is_on_the_timeline_under_the_agents_name(house: House) -> None:
    await with_box(house)

    with anyio.fail_after(PATIENCE):
        await house.by_hand.conduct(RUN, said=SAID)

    written = await house.entries(Kind.WRITE)
    assert [(entry.actor, entry.precision) for entry in written] == [(EVE, Precision.EXACT)]


async def test_its_fault_is_in_from_the_first_write_until_the_hand_is_done(house: House) -> None:
    await with_box(house)
    house.script(method_ends=False)

    async with at_work(house):
        await house.stage.until("-> holding")
        assert (await house.run()).phase is Phase.HOLDING
        assert "restrain" not in house.story
        house.stage.act.happen(played(A_MOMENT))

    assert (await house.run()).finding is Finding.HELD


async def test_refusal_tells_the_hand_something_and_keeps_the_run_from_being_held(
    house: House,
) -> None:
    await with_box(house)
    house.script(method_ends=False)

    async with at_work(house):
        house.stage.act.happen(refused())
        house.stage.act.happen(refused())
        await house.stage.until("-> holding")
        house.stage.act.happen(WriteMade(at=at(1), verb="change", target="services/shop/cart"))
        house.stage.act.happen(played(A_MOMENT))

    ended = await house.run()
    assert (ended.phase, ended.finding) == (Phase.CONCLUDED, Finding.UNKNOWN)
    assert ended.reason == "the guard refused secrets/shop/*: it is secret (and 1 more)"
    assert len(await house.entries(Kind.REFUSED)) == 2


async def test_what_is_refused_to_a_hand_while_it_is_restored_keeps_it_from_being_held_too(
    house: House,
) -> None:
    await with_box(house)
    house.script(hold=A_MOMENT)

    async with at_work(house):
        await house.stage.until("finish")
        house.stage.act.happen(refused())

    ended = await house.run()
    assert len(await house.entries(Kind.REFUSED)) == 1
    assert (ended.phase, ended.finding) == (Phase.CONCLUDED, Finding.UNKNOWN)
    assert ended.reason == "the guard refused secrets/shop/*: it is secret"


async def test_refusal_does_not_hide_what_deviated(house: House) -> None:
    await with_box(house)
    house.script(method_ends=False, within_during=False)

    async with at_work(house):
        await house.stage.until("-> holding")
        house.stage.act.happen(refused())
        house.stage.act.happen(played(A_MOMENT))

    assert (await house.run()).finding is Finding.DEVIATED
    measured = await house.entries(Kind.STEADY_STATE)
    assert {entry.actor.kind for entry in measured} == {ActorKind.PROBE}


async def test_nothing_is_claimed_of_a_hand_that_wrote_nothing(house: House) -> None:
    await with_box(house)
    house.script(writes=False, hold=A_MOMENT)

    with anyio.fail_after(PATIENCE):
        ended = await house.by_hand.conduct(RUN, said=SAID)

    assert ended.finding is Finding.UNKNOWN
    assert ended.reason == "nothing was written by hand"


async def test_it_is_over_when_its_box_is_over(house: House) -> None:
    await with_box(house)
    house.clock.skip(timedelta(seconds=59))
    house.script(hold=FOREVER)

    with anyio.fail_after(PATIENCE):
        ended = await house.by_hand.conduct(RUN, said=SAID)

    assert ended.finding is Finding.ABORTED
    assert "it lasted longer than the 0.9" in ended.reason


async def test_it_does_not_begin_when_its_box_was_over_while_it_was_made_ready(
    house: House,
) -> None:
    await with_box(house)
    house.at_pace(before=timedelta(milliseconds=300))
    house.by_hand = house.hands_service()

    with anyio.fail_after(PATIENCE):
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(conduct, house)
            await house.stage.until("open")
            house.clock.skip(timedelta(minutes=2))

    ended = await house.run()
    assert (ended.phase, ended.finding) == (Phase.CANCELLED, None)
    assert ended.reason == "its time box was over before it could start"
    assert "play" not in house.story


async def test_halt_ends_the_hands_work(house: House) -> None:
    await with_box(house)
    house.script(method_ends=False)

    async with at_work(house):
        await house.stage.until("-> holding")
        await house.halting.halt(DAY, said=SAID, reason="enough")

    assert (await house.run()).finding is Finding.ABORTED
    assert house.story.index("restrain") < house.story.index("stop")


async def test_run_whose_conductor_is_gone_is_restored_by_one_without_a_hand(house: House) -> None:
    await with_box(house, Phase.HOLDING)
    house.hand = None
    house.at_pace()

    ended = await house.conduct()

    assert ended.phase is Phase.CONCLUDED
    assert house.stage.assignments[0].hand is None
    assert "play" not in house.story


async def test_run_by_the_clock_has_no_hand_in_it(house: House) -> None:
    await house.with_run(Phase.ARMED)

    await house.conduct()

    assert house.stage.assignments[0].hand is None
    assert (await house.entries(Kind.WRITE))[0].actor.kind is ActorKind.GUARD


# Who may begin it, and when


async def test_clock_does_not_begin_it(house: House) -> None:
    await house.with_run(
        Phase.PLANNED, plan={"agenda": (BOX,)}, day={"state": DayState.PLANNED, "opened_at": None}
    )

    await house.opening.open(DAY, said=SAID)

    assert (await house.run()).phase is Phase.PLANNED
    with pytest.raises(Conflict, match="done by hand: whoever does it starts it"):
        await house.opening.arm(RUN, said=SAID)


async def test_day_whose_boxes_are_over_does_not_wait_for_a_hand(house: House) -> None:
    await with_box(house)
    house.clock.skip(timedelta(minutes=2))

    with anyio.fail_after(PATIENCE):
        await house.pacing.pace(DAY, until_done=True)

    assert (await house.run()).phase is Phase.PLANNED


async def test_day_waits_for_a_hand_while_its_box_lasts(house: House) -> None:
    await with_box(house)

    with anyio.move_on_after(0.2) as waiting:
        await house.pacing.pace(DAY, until_done=True)

    assert waiting.cancelled_caught


async def test_one_that_was_armed_and_lost_its_hand_is_refused(house: House) -> None:
    await with_box(house, Phase.ARMED)
    house.hand = None
    house.at_pace()

    ended = await house.conduct()

    assert (ended.phase, ended.finding) == (Phase.CANCELLED, None)
    assert "whoever was to do it is gone" in ended.reason
    assert "open" not in house.story


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"plan": {"agenda": (a_box(),)}}, "goes by the clock"),
        ({"day": {"state": DayState.PLANNED}}, "is of a day that is planned"),
        ({"planned_at": at(600)}, "begins at"),
        ({"planned_at": at(-600)}, "when its box ended"),
        ({"phase": Phase.CONCLUDED}, "is concluded already"),
    ],
)
async def test_it_begins_only_where_and_when_the_plan_says(
    house: House, changes: dict[str, Any], problem: str
) -> None:
    await house.with_run(**{"phase": Phase.PLANNED, "plan": {"agenda": (BOX,)}} | changes)

    with pytest.raises(Conflict, match=problem):
        await house.by_hand.conduct(RUN, said=SAID)

    assert house.story == []


async def test_run_that_somebody_holds_is_not_begun(house: House) -> None:
    await with_box(house)
    await house.storage.take(await house.run(), worker=SOMEBODY, lease=LONG)

    with pytest.raises(Conflict):
        await house.by_hand.conduct(RUN, said=SAID)

    assert (await house.run()).phase is Phase.PLANNED


async def test_halted_day_lets_no_hand_begin_and_keeps_no_run(house: House) -> None:
    await with_box(house)
    await house.halting.halt(DAY, said=SAID, reason="enough")

    with pytest.raises(DayHalted):
        await house.by_hand.conduct(RUN, said=SAID)

    await house.storage.take(await house.run(), worker=SOMEBODY, lease=LONG)


async def test_run_of_a_box_is_found_by_the_boxs_name(house: House) -> None:
    await with_box(house)

    assert await house.by_hand.run_of(DAY, BOX.name) == RUN
    with pytest.raises(Conflict, match="it has payment-gone"):
        await house.by_hand.run_of(DAY, "another")


# Its preview


async def test_preview_of_a_hand_says_that_nobody_knows(house: House) -> None:
    day = a_day(plan=a_plan(agenda=(BOX,)))
    by_clock = a_day(plan=a_plan(agenda=(a_box(),)))

    preview = await house.previewing.resolve(Subject.of(day, a_run()))

    assert "by hand" in preview.problem
    assert not preview.targets.is_whole
    assert "rehearse" not in house.story
    assert Subject.of(day, a_run()).digest != Subject.of(by_clock, a_run()).digest
