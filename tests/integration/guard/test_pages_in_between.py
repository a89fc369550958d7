"""A proxy's own page in place of the API server's answer proves nothing."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import pytest
from aiohttp import web

from orchestrator.domain.errors import ClusterUnavailable
from orchestrator.domain.undo import ObjectRef, UndoRecord, UndoState, Verb
from orchestrator.guard.baseline import observe_nodes
from orchestrator.guard.identifying import identify
from orchestrator.guard.undo import Undoing
from orchestrator.guard.upstream import Upstream
from tests.builders import RUN, a_run, at
from tests.doubles.storage import MemoryStorage, MemoryUndoJournal
from tests.doubles.worlds import stored
from tests.integration.guard.inside import an_upstream

PATH = "/api/v1/namespaces/shop/configmaps/words"
UNKNOWN = "/apis/nobody.example.com/v1/things/one"
ANYTHING = {"kind": "Anything", "metadata": {"name": "words", "uid": "u"}}


@dataclass
class Door:
    """What is met before the API server; it is let through while status is 0."""

    status: int = 0
    is_json: bool = False

    async def answer(self, request: web.Request) -> web.Response:
        if self.status and self.is_json:
            return web.json_response({"error": "session expired"}, status=self.status)
        if self.status:
            return web.Response(status=self.status, text="404 page not found")
        if request.path == "/apis":
            return web.json_response({"kind": "APIGroupList", "groups": []})
        if request.path == UNKNOWN:
            return web.Response(status=404, text="404 page not found")
        return web.json_response(ANYTHING)


@asynccontextmanager
async def behind(door: Door) -> AsyncIterator[Upstream]:
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", door.answer)
    runner = web.AppRunner(app)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        async with an_upstream(f"http://127.0.0.1:{runner.addresses[0][1]}") as upstream:
            yield upstream
    finally:
        await runner.cleanup()


@pytest.mark.parametrize("is_json", [False, True])
@pytest.mark.parametrize("status", [200, 404])
async def test_a_page_is_neither_an_object_nor_its_absence(status: int, is_json: bool) -> None:
    async with behind(Door(status, is_json=is_json)) as upstream:
        with pytest.raises(ClusterUnavailable, match="not the answer of an API server"):
            await upstream.read(PATH)
        with pytest.raises(ClusterUnavailable, match="not the answer of an API server"):
            await upstream.items(PATH.rpartition("/")[0])


@pytest.mark.parametrize("status", [200, 401, 403, 404])
async def test_a_page_does_not_tell_which_cluster_it_is(status: int) -> None:
    async with behind(Door(status)) as upstream:
        with pytest.raises(ClusterUnavailable, match="not the answer of an API server"):
            await identify(upstream)


@pytest.mark.parametrize("is_json", [False, True])
@pytest.mark.parametrize("status", [200, 401, 403, 404])
async def test_a_page_does_not_tell_which_nodes_take_pods(status: int, is_json: bool) -> None:
    async with behind(Door(status, is_json=is_json)) as upstream:
        with pytest.raises(ClusterUnavailable, match="answer of an API server"):
            await observe_nodes(upstream)


async def test_an_api_server_says_of_a_group_it_does_not_know_what_a_page_says() -> None:
    async with behind(Door()) as upstream:
        assert await upstream.read(UNKNOWN) is None


@pytest.mark.parametrize("status", [200, 404])
@pytest.mark.parametrize("verb", [Verb.CHANGE, Verb.CREATE])
async def test_nothing_is_called_put_back_by_what_a_page_says(status: int, verb: Verb) -> None:
    storage = MemoryStorage()
    await stored(storage, a_run())
    journal = MemoryUndoJournal(storage)
    before: Any = None if verb is Verb.CREATE else {**ANYTHING, "data": {"a": "before"}}
    record = UndoRecord(
        run=RUN,
        seq=0,
        at=at(0),
        verb=verb,
        ref=ObjectRef(path=PATH, kind="configmaps", namespace="shop", name="words", uid="u"),
        before=before,
        after={**ANYTHING, "data": {"a": "ours"}},
        state=UndoState.DONE,
    )
    await journal.intend(record, fence=0)

    async with behind(Door(status)) as upstream:
        with pytest.raises(ClusterUnavailable):
            await Undoing(run=RUN, upstream=upstream, journal=journal).undo()

    assert [each.state for each in await journal.records(RUN)] == [UndoState.DONE]
