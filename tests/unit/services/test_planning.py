"""A plan becomes a day with pinned experiments and one run for each box of its agenda."""

import re
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

import pytest

from orchestrator.domain.day import DayState, PinnedExperiment
from orchestrator.domain.errors import NoSuchExperiment
from orchestrator.domain.plan import Plan
from orchestrator.domain.run import Phase
from orchestrator.services.planning import Planning
from orchestrator.services.recording import Recording
from tests.builders import a_box, a_plan, an_experiment, at
from tests.doubles.clock import TestClock
from tests.doubles.storage import ImpossibleWorld, MemoryStorage
from tests.unit.services.house import KIM


class OnePlan:
    """A `PlanFormat` in which every text says the same."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan

    def read(self, text: str, *, source: str) -> Plan:  # noqa: ARG002
        return self._plan


class Shelf:
    """A `Catalogue` of experiments by name; it is asked for no other."""

    def __init__(self, *experiments: PinnedExperiment) -> None:
        self._experiments = {each.name: each for each in experiments}

    def names(self) -> Sequence[str]:
        return sorted(self._experiments)

    def read(self, name: str) -> PinnedExperiment:
        if name not in self._experiments:
            raise ImpossibleWorld(f"a file was read: {name}")
        return self._experiments[name]

    def pin(self, name: str, document: Mapping[str, Any]) -> PinnedExperiment:
        return PinnedExperiment(name=name, document=document, digest="handed over")


def planning(storage: MemoryStorage, plan: Plan) -> Planning:
    clock = TestClock()
    return Planning(
        storage=storage,
        plans=OnePlan(plan),
        catalogue=Shelf(an_experiment()),
        clock=clock,
        recording=Recording(clock=clock),
    )


async def test_a_plan_becomes_a_day_with_a_run_for_each_box() -> None:
    storage = MemoryStorage()
    late = a_box(name="late", after=timedelta(seconds=60), title="")
    fixed = a_box(name="fixed", at=at(30), after=None)
    plan = a_plan(agenda=(late, fixed), name="Fête & Fall!")

    day = await planning(storage, plan).plan("the text", source="plan.yaml", said=KIM)

    assert await storage.day(day.id) == day
    assert (day.state, day.plan_source) == (DayState.PLANNED, "the text")
    assert re.fullmatch("f-te-fall-[0-9a-f]{4}", day.id)
    runs = await storage.runs(day.id)
    assert [(run.box, run.planned_at) for run in runs] == [("fixed", at(30)), ("late", at(60))]
    assert {run.phase for run in runs} == {Phase.PLANNED}
    assert runs[1].title == an_experiment().title
    assert day.experiments == {"scaled-to-zero": an_experiment()}


async def test_a_document_that_was_handed_over_goes_before_the_catalogue() -> None:
    storage = MemoryStorage()

    day = await planning(storage, a_plan()).plan(
        "", source="", said=KIM, documents={"scaled-to-zero": {"title": "mine"}}
    )

    assert day.experiments["scaled-to-zero"].digest == "handed over"


@pytest.mark.parametrize("name", ["nothing", "/etc/passwd", "../secret.yaml", "file.json"])
async def test_no_file_is_read_because_a_plan_names_it(name: str) -> None:
    storage = MemoryStorage()
    plan = a_plan(agenda=(a_box(experiment=name),))

    with pytest.raises(NoSuchExperiment, match="scaled-to-zero"):
        await planning(storage, plan).plan("", source="", said=KIM)

    assert await storage.days() == []
