"""Requests to the target cluster, with the operator's credentials.

It sends what it is given: whether a request may be made has been decided before.
"""

import asyncio
import json
from base64 import b64encode
from collections.abc import AsyncIterator, Awaitable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import Any, Final, TypeVar

import aiohttp
from yarl import URL

from orchestrator.domain.errors import ClusterUnavailable
from orchestrator.domain.undo import Document
from orchestrator.guard.access.kubeconfigs import Context
from orchestrator.guard.access.showing import Shown
from orchestrator.guard.bodies import Media, dump
from orchestrator.guard.credentials import Access
from orchestrator.guard.paths import Query, with_query

A = TypeVar("A")
B = TypeVar("B")

_PATIENCE: Final = 15.0
"""Units: seconds. How long one request may take that is no watch."""
_CONNECT: Final = 3.0
"""Units: seconds."""
_LARGEST_FRAME: Final = 16 * 1024 * 1024
_JSON: Final = "application/json"


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """What the API server answered."""

    status: int
    body: bytes
    media: str = _JSON
    warnings: tuple[str, ...] = ()

    @property
    def is_success(self) -> bool:
        """Whether the request was carried out."""
        return 200 <= self.status < 300

    def document(self) -> dict[str, Any]:
        """The body as an object; an empty one when it is none."""
        try:
            found = json.loads(self.body)
        except ValueError:
            return {}
        return found if isinstance(found, dict) else {}

    def message(self) -> str:
        """What the API server said about a failure, or that somebody else answered."""
        said = self.document()
        unsaid = "no message" if "kind" in said else "not the answer of an API server"
        return f"{self.status}: {said.get('message') or unsaid}"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Asked:
    """One request as it goes out."""

    method: str
    target: str
    headers: Mapping[str, str]
    content: bytes | None = None


class NoWebSocket(Exception):
    """The API server answered with that status instead of going on as a WebSocket."""

    def __init__(self, status: int) -> None:
        super().__init__(f"the API server answered {status}")
        self.status = status


