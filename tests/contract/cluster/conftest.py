"""What every contract check takes: a cluster's kubeconfig and a namespace of its own.

`CHAOSDAY_CONTRACT_KUBECONFIG` names another cluster to ask the same questions of.
"""

import json
import os
import subprocess
import sys
import uuid
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from kubernetes import client, config
from kubernetes.client.exceptions import NotFoundException

from tests.cluster.fixture import kubernetes_with_containers, node_programs
from tests.contract.cluster.asking import Cluster, Kubectl
from tests.contract.cluster.chaosk8s_calls import Chaosk8s
from tests.contract.cluster.outcomes import (
    pytest_addoption,
    pytest_collection_modifyitems,
    pytest_configure,
    pytest_sessionfinish,
    pytest_sessionstart,
)
from tests.contract.cluster.running import (
    running,
    running_api,
    running_kubeconfig,
    runtime,
)

__all__ = [
    "kubernetes_with_containers",
    "node_programs",
    "pytest_addoption",
    "pytest_collection_modifyitems",
    "pytest_configure",
    "pytest_sessionfinish",
    "pytest_sessionstart",
    "running",
    "running_api",
    "running_kubeconfig",
    "runtime",
]

HERE = Path(__file__).parent
ROOT = HERE.parents[2]


@pytest.fixture(scope="session")
def kubeconfig(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The kubeconfig of the cluster that is asked; one cluster for the whole session."""
    given = os.environ.get("CHAOSDAY_CONTRACT_KUBECONFIG")
    if given:
        yield Path(given)
        return
    process = subprocess.Popen(
        [sys.executable, str(HERE / "serving.py")],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout is not None
        url = process.stdout.readline().strip()
        assert url, "the practice API server did not start"
        path = tmp_path_factory.mktemp("cluster") / "kubeconfig"
        path.write_text(json.dumps(_kubeconfig(url)))
        yield path
    finally:
        # Its own watches would hold up a graceful stop, and it has nothing to tidy up.
        process.kill()
        process.communicate(timeout=10)


def _kubeconfig(url: str) -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "practice", "cluster": {"server": url}}],
        "users": [{"name": "practice", "user": {}}],
        "contexts": [{"name": "practice", "context": {"cluster": "practice", "user": "practice"}}],
        "current-context": "practice",
    }


@pytest.fixture(scope="session")
def api(kubeconfig: Path) -> Iterator[client.ApiClient]:
    """The official client, talking to the cluster."""
    found = config.new_client_from_config(  # type: ignore[no-untyped-call]
        str(kubeconfig)
    )
    yield found
    found.close()


@pytest.fixture
def scratch(api: client.ApiClient) -> Iterator[str]:
    """A namespace of the check's own, gone afterwards."""
    core: Any = client.CoreV1Api(api)
    name = f"scratch-{uuid.uuid4().hex[:8]}"
    core.create_namespace({"metadata": {"name": name}})
    yield name
    with suppress(NotFoundException):
        core.delete_namespace(name)


@pytest.fixture
def cluster(api: client.ApiClient, scratch: str) -> Cluster:
    """The cluster, asked over plain HTTP within the scratch namespace."""
    return Cluster(api, scratch)


@pytest.fixture
def kubectl(kubeconfig: Path, scratch: str) -> Kubectl:
    """The real kubectl, working in the scratch namespace."""
    binary = Path(sys.executable).parent / "kubectl"
    if not binary.exists():
        pytest.skip("kubectl is not installed beside the Python that runs the tests")
    return Kubectl(binary, kubeconfig, scratch)


@pytest.fixture(scope="session")
def chaosk8s(kubeconfig: Path) -> Iterator[Chaosk8s]:
    """The functions of chaosk8s, called in a process of their own, as a run does."""
    with Chaosk8s.talking_to(kubeconfig) as found:
        yield found
