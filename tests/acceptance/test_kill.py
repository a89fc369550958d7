"""The orchestrator is killed in each state of a run; after a restart everything is as before.

The state is read from the database, and the kill is SIGKILL. Whoever starts next restores
before anything else, and the fault is never injected a second time.
"""

import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from orchestrator.domain.day import DayState
from orchestrator.domain.run import Finding, Phase
from tests.acceptance.database import days_of, is_free, phase_is, runs_of
from tests.acceptance.stage import DYING, Stage, kill, until

SLOW_IN = {
    Phase.ARMED: "gate",
    Phase.INJECTING: "action",
    Phase.HOLDING: "",
    Phase.ROLLING_BACK: "rollback",
    Phase.VERIFYING: "recovery",
}
"""Which part of the experiment makes a state last long enough to be hit."""


ON_POSTGRESQL = pytest.param("postgresql", marks=[pytest.mark.postgres, pytest.mark.slow])


@pytest.fixture(params=["sqlite", ON_POSTGRESQL])
def stage(
    request: pytest.FixtureRequest, cluster: dict[str, Any], tmp_path: Path
) -> Iterator[Stage]:
    if request.param == "sqlite":
        url = f"sqlite+aiosqlite:///{tmp_path}/chaosday.db"
    else:
        url = request.getfixturevalue("postgres").fresh()
    stage = Stage(tmp_path, url, cluster)
    yield stage
    stage.end()


def is_open(stage: Stage) -> bool:
    return all(day.state is DayState.OPEN for day in days_of(stage))


@pytest.mark.parametrize(
    "phase",
    [
        pytest.param(phase, marks=() if phase is Phase.INJECTING else pytest.mark.slow)
        for phase in SLOW_IN
    ],
)
def test_killed_orchestrator_leaves_nothing_that_its_successor_does_not_restore(
    stage: Stage, phase: Phase
) -> None:
    experiment = stage.write_experiment(slow=SLOW_IN[phase])
    first = stage.start("run", str(experiment), "--longest", "90")
    if phase is Phase.ROLLING_BACK:
        until(lambda: phase_is(stage, Phase.HOLDING))
        stage.call("halt", "--direct", "go back now")
    until(lambda: phase_is(stage, phase))
    until(lambda: is_open(stage) if phase is Phase.ARMED else stage.injections)
    kill(first)
    assert phase_is(stage, phase), "it was killed too late"

    stage.start("serve", "--port", "0")

    if phase is Phase.ARMED:
        # Nothing was injected yet, and whoever wanted it is gone.
        ended = until(lambda: phase_is(stage, Phase.CANCELLED), within=60)
        assert (ended.reason, stage.injections) == ("its command is gone", 0)
        return
    ended = until(lambda: phase_is(stage, Phase.CONCLUDED), within=60)
    assert ended.finding is Finding.ABORTED
    assert stage.injections == 1
    assert stage.seconds == 0
    until(lambda: stage.replicas("payment") == (2, 2))


def test_guard_restores_by_itself_before_anybody_restarts_anything(stage: Stage) -> None:
    experiment = stage.write_experiment()
    first = stage.start("run", str(experiment))
    until(lambda: phase_is(stage, Phase.HOLDING))
    until(lambda: stage.replicas("payment")[1] == 0)

    kill(first)

    until(lambda: stage.replicas("payment") == (2, 2), within=10)
    until(lambda: not stage.leftovers(), within=10)


@pytest.mark.slow
def test_runner_that_is_kept_in_is_restored_and_ended_as_any_other(stage: Stage) -> None:
    stage.is_contained = True
    first = stage.start("run", "scaled-to-zero", "--var", "hold=60", "--longest", "90")
    until(lambda: phase_is(stage, Phase.HOLDING))
    until(lambda: stage.replicas("payment")[1] == 0)

    kill(first)

    until(lambda: stage.replicas("payment") == (2, 2), within=10)
    until(lambda: not stage.leftovers(), within=10)
    stage.start("serve", "--port", "0")
    ended = until(lambda: phase_is(stage, Phase.CONCLUDED), within=60)
    assert ended.finding is Finding.ABORTED


def test_what_a_responder_mended_meanwhile_is_left_alone(stage: Stage) -> None:
    experiment = stage.write_experiment()
    first = stage.start("run", str(experiment))
    until(lambda: phase_is(stage, Phase.HOLDING))
    stage.scale("payment", 3)

    kill(first)
    stage.start("serve", "--port", "0")

    until(lambda: phase_is(stage, Phase.CONCLUDED), within=60)
    assert stage.replicas("payment")[0] == 3
    stage.scale("payment", 2)
    until(lambda: stage.replicas("payment") == (2, 2))


def test_a_day_that_was_not_opened_to_its_end_leaves_no_run_armed(stage: Stage) -> None:
    experiment = str(stage.write_experiment())
    words = ("UPDATE days SET id", "run", experiment, "--longest", "1")

    killed = stage.start(*words, program=DYING)
    killed.wait(60)
    (left,) = runs_of(stage)
    states = [day.state for day in days_of(stage)]
    until(lambda: is_free(stage, left.id))
    stage.call("run", experiment, "--longest", "2")

    assert killed.returncode == -signal.SIGKILL
    assert (left.phase, states) == (Phase.PLANNED, [DayState.PLANNED])
    runs = {run.id: run for run in runs_of(stage)}
    assert (runs[left.id].phase, runs[left.id].reason) == (Phase.CANCELLED, "its command is gone")
    assert Phase.CONCLUDED in {run.phase for run in runs.values()}
