"""The guard's forward proxy takes requests where the plan lets them go, and nowhere else."""

import asyncio
import json
import socket
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

import pytest

from orchestrator.adapters.clock import SystemClock
from orchestrator.domain.guarding import Line
from orchestrator.guard.doors import opened
from orchestrator.guard.forward import Forward
from orchestrator.guard.reaching import Reach

ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nConnection: close\r\n\r\nhello"


@dataclass
class There:
    """A server that runners would like to reach."""

    port: int = 0
    heads: list[bytes] = field(default_factory=list)

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.heads.append(await reader.readuntil(b"\r\n\r\n"))
        writer.write(ANSWER)
        await writer.drain()
        writer.close()


@asynccontextmanager
async def there() -> AsyncIterator[There]:
    found = There()
    server = await asyncio.start_server(found.answer, "127.0.0.1", 0)
    found.port = server.sockets[0].getsockname()[1]
    async with server:
        yield found


@dataclass
class Way:
    """The forward proxy under test, and what it told its conductor."""

    port: int = 0
    told: list[Line] = field(default_factory=list)

    async def say(self, line: Line) -> None:
        self.told.append(line)

    async def asks(self, content: bytes, *more: bytes) -> bytes:
        """Send a request, then more once there is an answer; returns all that came back."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        writer.write(content)
        came = b""
        for each in more:
            came += await reader.readuntil(b"\r\n\r\n")
            writer.write(each)
        with suppress(ConnectionResetError):
            came += await reader.read()
        writer.close()
        return came


@asynccontextmanager
async def a_way(*allowed: str, server: str = "http://127.0.0.1:1") -> AsyncIterator[Way]:
    way = Way()
    reach = await Reach.beside(server, allowed)
    listener = socket.create_server(("127.0.0.1", 0))
    listener.setblocking(False)
    way.port = listener.getsockname()[1]
    async with asyncio.timeout(20), Forward(reach=reach, clock=SystemClock(), say=way.say) as it:
        await it.answer_on(listener)
        yield way


def get(url: str, *fields: str) -> bytes:
    return "\r\n".join([f"GET {url} HTTP/1.1", *fields, "", ""]).encode()


async def test_a_request_goes_where_the_plan_lets_it() -> None:
    async with there() as shop, a_way(f"127.0.0.1:{shop.port}") as way:
        url = f"http://127.0.0.1:{shop.port}/cart?full=yes"
        answer = await way.asks(
            get(url, "Host: elsewhere.example", "Connection: keep-alive", "X-Trace: 1")
        )

    assert answer == ANSWER
    (head,) = shop.heads
    assert head.startswith(b"GET /cart?full=yes HTTP/1.1\r\n")
    assert f"Host: 127.0.0.1:{shop.port}\r\n".encode() in head
    assert b"elsewhere" not in head
    assert b"X-Trace: 1\r\n" in head
    assert head.endswith(b"Connection: close\r\n\r\n")
    assert way.told == []


async def test_what_is_encrypted_goes_through_a_tunnel() -> None:
    async with there() as shop, a_way(f"127.0.0.1:{shop.port}") as way:
        answer = await way.asks(
            f"CONNECT 127.0.0.1:{shop.port} HTTP/1.1\r\n\r\n".encode(), get("/inside")
        )

    assert answer.startswith(b"HTTP/1.1 200 Connection established\r\n\r\n")
    assert answer.endswith(ANSWER)
    assert shop.heads[0].startswith(b"GET /inside")


@pytest.mark.parametrize("how", ["plain", "tunnel"])
async def test_a_request_elsewhere_is_refused_and_told_once(how: str) -> None:
    async with there() as shop, a_way("shop.example.org:443") as way:
        place = f"127.0.0.1:{shop.port}"
        asked = get(f"http://{place}/") if how == "plain" else f"CONNECT {place} HTTP/1.1\r\n\r\n"
        content = asked if isinstance(asked, bytes) else asked.encode()
        answers = [await way.asks(content) for _ in range(3)]

    assert all(answer.startswith(b"HTTP/1.1 403 Forbidden") for answer in answers)
    assert b"the plan does not name it under may_reach" in answers[0]
    assert shop.heads == []
    (told,) = way.told
    assert (told["event"], told["rule"], told["target"]) == ("refused", "may_reach", place)


async def test_the_api_server_is_not_reached_even_when_the_plan_names_it() -> None:
    async with there() as api:
        place = f"127.0.0.1:{api.port}"
        async with a_way(place, f"localhost:{api.port}", server=f"http://{place}") as way:
            answers = [
                await way.asks(get(f"http://{host}:{api.port}/api/v1/secrets"))
                for host in ("127.0.0.1", "localhost")
            ]

    assert all(b"403 Forbidden" in answer for answer in answers)
    assert b"it is the API server" in answers[0]
    assert api.heads == []


@pytest.mark.parametrize(
    "place",
    [
        "169.254.169.254:80",
        "[fd00:ec2::254]:80",
        "[::ffff:169.254.169.254]:80",
        "[64:ff9b::a9fe:a9fe]:80",
        "100.100.100.200:80",
        "0.0.0.0:80",
    ],
)
async def test_metadata_services_are_not_reached_even_when_the_plan_names_them(
    place: str,
) -> None:
    async with a_way(place) as way:
        answer = await way.asks(get(f"http://{place}/latest/meta-data/"))

    assert b"403 Forbidden" in answer
    assert b"credentials" in answer


async def test_nobody_there_is_told_as_such_and_is_no_refusal() -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    async with a_way(f"127.0.0.1:{port}") as way:
        answer = await way.asks(get(f"http://127.0.0.1:{port}/"))

    assert answer.startswith(b"HTTP/1.1 502 Bad Gateway")
    assert way.told == []


@pytest.mark.parametrize(
    "content",
    [
        b"GET / HTTP/1.1\r\n\r\n",
        b"GET ftp://127.0.0.1:21/ HTTP/1.1\r\n\r\n",
        b"GET https://127.0.0.1:443/ HTTP/1.1\r\n\r\n",
        b"CONNECT 127.0.0.1 HTTP/1.1\r\n\r\n",
        b"CONNECT 127.0.0.1:x HTTP/1.1\r\n\r\n",
        b"CONNECT 127.0.0.1:99999999999 HTTP/1.1\r\n\r\n",
        b"GET http://[::1/ HTTP/1.1\r\n\r\n",
        b"GET http://user:pass@/ HTTP/1.1\r\n\r\n",
        b"\xff\xfe\r\n\r\n",
        b"\r\n\r\n",
        b"GET  http://127.0.0.1/  HTTP/1.1\r\n\r\n",
    ],
)
async def test_what_is_no_request_to_a_proxy_is_answered_in_order(content: bytes) -> None:
    async with a_way("127.0.0.1:80") as way:
        answer = await way.asks(content)

    assert answer.startswith(b"HTTP/1.1 400 Bad Request")
    assert way.told == []


async def test_a_head_without_end_is_not_read_to_it() -> None:
    async with a_way("127.0.0.1:80") as way:
        answer = await way.asks(b"GET http://127.0.0.1/ HTTP/1.1\r\nX: " + b"x" * 200_000)

    assert answer.startswith(b"HTTP/1.1 502") or answer == b""


class Answered:
    """Counts the listening sockets that came through a door."""

    def __init__(self) -> None:
        self.listeners: list[socket.socket] = []
        self.came = asyncio.Event()

    async def __call__(self, listener: socket.socket) -> None:
        self.listeners.append(listener)
        self.came.set()


def send(door: socket.socket, line: Any, sockets: Sequence[socket.socket]) -> None:
    content = line if isinstance(line, bytes) else json.dumps(line).encode()
    socket.send_fds(door, [content], [each.fileno() for each in sockets])


async def test_a_door_takes_listening_sockets_by_name_and_nothing_else() -> None:
    answered = Answered()
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
    with (
        theirs,
        socket.create_server(("127.0.0.1", 0)) as good,
        socket.socket() as silent,
        socket.socket(socket.AF_UNIX) as other,
    ):
        async with asyncio.timeout(20), opened(ours.detach(), {"forward": answered}):
            for line in (b"", b"[]", b"\xff", {"door": 3}, {"door": "no such"}, {"other": 1}):
                send(theirs, line, [good])
            send(theirs, {"door": "forward"}, [silent, other])
            send(theirs, {"door": "forward"}, [good])
            await answered.came.wait()

        (listener,) = answered.listeners
        assert listener.getsockname() == good.getsockname()
        listener.close()
