"""Ways around the limits, tried through a guard as a process on both kinds of cluster.

The cluster is asked afterwards, without the guard: nothing has changed and nothing was told. On
Kubernetes the guard has a credential plugin for an account with the roles that `chaosday rbac`
prints, so what is refused here is refused by the guard, and before any right is asked for.
"""

import json
from collections.abc import AsyncIterator, Iterator
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any

import anyio
import pytest

from tests.integration.guard import test_beyond_the_limits, test_evasions
from tests.integration.guard.conducting import Guard, guard_at, loose
from tests.integration.guard.conftest import StartGuard
from tests.integration.guard.furnished import rule
from tests.integration.guard.limited import as_limited
from tests.integration.guard.places import Object, Place
from tests.integration.guard.test_evasions import (
    AMBIGUOUS,
    CHUNKED,
    SPELLINGS,
    TOO_LARGE,
    bare,
    with_powers,
)
from tests.integration.guard.test_impacts import specs
from tests.integration.guard.test_refusals import HEADERS, MERGE, READS, WRITES

SECRET = "hunter2"
POWERS: list[Object] = [
    *(spec for spec, expected in test_evasions.POWERS if expected == "privileges"),
    *test_beyond_the_limits.POWERS,
]


@pytest.fixture(scope="module")
def account(place: Place, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The kubeconfig of whoever guards: on Kubernetes an account with the least of rights."""
    if not place.direct.api.configuration.host.startswith("https:"):
        # The practice cluster asks nobody who they are.
        yield place.kubeconfig
        return
    with as_limited(place, tmp_path_factory.mktemp("limited")) as path:
        yield path


@pytest.fixture
def guarding(place: Place, account: Path, database: Path) -> StartGuard:
    """Starts a guard with the account, limited to the namespace of its place."""

    def begin(**limits: Any) -> AbstractAsyncContextManager[Guard]:
        settings = {"namespaces": frozenset({place.namespace})} | limits
        return guard_at(database, kubeconfig=account, radius=loose(**settings))

    return begin


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


@pytest.mark.parametrize("name", sorted(AMBIGUOUS))
async def test_bytes_with_two_readings_have_none(
    guarding: StartGuard, unchanged: Place, name: str
) -> None:
    async with guarding() as guard:
        behind = await guard.begin()
        answer = await bare(behind.url, in_bytes(AMBIGUOUS[name], unchanged))

        assert int(answer.split()[1]) in {400, 401, 403}
        assert guard.events("write") == []


async def test_body_in_chunks_is_judged_whole_and_one_without_an_end_is_not_awaited(
    guarding: StartGuard, unchanged: Place
) -> None:
    async with guarding(most_objects=1) as guard:
        behind = await guard.begin()
        chunked = await bare(behind.url, in_bytes(CHUNKED, unchanged))
        too_large = await bare(behind.url, in_bytes(TOO_LARGE, unchanged))

        assert [answer.split()[1] for answer in (chunked, too_large)] == [b"403", b"403"]
        # The whole body asks for no pod at all, which is more than one object.
        assert guard.events("refused")[0]["rule"] == "most_objects"
        assert guard.events("write") == []


@pytest.fixture
async def high(unchanged: Place) -> AsyncIterator[Place]:
    """The place with a strong account in it, in whose cluster some pods may displace others."""
    root, send = test_beyond_the_limits.PRIORITIES, unchanged.direct.send
    body = {"metadata": {"name": "high"}, "value": 1000}
    made = await anyio.to_thread.run_sync(send, "POST", root, body)
    assert made.code == 201, made.body
    admin = {"metadata": {"name": "admin"}}
    await anyio.to_thread.run_sync(unchanged.make, "serviceaccounts", admin)
    yield unchanged
    await anyio.to_thread.run_sync(send, "DELETE", f"{root}/high")


async def test_no_pod_is_made_that_has_powers(guarding: StartGuard, high: Place) -> None:
    async with guarding() as guard:
        behind = await guard.begin()
        for spec in POWERS:
            for path, body in with_powers(spec).items():
                status, answer = await behind.raw("POST", here(path, high), body)
                if status == 403 and "causes" in answer["details"]:
                    assert rule((status, answer)) == "privileges", (path, spec, answer)
                else:
                    # What the API server takes from nobody is no power.
                    send, theirs = high.direct.send, here(path, high) + "?dryRun=All"
                    direct = await anyio.to_thread.run_sync(send, "POST", theirs, body)
                    assert direct.code == status in {403, 422}, (path, spec, answer)

        assert guard.events("write") == []


def in_bytes(request: bytes, place: Place) -> bytes:
    """A request to the shop, in the place."""
    return request.replace(b"/namespaces/shop/", f"/namespaces/{place.namespace}/".encode())
