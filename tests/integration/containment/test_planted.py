"""Code that an experiment leaves in its home is not run by the processes that come after."""

import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import anyio
import pytest

from orchestrator.adapters.chaostoolkit.containment.survey import UNWANTED
from orchestrator.domain.containment import BEST_EFFORT
from orchestrator.domain.day import PinnedExperiment
from orchestrator.ports import ActionEnded, RunnerEnded
from tests.integration.chaostoolkit.running import action, experiment
from tests.integration.containment.test_required import SOON, assigned, engine

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="only Linux keeps a runner in")


def planting(marker: Path) -> dict[str, Any]:
    """The action that plants it."""
    provider = {
        "type": "python",
        "module": "tests.integration.containment.attacks",
        "func": "plant_and_die",
        "arguments": {"marker": str(marker)},
    }
    return {"type": "action", "name": "plant", "provider": provider}


async def test_planted_code_is_not_run_where_the_rollbacks_are_played(tmp_path: Path) -> None:
    marker, marks = tmp_path / "marker", tmp_path / "marks"
    mend = action("mend", path=str(marks), text="mended")
    document = experiment(planting(marker), rollbacks=[mend])
    pinned = PinnedExperiment(name="x", document=document, digest="0")
    assignment = replace(assigned(marks, BEST_EFFORT), experiment=pinned)

    heard: list[Any] = []
    # Contained or not: what is started next must not look for code where it was started.
    with anyio.fail_after(60):
        async with engine(UNWANTED).open(assignment) as execution, anyio.create_task_group() as t:
            await execution.take_baseline()
            await execution.play()
            async for happening in execution.happenings():
                heard.append(happening)
                if isinstance(happening, RunnerEnded):
                    t.start_soon(lambda: execution.stop(patience=SOON))
                if isinstance(happening, ActionEnded) and happening.name == "mend":
                    break

    assert marks.read_text().split() == ["mended"]
    assert not marker.exists()
