"""Signals: whoever conducts stops injecting, restores, and only then ends."""

import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from orchestrator.domain.day import DayState
from orchestrator.domain.run import Finding, Phase
from tests.acceptance.database import days_of, is_free, phase_is, runs_of
from tests.acceptance.stage import AT_ANY_TIME, Stage, until

PLAN = (
    AT_ANY_TIME
    + """\
blast_radius: {namespaces: [shop], kinds: [deployments], most_objects: 4, longest: 2m}
agenda:
  - {box: zero, at: +0s, lasts: 2m, experiment: EXPERIMENT}
"""
)
HAND = ("by-hand", "--", sys.executable, "-c", "print('it was done')")


def folders_of(stage: Stage) -> list[Path]:
    return list(stage.folder.glob("chaosday-run-*"))


def ended_after(process: subprocess.Popen[str], seconds: float) -> None:
    """Interrupt a command at a moment of its start that a clock alone can name."""
    time.sleep(seconds)
    process.terminate()
    process.wait(timeout=40)


@pytest.mark.parametrize("seconds", [0.3, pytest.param(0.6, marks=pytest.mark.slow)])
def test_a_command_that_is_ended_while_it_starts_leaves_nothing(
    sqlite_stage: Stage, seconds: float
) -> None:
    stage = sqlite_stage
    experiment = stage.write_experiment(slow="gate")

    ended_after(stage.start("run", str(experiment)), seconds)

    assert folders_of(stage) == []
    assert all(day.state is not DayState.OPEN for day in days_of(stage))
    until(lambda: not stage.leftovers(), within=10)


def test_a_command_that_is_ended_before_its_run_starts_closes_its_day(sqlite_stage: Stage) -> None:
    stage = sqlite_stage
    process = stage.start("run", str(stage.write_experiment(slow="gate")))
    until(lambda: [day for day in days_of(stage) if day.state is DayState.OPEN])

    process.terminate()

    assert process.wait(timeout=40) == 130
    assert [day.state for day in days_of(stage)] == [DayState.CLOSED]
    assert [run.phase for run in runs_of(stage)] == [Phase.CANCELLED]
    assert (stage.injections, folders_of(stage)) == (0, [])


def test_what_a_killed_command_left_is_tidied_by_the_next(sqlite_stage: Stage) -> None:
    stage = sqlite_stage
    process = stage.start("run", str(stage.write_experiment(slow="gate")))
    until(lambda: phase_is(stage, Phase.ARMED) and folders_of(stage))
    process.kill()
    process.wait(timeout=10)
    until(lambda: not stage.leftovers(), within=20)
    left = folders_of(stage)
    until(lambda: is_free(stage, runs_of(stage)[0].id))

    done = stage.call(*HAND)

    assert done.returncode == 0, done.stderr
    assert left
    assert folders_of(stage) == []
    assert {day.state for day in days_of(stage)} == {DayState.CLOSED}
    (forsaken,) = [run for run in runs_of(stage) if run.box == "only"]
    assert (forsaken.phase, forsaken.reason) == (Phase.CANCELLED, "its command is gone")


def test_interrupted_run_restores_and_says_so_by_its_exit_code(sqlite_stage: Stage) -> None:
    stage = sqlite_stage
    process = stage.start("run", str(stage.write_experiment(slow="action")))
    until(lambda: phase_is(stage, Phase.INJECTING) and stage.injections)

    process.send_signal(signal.SIGINT)

    assert process.wait(timeout=40) == 130
    (run,) = runs_of(stage)
    assert (run.phase, run.finding) == (Phase.CONCLUDED, Finding.ABORTED)
    assert (stage.injections, stage.seconds) == (1, 0)
    assert stage.replicas("payment") == (2, 2)
    assert not stage.leftovers()


def test_service_that_is_stopped_makes_no_further_action_and_restores(sqlite_stage: Stage) -> None:
    stage = sqlite_stage
    experiment = stage.write_experiment(slow="action")
    # A day for the service to take up: armed by a conductor that is killed before it starts.
    plan = stage.folder / "plan.yaml"
    plan.write_text(PLAN.replace("EXPERIMENT", experiment.name))
    first = stage.start("conduct", str(plan), "--output", str(stage.folder))
    until(lambda: phase_is(stage, Phase.ARMED))
    first.kill()
    first.wait(timeout=10)
    assert stage.injections == 0
    service = stage.start("serve", "--port", "0")
    until(lambda: phase_is(stage, Phase.INJECTING) and stage.injections, within=60)

    service.send_signal(signal.SIGTERM)

    assert service.wait(timeout=60) == 0
    (run,) = runs_of(stage)
    assert (run.phase, run.finding) == (Phase.CONCLUDED, Finding.ABORTED)
    assert (stage.injections, stage.seconds) == (1, 0)
    assert stage.replicas("payment") == (2, 2)
    assert not stage.leftovers()
