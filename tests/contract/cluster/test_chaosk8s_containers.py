"""chaosk8s where containers run: commands in them, and their logs."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.contract.cluster.chaosk8s_calls import Chaosk8s
from tests.contract.cluster.running import Running

pytestmark = pytest.mark.needs_runtime

EXEC = "pod.actions.exec_in_pods"
LOGS = "pod.probes.read_pod_logs"


@pytest.fixture(scope="module")
def caller(running_kubeconfig: Path) -> Iterator[Chaosk8s]:
    """The functions of chaosk8s, talking to the cluster that runs containers."""
    with Chaosk8s.talking_to(running_kubeconfig) as found:
        yield found


@pytest.fixture
def named(running: Running) -> dict[str, Any]:
    """How to name the container of a pod that runs."""
    running.start()
    running.until_ready()
    return {"label_selector": "app=one", "container_name": "main", "ns": running.cluster.namespace}


def test_command_runs_in_a_container(caller: Chaosk8s, named: dict[str, Any]) -> None:
    (ran,) = caller(EXEC, cmd="echo 'hello  there'", **named)

    assert ran == {
        "pod_name": "one",
        "cmd": "echo 'hello  there'",
        "exit_code": 0,
        "stdout": "hello  there\n",
        "stderr": "",
    }


def test_failed_command_is_no_failure_and_its_exit_code_is_text(
    caller: Chaosk8s, named: dict[str, Any]
) -> None:
    (ran,) = caller(EXEC, cmd=["sh", "-c", "exit 3"], **named)

    assert ran["exit_code"] == "3"
    assert "command terminated with non-zero exit code" in ran["stderr"]


def test_log_of_a_container_is_read_with_its_times(
    running: Running, caller: Chaosk8s, named: dict[str, Any]
) -> None:
    running.until_logged("\n")

    (log,) = caller(LOGS, **named).values()

    assert log.splitlines()
    assert all(line[4] == "-" and line[10] == "T" for line in log.splitlines())
    assert caller(LOGS, last="10 minutes", **named) == {"one": log}


def test_log_of_a_container_that_never_ended_before_is_refused(
    caller: Chaosk8s, named: dict[str, Any]
) -> None:
    outcome = caller.attempt(LOGS, from_previous=True, **named)

    core = r"previous terminated container \"main\" in pod \"one\" not found"
    assert outcome.fails_with("BadRequestException", "(400)", core), outcome
