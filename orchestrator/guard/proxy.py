"""The guard's ear: requests of the Kubernetes API on loopback, under a path that holds the token.

The token is in the path because kubectl sends none over plain http. It does not judge writes;
it reads a request in its one canonical form and hands it on.
"""

import hmac
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from functools import partial
from socket import socket
from typing import Final

import aiohttp
import anyio
from aiohttp import web

from orchestrator.domain.errors import ChaosDayError
from orchestrator.domain.guarding import write_refused
from orchestrator.guard.bodies import MOST_BYTES, media_of, parse_body
from orchestrator.guard.bridging import bridged, protocols_of
from orchestrator.guard.calls import Call, check_readable, classify, command_of
from orchestrator.guard.committing import Say
from orchestrator.guard.headers import check_headers, is_websocket
from orchestrator.guard.paths import (
    Discovery,
    Query,
    Route,
    parse_command,
    parse_path,
    parse_query,
    with_pairs,
)
from orchestrator.guard.refusals import NotLetThrough, refusal, status
from orchestrator.guard.upstream import Reply, Upstream
from orchestrator.guard.writing import Writing
from orchestrator.ports import Clock

_WRITING: Final = frozenset({"POST", "PUT", "PATCH", "DELETE"})
_JSON: Final = "application/json"
_EXEC: Final = "/exec"
_LOOK: Final = 5.0
"""Units: seconds. How often an idle watch looks whether its client is still there."""
_LONGEST_LINE: Final = 64 * 1024
_GRACE: Final = 0.5
"""Units: seconds. How long open requests may take to end when the guard ends."""


class Proxy:
    """Answers the requests of one run."""

    def __init__(
        self, *, token: str, upstream: Upstream, writing: Writing, clock: Clock, say: Say
    ) -> None:
        self._prefix = f"/g/{token}"
        self._upstream = upstream
        self._writing = writing
        self._clock = clock
        self._say = say

    async def handle(self, request: web.BaseRequest) -> web.StreamResponse:
        """Answer one request, whatever it is."""
        try:
            return await self._answer(request)
        except NotLetThrough as error:
            await self._say(
                write_refused(
                    at=self._clock.now(),
                    target=error.target,
                    rule=error.rule,
                    reason=error.reason,
                    is_command=request.path.endswith(_EXEC),
                )
            )
            return _reply(403, refusal(error))
        except ChaosDayError as error:
            return _failure(503, "ServiceUnavailable", str(error))
        except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
            # An object that is not as the API promises: nothing was sent, or the journal knows.
            return _failure(500, "InternalError", f"the request is not understood: {error!r}")

    async def _answer(self, request: web.BaseRequest) -> web.StreamResponse:
        raw_path, _, raw_query = request.raw_path.partition("?")
        if not hmac.compare_digest(raw_path[: len(self._prefix)].encode(), self._prefix.encode()):
            return _failure(401, "Unauthorized", "this address is not yours")
        raw_path = raw_path[len(self._prefix) :]
        where = parse_path(raw_path)
        if isinstance(where, Route) and _is_command(request, where):
            check_headers(request.headers, target=raw_path, may_upgrade=True)
            return await self._run(request, where, raw_query)
        check_headers(request.headers, target=raw_path)
        query = parse_query(raw_query)
        if request.method == "GET":
            return await self._read(request, where, query)
        if request.method in _WRITING and isinstance(where, Route):
            call = await self._call(request, where, query)
            return _passed_on(await self._writing.make(call))
        raise NotLetThrough(
            target=raw_path, rule="method", reason=f"{request.method} is not let through"
        )

    async def _run(
        self, request: web.BaseRequest, route: Route, raw_query: str
    ) -> web.StreamResponse:
        pairs = parse_command(raw_query)
        protocols = protocols_of(request, target=route.key)
        connect = partial(self._upstream.websocket, with_pairs(route.path, pairs), protocols)
        # When the stage changes while the command runs, its connection is cut and this stays.
        response: web.StreamResponse = web.Response()
        async with self._writing.running(command_of(route, pairs), connect) as found:
            if isinstance(found, Reply):
                response = _passed_on(found)
            else:
                response = await bridged(request, found)
        return response

    async def _call(self, request: web.BaseRequest, route: Route, query: Query) -> Call:
        media = media_of(request.headers.get("Content-Type", ""), target=route.key)
        body = parse_body(await _content(request, route), media, target=route.key)
        return classify(request.method, route, query, media, body)

    async def _read(
        self, request: web.BaseRequest, where: Route | Discovery, query: Query
    ) -> web.StreamResponse:
        if isinstance(where, Route):
            check_readable(where, self._writing.radius)
        accept = request.headers.get("Accept", _JSON)
        async with self._upstream.stream(where.path, query=query, accept=accept) as found:
            return await _streamed(request, found)


