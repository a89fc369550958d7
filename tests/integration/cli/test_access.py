"""What the guard's account needs is printed, and asked of the cluster where there is one."""

import json
from pathlib import Path

import pytest
import yaml

from tests.integration.cli.conftest import Chaosday


@pytest.fixture
def plan(chaosday: Chaosday, tmp_path: Path) -> Path:
    path = tmp_path / "chaosday.yaml"
    called = chaosday("init", path.name)
    assert called.returncode == 0, called.stderr
    return path


def test_roles_are_printed_for_an_account(chaosday: Chaosday, plan: Path) -> None:
    called = chaosday("rbac", plan.name, "--account", "chaos:guard")

    manifests = list(yaml.safe_load_all(called.stdout))
    assert [each["kind"] for each in manifests] == ["Role", "RoleBinding"] * 2
    account = {"kind": "ServiceAccount", "name": "guard", "namespace": "chaos"}
    assert [each["subjects"] for each in manifests if "subjects" in each] == [[account]] * 2


def test_an_account_that_is_none_is_told_with_the_way_out(chaosday: Chaosday, plan: Path) -> None:
    called = chaosday("rbac", plan.name, "--account", "guard")

    assert called.returncode == 2
    assert "write NAMESPACE:NAME, such as chaosday:chaosday" in called.stderr


def test_a_cluster_that_is_not_there_is_no_fault_of_the_plan(
    chaosday: Chaosday, plan: Path
) -> None:
    called = chaosday("check", plan.name, "--json", KUBECONFIG="/nowhere/kubeconfig")

    assert called.returncode == 0, called.stderr
    access = json.loads(called.stdout)["access"]
    assert (access["asked"], access["missing"]) == (False, [])
    assert "/nowhere/kubeconfig" in access["problem"]
