"""What a plan watches beside the hypothesis ends a run, and is no part of its finding."""

from datetime import timedelta

import pytest

from orchestrator.domain.abort import HttpAnswer, KubernetesCondition, PrometheusQuery
from orchestrator.domain.plan import AbortCondition
from orchestrator.domain.run import Finding, Phase
from orchestrator.services.debriefing import Debriefing
from tests.builders import DAY, RUN, an_experiment
from tests.doubles.stage import FOREVER
from tests.unit.services.house import House

SOON = timedelta(milliseconds=40)
HTTP = HttpAnswer(url="http://shop.example/health")
CONDITIONS = [
    (AbortCondition(out_for=SOON, http=HTTP), "GET http://shop.example/health answers 200"),
    (
        AbortCondition(
            out_for=SOON,
            prometheus=PrometheusQuery(url="http://prom", query="up", lowest=1, highest=3),
        ),
        "up is 1 or more and 3 or less",
    ),
    (
        AbortCondition(
            out_for=SOON,
            kubernetes=KubernetesCondition(
                kind="deployments.apps", namespace="shop", name="payment", condition="Available"
            ),
        ),
        "deployments.apps shop/payment has Available=True",
    ),
]
CONDITION = CONDITIONS[0][0]


@pytest.mark.parametrize(("condition", "said"), CONDITIONS)
async def test_a_measure_that_is_out_for_so_long_ends_the_fault(
    house: House, condition: AbortCondition, said: str
) -> None:
    await house.with_run(plan={"abort_when": (condition,)})
    house.script(measure_during=False, hold=FOREVER)

    run = await house.conduct()

    assert (run.finding, run.reason) == (
        Finding.ABORTED,
        f"abort condition: {said} was out of tolerance for 0.04 s",
    )


async def test_a_measure_that_is_in_order_ends_nothing(house: House) -> None:
    await house.with_run(plan={"abort_when": (CONDITION,)})
    house.script(within_during=False, hold=timedelta(milliseconds=80))

    run = await house.conduct()

    assert run.finding is Finding.DEVIATED


async def test_a_measure_is_no_part_of_the_hypothesis(house: House) -> None:
    patient = AbortCondition(out_for=timedelta(minutes=1), http=HTTP)
    await house.with_run(plan={"abort_when": (patient,)})
    house.script(measure_during=False, hold=timedelta(milliseconds=80))

    run = await house.conduct()
    record = await Debriefing(storage=house.storage).record(DAY)

    assert run.finding is Finding.HELD
    assert {sample.probe for sample in record.samples[RUN]} == {"checkout succeeds"}
    kept = {sample.probe for sample in await house.storage.samples(RUN)}
    assert kept == {"checkout succeeds", patient.watches}


async def test_run_does_not_start_while_a_measure_is_out(house: House) -> None:
    await house.with_run(plan={"abort_when": (CONDITION,)})
    house.script(measure=False)

    run = await house.conduct()

    assert (run.phase, run.finding) == (Phase.CANCELLED, Finding.UNFIT)
    assert "GET http://shop.example/health answers 200 is not so before the fault" in run.reason


async def test_run_without_a_hypothesis_is_watched_all_the_same(house: House) -> None:
    experiment = an_experiment(document={"title": "x", "method": []})
    await house.with_run(
        plan={"abort_when": (CONDITION,)}, day={"experiments": {"scaled-to-zero": experiment}}
    )
    house.script(measure_during=False, hold=FOREVER)

    run = await house.conduct()

    assert run.finding is Finding.ABORTED
