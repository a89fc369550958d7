"""Every experiment of the catalogue runs under plain Chaos Toolkit, strikes, and is undone."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest

from experiments.catalogue import FOLDER, FolderCatalogue
from tests.integration.experiments.conftest import ChaosRun, Environment, Practice
from tests.integration.experiments.watching import leading_to, proof_of, shape, wait_for

FOREIGN = Path(__file__).parents[2] / "fixtures" / "foreign"
SEEN_OUTSIDE = {
    "bad-image": False,
    "pod-killed": False,
    "scaled-to-zero": True,
    "selector-broken": True,
}
"""Whether the steady state is lost while the fault is there."""

Run = Callable[..., ChaosRun]


@pytest.fixture(autouse=True)
def same_cluster(practice: Practice, environment: Environment) -> Iterator[None]:
    with leading_to(practice.kubeconfig, environment):
        yield


def test_every_experiment_of_the_catalogue_is_run_here() -> None:
    assert sorted(SEEN_OUTSIDE) == FolderCatalogue().names()


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(SEEN_OUTSIDE))
def test_experiment_strikes_and_is_undone(name: str, chaos_run: Run, practice: Practice) -> None:
    document = FolderCatalogue().read(name).document
    before = shape()
    proven = proof_of(document)
    assert not proven()

    run = chaos_run(FOLDER / name / "experiment.yaml", "--var", "hold:float=4")
    wait_for(proven, within=20)
    journal = run.end()

    assert steady_before(journal)
    assert journal["status"] == "completed"
    assert statuses(journal) == {"succeeded"}
    assert journal["deviated"] is SEEN_OUTSIDE[name]
    wait_for(lambda: shape() == before, within=20)
    assert sold_by(practice.front_door)


@pytest.mark.slow
def test_experiment_of_others_runs(chaos_run: Run) -> None:
    before = shape()

    journal = chaos_run(FOREIGN / "experiment.json").end()

    assert steady_before(journal)
    assert (journal["status"], journal["deviated"]) == ("completed", False)
    assert statuses(journal) == {"succeeded"}
    wait_for(lambda: shape() == before, within=20)


def test_experiment_of_others_with_a_probe_that_says_nothing_is_not_begun(chaos_run: Run) -> None:
    journal = chaos_run(FOREIGN / "unfit.json").end()

    assert not steady_before(journal)
    assert journal["run"] == []


@pytest.mark.parametrize("file", ["experiment.json", "unfit.json"])
def test_experiment_of_others_is_pinned(file: str) -> None:
    assert FolderCatalogue().read(str(FOREIGN / file)).title.startswith("Do we remain available")


def steady_before(journal: dict[str, Any]) -> bool:
    return bool(journal["steady_states"]["before"]["steady_state_met"])


def statuses(journal: dict[str, Any]) -> set[str]:
    return {each["status"] for each in [*journal["run"], *journal["rollbacks"]]}


def sold_by(front_door: str) -> bool:
    return httpx2.post(f"{front_door}/checkout", timeout=5).status_code == 201
