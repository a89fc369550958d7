"""Two runs in one cluster: what one has not put back, the other does not write."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Final

import anyio
import pytest

from orchestrator.domain.blast_radius import BlastRadius
from orchestrator.domain.identity import RunId
from orchestrator.domain.run import Phase
from tests.builders import RUN, a_run
from tests.doubles.storage import MemoryStorage, MemoryUndoJournal
from tests.doubles.worlds import stored
from tests.integration.guard.inside import Inside, a_guard_on, an_api
from tests.integration.guard.places import a_deployment

OTHER: Final = RunId("run-2")
MAPS: Final = "/api/v1/namespaces/m/configmaps"
DEPLOYMENTS: Final = "/apis/apps/v1/namespaces/m/deployments"
PATCH: Final = "application/merge-patch+json"
RADIUS: Final = BlastRadius(
    namespaces=frozenset({"m"}),
    kinds=frozenset({"configmaps", "deployments", "pods"}),
    creates=frozenset({"configmaps"}),
)


@asynccontextmanager
async def two_guards(*, with_one_journal: bool = True) -> AsyncIterator[tuple[Inside, Inside]]:
    """The guards of two runs, which have one journal between them or each its own."""
    journals = [await a_journal()]
    journals.append(journals[0] if with_one_journal else await a_journal())
    async with (
        an_api() as api,
        a_guard_on(api, RADIUS, journals[0]) as one,
        a_guard_on(api, RADIUS, journals[1], run=OTHER) as two,
    ):
        await one.do("POST", "/api/v1/namespaces", {"metadata": {"name": "m"}})
        await one.do("POST", MAPS, {"metadata": {"name": "c"}, "data": {"a": "before"}})
        await one.do("POST", DEPLOYMENTS, a_deployment("w", 2))
        yield one, two


async def a_journal() -> MemoryUndoJournal:
    storage = MemoryStorage()
    await stored(storage, a_run(phase=Phase.INJECTING), a_run(id=OTHER, phase=Phase.INJECTING))
    return MemoryUndoJournal(storage)


async def put_back(guard: Inside) -> bool:
    async with guard.gate.closed():
        return (await guard.undoing.undo()).is_proven


CHANGE: Final = ("PATCH", f"{MAPS}/c", {"data": {"a": "ours"}}, PATCH)
CHANGE_BESIDE: Final = ("PATCH", f"{MAPS}/c", {"data": {"a": "theirs"}}, PATCH)
SCALE: Final = ("PATCH", f"{DEPLOYMENTS}/w", {"spec": {"replicas": 0}}, PATCH)
SCALE_BESIDE: Final = ("PATCH", f"{DEPLOYMENTS}/w/scale", {"spec": {"replicas": 1}}, PATCH)
DELETE: Final = ("DELETE", f"{MAPS}/c")
CREATE: Final = ("POST", MAPS, {"metadata": {"name": "d"}, "data": {"a": "ours"}})


@pytest.mark.parametrize("is_first_put_back_first", [True, False])
@pytest.mark.parametrize(
    ("first", "second"),
    [
        (CHANGE, CHANGE_BESIDE),
        (CHANGE, CHANGE),
        (CHANGE, ("PATCH", f"{MAPS}/c", {"data": {"b": "theirs"}}, PATCH)),
        (CHANGE, DELETE),
        (SCALE, SCALE_BESIDE),
        (DELETE, ("POST", MAPS, {"metadata": {"name": "c"}, "data": {"a": "theirs"}})),
        (CREATE, ("PATCH", f"{MAPS}/d", {"data": {"a": "theirs"}}, PATCH)),
        (CREATE, ("DELETE", f"{MAPS}/d")),
    ],
)
async def test_two_runs_on_one_object_leave_it_as_before(
    first: tuple[Any, ...], second: tuple[Any, ...], is_first_put_back_first: bool
) -> None:
    async with two_guards() as (one, two):
        before = await contents(one)
        made, _ = await one.ask(*first)
        status, refused = await two.ask(*second)
        guards = (one, two) if is_first_put_back_first else (two, one)
        proven = [await put_back(guard) for guard in guards]

        assert made < 300
        assert status == 403
        assert refused["details"]["causes"][0]["field"] == "other_run"
        assert proven == [True, True]
        assert await contents(one) == before


async def test_once_it_is_put_back_the_other_run_may_write_it() -> None:
    async with two_guards() as (one, two):
        before = await contents(one)
        await one.ask(*CHANGE)
        too_early, refused = await two.ask(*CHANGE_BESIDE)
        await put_back(one)

        status, _ = await two.ask(*CHANGE_BESIDE)
        await put_back(one)

        assert (too_early, status) == (403, 200)
        assert f"run {RUN} wrote to it" in refused["message"]
        assert (await contents(one))["c"] == {"a": "theirs"}
        assert await put_back(two)
        assert await contents(one) == before


@pytest.mark.parametrize(
    "deed",
    [("PATCH", f"{MAPS}/d", {"data": {"a": "theirs"}}, PATCH), ("DELETE", f"{MAPS}/d")],
)
async def test_what_a_run_of_another_database_made_is_not_written(deed: tuple[Any, ...]) -> None:
    async with two_guards(with_one_journal=False) as (one, two):
        before = await contents(one)
        await one.ask(*CREATE)
        refused, answer = await two.ask(*deed)
        own, _ = await one.ask("PATCH", f"{MAPS}/d", {"data": {"b": "ours"}}, PATCH)
        proven = [await put_back(one), await put_back(two)]

        assert (refused, own) == (403, 200)
        assert "another run made it" in answer["message"]
        assert proven == [True, True]
        assert await contents(one) == before


@pytest.mark.parametrize("is_first_put_back_first", [True, False])
async def test_runs_on_a_workload_and_on_its_pods_leave_both_as_before(
    is_first_put_back_first: bool,
) -> None:
    """What one puts back does not rest on what the other wrote."""
    async with two_guards() as (one, two):
        pod = await a_pod(one)
        before = await contents(one)
        deleted, _ = await two.ask("DELETE", f"/api/v1/namespaces/m/pods/{pod}")
        scaled, _ = await one.ask(*SCALE)
        guards = (one, two) if is_first_put_back_first else (two, one)
        proven = [await put_back(guard) for guard in guards]

        assert (scaled, deleted) == (200, 200)
        assert proven == [True, True]
        assert await contents(one) == before


async def contents(guard: Inside) -> dict[str, Any]:
    """What the config maps hold, and how many pods the workload wants."""
    _, maps = await guard.do("GET", MAPS)
    _, workload = await guard.do("GET", f"{DEPLOYMENTS}/w")
    held = {each["metadata"]["name"]: each.get("data") for each in maps["items"]}
    return {**held, "w": workload["spec"]["replicas"]}


async def a_pod(guard: Inside) -> str:
    """The name of a pod, once there is one."""
    path = "/api/v1/namespaces/m/pods"
    with anyio.fail_after(10):
        found: list[Any] = []
        while not found:
            await anyio.sleep(0.01)
            found = (await guard.do("GET", path))[1]["items"]
    return str(found[0]["metadata"]["name"])
