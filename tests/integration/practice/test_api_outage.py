"""Practice nodes outlive an API server that goes away, and one that comes back empty."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import timedelta

import aiohttp
import anyio
from anyio.abc import TaskStatus

from orchestrator.practice.api.app import create_app
from orchestrator.practice.api.bootstrap import new_store
from orchestrator.practice.api.store import Store
from orchestrator.practice.nodes.client import Access, Api, ApiError, Json, connect
from orchestrator.practice.nodes.joining import NodeOptions, joined_nodes
from orchestrator.practice.nodes.kubelet.kit import Pace
from orchestrator.practice.serving import served
from tests.integration.practice.outside import PATIENCE, SHOP, is_ready, listens, refuses

OPTIONS = NodeOptions(
    traffic=None,
    pace=Pace(
        lease_renewal=timedelta(milliseconds=100),
        shortest_start=timedelta(milliseconds=1),
        longest_start=timedelta(milliseconds=5),
    ),
)


def bound_pod(name: str) -> Json:
    """A pod that needs no scheduler."""
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name},
        "spec": {
            "nodeName": "practice-1",
            "containers": [{"name": "cart", "image": "registry.practice/shop/cart:1.4"}],
        },
    }


async def eventually(holds: Callable[[], Awaitable[bool]]) -> None:
    """Look until it holds; an API server that is away does not hold."""
    with anyio.fail_after(PATIENCE):
        while True:
            try:
                if await holds():
                    return
            except ApiError:
                pass
            await anyio.sleep(0.01)


async def ready_pod(api: Api, name: str) -> Json:
    """The pod, once it is ready."""
    pod: Json = {}

    async def ready() -> bool:
        nonlocal pod
        pod = await api.get(f"{SHOP}/pods/{name}")
        return is_ready(pod) and "annotations" in pod["metadata"]

    await eventually(ready)
    return pod


async def serve(store: Store, away: anyio.Event, *, task_status: TaskStatus[str]) -> None:
    """An API server, until it is to go away."""
    async with served(create_app(store), port=0) as url:
        task_status.started(url)
        await away.wait()


@asynccontextmanager
async def nodes_with_a_pod(store: Store) -> AsyncIterator[tuple[Api, int, Json]]:
    """Nodes that run a pod and whose API server has gone away since."""
    async with anyio.create_task_group() as tasks:
        away = anyio.Event()
        url: str = await tasks.start(serve, store, away)
        async with joined_nodes(Access(url=url), OPTIONS), connect(Access(url=url)) as api:
            await api.create(f"{SHOP}/pods", bound_pod("first"))
            pod = await ready_pod(api, "first")
            port = int(url.rpartition(":")[2])
            away.set()

            async def gone() -> bool:
                return await refuses("127.0.0.1", port)

            await eventually(gone)
            yield api, port, pod


async def test_pods_go_on_serving_while_the_api_server_is_away() -> None:
    async with nodes_with_a_pod(new_store()) as (_, _, pod), aiohttp.ClientSession() as session:
        host, port = listens(pod)
        async with session.get(f"http://{host}:{port}/healthz") as response:
            assert response.status == 200


async def test_pods_that_come_after_an_outage_are_run() -> None:
    store = new_store()
    async with (
        nodes_with_a_pod(store) as (api, port, first),
        served(create_app(store), port=port),
    ):
        await api.create(f"{SHOP}/pods", bound_pod("second"))

        await ready_pod(api, "second")
        again = await api.get(f"{SHOP}/pods/first")

    assert again["status"]["containerStatuses"] == first["status"]["containerStatuses"]


async def test_nodes_register_with_an_api_server_that_has_forgotten_everything() -> None:
    async with (
        nodes_with_a_pod(new_store()) as (api, port, pod),
        served(create_app(new_store()), port=port),
    ):

        async def registered() -> bool:
            nodes = await api.get("/api/v1/nodes")
            return len(nodes["items"]) == 3

        async def forgotten() -> bool:
            return await refuses(*listens(pod))

        await eventually(registered)
        await eventually(forgotten)
