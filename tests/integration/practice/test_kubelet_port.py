"""A practice kubelet's port from outside: what only practice nodes do, and what they keep shut."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import urlencode

import aiohttp
import anyio
from aiohttp import ClientWebSocketResponse

from tests.integration.practice.outside import PATIENCE, SHOP, Outside, Started
from tests.integration.practice.test_kubelet import QUICK, container_status, until_restarted

ERROR = 3


@asynccontextmanager
async def command(
    outside: Outside, pod: str, *words: str, **wishes: Any
) -> AsyncIterator[ClientWebSocketResponse]:
    """A command in a pod, with its streams open."""
    query = [("command", word) for word in words] + [("stdout", "true"), *wishes.items()]
    url = f"{outside.cluster.api_url}{SHOP}/pods/{pod}/exec?{urlencode(query)}"
    async with outside.session.ws_connect(url, protocols=["v5.channel.k8s.io"]) as talk:
        yield talk


async def outcome(talk: ClientWebSocketResponse) -> tuple[str, int]:
    """All that a command writes, and its exit code."""
    text, status = b"", {}
    with anyio.fail_after(PATIENCE):
        async for message in talk:
            if message.data[0] == ERROR:
                status = json.loads(message.data[1:])
            else:
                text += message.data[1:]
    causes = (status.get("details") or {}).get("causes") or [{"message": "0"}]
    return text.decode(), int(causes[0]["message"])


async def log(outside: Outside, pod: str, **query: str) -> str:
    """The log of a pod."""
    url = f"{outside.cluster.api_url}{SHOP}/pods/{pod}/log"
    async with outside.session.get(url, params=query) as response:
        return await response.text()


async def a_pod_of(outside: Outside, service: str) -> str:
    """The name of one of a service's pods."""
    return str((await outside.pods(service))[0]["metadata"]["name"])


async def test_shop_writes_a_line_for_each_request(started: Started) -> None:
    async with started() as outside:
        await outside.visit("/products/mug")

        logs = [
            await log(outside, pod["metadata"]["name"]) for pod in await outside.pods("catalog")
        ]

    lines = "".join(logs).splitlines()
    assert lines.count("catalog 1.4 starts, listening on :8080") == 2
    assert any(line.startswith('"GET /products/mug" 200 ') for line in lines)
    assert not any("/healthz" in line for line in lines)


async def test_signal_from_within_ends_the_main_program(started: Started) -> None:
    async with started(pace=QUICK) as outside:
        pod = await a_pod_of(outside, "cart")
        async with command(outside, pod, "kill", "1") as talk:
            assert await outcome(talk) == ("", 0)

        status = await until_restarted(outside, pod, 1)
        before = await log(outside, pod, previous="true")

    assert status["lastState"]["terminated"]["exitCode"] == 143
    assert before.splitlines()[-1].endswith("was told to stop, and has finished its requests")


async def test_first_process_cannot_be_killed_from_within(started: Started) -> None:
    async with started(pace=QUICK) as outside:
        pod = await a_pod_of(outside, "cart")
        async with command(outside, pod, "sh", "-c", "kill -9 1; ps") as talk:
            text, code = await outcome(talk)
        status = await container_status(outside, pod)

    assert code == 0
    assert "    1 root     cart" in text
    assert status["restartCount"] == 0


async def test_terminal_shows_what_is_typed_and_can_be_interrupted(started: Started) -> None:
    async with started() as outside:
        pod = await a_pod_of(outside, "cart")
        async with command(outside, pod, "sh", stdin="true", tty="true") as talk:
            await talk.send_bytes(b"\x00echo heloo\x7f\x7flo\r")
            seen = b""
            with anyio.fail_after(PATIENCE):
                while b"\r\nhello" not in seen:
                    seen += (await talk.receive_bytes())[1:]
                await talk.send_bytes(b"\x00sleep 1000\r")
                while not seen.endswith(b"sleep 1000\r\n"):
                    seen += (await talk.receive_bytes())[1:]
                await talk.send_bytes(b"\x00\x03")
                await talk.send_bytes(b"\x00exit 3\r")
                text, code = await outcome(talk)

    assert b"/ # echo heloo\b \b\b \blo\r\nhello\r\n" in seen
    assert "^C\r\n/ # exit 3\r\n" in text
    assert code == 3


async def test_port_lets_nobody_in_without_the_secret(started: Started) -> None:
    async with started() as outside:
        node = await outside.api.get("/api/v1/nodes/practice-1")
        port = node["status"]["daemonEndpoints"]["kubeletEndpoint"]["Port"]
        pod = (await outside.pods("cart"))[0]["metadata"]["name"]

        for path in ("/pods", f"/containerLogs/shop/{pod}/cart", f"/exec/shop/{pod}/cart"):
            for headers in ({}, {"Authorization": "Bearer guessed"}):
                url = f"http://127.0.0.1:{port}{path}"
                async with outside.session.get(url, headers=headers) as response:
                    assert (response.status, await response.text()) == (401, "Unauthorized")


async def test_port_is_closed_when_the_cluster_ends(started: Started) -> None:
    async with started() as outside:
        node = await outside.api.get("/api/v1/nodes/practice-1")
        port = node["status"]["daemonEndpoints"]["kubeletEndpoint"]["Port"]
        async with outside.session.get(f"http://127.0.0.1:{port}/healthz") as response:
            assert await response.text() == "ok"

    async with aiohttp.ClientSession() as session:
        try:
            await session.get(f"http://127.0.0.1:{port}/healthz")
        except aiohttp.ClientConnectorError:
            return
    raise AssertionError("the port still listens")
