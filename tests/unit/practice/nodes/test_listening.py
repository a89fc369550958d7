"""HTTP listeners under strangers: garbage is answered, a failing handler hurts one request."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import anyio
import pytest
from aiohttp import web

from orchestrator.practice.nodes.listening import HttpListener
from orchestrator.practice.nodes.network import Address

SECONDS = 5


async def answer(request: web.BaseRequest) -> web.StreamResponse:
    """Fails where it is asked to."""
    if request.path == "/fail":
        raise ZeroDivisionError("no number")
    return web.Response(text=f"{len(await request.read())} bytes")


@asynccontextmanager
async def listening() -> AsyncIterator[Address]:
    """A listener, ended afterwards."""
    listener = HttpListener(answer)
    try:
        yield listener.open()
    finally:
        listener.abort()


async def first_line(address: Address, request: bytes) -> bytes:
    """How the answer to some bytes begins."""
    with anyio.fail_after(SECONDS):
        reader, writer = await asyncio.open_connection(*address)
        try:
            writer.write(request)
            return await reader.readline()
        finally:
            writer.close()


@pytest.mark.parametrize(
    ("request_bytes", "status"),
    [
        (b"garbage\r\n\r\n", b"400"),
        (b"GET / HTTP/9.9\r\n\r\n", b"400"),
        (b"GET / HTTP/1.1\r\nHost: x\r\nX: " + b"a" * 20_000 + b"\r\n\r\n", b"400"),
        (b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: -5\r\n\r\n", b"400"),
        (
            b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 3000000\r\n\r\n" + b"x" * 3_000_000,
            b"413",
        ),
        (
            b"POST / HTTP/1.1\r\nHost: x\r\nContent-Encoding: gzip\r\nContent-Length: 3\r\n\r\nabc",
            b"200",
        ),
        (b"GET /fail HTTP/1.1\r\nHost: x\r\n\r\n", b"500"),
    ],
)
async def test_odd_request_is_answered_and_the_next_one_served(
    request_bytes: bytes, status: bytes
) -> None:
    async with listening() as address:
        line = await first_line(address, request_bytes)

        assert line.split()[1] == status
        assert (await first_line(address, b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")).split()[
            1
        ] == b"200"


async def test_failing_handler_is_told_in_one_line(caplog: pytest.LogCaptureFixture) -> None:
    async with listening() as address:
        await first_line(address, b"GET /fail HTTP/1.1\r\nHost: x\r\n\r\n")

    assert [record.getMessage() for record in caplog.records] == [
        "GET /fail failed: ZeroDivisionError('no number')"
    ]
    assert not caplog.records[0].exc_info


async def test_malformed_request_is_not_worth_a_line(caplog: pytest.LogCaptureFixture) -> None:
    async with listening() as address:
        await first_line(address, b"garbage\r\n\r\n")

    assert not caplog.records
