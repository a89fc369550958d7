"""`chaosday check` says by what runners are kept in here, and what is missing."""

import json
from pathlib import Path

import pytest

from orchestrator.domain.containment import Measure
from tests.integration.cli.conftest import Chaosday


@pytest.fixture
def plan(chaosday: Chaosday, tmp_path: Path) -> Path:
    assert chaosday("init", "day.yaml").returncode == 0
    path = tmp_path / "day.yaml"
    path.write_text(
        path.read_text(encoding="utf-8")
        + 'may_reach: ["shop.example.org:443"]\ncontainment: [network, environment]\n',
        encoding="utf-8",
    )
    return path


def test_every_measure_is_told_with_what_is_required(chaosday: Chaosday, plan: Path) -> None:
    called = chaosday("check", plan.name, "--json")

    assert called.returncode == 0, called.stderr
    told = json.loads(called.stdout)
    measures = told["containment"]["measures"]
    assert [each["measure"] for each in measures] == [measure.value for measure in Measure]
    assert [each["measure"] for each in measures if each["required"]] == ["environment", "network"]
    assert set(map(tuple, told["may_reach"].values())) == {("shop.example.org:443",)}


def test_what_is_missing_is_told_with_the_way_out(chaosday: Chaosday, plan: Path) -> None:
    called = chaosday("check", plan.name, CHAOSDAY_RUNNER_CONTAINMENT="off")

    assert called.returncode == 0, called.stderr
    assert "it was turned off; to have it: unset CHAOSDAY_RUNNER_CONTAINMENT" in called.stdout
    assert "no run of this plan would start: what it requires is missing" in called.stdout


def test_a_knob_that_is_neither_on_nor_off_is_refused(chaosday: Chaosday, plan: Path) -> None:
    called = chaosday("check", plan.name, CHAOSDAY_RUNNER_CONTAINMENT="perhaps")

    assert called.returncode == 2
    assert "CHAOSDAY_RUNNER_CONTAINMENT = 'perhaps'" in called.stderr
    assert "Traceback" not in called.stderr