class Upstream:
    """The API server of the target cluster."""

    def __init__(self, access: Access, session: aiohttp.ClientSession) -> None:
        self._access = access
        self._session = session
        self._renewing = asyncio.Lock()
        # Apart from its address, which the library repeats in its errors.
        self._proxy, self._proxy_headers = _parted(access.proxy)

    @property
    def server(self) -> str:
        """The address of the API server."""
        return self._access.server

    @property
    def contexts(self) -> tuple[Context, ...]:
        """The contexts of the kubeconfig that led here."""
        return self._access.contexts

    async def send(
        self,
        method: str,
        path: str,
        *,
        query: Query | None = None,
        body: Any = None,
        media: Media = Media.JSON,
        accept: str = _JSON,
    ) -> Reply:
        """Make one request.

        Raises: ClusterUnavailable: it is not known whether it was carried out.
        """
        headers = {"Accept": accept} | ({} if body is None else {"Content-Type": media.value})
        content = None if body is None else dump(body)
        asked = _Asked(
            method=method, target=with_query(path, query or {}), headers=headers, content=content
        )
        try:
            return await self._answer(asked)
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise self._unanswered(error) from error

    async def _answer(self, asked: _Asked) -> Reply:
        try:
            return await self._reply(asked)
        except aiohttp.ServerDisconnectedError:
            # A connection that idled too long. Reading again is safe; writing is not,
            # for the first request may have been carried out.
            if asked.method != "GET":
                raise
            return await self._reply(asked)

    async def _reply(self, asked: _Asked) -> Reply:
        async with asyncio.timeout(_PATIENCE), await self._open(asked) as response:
            return Reply(
                status=response.status,
                body=await response.read(),
                media=response.headers.get("Content-Type", _JSON),
                warnings=tuple(response.headers.getall("Warning", ())),
            )

    async def read(self, path: str, query: Query | None = None) -> Document | None:
        """An object or a list; None when there is none.

        Raises: ClusterUnavailable: also when the API server will not show it, or somebody else
        answers in its place, such as a proxy with a page of its own.
        """
        reply = await self.send("GET", path, query=query)
        found = reply.document()
        if reply.status == 404 and (found.get("kind") == "Status" or await self._is_itself()):
            return None
        if not reply.is_success or "kind" not in found:
            raise ClusterUnavailable(
                cluster=self._access.cluster, problem=f"GET {path}: {reply.message()}"
            )
        return found

    async def _is_itself(self) -> bool:
        """Whether an API server answers: of a group that it does not know it says a plain 404."""
        return (await self.send("GET", "/apis")).document().get("kind") == "APIGroupList"

    async def items(self, collection: str, query: Query | None = None) -> list[dict[str, Any]]:
        """The objects of a collection; none when there is no such collection."""
        found = await self.read(collection, query) or {}
        return [item for item in found.get("items") or () if isinstance(item, dict)]

    @asynccontextmanager
    async def stream(
        self, path: str, *, query: Query, accept: str
    ) -> AsyncIterator[aiohttp.ClientResponse]:
        """Read something that may never end, such as a watch or a log.

        Raises: ClusterUnavailable: before the first byte.
        """
        asked = _Asked(method="GET", target=with_query(path, query), headers={"Accept": accept})
        try:
            response = await self._open(asked)
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise self._unanswered(error) from error
        async with response:
            yield response

    @asynccontextmanager
    async def websocket(
        self, target: str, protocols: Sequence[str]
    ) -> AsyncIterator[aiohttp.ClientWebSocketResponse]:
        """A WebSocket at a path with its query.

        Raises: NoWebSocket: the API server would not have it; ClusterUnavailable.
        """
        try:
            async with asyncio.timeout(_PATIENCE):
                connection = await self._open_websocket(target, protocols)
        except aiohttp.WSServerHandshakeError as error:
            raise NoWebSocket(error.status) from error
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise self._unanswered(error) from error
        async with connection:
            yield connection

    async def _open_websocket(
        self, target: str, protocols: Sequence[str]
    ) -> aiohttp.ClientWebSocketResponse:
        shown = await self._shown()
        try:
            return await self._connect(target, protocols, shown)
        except aiohttp.WSServerHandshakeError as error:
            if error.status != 401 or (other := await self._other_than(shown)) is None:
                raise
            return await self._connect(target, protocols, other)

    async def _connect(
        self, target: str, protocols: Sequence[str], shown: Shown
    ) -> aiohttp.ClientWebSocketResponse:
        access = self._access
        return await self._session.ws_connect(
            URL(access.server + target, encoded=True),
            protocols=protocols,
            headers=access.headers_with(shown),
            ssl=shown.tls if shown.tls is not None else True,
            server_hostname=access.server_name,
            proxy=self._proxy,
            proxy_headers=dict(self._proxy_headers),
            max_msg_size=_LARGEST_FRAME,
            timeout=aiohttp.ClientWSTimeout(ws_close=1),
            # An API server hangs up right after its farewell; one that answers it at once
            # would take that for a connection that broke.
            autoclose=False,
        )

    async def _open(self, asked: _Asked) -> aiohttp.ClientResponse:
        shown = await self._shown()
        response = await self._request(asked, shown)
        if response.status != 401 or (other := await self._other_than(shown)) is None:
            return response
        # Nobody that an API server does not know has changed anything, so this is no second time.
        response.close()
        return await self._request(asked, other)

    async def _request(self, asked: _Asked, shown: Shown) -> aiohttp.ClientResponse:
        access = self._access
        headers = access.headers_with(shown)
        headers.update(asked.headers)
        headers["Accept-Encoding"] = "identity"
        return await self._session.request(
            asked.method,
            URL(access.server + asked.target, encoded=True),
            data=asked.content,
            headers=headers,
            allow_redirects=False,
            timeout=aiohttp.ClientTimeout(total=None, sock_connect=_CONNECT),
            ssl=shown.tls if shown.tls is not None else True,
            server_hostname=access.server_name,
            proxy=self._proxy,
            proxy_headers=dict(self._proxy_headers),
        )

    async def _shown(self) -> Shown:
        """What to show now. Raises: ClusterUnavailable: a plugin gives nothing."""
        credentials = self._access.credentials
        if (shown := credentials.at_hand()) is not None:
            return shown
        return await self._renewed()

    async def _other_than(self, refused: Shown) -> Shown | None:
        """What else can be shown than what the API server refused; None when there is nothing."""
        with suppress(ClusterUnavailable):
            other = await self._renewed(refused)
            return None if other.is_same_as(refused) else other
        return None

    async def _renewed(self, refused: Shown | None = None) -> Shown:
        # One thread at a time, or those who wait for a plugin would leave none for anything else.
        async with self._renewing:
            return await asyncio.to_thread(self._access.credentials.renewed, refused)

    def _unanswered(self, error: Exception) -> ClusterUnavailable:
        problem = str(error) or type(error).__name__
        return ClusterUnavailable(cluster=self._access.cluster, problem=f"no answer ({problem})")


def _parted(proxy: str | None) -> tuple[URL | None, Mapping[str, str]]:
    """The address of a proxy, and what shows the name and the password in it."""
    if proxy is None:
        return None, {}
    url = URL(proxy)
    if url.user is None:
        return url, {}
    both = f"{url.user}:{url.password or ''}"
    # The library makes a Proxy-Authorization of it, whichever way the proxy is asked.
    return url.with_user(None), {"Authorization": f"Basic {b64encode(both.encode()).decode()}"}


@asynccontextmanager
async def connected(access: Access) -> AsyncIterator[Upstream]:
    """The target cluster, until the context is left."""
    # Shorter than any server keeps an idle connection, so that none is met half closed.
    connector = aiohttp.TCPConnector(limit=0, keepalive_timeout=4)
    async with aiohttp.ClientSession(
        connector=connector,
        auto_decompress=False,
        cookie_jar=aiohttp.DummyCookieJar(),
        trace_configs=[_not_led_elsewhere()],
    ) as session:
        # The library would send a DELETE or a PUT a second time by itself, and the answer to
        # the second would hide what became of the first.
        session._retry_connection = False
        yield Upstream(access, session)


def _not_led_elsewhere() -> aiohttp.TraceConfig:
    """Takes an answer that leads elsewhere for a failure; the library's WebSockets follow it."""

    async def refuse(
        _session: aiohttp.ClientSession, _context: object, led: aiohttp.TraceRequestRedirectParams
    ) -> None:
        answer = led.response
        answer.close()
        raise aiohttp.WSServerHandshakeError(
            answer.request_info, answer.history, status=answer.status, message="it leads elsewhere"
        )

    config = aiohttp.TraceConfig()
    config.on_request_redirect.append(refuse)
    return config


async def both(one: Awaitable[A], other: Awaitable[B]) -> tuple[A, B]:
    """Two looks, or a look and a question, at the same time. Raises: the first error of either."""
    return await asyncio.gather(one, other)
