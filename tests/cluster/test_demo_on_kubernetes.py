"""The demonstration's day on Kubernetes' own control plane: the same verdicts, and nothing left."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from kubernetes import client, config

from tests.cluster.starting import RealCluster

pytestmark = [pytest.mark.kubernetes, pytest.mark.slow, pytest.mark.timeout(280)]

OUTCOMES = {
    "Checkout loses one of its pods": "Absorbed",
    "Payment has no pods at all": "Found by people",
    "Catalog's Service finds no pods": "Undetected",
    "A release of stock cannot be pulled": "Early notice",
}


def chaosday(*words: str, **options: Any) -> subprocess.CompletedProcess[str]:
    """One command, to its end."""
    return subprocess.run(
        [sys.executable, "-m", "orchestrator.cli", *words],
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        text=True, timeout=250, check=False, **options,
    )  # fmt: skip


def names_in(kubeconfig: Path) -> set[str]:
    """The nodes and namespaces of a cluster."""
    api = config.new_client_from_config(  # type: ignore[no-untyped-call]
        str(kubeconfig)
    )
    core: Any = client.CoreV1Api(api)
    items = [*core.list_node().items, *core.list_namespace().items]
    api.close()
    return {item.metadata.name for item in items}


def test_day_ends_with_the_same_verdicts_and_leaves_nothing(
    empty_kubernetes: RealCluster, tmp_path: Path
) -> None:
    before = names_in(empty_kubernetes.admin)

    done = chaosday(
        "demo", "--join", str(empty_kubernetes.admin), "--output", str(tmp_path / "out"),
        env={**os.environ, "TMPDIR": str(tmp_path)},
    )  # fmt: skip

    assert done.returncode == 0, done.stdout
    for title, outcome in OUTCOMES.items():
        assert any(outcome in line and title in line for line in done.stdout.splitlines())
    assert "Restoration proven for 4 of 4" in done.stdout
    assert "played by a script" in (tmp_path / "out" / "debrief.html").read_text()
    assert names_in(empty_kubernetes.admin) == before
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


def test_user_who_may_too_little_is_told_what_is_missing(
    empty_kubernetes: RealCluster,
) -> None:
    before = names_in(empty_kubernetes.admin)

    done = chaosday("practice", "--join", str(empty_kubernetes.limited))

    assert done.returncode == 6, done.stdout
    assert "may not" in done.stdout
    assert "create nodes" in done.stdout
    assert "Traceback" not in done.stdout
    assert names_in(empty_kubernetes.admin) == before
