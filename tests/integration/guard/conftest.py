"""A practice cluster in a process of its own, and guards in theirs."""

import re
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from tests.cluster.fixture import kubernetes, real_kubeconfig
from tests.integration.guard.conducting import (
    ROOT,
    Cluster,
    Guard,
    deployment,
    guard_at,
    loose,
    prepare,
    service,
    until,
)
from tests.integration.guard.places import Place, a_place

__all__ = ["kubernetes", "real_kubeconfig"]

StartGuard = Callable[..., AbstractAsyncContextManager[Guard]]


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(scope="session")
def kubeconfig(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    path = tmp_path_factory.mktemp("guard") / "kubeconfig"
    command = [sys.executable, "-m", "orchestrator.practice", "--no-traffic"]
    with subprocess.Popen(
        [*command, "--kubeconfig", str(path)], cwd=ROOT, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        for _ in range(4):
            process.stdout.readline()
        yield path
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=10)


@pytest.fixture(
    scope="module",
    params=[
        pytest.param("practice", marks=pytest.mark.slow),
        pytest.param("kubernetes", marks=pytest.mark.kubernetes),
    ],
)
def place(request: pytest.FixtureRequest) -> Iterator[Place]:
    """A namespace on the practice cluster, and one on Kubernetes' own control plane."""
    fixture = "kubeconfig" if request.param == "practice" else "real_kubeconfig"
    with a_place(request.getfixturevalue(fixture)) as found:
        yield found


@pytest.fixture
def guarding(place: Place, database: Path) -> StartGuard:
    """Starts a guard of the test's run, limited to the namespace of its place."""

    def begin(**limits: Any) -> AbstractAsyncContextManager[Guard]:
        settings = {"namespaces": frozenset({place.namespace})} | limits
        return guard_at(database, kubeconfig=place.kubeconfig, radius=loose(**settings))

    return begin


@pytest.fixture(scope="session")
def api_url(kubeconfig: Path) -> str:
    found = re.search(r"server: (\S+)", kubeconfig.read_text("utf-8"))
    assert found
    return found[1]


@pytest.fixture
async def cluster(api_url: str) -> AsyncIterator[Cluster]:
    """The practice cluster without a guard; put in order after the test."""
    cluster = Cluster(url=api_url)
    yield cluster
    await _put_in_order(cluster)


@pytest.fixture
async def database(tmp_path: Path) -> Path:
    path = tmp_path / "journal.db"
    await prepare(path)
    return path


@pytest.fixture
def start(kubeconfig: Path, database: Path) -> StartGuard:
    """Starts a guard of the test's run."""
    return partial(guard_at, database, kubeconfig=kubeconfig)


async def _put_in_order(cluster: Cluster) -> None:
    for name, count in {"payment": 2, "checkout": 3, "cart": 2, "stock": 2}.items():
        body = {"spec": {"replicas": count}}
        assert (await cluster.patch(deployment(name), body))[0] == 200
        selector = {"spec": {"selector": {"app": name, "bogus": None}}}
        assert (await cluster.patch(service(name), selector))[0] == 200

    async def is_ready() -> bool:
        found = await cluster.read("/apis/apps/v1/namespaces/shop/deployments")
        return all(
            item["status"].get("readyReplicas") == item["spec"]["replicas"]
            and item["status"].get("replicas") == item["spec"]["replicas"]
            for item in found["items"]
        )

    await until(is_ready)
