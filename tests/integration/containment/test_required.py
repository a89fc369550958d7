"""A plan that requires what a machine does not give: no experiment's code runs there."""

import sys
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import anyio
import pytest

from orchestrator.adapters.chaostoolkit.containment.survey import UNWANTED, Offer, surveyed
from orchestrator.adapters.chaostoolkit.engine import ChaosToolkitEngine
from orchestrator.adapters.clock import SystemClock
from orchestrator.domain.containment import REQUIRED, Containment, Measure
from orchestrator.domain.day import PinnedExperiment
from orchestrator.domain.errors import ContainmentMissing, EngineUnavailable
from orchestrator.ports import Assignment
from tests.builders import a_plan, a_radius, a_run
from tests.integration.chaostoolkit.running import ROOT, action, experiment

GUARD = ROOT / "tests" / "integration" / "chaostoolkit" / "acting_guard.py"
SOON = timedelta(seconds=15)


@pytest.fixture
def marks(tmp_path: Path) -> Path:
    return tmp_path / "marks"


def read(marks: Path) -> list[str]:
    return marks.read_text().split() if marks.exists() else []


def engine(offer: Offer, *guard: str) -> ChaosToolkitEngine:
    return ChaosToolkitEngine(
        guard_command=list(guard) or [sys.executable, "-s", str(GUARD), "well"],
        guard_environment={"PYTHONPATH": str(ROOT)},
        clock=SystemClock(),
        survey=lambda: offer,
        readable=[str(ROOT / "tests")],
    )


def assigned(marks: Path, containment: Containment) -> Assignment:
    mend = action("mend", path=str(marks), text="mended")
    return Assignment(
        run=a_run(),
        experiment=PinnedExperiment(name="x", document=experiment(rollbacks=[mend]), digest="0"),
        configuration={},
        cluster=a_plan().cluster,
        radius=a_radius(),
        probe_interval=timedelta(milliseconds=50),
        containment=containment,
    )


async def test_a_run_whose_containment_is_missing_is_refused_before_anything_is_started(
    marks: Path,
) -> None:
    nobody = engine(UNWANTED, "/no/such/program")

    with pytest.raises(ContainmentMissing, match="network is off: it was turned off") as error:
        async with nobody.open(assigned(marks, REQUIRED)):
            pass

    assert "unset CHAOSDAY_RUNNER_CONTAINMENT" in str(error.value)
    assert error.value.missing == ["privileges", "files", "memory", "signals", "network"]


async def test_what_a_run_did_is_undone_also_where_its_rollbacks_may_not_be_played(
    marks: Path,
) -> None:
    assignment = replace(assigned(marks, REQUIRED), recovering=True)

    with anyio.fail_after(20):
        async with engine(UNWANTED).open(assignment) as execution:
            with pytest.raises(EngineUnavailable, match="requires containment that is missing"):
                await execution.roll_back(patience=SOON)
            undone = await execution.undo()

    assert undone.is_proven
    assert read(marks) == []


async def test_only_what_is_in_the_list_is_required(marks: Path) -> None:
    only = Containment(required=frozenset({Measure.ENVIRONMENT, Measure.PROCESSES}))
    assignment = replace(assigned(marks, only), recovering=True)

    with anyio.fail_after(20):
        async with engine(UNWANTED).open(assignment) as execution:
            await execution.roll_back(patience=SOON)

    assert read(marks) == ["mended"]


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux keeps a runner in")
async def test_a_runner_that_cannot_give_up_what_it_was_told_to_plays_nothing(
    marks: Path,
) -> None:
    offer = surveyed()
    if offer.namespaces:
        pytest.skip(f"no namespaces here: {offer.namespaces}")
    impossible = replace(offer, landlock=0 if offer.landlock == 0 else 99)
    if impossible.landlock == 0:
        pytest.skip("no Landlock here")
    assignment = replace(assigned(marks, Containment()), recovering=True)

    with anyio.fail_after(20):
        async with engine(impossible).open(assignment) as execution:
            await execution.roll_back(patience=SOON)

    assert read(marks) == []
