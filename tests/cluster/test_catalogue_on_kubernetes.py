"""Every experiment of the catalogue, run as on the practice cluster, on Kubernetes itself.

The shop and its nodes are the practice cluster's; all that decides is Kubernetes' own.
"""

import json
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

import anyio
import pytest
from anyio.from_thread import start_blocking_portal

from experiments.catalogue import FolderCatalogue
from tests.acceptance.stage import Stage, until
from tests.cluster.building import GoMissing, are_built, built_programs
from tests.cluster.fixture import NOT_BUILT
from tests.cluster.nodes import practice_nodes
from tests.cluster.starting import real_cluster

pytestmark = [pytest.mark.kubernetes, pytest.mark.timeout(180)]
FINDINGS = {
    "bad-image": "held",
    "pod-killed": "held",
    "scaled-to-zero": "deviated",
    "selector-broken": "deviated",
}
REPLICAS = {"checkout": 3, "payment": 2, "catalog": 2, "stock": 2}


@asynccontextmanager
async def _shop() -> AsyncIterator[dict[str, Any]]:
    """The shop with its visitors on a control plane of its own."""
    async with (
        real_cluster(built_programs()) as cluster,
        practice_nodes(cluster.admin, shop=True) as nodes,
    ):
        await nodes.shop_ready(timedelta(seconds=60))
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(nodes.receive_visitors)
            yield {"kubeconfig": str(cluster.admin), "front_door_url": nodes.front_door_url}
            tasks.cancel_scope.cancel()


@pytest.fixture(scope="module")
def shop() -> Iterator[Mapping[str, Any]]:
    """The shop on Kubernetes, one for the tests here."""
    try:
        if not are_built():
            pytest.skip(NOT_BUILT)
    except GoMissing as missing:
        pytest.skip(str(missing))
    with start_blocking_portal() as portal, portal.wrap_async_context_manager(_shop()) as started:
        yield started


@pytest.fixture
def stage(shop: Mapping[str, Any], tmp_path: Path) -> Iterator[Stage]:
    """Our own commands, beside the shop on Kubernetes."""
    stage = Stage(tmp_path, f"sqlite+aiosqlite:///{tmp_path}/chaosday.db", shop)
    yield stage
    stage.end()


def test_every_experiment_of_the_catalogue_is_run_on_kubernetes() -> None:
    assert sorted(FINDINGS) == FolderCatalogue().names()


@pytest.mark.parametrize("name", sorted(FINDINGS))
def test_experiment_is_injected_proven_measured_and_restored(stage: Stage, name: str) -> None:
    called = stage.call("run", name, "--var", "hold=5", "--json")

    run = json.loads(called.stdout)
    told = (run["phase"], run["finding"], run["injection"])
    assert told == ("concluded", FINDINGS[name], "proven"), called.stderr
    for workload in REPLICAS:
        until(partial(_is_whole, stage, workload))
    assert not stage.leftovers()


def _is_whole(stage: Stage, workload: str) -> bool:
    wanted = REPLICAS[workload]
    return stage.replicas(workload) == (wanted, wanted)
