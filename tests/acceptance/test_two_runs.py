"""Two runs at once on one object: the second is refused, and nothing of either stays."""

from typing import Any

import pytest
import yaml

from tests.acceptance.stage import Stage, until

pytestmark = pytest.mark.slow

PLAN = """\
version: 1
day: {name: A day of two}
environment: test
window: {zone: UTC, opens: 2026-01-01T00:00, closes: 2099-01-01T00:00}
people: [{name: Kim, role: facilitator}]
day_budget: {most_runs: 2, most_objects: 20}
blast_radius:
  namespaces: [shop]
  kinds: [deployments]
  most_objects: 9
  disruption_budgets: may be violated
  longest: 60s
agenda:
  - {box: a, at: +1s, lasts: 60s, experiment: a.yaml, beside_others: true}
  - {box: b, at: +4s, lasts: 60s, experiment: b.yaml, beside_others: true}
"""


def scaled_to(title: str, replicas: int, *, seconds: int) -> str:
    """An experiment that scales payment and leaves it so for a while."""
    deed: dict[str, Any] = {
        "type": "python",
        "module": "chaosk8s.deployment.actions",
        "func": "scale_deployment",
        "arguments": {"name": "payment", "ns": "shop", "replicas": replicas},
    }
    well = {"type": "process", "path": "true"}
    return yaml.safe_dump(
        {
            "title": title,
            "description": "Scales payment.",
            "steady-state-hypothesis": {
                "title": "All is well",
                "probes": [{"type": "probe", "name": "well", "tolerance": 0, "provider": well}],
            },
            "method": [
                {"type": "action", "name": "scale", "provider": deed, "pauses": {"after": seconds}}
            ],
            "rollbacks": [],
        }
    )


@pytest.fixture
def stage(sqlite_stage: Stage) -> Stage:
    # Who starts waits for a lease of another, in case that one is lost.
    sqlite_stage.lease_seconds = 3
    (sqlite_stage.folder / "a.yaml").write_text(scaled_to("A", 0, seconds=15))
    (sqlite_stage.folder / "b.yaml").write_text(scaled_to("B", 1, seconds=9))
    return sqlite_stage


def test_two_boxes_beside_each_other_leave_their_object_as_before(stage: Stage) -> None:
    plan = stage.folder / "plan.yaml"
    plan.write_text(PLAN)

    done = stage.call("conduct", str(plan), "--output", str(stage.folder / "out"))

    assert "A (run-" in done.stdout, done.stderr
    assert "the hypothesis held" in done.stdout
    assert "refused by the rule other_run: deployments/shop/payment" in done.stderr
    assert until(lambda: stage.replicas("payment") == (2, 2))


def test_two_runs_from_two_terminals_leave_their_object_as_before(stage: Stage) -> None:
    first = stage.start("run", str(stage.folder / "a.yaml"), "--longest", "60")
    until(lambda: stage.replicas("payment")[0] == 0)

    second = stage.call("run", str(stage.folder / "b.yaml"), "--longest", "60")

    assert "other_run" in second.stdout + second.stderr
    assert stage.replicas("payment")[0] == 0
    first.wait(timeout=60)
    assert until(lambda: stage.replicas("payment") == (2, 2))
