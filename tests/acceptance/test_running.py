"""One experiment, run as an agent of chaos would run it on the practice cluster."""

import json
from functools import partial
from pathlib import Path

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