def _is_command(request: web.BaseRequest, route: Route) -> bool:
    is_exec = (route.group, route.resource, route.part) == ("", "pods", "exec")
    return is_exec and request.method == "GET" and is_websocket(request.headers)


async def _content(request: web.BaseRequest, route: Route) -> bytes:
    content = bytearray()
    async for chunk in request.content.iter_any():
        content += chunk
        if len(content) > MOST_BYTES:
            raise NotLetThrough(
                target=route.key, rule="body", reason=f"it is larger than {MOST_BYTES} bytes"
            )
    return bytes(content)


async def _streamed(request: web.BaseRequest, found: aiohttp.ClientResponse) -> web.StreamResponse:
    """Pass an answer on as it comes, byte by byte, for as long as both sides want."""
    media = found.headers.get("Content-Type", _JSON)
    response = web.StreamResponse(status=found.status, headers={"Content-Type": media})
    if found.content_length is not None:
        response.content_length = found.content_length
    try:
        await response.prepare(request)
        async for chunk in _chunks(request, found):
            await response.write(chunk)
        await response.write_eof()
    except (aiohttp.ClientError, OSError):
        # One side went away in the middle: the other must see an end that is none.
        if request.transport is not None:
            request.transport.close()
    return response


async def _chunks(request: web.BaseRequest, found: aiohttp.ClientResponse) -> AsyncIterator[bytes]:
    while request.transport is not None and not request.transport.is_closing():
        chunk: bytes | None = None
        with anyio.move_on_after(_LOOK):
            chunk = await found.content.readany()
        if chunk == b"":
            return
        if chunk:
            yield chunk


def _passed_on(reply: Reply) -> web.Response:
    response = _reply(reply.status, reply.body, {"Content-Type": reply.media})
    for warning in reply.warnings:
        response.headers.add("Warning", warning)
    return response


def _failure(code: int, reason: str, message: str) -> web.Response:
    return _reply(code, status(code=code, reason=reason, message=message))


def _reply(code: int, body: bytes, headers: Mapping[str, str] | None = None) -> web.Response:
    return web.Response(status=code, body=body, headers=headers or {"Content-Type": _JSON})


@asynccontextmanager
async def listening(proxy: Proxy) -> AsyncIterator[int]:
    """Answer requests on a free port of loopback until the context is left."""
    async with _served(proxy) as runner:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        yield int(runner.addresses[0][1])


@asynccontextmanager
async def answering(proxy: Proxy) -> AsyncIterator[Callable[[socket], Awaitable[None]]]:
    """Answer requests on whatever listening socket is given, until the context is left."""
    async with _served(proxy) as runner:

        async def answer_on(listener: socket) -> None:
            await web.SockSite(runner, listener).start()

        yield answer_on


@asynccontextmanager
async def _served(proxy: Proxy) -> AsyncIterator[web.ServerRunner]:
    server = web.Server(
        proxy.handle,
        auto_decompress=False,
        access_log=None,
        max_line_size=_LONGEST_LINE,
    )
    runner = web.ServerRunner(server, shutdown_timeout=_GRACE)
    await runner.setup()
    try:
        yield runner
    finally:
        with anyio.CancelScope(shield=True):
            await runner.cleanup()
