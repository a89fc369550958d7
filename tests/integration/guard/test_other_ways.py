"""Ways around the limits, tried through a guard as a process on both kinds of cluster.

The cluster is asked afterwards, without the guard: nothing has changed and nothing was told.
"""

import json
from collections.abc import AsyncIterator
from typing import Any

import anyio
import pytest

from tests.integration.guard.conducting import Guard
from tests.integration.guard.conftest import StartGuard
from tests.integration.guard.furnished import rule
from tests.integration.guard.places import Place
from tests.integration.guard.test_evasions import SPELLINGS
from tests.integration.guard.test_impacts import specs
from tests.integration.guard.test_refusals import HEADERS, MERGE, READS, WRITES

SECRET = "hunter2"


@pytest.fixture
async def unchanged(place: Place) -> AsyncIterator[Place]:
    """The place with a Secret in it, in which nothing may change."""
    body = {"metadata": {"name": "keys"}, "stringData": {"password": SECRET}}
    await anyio.to_thread.run_sync(place.make, "secrets", body)
    before = await anyio.to_thread.run_sync(specs, place)
    pods = await anyio.to_thread.run_sync(place.pods, "web")
    yield place
    assert await anyio.to_thread.run_sync(specs, place) == before
    assert await anyio.to_thread.run_sync(place.pods, "web") == pods
    await anyio.to_thread.run_sync(place.remove, place.path("secrets", "keys"))


def here(path: str, place: Place) -> str:
    """A path of the shop, in the place."""
    return path.replace("/shop", f"/{place.namespace}").replace(
        "deployments/cart", "deployments/web"
    )


async def refused(guard: Guard, *request: Any) -> str:
    return rule(await (await guard.cluster()).raw(*request))


async def test_what_would_show_too_much_is_not_told(guarding: StartGuard, unchanged: Place) -> None:
    paths = [*READS, ("/api/v1/namespaces/shop/pods/x/log/../../../secrets/keys", "path")]
    async with guarding() as guard:
        await guard.begin()
        rules = {path: await refused(guard, "GET", here(path, unchanged)) for path, _ in paths}
        heard = json.dumps(guard.heard)

    assert rules == dict(paths)
    assert SECRET not in heard
    assert "aHVudGVyMg" not in heard


async def test_no_other_spelling_and_no_other_door_leads_to_a_write(
    guarding: StartGuard, unchanged: Place
) -> None:
    requests = [*WRITES, *SPELLINGS]
    async with guarding() as guard:
        await guard.begin()
        found = []
        for method, path, body, _ in requests:
            media = MERGE if method == "PATCH" else {}
            found.append(await refused(guard, method, here(path, unchanged), body, media))

        assert guard.events("write") == []
    assert found == [expected for *_, expected in requests]


async def test_no_header_makes_another_request_of_one(
    guarding: StartGuard, unchanged: Place
) -> None:
    path = unchanged.path("apps/v1/deployments", "web")
    async with guarding() as guard:
        await guard.begin()
        for headers in HEADERS:
            await refused(guard, "PATCH", path, {"spec": {"replicas": 1}}, MERGE | headers)

        assert guard.events("write") == []
