"""Kubeconfigs as people have them: relative, in several files, of many contexts and clusters."""

import json
import os
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.acceptance.stage import Stage

KUBECTL = Path(sys.executable).with_name("kubectl")
A_MOMENT = {
    "type": "probe",
    "name": "a-moment",
    "provider": {"type": "process", "path": "true"},
}
ELSEWHERE = "http://127.0.0.1:9"

pytestmark = pytest.mark.skipif(not KUBECTL.exists(), reason="there is no kubectl beside python")


@pytest.fixture
def kubeconfig(sqlite_stage: Stage) -> str:
    """One of several files by their relative paths, the first of which is not there."""
    practice = yaml.safe_load(Path(sqlite_stage.cluster["kubeconfig"]).read_text("utf-8"))
    (server,) = practice["clusters"]
    own = sqlite_stage.folder / "own.kubeconfig"
    own.write_text(
        json.dumps(
            {
                "clusters": [server, {"name": "far", "cluster": {"server": ELSEWHERE}}],
                "users": [{"name": "me", "user": {}}],
                "contexts": [
                    a_context("mine", server["name"], "shop"),
                    a_context("far-away", "far", ""),
                ],
                "current-context": "mine",
            }
        ),
        "utf-8",
    )
    paths = [sqlite_stage.folder / "missing", own, Path(sqlite_stage.cluster["kubeconfig"])]
    return os.pathsep.join(os.path.relpath(path) for path in paths)


def a_context(name: str, cluster: str, namespace: str) -> dict[str, Any]:
    return {"name": name, "context": {"cluster": cluster, "user": "me", "namespace": namespace}}


def test_every_context_of_the_same_cluster_leads_to_the_guard_and_no_other_is_there(
    sqlite_stage: Stage, kubeconfig: str
) -> None:
    script = (
        f"{KUBECTL} --context mine get deployment/payment -o name"
        f" && {KUBECTL} --context mine scale deployment/payment --replicas=0"
        f" && ! {KUBECTL} --context far-away get pods"
        f" && {KUBECTL} config view --raw"
    )

    called = sqlite_stage.call(
        "by-hand", "--namespace", "shop", "--", "sh", "-c", script, KUBECONFIG=kubeconfig
    )

    assert called.returncode == 0, called.stderr
    assert "deployment.apps/payment" in called.stdout
    assert "far-away" in called.stderr.partition("contexts that lead")[0]
    assert "contexts that lead to another cluster" in called.stderr
    assert ELSEWHERE not in called.stdout
    assert sqlite_stage.cluster["api_url"] not in called.stdout
    assert sqlite_stage.replicas("payment")[0] == 2


@pytest.mark.slow
def test_experiment_reaches_the_guard_by_whatever_context_it_is_told(
    sqlite_stage: Stage, kubeconfig: str
) -> None:
    """By the environment, by the command line, and by a program's argument."""
    probe = {"module": "chaosk8s.deployment.probes", "func": "deployment_available_and_healthy"}
    told = {
        "type": "python",
        **probe,
        "secrets": ["k8s"],
        "arguments": {"name": "payment", "ns": "shop"},
    }
    words = ["--context", "practice", "get", "deployment/payment", "--namespace", "shop"]
    program = {"type": "process", "path": str(KUBECTL), "arguments": words}
    document = {
        "title": "Contexts",
        "description": "Nothing is done.",
        "secrets": {"k8s": {"KUBERNETES_CONTEXT": {"type": "env", "key": "WHERE"}}},
        "configuration": {"KUBERNETES_CONTEXT": "written"},
        "steady-state-hypothesis": {
            "title": "Payment is there",
            "probes": [
                {"type": "probe", "name": "by-python", "tolerance": True, "provider": told},
                {"type": "probe", "name": "by-kubectl", "tolerance": 0, "provider": program},
            ],
        },
        "method": [{**A_MOMENT, "pauses": {"after": 2}}],
    }
    path = sqlite_stage.folder / "experiment.yaml"
    path.write_text(yaml.safe_dump(document), "utf-8")

    called = sqlite_stage.call(
        *("run", str(path), "--json", "--env", "WHERE", "--var", "KUBERNETES_CONTEXT=typed"),
        KUBECONFIG=kubeconfig, WHERE="told",
    )  # fmt: skip

    assert called.returncode == 0, called.stdout + called.stderr
    assert json.loads(called.stdout)["finding"] == "held"
