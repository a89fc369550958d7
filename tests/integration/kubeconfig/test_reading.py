"""Where a kubeconfig leads, read as kubectl reads it."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import anyio
import pytest
import yaml

from orchestrator.adapters.kubeconfig import KubeconfigFiles
from orchestrator.domain.errors import KubeconfigUnreadable
from orchestrator.domain.plan import Cluster, ClusterAddress

ONE = ClusterAddress(server="https://192.0.2.1:6443", context="one")
TWO = ClusterAddress(server="https://192.0.2.2", context="two")


def written(path: Path, *addresses: ClusterAddress, current: str = "one") -> str:
    document: dict[str, Any] = {
        "current-context": current,
        "contexts": [
            {"name": each.context, "context": {"cluster": f"of-{each.context}"}}
            for each in addresses
        ],
        "clusters": [
            {"name": f"of-{each.context}", "cluster": {"server": f"{each.server}/"}}
            for each in addresses
        ],
    }
    path.write_text(yaml.safe_dump(document))
    return str(path)


def address(
    cluster: Cluster | None = None, *, environment: Mapping[str, str] | None = None
) -> ClusterAddress:
    files = KubeconfigFiles(environment or {})
    return anyio.run(files.address_of, cluster or Cluster())


def test_the_current_context_counts_unless_another_is_named(tmp_path: Path) -> None:
    path = written(tmp_path / "config", ONE, TWO)

    assert address(Cluster(kubeconfig=path)) == ONE
    assert address(Cluster(kubeconfig=path, context="two")) == TWO


def test_without_a_path_that_of_the_environment_counts(tmp_path: Path) -> None:
    named, other = written(tmp_path / "a", ONE), written(tmp_path / "b", TWO, current="two")

    assert address(environment={"KUBECONFIG": named}) == ONE
    assert address(Cluster(kubeconfig=other), environment={"KUBECONFIG": named}) == TWO


def test_of_several_files_the_first_entry_of_a_name_counts(tmp_path: Path) -> None:
    moved = ClusterAddress(server="https://192.0.2.9", context="two")
    first = written(tmp_path / "a", TWO, current="")
    second = written(tmp_path / "b", moved, ONE, current="two")
    both = os.pathsep.join((first, str(tmp_path / "gone"), second))

    assert address(environment={"KUBECONFIG": both}) == TWO
    assert address(Cluster(context="one"), environment={"KUBECONFIG": both}) == ONE


def test_a_pod_has_its_own() -> None:
    if Path("~/.kube/config").expanduser().exists():
        pytest.skip("whoever runs this has a kubeconfig, which counts first")
    pod = {"KUBERNETES_SERVICE_HOST": "fd00::1", "KUBERNETES_SERVICE_PORT": "443"}

    assert address(environment=pod).server == "https://[fd00::1]:443"


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (None, "cannot be read"),
        ("current-context: [", "is not YAML"),
        ("- a list", "names no current context"),
        ("current-context: one", "says nothing of the server of the context one"),
        ("current-context: one\ncontexts: 3", "says nothing of the server"),
    ],
)
def test_what_cannot_be_read_is_told_without_its_contents(
    tmp_path: Path, text: str | None, problem: str
) -> None:
    path = tmp_path / "config"
    if text is not None:
        path.write_text(text)

    with pytest.raises(KubeconfigUnreadable, match=problem) as refusal:
        address(environment={"KUBECONFIG": str(path)})

    assert str(path) in str(refusal.value)
