"""One experiment, run as an agent of chaos would run it on the practice cluster."""

import json
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from tests.acceptance.stage import Stage, until

FOREIGN = Path(__file__).parents[1] / "fixtures" / "foreign"


@pytest.fixture(autouse=True)
def contained(sqlite_stage: Stage) -> None:
    """As on any day: runners are kept in."""
    sqlite_stage.is_contained = True


def test_experiment_that_was_not_written_for_us_runs_within_limits(sqlite_stage: Stage) -> None:
    called = sqlite_stage.call("run", str(FOREIGN / "experiment.json"), "--json")

    assert called.returncode in {0, 10}, called.stderr
    run = json.loads(called.stdout)
    assert run["phase"] == "concluded"
    assert run["finding"] in {"held", "deviated"}
    assert not sqlite_stage.leftovers()


def test_experiment_whose_steady_state_never_holds_is_not_begun(sqlite_stage: Stage) -> None:
    called = sqlite_stage.call("run", str(FOREIGN / "unfit.json"), "--json")

    assert (called.returncode, json.loads(called.stdout)["finding"]) == (12, "unfit")


@pytest.mark.parametrize(
    ("name", "finding"),
    [
        ("pod-killed", "held"),
        ("scaled-to-zero", "deviated"),
        pytest.param("selector-broken", "deviated", marks=pytest.mark.slow),
        pytest.param("bad-image", "held", marks=pytest.mark.slow),
    ],
)
def test_experiment_of_the_catalogue_is_injected_proven_measured_and_restored(
    sqlite_stage: Stage, name: str, finding: str
) -> None:
    called = sqlite_stage.call("run", name, "--var", "hold=5", "--json")

    run = json.loads(called.stdout)
    assert (run["phase"], run["finding"], run["injection"]) == ("concluded", finding, "proven")
    assert called.returncode == {"held": 0, "deviated": 10}[finding]
    until(lambda: sqlite_stage.replicas("checkout") == (3, 3))
    for workload in ("payment", "catalog", "stock"):
        until(partial(_has_two, sqlite_stage, workload))


def _has_two(stage: Stage, workload: str) -> bool:
    return stage.replicas(workload) == (2, 2)


def test_experiment_beyond_its_limits_is_refused_by_the_guard_and_restored(
    sqlite_stage: Stage,
) -> None:
    called = sqlite_stage.call("run", "scaled-to-zero", "--most-share", "50", "--json")

    run = json.loads(called.stdout)
    assert (called.returncode, run["finding"]) == (11, "aborted")
    assert "50% are allowed" in run["reason"]
    assert sqlite_stage.replicas("payment") == (2, 2)


def test_unfit_steady_state_injects_nothing(sqlite_stage: Stage) -> None:
    sqlite_stage.scale("payment", 0)
    try:
        until(lambda: sqlite_stage.replicas("payment") == (0, 0))
        called = sqlite_stage.call("run", "pod-killed", "--json")
    finally:
        sqlite_stage.scale("payment", 2)

    run = json.loads(called.stdout)
    assert (called.returncode, run["phase"], run["finding"]) == (12, "cancelled", "unfit")
    assert "checkout-succeeds" in run["reason"]
    until(lambda: sqlite_stage.replicas("payment") == (2, 2))


def test_refused_rollback_keeps_the_run_from_being_held(sqlite_stage: Stage) -> None:
    path = experiment(sqlite_stage, "true", scale("catalog", 3), rollback=scale("cart", 3))

    called = sqlite_stage.call("run", path, "--json")

    run = json.loads(called.stdout)
    assert (called.returncode, run["phase"], run["finding"]) == (0, "concluded", "unknown")
    assert run["reason"].startswith("the guard refused deployments/shop/cart: ")
    until(partial(_has_two, sqlite_stage, "catalog"))
    assert sqlite_stage.replicas("cart") == (2, 2)


def test_run_whose_steady_state_does_not_come_back_is_stranded_until_it_is_seen_to_hold(
    sqlite_stage: Stage,
) -> None:
    # No undo takes away what is broken outside the cluster; a later runner has another home.
    broken = "$HOME/broken"
    method = shell("action", "break-it", f"touch {broken}") | {"pauses": {"after": 2}}
    path = experiment(sqlite_stage, f"test ! -e {broken}", method)

    called = sqlite_stage.call("run", path, "--json", CHAOSDAY_PACE_AFTER="1")
    stranded = json.loads(called.stdout)
    restored = sqlite_stage.call("restore", stranded["id"], "--json")

    assert (called.returncode, stranded["phase"], stranded["finding"]) == (
        14,
        "stranded",
        "deviated",
    )
    assert "does not hold again within 1 s: all-is-well" in stranded["reason"]
    assert "(tolerance: 0)" in stranded["reason"]
    assert f"chaosday restore {stranded['id']}" in stranded["reason"]
    run = json.loads(restored.stdout)
    assert (restored.returncode, run["phase"], run["finding"]) == (10, "concluded", "deviated")
    assert "is restored since" in run["reason"]


def experiment(
    stage: Stage, well: str, *method: dict[str, Any], rollback: dict[str, Any] | None = None
) -> str:
    """The path of an experiment whose steady state holds when a command succeeds."""
    probe = shell("probe", "all-is-well", well) | {"tolerance": 0}
    document = {
        "title": "Something else",
        "description": "What the catalogue does not do.",
        "steady-state-hypothesis": {"title": "All is well", "probes": [probe]},
        "method": list(method),
        "rollbacks": [rollback] if rollback else [],
    }
    path = stage.folder / "something-else.json"
    path.write_text(json.dumps(document))
    return str(path)


def shell(kind: str, name: str, command: str) -> dict[str, Any]:
    provider = {"type": "process", "path": "sh", "arguments": ["-c", command]}
    return {"type": kind, "name": name, "provider": provider}


def scale(name: str, replicas: int) -> dict[str, Any]:
    arguments = {"name": name, "ns": "shop", "replicas": replicas}
    module = {"module": "chaosk8s.deployment.actions", "func": "scale_deployment"}
    provider = {"type": "python", **module, "arguments": arguments}
    return {"type": "action", "name": f"scale-{name}", "provider": provider}
