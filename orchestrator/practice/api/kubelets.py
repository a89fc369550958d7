"""What an API server asks a kubelet on a client's behalf: logs, commands, connections.

It asks at the port that the node names in its status. Practice nodes listen on loopback, whatever
address they say they have.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import urlencode

from orchestrator.practice.api.requests import Later, Request, Response, Stream
from orchestrator.practice.api.served.core import NODE
from orchestrator.practice.api.statuses import (
    ApiError,
    Cause,
    bad_request,
    internal,
    invalid_named,
)
from orchestrator.practice.api.store import Store

Object = dict[str, Any]
LOOPBACK: Final = "127.0.0.1"
TEXT: Final = "text/plain"
_PASSED: Final = (
    "follow", "previous", "timestamps", "tailLines", "limitBytes", "sinceSeconds", "sinceTime",
    "stream",
)  # fmt: skip
_STREAMS: Final = ("stdin", "stdout", "stderr", "tty")
_POSITIVE: Final = {"tailLines": 0, "limitBytes": 1, "sinceSeconds": 1}


def container_of(pod: Object, wanted: str) -> str:
    """The container that a request is about.

    Raises: ApiError: 400, it names none although there are several, or one that is not there.
    """
    name, spec = pod["metadata"]["name"], pod["spec"]
    own = [str(item["name"]) for item in spec["containers"]]
    every = [
        str(item["name"])
        for key in ("initContainers", "containers", "ephemeralContainers")
        for item in spec.get(key, ())
    ]
    if wanted:
        if wanted not in every:
            raise bad_request(f"container {wanted} is not valid for pod {name}")
        return wanted
    chosen = pod["metadata"].get("annotations", {}).get("kubectl.kubernetes.io/default-container")
    if chosen in own:
        return str(chosen)
    if len(every) == 1:
        return every[0]
    listed = " ".join(own)
    raise bad_request(
        f"a container name must be specified for pod {name}, choose one of: [{listed}]"
    )


def check_log_options(request: Request, name: str) -> None:
    """Refuse numbers that a log can't be cut by.

    Raises: ApiError: 400 or 422.
    """
    causes = []
    for key, least in _POSITIVE.items():
        number = request.number(key)
        if number is not None and number < least:
            text = f"must be greater than or equal to {least}" if not least else (
                "must be greater than 0"
            )  # fmt: skip
            causes.append(Cause.invalid(key, number, text))
    if request.parameter("sinceTime") and request.parameter("sinceSeconds"):
        text = "at most one of `sinceTime` or `sinceSeconds` may be specified"
        causes.append(Cause.forbidden("[]", text))
    if causes:
        raise invalid_named("PodLogOptions", name, causes)


@dataclass(frozen=True, slots=True)
class Kubelets:
    """The kubelets of a store's nodes, asked with the secret that API server and nodes share."""

    store: Store
    token: str = field(default="", repr=False)

    @property
    def headers(self) -> dict[str, str]:
        """What shows a kubelet who asks."""
        return {"Authorization": f"Bearer {self.token}"} if self.token else {}

    def log(self, pod: Object, container: str, request: Request) -> Later:
        """The log of a container, asked for when someone reads it."""
        query = [(key, request.parameter(key)) for key in _PASSED if request.parameter(key)]
        log = _Log(self._at(pod, "containerLogs", container, query), self.headers)
        return Later(_Follow(log).answer if request.flag("follow") else log.answer)

    def stream(self, place: str, pod: Object, container: str, request: Request) -> Upgrade:
        """A command, a look at one, or a connection; for who asks by a WebSocket.

        Raises: ApiError: 400, the pod is on no node.
        """
        name = pod["metadata"]["name"]
        if not pod["spec"].get("nodeName"):
            raise bad_request(f"pod {name} does not have a host assigned")
        if place == "portForward":
            ports = ",".join(request.query.get("ports", ()))
            query = [("port", ports)] if ports else []
        else:
            query = [(key, "1") for key in _STREAMS if request.flag(key)]
            query += [("command", word) for word in request.query.get("command", ())]
        url = self._at(pod, place, container, query)
        wanted = request.headers.get("upgrade", "")
        answer = _Handshake(url, {**self.headers, "Upgrade": wanted}).answer
        return Upgrade(answer if wanted else _refuse_plain, url, self.headers)

    def _at(self, pod: Object, place: str, container: str, query: list[tuple[str, str]]) -> str:
        metadata, node = pod["metadata"], pod["spec"]["nodeName"]
        path = f"/{place}/{metadata['namespace']}/{metadata['name']}"
        path += f"/{container}" if container else ""
        path += f"?{urlencode(query)}" if query else ""
        port = kubelet_port(self.store, node)
        if not port:
            raise unreachable(f"http://{node}:10250{path}", "the node names no port of a kubelet")
        return f"http://{LOOPBACK}:{port}{path}"


