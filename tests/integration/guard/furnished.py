"""Namespaces with workloads, their services and pods, around a guard inside a process.

They have no nodes: what is here is what controllers make of a workload.
"""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass

from orchestrator.domain.blast_radius import BlastRadius
from tests.integration.guard.conducting import until
from tests.integration.guard.inside import Inside, Object, a_guard_inside
from tests.integration.guard.places import a_deployment

SIZES = {"web": 4, "cart": 2}


@dataclass
class World:
    """A namespace that the run may touch, and another if there is one."""

    inside: Inside
    mine: str

    @classmethod
    @asynccontextmanager
    async def begun(cls, server: str, radius: BlastRadius) -> AsyncIterator["World"]:
        mine = next(iter(radius.namespaces))
        async with a_guard_inside(server, radius) as inside:
            world = cls(inside=inside, mine=mine)
            await world.furnish(mine, SIZES)
            await world.furnish("bank", {"ledger": 2})
            yield world

    async def furnish(self, space: str, sizes: Mapping[str, int]) -> None:
        await self.inside.do("POST", "/api/v1/namespaces", {"metadata": {"name": space}})
        apps, core = f"/apis/apps/v1/namespaces/{space}", f"/api/v1/namespaces/{space}"
        for name, size in sizes.items():
            await self.inside.do("POST", f"{apps}/deployments", a_deployment(name, size))
            service = {
                "metadata": {"name": name, "labels": {"part-of": "world"}},
                "spec": {"selector": {"app": name}, "ports": [{"port": 80}]},
            }
            await self.inside.do("POST", f"{core}/services", service)

        async def is_whole() -> bool:
            return len(await self.pods(space)) == sum(sizes.values())

        await until(is_whole)

    async def pods(self, space: str) -> dict[str, str]:
        """The running pods' apps, by uid."""
        found = (await self.inside.do("GET", f"/api/v1/namespaces/{space}/pods"))[1]["items"]
        return {
            pod["metadata"]["uid"]: pod["metadata"]["labels"]["app"]
            for pod in found
            if "deletionTimestamp" not in pod["metadata"]
        }

    async def objects(self, space: str) -> dict[str, Object]:
        """Everything that is not made by a controller, without what a server keeps."""
        found: dict[str, Object] = {}
        for path in (
            f"/apis/apps/v1/namespaces/{space}/deployments",
            f"/apis/networking.k8s.io/v1/namespaces/{space}/networkpolicies",
            *(
                f"/api/v1/namespaces/{space}/{kind}"
                for kind in ("services", "configmaps", "secrets")
            ),
        ):
            for item in (await self.inside.do("GET", path))[1]["items"]:
                kept = {key: item.get(key) for key in ("spec", "data")}
                labels = item["metadata"].get("labels") or None
                found[f"{path}/{item['metadata']['name']}"] = {**kept, "labels": labels}
        return found


@asynccontextmanager
async def a_shop(server: str, radius: BlastRadius) -> AsyncIterator[World]:
    """The namespace shop alone, with its workloads."""
    async with a_guard_inside(server, radius) as inside:
        found = World(inside=inside, mine="shop")
        await found.furnish("shop", SIZES)
        yield found


def rule(answer: tuple[int, Object]) -> str:
    """The rule by which a request was refused."""
    status, body = answer
    assert status == 403, body
    return str(body["details"]["causes"][0]["field"])
