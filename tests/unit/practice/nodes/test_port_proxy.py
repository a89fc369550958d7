"""A service proxy's port, seen by a client: spread, refused, reset."""

import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta

import aiohttp
import anyio
import pytest
from aiohttp import web

from orchestrator.practice.nodes.listening import Answering, HttpListener, PortTaken
from orchestrator.practice.nodes.network import Address, Network
from orchestrator.practice.nodes.proxies import PortProxy

SECONDS = 5
ONE = Address("10.244.1.2", 8080)
TWO = Address("10.244.2.2", 8080)


def saying(text: str) -> Answering:
    """A backend that says who it is."""

    async def answer(_request: web.BaseRequest) -> web.StreamResponse:
        return web.Response(text=text)

    return answer


class Stage:
    """A proxy, two backends and a client that connects anew each time."""

    def __init__(self, session: aiohttp.ClientSession) -> None:
        self.network = Network()
        self.proxy = PortProxy(self.network)
        self.backends: dict[Address, HttpListener] = {}
        self.session = session

    async def add(self, pod: Address, answering: Answering) -> HttpListener:
        backend = self.backends[pod] = HttpListener(answering)
        self.network.attach(pod, backend.open())
        return backend

    async def ask(self) -> str:
        with anyio.fail_after(SECONDS):
            async with self.session.get(f"http://{self.proxy.listens}/") as response:
                return await response.text()


@asynccontextmanager
async def stage() -> AsyncIterator[Stage]:
    """A stage that is cleared in the end."""
    connector = aiohttp.TCPConnector(force_close=True)
    async with aiohttp.ClientSession(connector=connector) as session:
        made = Stage(session)
        try:
            yield made
        finally:
            made.proxy.close()
            for backend in made.backends.values():
                backend.abort()


async def test_connections_are_spread_in_turn() -> None:
    async with stage() as made:
        await made.add(ONE, saying("one"))
        await made.add(TWO, saying("two"))
        made.proxy.lead_to((ONE, TWO))

        answers = [await made.ask() for _ in range(4)]

    assert answers == ["one", "two", "one", "two"]


async def test_port_without_endpoints_refuses_and_comes_back_under_its_number() -> None:
    async with stage() as made:
        await made.add(ONE, saying("one"))
        made.proxy.lead_to((ONE,))
        assert await made.ask() == "one"

        made.proxy.lead_to(())
        with pytest.raises(aiohttp.ClientConnectorError):
            await made.ask()
        with socket.socket() as stranger, pytest.raises(OSError, match="in use"):
            stranger.bind(made.proxy.listens)

        made.proxy.lead_to((ONE,))
        assert await made.ask() == "one"


async def test_pod_that_is_no_more_breaks_the_connections_led_to_it() -> None:
    async with stage() as made:
        backend = await made.add(ONE, saying("one"))
        made.proxy.lead_to((ONE,))
        backend.abort()

        with pytest.raises((aiohttp.ServerDisconnectedError, aiohttp.ClientOSError)):
            await made.ask()


async def test_dying_pod_resets_the_request_it_was_answering() -> None:
    asked = anyio.Event()

    async def never(_request: web.BaseRequest) -> web.StreamResponse:
        asked.set()
        await anyio.sleep_forever()
        raise AssertionError

    async with stage() as made:
        backend = await made.add(ONE, never)
        made.proxy.lead_to((ONE,))

        async with anyio.create_task_group() as tasks:

            async def ask() -> None:
                with pytest.raises((aiohttp.ServerDisconnectedError, aiohttp.ClientOSError)):
                    await made.ask()

            tasks.start_soon(ask)
            with anyio.fail_after(SECONDS):
                await asked.wait()
            backend.abort()


async def test_stopping_pod_finishes_the_request_it_was_answering() -> None:
    asked, go_on = anyio.Event(), anyio.Event()

    async def slow(_request: web.BaseRequest) -> web.StreamResponse:
        asked.set()
        await go_on.wait()
        return web.Response(text="finished")

    async with stage() as made:
        backend = await made.add(ONE, slow)
        made.proxy.lead_to((ONE,))
        answers: list[str] = []

        async with anyio.create_task_group() as tasks:

            async def ask() -> None:
                answers.append(await made.ask())

            tasks.start_soon(ask)
            with anyio.fail_after(SECONDS):
                await asked.wait()
                tasks.start_soon(backend.end, timedelta(seconds=SECONDS))
                await anyio.wait_all_tasks_blocked()
                go_on.set()

    assert answers == ["finished"]


async def test_large_answer_arrives_whole() -> None:
    size = 8_000_000

    async def large(_request: web.BaseRequest) -> web.StreamResponse:
        return web.Response(body=b"x" * size)

    async with stage() as made:
        await made.add(ONE, large)
        made.proxy.lead_to((ONE,))

        assert len(await made.ask()) == size


async def test_taken_port_is_refused_by_number() -> None:
    listener = HttpListener(saying("first"))
    address = listener.open()
    try:
        with pytest.raises(PortTaken) as taken:
            HttpListener(saying("second")).open(address.port)
    finally:
        listener.abort()

    assert taken.value.port == address.port
