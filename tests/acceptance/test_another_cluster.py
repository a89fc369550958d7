"""A lost run is restored where it was, and an approved one starts where it was approved."""

import json
import os
import signal
import subprocess
from pathlib import Path
from typing import Any

import pytest

from orchestrator.domain.run import Finding, Phase
from tests.acceptance.database import phase_is, runs_of
from tests.acceptance.stage import AT_ANY_TIME, Stage, kill, practice, until

pytestmark = pytest.mark.slow

PLAN = """\
version: 1
day: {name: A day of two clusters}
environment: test
window: {zone: UTC, opens: 2026-01-01T00:00, closes: 2099-01-01T00:00}
people: [{name: Kim, role: facilitator}]
blast_radius: {namespaces: [shop], kinds: [deployments], disruption_budgets: may be violated}
agenda:
  - {box: gone, at: +1s, lasts: 90s, experiment: experiment.yaml}
"""

APPROVED = (
    AT_ANY_TIME
    + """\
blast_radius: {namespaces: [shop], kinds: [pods]}
approved_preview: required
agenda:
  - {box: kill, at: +0s, lasts: 2m, experiment: pod-killed, configuration: {hold: 0}}
"""
)


def answered(told: subprocess.CompletedProcess[str]) -> subprocess.CompletedProcess[str] | None:
    return None if "is held by another conductor" in told.stderr else told


def test_a_run_that_was_in_another_cluster_is_stranded_until_that_one_is_named(
    sqlite_stage: Stage, tmp_path: Path
) -> None:
    stage = sqlite_stage
    stage.write_experiment()
    plan = tmp_path / "plan.yaml"
    plan.write_text(PLAN)
    conductor = stage.start("conduct", str(plan))
    run = until(lambda: phase_is(stage, Phase.HOLDING))
    # It must not start another guard, nor the guard put back what it can.
    conductor.send_signal(signal.SIGSTOP)
    for process in stage.leftovers():
        if process != conductor.pid:
            os.kill(process, signal.SIGKILL)
    kill(conductor)
    (tmp_path / "elsewhere").mkdir()

    with practice(tmp_path / "elsewhere") as elsewhere:
        other = Stage(tmp_path, stage.database, elsewhere)
        other.scale("payment", 0)
        # Until its lease is over the run is its dead conductor's.
        told = until(lambda: answered(other.call("restore", run.id)))
        assert other.replicas("payment")[0] == 0

    (stranded,) = runs_of(stage)
    assert (stranded.phase, stranded.finding) == (Phase.STRANDED, Finding.STRANDED)
    assert f"KUBECONFIG=... chaosday restore {run.id}" in stranded.stranded
    assert stage.replicas("payment")[0] == 0

    restored = stage.call("restore", run.id)

    assert restored.returncode != told.returncode
    assert runs_of(stage)[0].phase is Phase.CONCLUDED
    assert until(lambda: stage.replicas("payment") == (2, 2))


def test_an_approval_is_not_of_another_cluster_at_the_same_address(tmp_path: Path) -> None:
    database = f"sqlite+aiosqlite:///{tmp_path}/chaosday.db"
    plan = tmp_path / "plan.yaml"
    plan.write_text(APPROVED)
    with practice(tmp_path) as cluster:
        stage = Stage(tmp_path, database, cluster)
        done = stage.call("preview", str(plan), "--static", "--json")
        assert done.stdout, done.stderr
        (preview,) = json.loads(done.stdout)["previews"]
        stage.call("preview", "--approve", preview["id"])
        held = run_of(stage, plan)
        port = int(preview["cluster"].rpartition(":")[2])

    with practice(tmp_path, port=port) as another:
        refused = run_of(Stage(tmp_path, database, another), plan)

    assert held["phase"] == Phase.CONCLUDED, held
    assert refused["phase"] == Phase.CANCELLED
    assert "its approved preview is of the cluster" in refused["reason"]
    assert refused["reason"].count("kube-system") == 2
    assert preview["cluster_uid"] in refused["reason"]


def run_of(stage: Stage, plan: Path) -> dict[str, Any]:
    done = stage.call("conduct", str(plan), "--json", "--output", str(stage.folder))
    assert done.stdout, done.stderr
    (run,) = json.loads(done.stdout)["runs"]
    assert isinstance(run, dict)
    return run
