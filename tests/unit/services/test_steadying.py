"""A run ends only when its steady state is seen to hold again; else a person is called."""

from datetime import timedelta
from typing import Any

import pytest

from orchestrator.domain.run import Finding, Phase
from orchestrator.domain.timeline import Kind
from orchestrator.domain.undo import Restoration
from orchestrator.ports import WriteRefused
from tests.builders import DAY, RUN, an_experiment, at
from tests.doubles.stage import FOREVER
from tests.unit.services.house import KIM, House

A_MOMENT = timedelta(milliseconds=30)
REFUSED = WriteRefused(at=at(3), target="deployments/shop/cart", rule="rollback", reason="not ours")
OUT = (
    "what it changed is put back, but the steady state does not hold again within 0.3 s:"
    " checkout succeeds: 0.5 (tolerance: 0.9 to 1.0);"
    " see to it, then `chaosday restore run-1` measures again"
)


@pytest.mark.parametrize("during", [False, True])
async def test_steady_state_that_does_not_come_back_strands_the_run_and_is_named(
    house: House, during: bool
) -> None:
    await house.with_run()
    house.script(within_during=during, within_after=False, hold=A_MOMENT)

    run = await house.conduct()

    assert (run.phase, run.finding, run.stranded) == (Phase.STRANDED, Finding.DEVIATED, OUT)
    assert house.story[-3:] == ["measure", "-> stranded", "close"]
    (told,) = await house.entries(Kind.RESTORED)
    assert told.text == "what it changed is put back"


async def test_steady_state_that_comes_back_within_its_deadline_ends_the_run_as_usual(
    house: House,
) -> None:
    house.at_pace(after=timedelta(seconds=5))
    await house.with_run()
    house.script(within_during=False, within_after=False, hold=A_MOMENT)

    async with house.conducted():
        await house.stage.until("measure")
        house.stage.script.within_after = True

    run = await house.run()
    assert (run.phase, run.finding, run.stranded) == (Phase.CONCLUDED, Finding.DEVIATED, "")


async def test_halted_run_is_put_back_before_anything_is_measured(house: House) -> None:
    await house.with_run()
    house.script(within_after=False, hold=FOREVER)

    async with house.conducted():
        await house.stage.until("-> holding")
        await house.halting.halt(DAY, said=KIM, reason="a real incident")
        await house.stage.until("measure")
        assert not house.stage.fault_is_in

    run = await house.run()
    assert (run.phase, run.finding) == (Phase.STRANDED, Finding.ABORTED)
    assert run.why == f"halted by Kim: a real incident; stranded: {OUT}"


async def test_steady_state_that_nobody_measures_any_more_is_not_taken_to_hold(
    house: House,
) -> None:
    await house.with_run()
    house.script(hold=A_MOMENT)

    async with house.conducted():
        await house.stage.until("undo")
        house.stage.script.is_measured = False

    run = await house.run()
    assert (run.phase, run.finding) == (Phase.STRANDED, Finding.UNKNOWN)
    assert "could not be measured: no answer within 0.4 s from checkout succeeds" in run.stranded


async def test_run_that_was_taken_over_is_measured_before_it_concludes(house: House) -> None:
    await house.with_run(phase=Phase.HOLDING)
    house.script(within_after=False)

    stranded = await house.conduct()
    house.script()
    before = len(await house.storage.samples(RUN))
    restored = await house.pacing.restore(RUN)

    assert (stranded.phase, stranded.finding, stranded.stranded) == (
        Phase.STRANDED,
        Finding.ABORTED,
        OUT,
    )
    assert restored.phase is Phase.CONCLUDED
    assert len(await house.storage.samples(RUN)) > before


async def test_what_was_found_stays_when_the_steady_state_is_back_later(house: House) -> None:
    await house.with_run()
    house.script(within_during=False, within_after=False, hold=A_MOMENT)
    await house.conduct()

    again = await house.pacing.restore(RUN)
    house.script(verified=Restoration(pending=("deployments/shop/cart: 0 of 2 pods are ready",)))
    unproven = await house.pacing.restore(RUN)
    house.script()
    restored = await house.pacing.restore(RUN)

    assert (again.phase, again.finding, again.stranded) == (Phase.STRANDED, Finding.DEVIATED, OUT)
    assert (unproven.phase, unproven.finding) == (Phase.STRANDED, Finding.DEVIATED)
    assert (restored.phase, restored.finding) == (Phase.CONCLUDED, Finding.DEVIATED)
    assert "is restored since" in restored.why


