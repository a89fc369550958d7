"""Commands in containers, over a WebSocket through the guard to an API server that echoes."""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import aiohttp
import anyio
import pytest
from aiohttp import web

from orchestrator.domain.blast_radius import BlastRadius
from orchestrator.domain.errors import DatabaseUnavailable
from orchestrator.domain.identity import RunId
from orchestrator.domain.undo import UndoRecord, UndoState, Verb
from orchestrator.guard.rules import is_of_rollbacks
from tests.builders import RUN, a_halt
from tests.doubles.storage import MemoryStorage, MemoryUndoJournal
from tests.doubles.worlds import a_new_entry
from tests.integration.guard.conducting import Cluster, loose, until
from tests.integration.guard.inside import Inside, a_guard_inside

PODS = "/api/v1/namespaces/shop/pods/"
POD = f"{PODS}cart-1"
EXEC = f"{POD}/exec?command=sh&command=-c&command=date&stdin=true&stdout=true&container=main"
MEND = EXEC.replace("date", "mend")
V5, V4 = "v5.channel.k8s.io", "v4.channel.k8s.io"
DONE = b"\x03" + b'{"status":"Success"}'


@dataclass
class Api:
    """An API server with two pods, whose containers echo what they are told until `exit`."""

    asked: list[str] = field(default_factory=list)
    open: int = 0
    knows: tuple[str, ...] = (V5, V4)
    labels: Mapping[str, str] = field(default_factory=lambda: {"app": "cart"})
    listed: list[Any] = field(default_factory=list)
    """What a list of pods shows, which may be late."""
    at_look: Callable[[], Awaitable[None]] = anyio.lowlevel.checkpoint
    """What happens whenever somebody looks at a pod."""

    async def answer(self, request: web.Request) -> web.StreamResponse:
        if request.path.endswith("/exec"):
            return await self._exec(request)
        name = request.path.removeprefix(PODS)
        if name in {"cart-1", "cart-2"} and request.method == "DELETE":
            return web.json_response({"kind": "Status", "status": "Success"})
        if name in {"cart-1", "cart-2"}:
            await self.at_look()
            metadata = {"name": name, "namespace": "shop", "uid": "u", "labels": self.labels}
            return web.json_response({"kind": "Pod", "metadata": metadata, "spec": {}})
        if request.path.endswith("s"):
            named = request.path.endswith("/pods")
            return web.json_response({"kind": "List", "items": self.listed if named else []})
        return web.json_response({"kind": "Status", "code": 404}, status=404)

    async def _exec(self, request: web.Request) -> web.StreamResponse:
        if request.query.get("container") != "main":
            return web.json_response({"kind": "Status", "code": 400}, status=400)
        self.asked = request.query.getall("command")
        socket = web.WebSocketResponse(protocols=self.knows)
        await socket.prepare(request)
        self.open += 1
        try:
            async for message in socket:
                if message.data == b"\x00exit":
                    await socket.send_bytes(DONE)
                    break
                await socket.send_bytes(b"\x01" + message.data[1:])
        finally:
            self.open -= 1
        return socket


