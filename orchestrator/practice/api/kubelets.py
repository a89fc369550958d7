"""What an API server asks a kubelet on a client's behalf: the log of a container.

It asks at the port that the node names in its status. Practice nodes listen on loopback, whatever
address they say they have.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any, Final
from urllib.parse import urlencode

from orchestrator.practice.api.requests import Request, Response, Stream
from orchestrator.practice.api.served.core import NODE
from orchestrator.practice.api.statuses import ApiError, Cause, bad_request, invalid_named
from orchestrator.practice.api.store import Store

Object = dict[str, Any]
LOOPBACK: Final = "127.0.0.1"
TEXT: Final = "text/plain"
_PASSED: Final = (
    "follow", "previous", "timestamps", "tailLines", "limitBytes", "sinceSeconds", "sinceTime",
    "stream",
)  # fmt: skip
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


class Logs:
    """The log of one container, asked for when someone reads it."""

    def __init__(self, store: Store, pod: Object, container: str, request: Request) -> None:
        metadata, node = pod["metadata"], pod["spec"]["nodeName"]
        query = {key: request.parameter(key) for key in _PASSED if request.parameter(key)}
        path = f"/containerLogs/{metadata['namespace']}/{metadata['name']}/{container}"
        self._path = f"{path}?{urlencode(query)}" if query else path
        self._node = node
        self._port = kubelet_port(store, node)
        self._follows = request.flag("follow")

    async def answer(self) -> Response | Stream:
        """The log as far as it goes, or as it goes on.

        Raises: ApiError: 500, the kubelet can't be asked; or what it refuses with.
        """
        if not self._port:
            raise self._failed("the node names no port of a kubelet")
        # Most clusters are never asked for a log, and the client takes long to import.
        import aiohttp  # noqa: PLC0415

        patience = aiohttp.ClientTimeout(total=None, sock_connect=5)
        session = aiohttp.ClientSession(timeout=patience)
        try:
            response = await session.get(f"http://{LOOPBACK}:{self._port}{self._path}")
        except (aiohttp.ClientError, OSError, TimeoutError) as error:
            await session.close()
            raise self._failed(str(error)) from error
        except BaseException:
            await session.close()
            raise
        if response.status != 200:
            text = (await response.text()).strip()
            await session.close()
            raise ApiError(response.status, "", text or f"the kubelet answered {response.status}")
        if self._follows:
            return Stream(_followed(session, response), TEXT)
        try:
            return Response(200, await response.read(), TEXT)
        finally:
            await session.close()

    def _failed(self, why: str) -> ApiError:
        port = self._port or 10250
        return ApiError(
            500, "InternalError", f'Get "http://{self._node}:{port}{self._path}": {why}'
        )


async def _followed(session: Any, response: Any) -> AsyncIterator[bytes]:
    try:
        async for chunk in response.content.iter_any():
            yield chunk
    finally:
        await session.close()


def kubelet_port(store: Store, node: str) -> int:
    """The port at which a node's kubelet can be asked, or 0."""
    found = store.get(NODE, "", node) or {}
    endpoints = found.get("status", {}).get("daemonEndpoints", {})
    return int(endpoints.get("kubeletEndpoint", {}).get("Port", 0))