def unreachable(url: str, why: str) -> ApiError:
    """A kubelet that can't be asked."""
    return ApiError(500, "InternalError", f'Get "{url}": {why}')


async def _refuse_plain() -> Response | Stream:
    raise bad_request("Upgrade request required")


@dataclass(frozen=True, slots=True)
class _Handshake:
    """A wish for another protocol than HTTP, handed on to a kubelet to refuse it."""

    url: str
    headers: Mapping[str, str]

    async def answer(self) -> Response:
        """What the kubelet says.

        Raises: ApiError: 500, it can't be asked.
        """
        import aiohttp  # noqa: PLC0415

        headers = {**self.headers, "Connection": "Upgrade"}
        patience = aiohttp.ClientTimeout(total=5)
        try:
            async with (
                aiohttp.ClientSession(timeout=patience) as session,
                session.get(self.url, headers=headers) as response,
            ):
                return Response(response.status, await response.read(), TEXT)
        except (aiohttp.ClientError, OSError, TimeoutError) as error:
            raise unreachable(self.url, str(error)) from error


@dataclass(frozen=True, slots=True)
class Upgrade(Later):
    """An answer that only a WebSocket can carry; anybody else is refused."""

    url: str = ""
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)


@dataclass(frozen=True, slots=True)
class _Log:
    url: str
    headers: Mapping[str, str]

    async def answer(self) -> Response:
        """The log as far as it goes.

        Raises: ApiError: 500, the kubelet can't be asked; or what it refuses with.
        """
        async with self.opened() as response:
            return Response(200, await response.read(), TEXT)

    @asynccontextmanager
    async def opened(self) -> AsyncIterator[Any]:
        """What the kubelet answers."""
        # Most clusters are never asked for a log, and the client takes long to import.
        import aiohttp  # noqa: PLC0415

        patience = aiohttp.ClientTimeout(total=None, sock_connect=5)
        try:
            async with (
                aiohttp.ClientSession(timeout=patience) as session,
                session.get(self.url, headers=self.headers) as response,
            ):
                if response.status != 200:
                    raise refusal(response.status, await response.text())
                yield response
        except (aiohttp.ClientError, OSError, TimeoutError) as error:
            raise unreachable(self.url, str(error)) from error


def refusal(status: int, text: str) -> ApiError:
    """What a kubelet refuses with, as an API server hands it on."""
    if status == 500:
        return internal(text)
    return ApiError(status, "BadRequest" if status == 400 else "", text)


class _Follow:
    """A log as it goes on; its head is asked for before the client is answered."""

    def __init__(self, log: _Log) -> None:
        self._log = log

    async def answer(self) -> Stream:
        """The log for as long as the client listens.

        Raises: ApiError: as for a log as far as it goes.
        """
        scope = AsyncExitStack()
        response = await scope.enter_async_context(self._log.opened())
        return Stream(_followed(scope, response), TEXT)


async def _followed(scope: AsyncExitStack, response: Any) -> AsyncIterator[bytes]:
    async with scope:
        async for chunk in response.content.iter_any():
            yield chunk


def kubelet_port(store: Store, node: str) -> int:
    """The port at which a node's kubelet can be asked, or 0."""
    found = store.get(NODE, "", node) or {}
    endpoints = found.get("status", {}).get("daemonEndpoints", {})
    return int(endpoints.get("kubeletEndpoint", {}).get("Port", 0))
