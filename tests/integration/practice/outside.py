"""Eyes on a practice cluster from outside: its API, its front door, its ports."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

import aiohttp
import anyio

from orchestrator.practice.cluster import PracticeCluster
from orchestrator.practice.nodes.client import Api, Json, Patch

PATIENCE = 20
SHOP = "/api/v1/namespaces/shop"
DEPLOYMENTS = "/apis/apps/v1/namespaces/shop/deployments"


@dataclass(frozen=True, kw_only=True)
class Outside:
    """A running cluster, seen from outside: its API and its front door."""

    cluster: PracticeCluster
    api: Api
    session: aiohttp.ClientSession

    async def visit(self, path: str = "/") -> tuple[int, Json]:
        """What a visitor gets."""
        async with self.session.get(self.cluster.front_door_url + path) as response:
            return response.status, await response.json()

    async def post(self, path: str, body: Any = None) -> tuple[int, Json]:
        """What a visitor gets for sending something."""
        async with self.session.post(self.cluster.front_door_url + path, json=body) as response:
            return response.status, await response.json()

    async def pods(self, app: str) -> list[Json]:
        """The pods of one service of the shop."""
        found = await self.api.get(f"{SHOP}/pods", labelSelector=f"app={app}")
        return list(found["items"])

    async def ready_pods(self, app: str) -> list[Json]:
        """Those of them that are ready and not on their way out."""
        return [pod for pod in await self.pods(app) if is_ready(pod)]

    async def scale(self, deployment: str, replicas: int) -> None:
        await self.api.patch(f"{DEPLOYMENTS}/{deployment}", {"spec": {"replicas": replicas}})

    async def set_image(self, deployment: str, version: str) -> None:
        image = f"registry.practice/shop/{deployment}:{version}"
        container = {"name": deployment, "image": image}
        template = {"spec": {"containers": [container]}}
        body = {"spec": {"template": template}}
        await self.api.patch(f"{DEPLOYMENTS}/{deployment}", body, Patch.STRATEGIC)

    async def eventually(self, holds: Callable[[], Awaitable[Any]]) -> None:
        """Look until it holds; fail when that takes too long."""
        with anyio.fail_after(PATIENCE):
            # From outside there is nothing to wait on: one can only look again.
            while not await holds():  # noqa: ASYNC110
                await anyio.sleep(0.01)

    async def eventually_visits(self, status: int, path: str = "/") -> Json:
        """Visit until that status is answered, and give the page."""
        page: Json = {}

        async def answered() -> bool:
            nonlocal page
            answer, page = await self.visit(path)
            return answer == status

        await self.eventually(answered)
        return page

    async def eventually_posts(self, status: int, path: str) -> Json:
        """Post until that status is answered, and give the page."""
        page: Json = {}

        async def answered() -> bool:
            nonlocal page
            answer, page = await self.post(path, {})
            return answer == status

        await self.eventually(answered)
        return page


def is_ready(pod: Json) -> bool:
    """Whether a pod is ready and stays."""
    conditions = {item["type"]: item["status"] for item in pod["status"].get("conditions", ())}
    return conditions.get("Ready") == "True" and "deletionTimestamp" not in pod["metadata"]


def listens(pod: Json) -> tuple[str, int]:
    """Where a pod's port 8080 really listens."""
    at = pod["metadata"]["annotations"]["practice.chaosday.io/listens"].removeprefix("8080=")
    host, _, port = at.partition(":")
    return host, int(port)


Started = Callable[..., Any]


async def refuses(host: str, port: int) -> bool:
    """Whether connections to a port are refused."""
    try:
        _, writer = await asyncio.open_connection(host, port)
    except ConnectionRefusedError:
        return True
    except ConnectionResetError:
        # Closed between the kernel's answer and ours; the next look tells.
        return False
    writer.close()
    return False