@asynccontextmanager
async def a_world(
    api: Api,
    journal_on: Callable[[MemoryStorage], MemoryUndoJournal] = MemoryUndoJournal,
    **changes: Any,
) -> AsyncIterator[Inside]:
    application = web.Application()
    application.router.add_route("*", "/{path:.*}", api.answer)
    runner = web.AppRunner(application, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        server = f"http://127.0.0.1:{runner.addresses[0][1]}"
        async with a_guard_inside(server, limits(**changes), journal_on) as inside:
            yield inside
    finally:
        await runner.cleanup()


def limits(**changes: Any) -> BlastRadius:
    allowed: dict[str, Any] = {
        "namespaces": frozenset({"shop"}),
        "irreversible": frozenset({"exec"}),
    }
    return loose(**(allowed | changes))


@asynccontextmanager
async def a_command(
    inside: Inside, path: str = EXEC, protocols: tuple[str, ...] = (V5, V4)
) -> AsyncIterator[aiohttp.ClientWebSocketResponse]:
    with anyio.fail_after(10):
        async with inside.session.ws_connect(inside.url + path, protocols=protocols) as socket:
            yield socket


async def status_of(inside: Inside, path: str = EXEC, **headers: str) -> tuple[int, str]:
    """What a request that is no longer one for a WebSocket is answered."""
    async with inside.session.get(inside.url + path, headers=headers) as response:
        found = await response.json()
        return response.status, found.get("details", {}).get("causes", [{}])[0].get("field", "")


WEBSOCKET = {
    "Connection": "Upgrade",
    "Upgrade": "websocket",
    "Sec-WebSocket-Version": "13",
    "Sec-WebSocket-Key": "AAAAAAAAAAAAAAAAAAAAAA==",
    "Sec-WebSocket-Protocol": V5,
}


async def test_command_is_bridged_word_for_word_and_counted() -> None:
    api = Api()
    async with a_world(api) as inside:
        async with a_command(inside) as socket:
            assert socket.protocol == V5
            await socket.send_bytes(b"\x00hello")
            assert await socket.receive_bytes() == b"\x01hello"
            await socket.send_bytes(b"\x00exit")
            assert await socket.receive_bytes() == DONE
            assert (await socket.receive()).type is aiohttp.WSMsgType.CLOSE

        assert api.asked == ["sh", "-c", "date"]
        [record] = inside.ledger.records
        assert (record.verb, record.state, record.lost) == (
            Verb.EXEC,
            UndoState.DONE,
            ("pods/shop/cart-1",),
        )
        assert (record.after or {})["command"] == ["sh", "-c", "date"]
        assert [line["verb"] for line in inside.said] == ["exec"]
        async with inside.gate.closed():
            restoration = await inside.undoing.undo()
        assert (restoration.is_proven, restoration.undone) == (True, ())


async def test_older_protocol_is_spoken_where_both_sides_know_no_newer() -> None:
    async with a_world(Api(knows=(V4,))) as inside, a_command(inside) as socket:
        assert socket.protocol == V4
        await socket.send_bytes(b"\x00exit")


@pytest.mark.parametrize(
    ("changes", "path", "rule"),
    [
        ({"irreversible": frozenset()}, EXEC, "irreversible"),
        ({"kinds": frozenset({"deployments"})}, EXEC, "kinds"),
        ({"namespaces": frozenset({"bank"})}, EXEC, "namespaces"),
        ({"selectors": {"app": "web"}}, EXEC, "selectors"),
        ({}, f"{POD}/exec?stdin=true", "query"),
        ({}, f"{EXEC}&container=other", "query"),
        ({}, f"{EXEC}&dryRun=All", "query"),
        ({}, f"{POD}/attach?stdin=true", "headers"),
        ({}, f"{POD}/portforward?ports=80", "headers"),
        ({}, "/api/v1/namespaces/shop/pods/../../kube-system/pods/x/exec?command=sh", "path"),
    ],
)
async def test_command_outside_the_limits_is_refused_before_it_is_connected(
    changes: Mapping[str, Any], path: str, rule: str
) -> None:
    api = Api()
    async with a_world(api, **changes) as inside:
        status = await raw(inside, path)

        assert status == (403, rule)
        assert api.asked == []
        assert inside.ledger.records == []


async def raw(inside: Inside, path: str) -> tuple[int, str]:
    status, answer = await Cluster(url=inside.url).raw("GET", path, headers=WEBSOCKET)
    return status, str(answer["details"]["causes"][0]["field"])


@pytest.mark.parametrize(
    "headers",
    [
        {"Upgrade": "SPDY/3.1", "Connection": "Upgrade"},
        WEBSOCKET | {"Sec-WebSocket-Protocol": "base64.channel.k8s.io"},
        WEBSOCKET | {"Impersonate-User": "admin"},
        WEBSOCKET | {"X-HTTP-Method-Override": "POST"},
    ],
)
async def test_other_ways_to_run_a_command_are_refused(headers: dict[str, str]) -> None:
    api = Api()
    async with a_world(api) as inside:
        assert await status_of(inside, **headers) == (403, "headers")
        assert api.asked == []


async def test_what_the_api_server_says_against_a_command_is_passed_on() -> None:
    async with a_world(Api()) as inside:
        with pytest.raises(aiohttp.WSServerHandshakeError) as caught:
            async with a_command(inside, EXEC.replace("container=main", "container=none")):
                pass

        assert caught.value.status == 400
        assert not inside.ledger.touched


async def test_command_is_cut_off_when_the_method_is_over() -> None:
    api = Api()
    async with a_world(api) as inside, a_command(inside) as socket:
        await socket.send_bytes(b"\x00hello")
        await socket.receive_bytes()

        with anyio.fail_after(1):
            await inside.gate.restrain()
        assert (await socket.receive()).type in {
            aiohttp.WSMsgType.CLOSED,
            aiohttp.WSMsgType.CLOSE,
            aiohttp.WSMsgType.ERROR,
        }

        async def is_cut_off() -> bool:
            return not api.open

        await until(is_cut_off)


async def run_to_its_end(inside: Inside, path: str = EXEC) -> None:
    async with a_command(inside, path) as socket:
        await socket.send_bytes(b"\x00exit")
        assert await socket.receive_bytes() == DONE


async def roll_back(inside: Inside) -> None:
    await inside.gate.restrain()
    inside.gate.roll_back()


async def test_rollbacks_run_commands_only_where_the_method_did() -> None:
    async with a_world(Api()) as inside:
        await roll_back(inside)
        assert await raw(inside, MEND) == (403, "rollback")

    async with a_world(Api()) as inside:
        await run_to_its_end(inside)
        await roll_back(inside)
        await run_to_its_end(inside, MEND)


@pytest.mark.parametrize(
    "again",
    [
        EXEC,
        EXEC.replace("stdin=true&", ""),
        EXEC.replace("&container=main", ""),
        EXEC.replace("cart-1", "cart-2"),
    ],
)
async def test_the_rollbacks_run_no_command_that_the_method_ran(again: str) -> None:
    """A halt turns the stage before the runner hears of it, and the method goes on until then."""
    async with a_world(Api()) as inside:
        await run_to_its_end(inside)
        await run_to_its_end(inside, MEND.replace("cart-1", "cart-2"))
        await roll_back(inside)

        assert await raw(inside, again) == (403, "rollback")
        assert await raw(inside, again) == (403, "rollback")


async def test_nothing_more_is_run_until_the_method_has_ended() -> None:
    """What the method would run next is none of its rollbacks, although nobody knows it yet."""
    async with a_world(Api()) as inside:
        await run_to_its_end(inside)
        await inside.gate.restrain()
        assert await raw(inside, MEND) == (403, "rollback")

        inside.gate.roll_back()
        await run_to_its_end(inside, MEND)


async def test_a_rollback_that_comes_before_the_word_of_it_waits_for_it() -> None:
    async with a_world(Api()) as inside:
        await run_to_its_end(inside)
        await inside.gate.restrain()

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(run_to_its_end, inside, MEND)
            await anyio.wait_all_tasks_blocked()
            inside.gate.roll_back()


async def test_the_rollbacks_may_run_their_own_command_again() -> None:
    async with a_world(Api()) as inside:
        await run_to_its_end(inside)
        await roll_back(inside)

        await run_to_its_end(inside, MEND)
        await run_to_its_end(inside, MEND)


async def test_the_rollbacks_run_their_command_although_an_undo_came_before_them() -> None:
    """A guard that was left alone has undone all it can; a command is for its successor."""
    journals: list[MemoryUndoJournal] = []

    def kept(storage: MemoryStorage) -> MemoryUndoJournal:
        journals.append(MemoryUndoJournal(storage))
        return journals[-1]

    async with a_world(Api(), kept) as inside:
        await run_to_its_end(inside)
        async with inside.gate.closed():
            await inside.undoing.undo()
        for record in await journals[0].records(RUN):
            inside.ledger.note(record)
        await roll_back(inside)

        await run_to_its_end(inside, MEND)
        assert await status_of(inside, EXEC, **WEBSOCKET) == (403, "rollback")


async def test_a_command_that_was_held_back_is_not_run_by_the_rollbacks() -> None:
    api = Api()
    async with a_world(api) as inside:
        await run_to_its_end(inside, MEND)

        async def begin_rollbacks() -> None:
            await anyio.lowlevel.checkpoint()
            inside.gate.roll_back()

        api.at_look = begin_rollbacks
        assert await raw(inside, EXEC) == (403, "stage")

        api.at_look = anyio.lowlevel.checkpoint
        assert await raw(inside, EXEC) == (403, "rollback")


async def test_the_rollbacks_of_a_halted_run_are_let_through_before_anybody_restrains_it() -> None:
    """A conductor that is frozen restrains nothing, and the runner goes on to its rollbacks."""
    storages: list[MemoryStorage] = []

    def journal_on(storage: MemoryStorage) -> MemoryUndoJournal:
        storages.append(storage)
        return MemoryUndoJournal(storage)

    async with a_world(Api(), journal_on) as inside:
        await run_to_its_end(inside)
        await storages[0].engage(a_halt(), [a_new_entry()])
        assert await raw(inside, EXEC.replace("date", "next")) == (403, "stop")
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(run_to_its_end, inside, MEND)
            await anyio.wait_all_tasks_blocked()
            inside.gate.roll_back()

        assert [is_of_rollbacks(each) for each in inside.ledger.records] == [False, True]


async def test_a_method_that_calls_itself_a_rollback_may_write_less_than_before() -> None:
    async with a_world(Api()) as inside:
        await run_to_its_end(inside)
        inside.gate.roll_back()

        assert await raw(inside, EXEC) == (403, "rollback")
        assert await raw(inside, EXEC.replace("cart-1", "cart-2")) == (403, "rollback")
        assert await raw(inside, MEND.replace("cart-1", "cart-2")) == (403, "rollback")
        status, _ = await inside.ask("DELETE", POD)
        assert status == 403


async def test_a_command_of_the_rollbacks_is_not_cut_off_by_a_restraint_that_comes_late() -> None:
    async with a_world(Api()) as inside:
        await run_to_its_end(inside)
        inside.gate.roll_back()
        async with a_command(inside, MEND) as socket:
            with anyio.fail_after(5):
                await inside.gate.restrain()
            await socket.send_bytes(b"\x00exit")
            assert await socket.receive_bytes() == DONE


async def test_a_command_of_the_method_is_cut_off_when_its_rollbacks_begin() -> None:
    async with a_world(Api()) as inside, a_command(inside) as socket:
        await socket.send_bytes(b"\x00hello")
        await socket.receive_bytes()

        inside.gate.roll_back()
        with anyio.fail_after(5):
            assert (await socket.receive()).type is not aiohttp.WSMsgType.BINARY
            await inside.gate.restrain()


class Overslept(MemoryUndoJournal):
    """A journal whose guard is frozen as soon as an intent is in it; others act meanwhile."""

    def __init__(self, storage: MemoryStorage) -> None:
        super().__init__(storage)
        self.storage = storage

    async def intend(self, record: UndoRecord, *, fence: int, of_method: bool = True) -> UndoRecord:
        numbered = await super().intend(record, fence=fence, of_method=of_method)
        await self.meanwhile()
        return numbered

    async def meanwhile(self) -> None:
        """Another takes the run over."""
        await anyio.lowlevel.checkpoint()
        self.storage.steal(RUN)


class Halted(Overslept):
    """A journal whose day is halted while the guard is frozen."""

    async def meanwhile(self) -> None:
        await self.storage.engage(a_halt(), [a_new_entry()])


class Unheard(Overslept):
    """A journal whose database goes out while the guard is frozen, and for good."""

    async def meanwhile(self) -> None:
        """The other half is what is asked after it."""
        await anyio.lowlevel.checkpoint()

    async def is_held(self, run: RunId, *, fence: int, grace: timedelta) -> bool:
        del run, fence, grace
        raise DatabaseUnavailable(database="double", problem="is out")


@pytest.mark.parametrize(
    ("journal_on", "rule", "state"),
    [(Overslept, "lease", UndoState.INTENT), (Halted, "stop", UndoState.UNDONE)],
)
async def test_a_guard_that_was_frozen_connects_no_command_of_a_run_that_is_not_its_any_more(
    journal_on: Callable[[MemoryStorage], MemoryUndoJournal], rule: str, state: UndoState
) -> None:
    """What comes in between the journal and the connection, a command's lock cannot tell it."""
    api = Api()
    async with a_world(api, journal_on) as inside:
        assert await raw(inside, EXEC) == (403, rule)

        assert api.asked == []
        assert [each.state for each in inside.ledger.records] == [state]


async def test_no_command_is_connected_while_nobody_can_say_who_holds_the_run() -> None:
    api = Api()
    async with a_world(api, Unheard) as inside:
        status, _ = await Cluster(url=inside.url).raw("GET", EXEC, headers=WEBSOCKET)

        assert status == 503
        assert api.asked == []


async def test_command_and_writes_at_once_do_not_wait_for_each_other() -> None:
    async with a_world(Api()) as inside, a_command(inside) as socket:
        await socket.send_bytes(b"\x00hello")
        with anyio.fail_after(5):
            status, _ = await inside.ask("DELETE", "/api/v1/namespaces/shop/pods/none")
        assert status == 404


async def test_rollbacks_run_no_command_in_a_pod_that_was_changed_in_another_way() -> None:
    """The method killed the pod; that gives the rollbacks no right to run something in it."""
    async with a_world(Api()) as inside:
        status, _ = await inside.ask("DELETE", POD)
        assert status == 200
        await roll_back(inside)

        assert await raw(inside, EXEC) == (403, "rollback")


async def test_member_of_a_collection_is_not_another_that_took_its_name() -> None:
    metadata = {"name": "cart-1", "namespace": "shop", "uid": "of-the-one-before"}
    api = Api(listed=[{"metadata": metadata}])
    async with a_world(api) as inside:
        status, _ = await inside.ask("DELETE", "/api/v1/namespaces/shop/pods")

        assert status == 409
        assert inside.ledger.records == []
