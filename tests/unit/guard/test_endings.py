"""New objects that can carry an end end no later than their run may last."""

from datetime import timedelta
from typing import Any

import pytest

from orchestrator.guard.endings import with_end
from orchestrator.guard.kinds import KINDS

LEFT = timedelta(minutes=2)
CHAOS = KINDS["chaos-mesh.org", "networkchaos"]
JOB = KINDS["batch", "jobs"]


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        (None, "120s"),
        ("", "120s"),
        ("90s", "90s"),
        ("1m30.5s", "1m30.5s"),
        ("2m", "2m"),
        ("2m1s", "120s"),
        ("1h", "120s"),
        ("119000ms", "119000ms"),
        ("121000ms", "120s"),
        ("119000000us", "119000000us"),
        ("121000000us", "120s"),
        ("119000000µs", "119000000µs"),
        ("121000000µs", "120s"),
        ("119000000000ns", "119000000000ns"),
        ("121000000000ns", "120s"),
        ("soon", "120s"),
        ("-1s", "120s"),
        ("10s later", "120s"),
        ("1.2.3s", "120s"),
    ],
)
def test_fault_of_chaos_mesh_ends_with_its_run(given: str | None, kept: str) -> None:
    body: dict[str, Any] = {"spec": {"action": "delay", "duration": given}}

    assert with_end(CHAOS, body, LEFT)["spec"]["duration"] == kept


@pytest.mark.parametrize("action", ["pod-kill", "container-kill"])
def test_fault_that_is_over_at_once_needs_no_end(action: str) -> None:
    body = {"spec": {"action": action}}

    assert with_end(KINDS["chaos-mesh.org", "podchaos"], body, LEFT) == body


@pytest.mark.parametrize(("given", "kept"), [(None, 120), (60, 60), (600, 120), ("60", 120)])
def test_job_ends_with_its_run(given: Any, kept: int) -> None:
    body = {"spec": {"activeDeadlineSeconds": given}}

    assert with_end(JOB, body, LEFT)["spec"]["activeDeadlineSeconds"] == kept


def test_end_is_never_now() -> None:
    assert with_end(JOB, {"spec": {}}, timedelta())["spec"]["activeDeadlineSeconds"] == 1


def test_other_kinds_stay_as_they_are() -> None:
    body = {"spec": {"replicas": 1}}

    assert with_end(KINDS["apps", "deployments"], body, LEFT) == body
    assert with_end(JOB, {"metadata": {}}, LEFT) == {"metadata": {}}
