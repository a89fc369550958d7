"""The table of the contract says of each check what runs have shown, and why not."""

from pathlib import Path
from types import SimpleNamespace

from tests.contract.cluster.outcomes import (
    DIFFERS,
    FAILS,
    NOT_RUN,
    PASSES,
    PRACTICE,
    add,
    outcome_of,
)
from tests.contract.cluster.table import Check, Run, page, run_of

CHECK = Check(module="test_pods", name="test_pod_comes_and_goes")
CASE = "tests/contract/cluster/test_pods.py::test_pod_comes_and_goes"


def row(*runs: Run) -> str:
    """The check's line in the section of its module."""
    lines = page({"Pods": [CHECK]}, runs).partition("## Pods")[2].splitlines()
    return next(line for line in lines if line.startswith("| pod comes and goes |"))


def run(cluster: str = PRACTICE, **outcomes: dict[str, str]) -> Run:
    return Run(cluster=cluster, outcomes={f"{CASE}[{case}]": it for case, it in outcomes.items()})


def test_check_whose_cases_all_pass_has_a_tick() -> None:
    both = row(run(a={"outcome": PASSES}, b={"outcome": PASSES}), run("Kubernetes v1"))

    assert both == "| pod comes and goes | ✓ | - |"


def test_known_difference_is_told_with_its_reason_and_listed_first() -> None:
    known = run(a={"outcome": DIFFERS, "reason": "it has no legs"})

    assert row(known).endswith("| *known difference*: it has no legs |")
    assert "it has no legs" in page({"Pods": [CHECK]}, [known]).partition("## Pods")[0]


def test_cases_that_come_out_differently_are_counted() -> None:
    mixed = run(a={"outcome": PASSES}, b={"outcome": NOT_RUN, "reason": "no Go"})

    assert row(mixed).endswith("| 1 of 2 passes; 1 of 2 not run: no Go |")


def test_outcome_follows_from_what_pytest_reports() -> None:
    def told(**report: object) -> dict[str, str]:
        return outcome_of(SimpleNamespace(**report))

    declared = told(outcome="skipped", wasxfail="reason: it has no legs")
    lacking = told(outcome="skipped", longrepr=("f", 1, "Skipped: not on practice nodes: no legs"))
    skipped = told(outcome="skipped", longrepr=("f", 1, "Skipped: no kubectl"))

    assert declared == {"outcome": DIFFERS, "reason": "it has no legs"}
    assert lacking == {"outcome": DIFFERS, "reason": "no legs"}
    assert skipped == {"outcome": NOT_RUN, "reason": "no kubectl"}
    assert told(outcome="passed") == {"outcome": PASSES}
    assert told(outcome="failed") == {"outcome": FAILS}


def test_later_run_adds_to_what_an_earlier_one_on_the_same_cluster_found(tmp_path: Path) -> None:
    path = tmp_path / "outcomes.json"
    add(path, PRACTICE, {"a": {"outcome": FAILS}, "b": {"outcome": PASSES}})

    add(path, PRACTICE, {"a": {"outcome": PASSES}})
    same = run_of(path).outcomes
    add(path, "Kubernetes v1", {"c": {"outcome": PASSES}})

    assert same == {"a": {"outcome": PASSES}, "b": {"outcome": PASSES}}
    assert list(run_of(path).outcomes) == ["c"]
