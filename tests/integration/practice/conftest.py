"""A practice cluster of its own for each test."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path

import aiohttp
import pytest

from orchestrator.practice.cluster import practice_cluster
from orchestrator.practice.nodes.client import Access, connect
from orchestrator.practice.nodes.kubelet.kit import Pace
from orchestrator.practice.nodes.traffic import DailyTraffic
from tests.integration.practice.outside import PATIENCE, Outside, Started


@pytest.fixture
def started(tmp_path: Path) -> Started:
    """Starts a practice cluster with everything to look at it."""

    @asynccontextmanager
    async def start(
        *, traffic: DailyTraffic | None = None, pace: Pace | None = None
    ) -> AsyncIterator[Outside]:
        async with (
            practice_cluster(
                kubeconfig=tmp_path / "kubeconfig",
                traffic=traffic,
                pace=pace or Pace(),
                ready_within=timedelta(seconds=PATIENCE),
            ) as cluster,
            connect(Access(url=cluster.api_url)) as api,
            aiohttp.ClientSession() as session,
        ):
            yield Outside(cluster=cluster, api=api, session=session)

    return start