async def test_run_that_was_taken_over_and_cannot_be_measured_says_so(house: House) -> None:
    await house.with_run(phase=Phase.HOLDING)
    house.script(unobserved="the network of its own is missing")

    run = await house.conduct()

    assert run.phase is Phase.STRANDED
    assert "could not be measured: the observer" in run.stranded
    assert "the network of its own is missing" in run.stranded
    assert "`chaosday restore run-1` measures again" in run.stranded


async def test_run_without_a_hypothesis_concludes_though_nothing_can_be_measured(
    house: House,
) -> None:
    bare = an_experiment(document={"title": "bare", "method": []})
    await house.with_run(phase=Phase.HOLDING, day={"experiments": {"scaled-to-zero": bare}})
    house.script(unobserved="the network of its own is missing")

    run = await house.conduct()

    assert (run.phase, "measure" in house.story) == (Phase.CONCLUDED, False)


async def test_run_whose_method_was_not_let_loose_concludes_without_a_measurement(
    house: House,
) -> None:
    await house.with_run()
    house.storage.hanging.add("add_incident")

    async with house.conducted():
        await house.stage.until("-> injecting")
        await house.halting.abort(RUN, said=KIM, reason="enough")
        house.stage.script.is_measured = False
        house.storage.resume("add_incident")

    assert (await house.run()).phase is Phase.CONCLUDED
    assert {"play", "measure"}.isdisjoint(house.story)


async def test_observer_that_ends_is_replaced_to_measure(house: House) -> None:
    await house.with_run()
    house.script(within_after=False, hold=A_MOMENT)
    house.at_pace(after=timedelta(seconds=5))

    async with house.conducted():
        await house.stage.until("measure")
        house.stage.act.lose_observer()
        house.stage.script.within_after = True

    run = await house.run()
    assert (run.phase, run.finding) == (Phase.CONCLUDED, Finding.HELD)
    assert len(house.stage.assignments) == 1


async def test_observer_that_is_frozen_is_replaced_to_measure(house: House) -> None:
    await house.with_run()
    house.script(hold=A_MOMENT)

    async with house.conducted():
        await house.stage.until("undo")
        house.stage.act.freeze_observer()

    run = await house.run()
    assert (run.phase, run.finding) == (Phase.CONCLUDED, Finding.HELD)
    assert house.story.count("measure") == 2


async def test_holder_that_lost_its_run_while_it_was_measured_says_nothing_of_it(
    house: House,
) -> None:
    house.at_pace(after=timedelta(seconds=5), lease=timedelta(milliseconds=100))
    await house.with_run()
    house.script(within_after=False, hold=A_MOMENT)

    async with house.conducted():
        await house.stage.until("measure")
        house.storage.steal(RUN)

    assert (await house.run()).phase is Phase.VERIFYING
    assert await house.entries(Kind.RESTORED) == []


async def test_observer_that_ends_again_and_again_leaves_it_unknown(house: House) -> None:
    await house.with_run(phase=Phase.HOLDING)
    house.script(observer_breaks="ModuleNotFoundError: no module named probes")

    run = await house.conduct()

    assert run.phase is Phase.STRANDED
    assert "could not be measured: ModuleNotFoundError: no module named probes" in run.stranded
    assert house.story.count("measure") == 4


async def test_guard_that_dies_while_it_is_measured_is_replaced(house: House) -> None:
    await house.with_run()
    house.script(within_after=False, hold=A_MOMENT)
    house.at_pace(after=timedelta(seconds=5))

    async with house.conducted():
        await house.stage.until("measure")
        house.stage.act.lose_guard()
        house.stage.script.within_after = True

    assert (await house.run()).phase is Phase.CONCLUDED
    assert [each.recovering for each in house.stage.assignments] == [False, True]


@pytest.mark.parametrize("part", ["finish", "undo"])
async def test_what_is_refused_after_the_method_keeps_a_run_from_being_held(
    house: House, part: str
) -> None:
    await house.with_run()
    house.script(hold=A_MOMENT)

    async with house.conducted():
        await house.stage.until(part)
        house.stage.act.happen(REFUSED)

    run = await house.run()
    assert (run.phase, run.finding) == (Phase.CONCLUDED, Finding.UNKNOWN)
    assert run.reason == "the guard refused deployments/shop/cart: not ours"


@pytest.mark.parametrize(
    ("script", "finding"),
    [({"within_during": False}, Finding.DEVIATED), ({}, Finding.UNKNOWN)],
)
async def test_what_is_refused_hides_no_deviation(
    house: House, script: dict[str, Any], finding: Finding
) -> None:
    await house.with_run()
    house.script(hold=A_MOMENT, **script)

    async with house.conducted():
        await house.stage.until("finish")
        house.stage.act.happen(REFUSED)

    assert (await house.run()).finding is finding
