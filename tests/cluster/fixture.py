"""The pytest fixtures of a real control plane; a conftest imports what it needs.

They never compile: that takes longer than a test may. `make cluster` does.
"""

import os
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from anyio.from_thread import start_blocking_portal

from tests.cluster.building import GoMissing, are_built, built_programs
from tests.cluster.containers.building import (
    NodePrograms,
    are_node_programs_built,
    built_node_programs,
)
from tests.cluster.containers.machine import what_is_missing
from tests.cluster.containers.starting import cluster_with_containers
from tests.cluster.nodes import practice_nodes
from tests.cluster.starting import RealCluster, real_cluster

NOT_BUILT = "Kubernetes' control plane is not compiled yet: `make cluster` does it, once"
NODE_NOT_BUILT = "real nodes are not compiled yet: `make cluster NODES=containers` does it, once"


@pytest.fixture(scope="session")
def kubernetes() -> Iterator[RealCluster]:
    """A control plane compiled here, with the practice cluster's nodes; one a session."""
    try:
        if not are_built():
            pytest.skip(NOT_BUILT)
    except GoMissing as missing:
        pytest.skip(str(missing))
    with start_blocking_portal() as portal, portal.wrap_async_context_manager(_inhabited()) as it:
        yield it


@pytest.fixture(scope="session")
def empty_kubernetes() -> Iterator[RealCluster]:
    """A control plane compiled here, without nodes, for those that join it; one a session."""
    try:
        if not are_built():
            pytest.skip(NOT_BUILT)
    except GoMissing as missing:
        pytest.skip(str(missing))
    cluster = real_cluster(built_programs())
    with start_blocking_portal() as portal, portal.wrap_async_context_manager(cluster) as it:
        yield it


@pytest.fixture(scope="session")
def node_programs() -> NodePrograms:
    """What a real node is made of; skipped, and why, where it cannot run or is not compiled."""
    missing = what_is_missing()
    if missing:
        pytest.skip(f"no real nodes on this machine: {'; '.join(missing)}")
    try:
        if not (are_built() and are_node_programs_built()):
            pytest.skip(NODE_NOT_BUILT)
    except GoMissing as gone:
        pytest.skip(str(gone))
    return built_node_programs()


@pytest.fixture(scope="session")
def kubernetes_with_containers(node_programs: NodePrograms) -> Iterator[RealCluster]:
    """A control plane compiled here, with one node that runs containers; one a session."""
    cluster = cluster_with_containers(built_programs(), node_programs)
    with start_blocking_portal() as portal, portal.wrap_async_context_manager(cluster) as it:
        yield it


@pytest.fixture(scope="session")
def real_kubeconfig(request: pytest.FixtureRequest) -> Path:
    """The kubeconfig of a real cluster: the one given, or one started here."""
    given = os.environ.get("CHAOSDAY_CONTRACT_KUBECONFIG")
    if given:
        return Path(given)
    cluster: RealCluster = request.getfixturevalue("kubernetes")
    return cluster.admin


@asynccontextmanager
async def _inhabited() -> AsyncIterator[RealCluster]:
    async with (
        real_cluster(built_programs()) as cluster,
        practice_nodes(cluster.admin, shop=False),
    ):
        yield cluster
