"""A guard may be started before its run is known, and then guards that run or nothing."""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

import anyio
import pytest

from orchestrator.adapters.chaostoolkit.containment.survey import unwanted
from orchestrator.adapters.chaostoolkit.engine import ChaosToolkitEngine
from orchestrator.adapters.chaostoolkit.place import Place
from orchestrator.adapters.clock import SystemClock
from orchestrator.domain.errors import EngineUnavailable
from orchestrator.starting import guard_command
from tests.integration.chaostoolkit.running import PATIENCE, ROOT, action, experiment
from tests.integration.chaostoolkit.test_engine import GUARD, assigned, is_empty


@pytest.fixture(autouse=True)
def runs_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where places are made while the test lasts."""
    folder = tmp_path / "runs"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    return folder


async def test_a_guard_that_was_started_ahead_guards_one_run_and_no_other(
    runs_folder: Path,
) -> None:
    place = Place()
    await place.guard([sys.executable, "-s", str(GUARD), "well"], {"PYTHONPATH": str(ROOT)})
    engine = ChaosToolkitEngine(
        guard_command=["/no/such/program"],
        guard_environment={},
        clock=SystemClock(),
        survey=unwanted,
        ahead=place,
    )
    run = assigned(experiment(action("nothing")))

    async with engine.open(run) as execution:
        await execution.take_baseline()
        assert place.is_taken
        assert not is_empty(runs_folder)

    assert is_empty(runs_folder)
    with pytest.raises(EngineUnavailable, match="no/such/program"):
        async with engine.open(run):
            pass


async def test_a_place_that_is_given_up_leaves_neither_process_nor_folder(
    runs_folder: Path,
) -> None:
    place = Place()
    child = await place.guard([sys.executable, "-c", "input()"], {})

    with anyio.fail_after(PATIENCE):
        await place.give_up()

    assert await child.ended(within=0)
    assert is_empty(runs_folder)


def test_a_guard_without_a_run_opens_no_database_and_ends_with_its_conductor(
    tmp_path: Path,
) -> None:
    database = tmp_path / "chaosday.db"
    url = f"sqlite+aiosqlite:///{database}"

    ended = subprocess.run(
        guard_command(),
        input=b"",
        capture_output=True,
        env={**os.environ, "CHAOSDAY_STORAGE_URL": url},
        timeout=PATIENCE,
        check=False,
    )

    assert (ended.returncode, ended.stdout, ended.stderr) == (0, b"", b"")
    assert not database.exists()
