"""The API server as an ASGI app.

It speaks plain HTTP and, without tokens, trusts whoever can reach it, so it belongs on loopback.
The one place
that catches everything is here: a fault of the server is answered with a Status, not a hang-up.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from dataclasses import replace
from typing import Any, Final

import anyio

from orchestrator.practice.api import discovery, openapi
from orchestrator.practice.api.access.gate import Gate
from orchestrator.practice.api.access.users import User
from orchestrator.practice.api.catalogue import kinds_in
from orchestrator.practice.api.forms import wanted_form
from orchestrator.practice.api.kubelets import Kubelets, Upgrade
from orchestrator.practice.api.requests import (
    Later,
    Request,
    Response,
    Stream,
    answer,
    request_of,
    warned,
)
from orchestrator.practice.api.resources import Resources
from orchestrator.practice.api.routing import place_of
from orchestrator.practice.api.served import SERVED
from orchestrator.practice.api.served.registry import Registry
from orchestrator.practice.api.sockets import bridge, decline, deny
from orchestrator.practice.api.statuses import (
    BODY_LIMIT,
    ApiError,
    bad_request,
    internal,
    method_not_allowed,
    too_large,
    unserved,
)
from orchestrator.practice.api.store import Store

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

_log: Final = logging.getLogger(__name__)
_HEALTH: Final = {"/readyz", "/livez", "/healthz"}


class _Gone(Exception):
    """The client closed the connection before it had sent its request."""


def create_app(
    store: Store, *, kubelet_token: str = "", users: Mapping[str, User] | None = None
) -> App:
    """The ASGI app that serves a store; the token is what it shows to kubelets.

    With `users` by their tokens it asks everybody for one, and roles decide who may do what.
    """
    gate = None if users is None else Gate(store, users)
    return _Server(store, Kubelets(store, kubelet_token), gate)


class _Server:
    def __init__(self, store: Store, kubelets: Kubelets, gate: Gate | None) -> None:
        self._store = store
        self._gate = gate
        self._resources = Resources(store, kubelets, gate)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        match scope["type"]:
            case "lifespan":
                await self._live(receive, send)
            case "http":
                await self._serve_http(scope, receive, send)
            case "websocket":
                await receive()
                await self._serve_socket(scope, receive, send)

    async def _live(self, receive: Receive, send: Send) -> None:
        while True:
            message = await receive()
            await send({"type": f"{message['type']}.complete"})
            if message["type"] == "lifespan.shutdown":
                self._store.close()
                return

    async def _serve_http(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            response = await self._respond(scope, receive)
        except _Gone:
            return
        if isinstance(response, Stream):
            await _send_stream(response, receive, send)
        else:
            await _send_whole(response, send, head=scope["method"] == "HEAD")

    async def _serve_socket(self, scope: Scope, receive: Receive, send: Send) -> None:
        """A WebSocket asks what a GET of its path would; nothing but a kubelet answers one."""
        try:
            found = self._dispatch(self._admitted({**scope, "method": "GET"}))
            if isinstance(found, Response):
                await decline(found, send)
                return
            if not isinstance(found, Upgrade):
                raise bad_request("the server does not answer this request by a WebSocket")
        except ApiError as refusal:
            await deny(refusal, send)
            return
        await bridge(found, scope["subprotocols"], receive, send)

    async def _respond(self, scope: Scope, receive: Receive) -> Response | Stream:
        try:
            admitted = self._admitted(scope)
            body = await _read_body(scope, receive)
            found = self._dispatch(replace(admitted, body=body) if body else admitted)
            return await found.answer() if isinstance(found, Later) else found
        except ApiError as refusal:
            return answer(refusal.status(), refusal.code)
        except _Gone:
            raise
        except Exception:  # noqa: BLE001 - the outermost loop; the client is owed an answer
            _log.exception("%s %s failed", scope["method"], scope["path"])
            failure = internal("the practice API server failed to carry out the request")
            return answer(failure.status(), failure.code)

    def _admitted(self, scope: Scope) -> Request:
        """The request without its body, made by somebody who may make it."""
        request = request_of(scope, b"")
        return request if self._gate is None else self._gate.admitted(request)

    def _dispatch(self, request: Request) -> Response | Stream | Later:
        if "//" in request.path:
            raise unserved()
        kinds = kinds_in(self._store)
        place = place_of(request.path, kinds)
        if place is not None:
            found = self._resources.respond(request, place)
            return warned(found, place.kind.warning) if place.kind.warning else found
        known = _about_server(request, kinds)
        if known is None and _is_ours(request.path, kinds):
            raise unserved()
        if known is None:
            return Response(404, b"404 page not found\n", "text/plain; charset=utf-8")
        if request.method not in {"GET", "HEAD"}:
            raise method_not_allowed()
        return known


def _is_ours(path: str, kinds: Registry) -> bool:
    """Whether a path is below a group of Kubernetes' own, or a kind that is served."""
    match [part for part in path.split("/") if part]:
        case ["api", _, *_]:
            return True
        case ["apis", group, _, *_] if group in SERVED.groups:
            return True
        case ["apis", group, version, "namespaces", _, plural, *_]:
            return kinds.at(group, version, plural) is not None
        case ["apis", group, version, plural, *_]:
            return kinds.at(group, version, plural) is not None
    return False


