"""Signals: whoever conducts stops injecting, restores, and only then ends."""

import signal

from orchestrator.domain.run import Finding, Phase
from tests.acceptance.stage import Stage, until
from tests.acceptance.test_kill import phase_is, runs_of


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
    first = stage.start("run", str(experiment), "--longest", "120")
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
