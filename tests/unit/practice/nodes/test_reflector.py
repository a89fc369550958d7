"""A reflector against a scripted API server: it resumes, lists anew and outlives outages."""

from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import anyio
import msgspec
from aiohttp import web

from orchestrator.practice.nodes.client import Access, Json, connect
from orchestrator.practice.nodes.listening import HttpListener
from orchestrator.practice.nodes.pulse import Pulse
from orchestrator.practice.nodes.reflector import Change, Reflector

SECONDS = 5


def pod(name: str, version: int, *, uid: str = "") -> Json:
    """A pod, as far as a reflector looks."""
    metadata = {
        "namespace": "shop",
        "name": name,
        "uid": uid or name,
        "resourceVersion": str(version),
    }
    return {"metadata": metadata}


def listing(version: int, *pods: Json) -> Json:
    """The answer to a list."""
    return {"metadata": {"resourceVersion": str(version)}, "items": list(pods)}


class ScriptedApi:
    """Answers each list and each watch with the next of its script; then hangs."""

    def __init__(self, lists: list[Json], watches: list[list[Json] | int]) -> None:
        self.lists = deque(lists)
        self.watches = deque(watches)
        self.asked: list[str] = []

    async def answer(self, request: web.BaseRequest) -> web.StreamResponse:
        if "watch" not in request.query:
            self.asked.append("list")
            return web.Response(body=msgspec.json.encode(self.lists.popleft()))
        self.asked.append(f"watch from {request.query['resourceVersion']}")
        script = self.watches.popleft() if self.watches else None
        if isinstance(script, int):
            return web.Response(status=script, body=b"{}")
        response = web.StreamResponse()
        await response.prepare(request)
        for event in script or ():
            # In two pieces, since events need not arrive whole.
            line = msgspec.json.encode(event) + b"\n"
            await response.write(line[:7])
            await response.write(line[7:])
        if script is None:
            await anyio.sleep_forever()
        return response


class Seen:
    """The changes that a reflector told of."""

    def __init__(self) -> None:
        self.changes: list[str] = []
        self.pulse = Pulse()

    def take(self, change: Change) -> None:
        what = "gone" if change.now is None else "new" if change.before is None else "changed"
        self.changes.append(f"{what} {change.latest['metadata']['name']}")
        self.pulse.beat()

    async def until(self, *changes: str) -> None:
        with anyio.fail_after(SECONDS):
            await self.pulse.until(lambda: self.changes == list(changes))


@asynccontextmanager
async def reflecting(api: ScriptedApi) -> AsyncIterator[Seen]:
    """A reflector at work against the scripted API."""
    seen = Seen()
    listener = HttpListener(api.answer)
    address = listener.open()
    try:
        async with (
            connect(Access(url=f"http://{address}")) as client,
            anyio.create_task_group() as tasks,
        ):
            tasks.start_soon(Reflector(client, "/api/v1/pods", seen.take).run)
            yield seen
            tasks.cancel_scope.cancel()
    finally:
        listener.abort()


async def test_changes_are_told_in_order() -> None:
    api = ScriptedApi(
        [listing(3, pod("a", 2))],
        [
            [
                {"type": "ADDED", "object": pod("b", 4)},
                {"type": "MODIFIED", "object": pod("a", 5)},
                {"type": "DELETED", "object": pod("b", 6)},
            ]
        ],
    )

    async with reflecting(api) as seen:
        await seen.until("new a", "new b", "changed a", "gone b")


async def test_ended_watch_is_resumed_where_it_was() -> None:
    bookmark = {"type": "BOOKMARK", "object": pod("", 9)}
    api = ScriptedApi([listing(3)], [[bookmark], [{"type": "ADDED", "object": pod("a", 10)}]])

    async with reflecting(api) as seen:
        await seen.until("new a")

    assert api.asked[:3] == ["list", "watch from 3", "watch from 9"]


async def test_forgotten_version_leads_to_a_new_list() -> None:
    gone = {"type": "ERROR", "object": {"kind": "Status", "code": 410, "reason": "Expired"}}
    api = ScriptedApi(
        [listing(3, pod("a", 2), pod("b", 3)), listing(20, pod("b", 11), pod("c", 12))], [[gone]]
    )

    async with reflecting(api) as seen:
        await seen.until("new a", "new b", "gone a", "changed b", "new c")

    assert api.asked[:3] == ["list", "watch from 3", "list"]


async def test_refused_watch_leads_to_a_new_list() -> None:
    api = ScriptedApi([listing(3), listing(4, pod("a", 4))], [410])

    async with reflecting(api) as seen:
        await seen.until("new a")


async def test_successor_of_the_same_name_is_another_object() -> None:
    api = ScriptedApi([listing(3, pod("a", 2)), listing(20, pod("a", 12, uid="another"))], [410])

    async with reflecting(api) as seen:
        await seen.until("new a", "gone a", "new a")


async def test_reflector_outlives_an_api_server_that_is_away() -> None:
    api = ScriptedApi([listing(3, pod("a", 2)), listing(4, pod("a", 2), pod("b", 4))], [410])
    seen = Seen()
    first = HttpListener(api.answer)
    address = first.open()
    async with (
        connect(Access(url=f"http://{address}")) as client,
        anyio.create_task_group() as tasks,
    ):
        first.abort()
        tasks.start_soon(Reflector(client, "/api/v1/pods", seen.take).run)
        await anyio.wait_all_tasks_blocked()

        second = HttpListener(api.answer)
        second.open(address.port)

        await seen.until("new a", "new b")
        second.abort()
        tasks.cancel_scope.cancel()