def _about_server(request: Request, kinds: Registry) -> Response | None:
    """What the server says about itself at this path, or none."""
    path = request.path.rstrip("/")
    if path in _HEALTH or path.startswith(("/readyz/", "/livez/", "/healthz/")):
        return Response(200, b"ok", "text/plain; charset=utf-8")
    if path == "/version":
        return answer(discovery.VERSION)
    if path == "/openapi/v2" and "openapi.spec.v2" in request.headers.get("accept", ""):
        return Response(200, openapi.version_two_protobuf(), openapi.V2_PROTOBUF)
    document = _discovered(request, [part for part in path.split("/") if part], kinds)
    if document is None:
        return None
    wanted_form(request)
    return answer(document)


def _discovered(request: Request, parts: list[str], kinds: Registry) -> dict[str, Any] | None:
    match parts:
        case []:
            return {
                "paths": ["/api", "/api/v1", "/apis", "/healthz", "/livez", "/readyz", "/version"]
            }
        case ["api"]:
            return discovery.core_versions(request.headers.get("host", ""))
        case ["apis"]:
            return discovery.group_list(kinds)
        case ["api", version]:
            return discovery.resource_list(kinds, "", version)
        case ["apis", group]:
            return discovery.group(kinds, group)
        case ["apis", group, version]:
            return discovery.resource_list(kinds, group, version)
        case ["openapi", "v2"]:
            return openapi.version_two()
        case ["openapi", "v3"]:
            return openapi.index(kinds)
        case ["openapi", "v3", *root]:
            return openapi.document(kinds, "/".join(root))
    return None


async def _read_body(scope: Scope, receive: Receive) -> bytes:
    announced = dict(scope["headers"]).get(b"content-length", b"0")
    if announced.isdigit() and int(announced) > BODY_LIMIT:
        raise too_large()
    parts: list[bytes] = []
    size = 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise _Gone
        parts.append(message.get("body", b""))
        size += len(parts[-1])
        if size > BODY_LIMIT:
            raise too_large()
        if not message.get("more_body"):
            return b"".join(parts)


def _start(status: int, content_type: str, extra: tuple[tuple[str, str], ...] = ()) -> Message:
    headers = [
        (b"content-type", content_type.encode()),
        (b"cache-control", b"no-cache, private"),
    ]
    headers += [(name.encode(), value.encode("latin-1", "replace")) for name, value in extra]
    return {"type": "http.response.start", "status": status, "headers": headers}


async def _send_whole(response: Response, send: Send, *, head: bool) -> None:
    length = ("content-length", str(len(response.body)))
    await send(_start(response.status, response.content_type, (*response.headers, length)))
    await send({"type": "http.response.body", "body": b"" if head else response.body})


async def _send_stream(stream: Stream, receive: Receive, send: Send) -> None:
    await send(_start(200, stream.content_type, stream.headers))
    # An empty chunk makes the server send the head now, before the first change.
    await send({"type": "http.response.body", "body": b"", "more_body": True})
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(_until_gone, receive, tasks.cancel_scope)
        async for chunk in stream.chunks:
            await send({"type": "http.response.body", "body": chunk, "more_body": True})
        await send({"type": "http.response.body", "body": b""})
        tasks.cancel_scope.cancel()


async def _until_gone(receive: Receive, scope: anyio.CancelScope) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
    scope.cancel()
