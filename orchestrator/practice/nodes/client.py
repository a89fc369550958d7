"""A slim asynchronous client of the Kubernetes API.

It speaks paths and plain JSON objects, each request with a time limit. It knows
no kinds, and it never retries: whoever asks decides what a failure means.
"""

from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from enum import StrEnum
from ssl import SSLContext
from typing import Any, Final, TypeAlias

import aiohttp
import msgspec

Json: TypeAlias = dict[str, Any]

REQUEST_SECONDS: Final = 10.0
WATCH_SECONDS: Final = 240


class Patch(StrEnum):
    """The ways of patching that the nodes use."""

    MERGE = "application/merge-patch+json"
    STRATEGIC = "application/strategic-merge-patch+json"


class ApiError(Exception):
    """The API server did not do what it was asked."""


class ApiUnreachable(ApiError):
    """No answer came, or it broke off: the server may or may not have acted."""


class ApiRefused(ApiError):
    """The API server answered with a failure."""

    def __init__(self, *, status: int, reason: str, message: str) -> None:
        super().__init__(f"{status} {reason}: {message}")
        self.status = status
        self.reason = reason
        self.message = message


@dataclass(frozen=True, slots=True, kw_only=True)
class Access:
    """Where an API server is and how to be let in."""

    url: str
    headers: Mapping[str, str] = field(default_factory=dict)
    tls: SSLContext | None = None


class Api:
    """One API server, asked over a session of its own."""

    def __init__(self, session: aiohttp.ClientSession) -> None:
        self._session = session

    async def get(self, path: str, **query: str) -> Json:
        """One object, or one list of them."""
        return await self._ask("GET", path, query=query)

    async def create(self, path: str, body: Json) -> Json:
        """Post an object to its collection."""
        return await self._ask("POST", path, body=body)

    async def patch(self, path: str, body: Json, kind: Patch = Patch.MERGE) -> Json:
        """Change parts of an object."""
        return await self._ask("PATCH", path, body=body, content_type=kind.value)

    async def delete(self, path: str, *, uid: str, grace_seconds: int | None = None) -> Json:
        """Delete the one object with that uid, never its successor of the same name."""
        options: Json = {
            "kind": "DeleteOptions",
            "apiVersion": "v1",
            "preconditions": {"uid": uid},
        }
        if grace_seconds is not None:
            options["gracePeriodSeconds"] = grace_seconds
        return await self._ask("DELETE", path, body=options)

    async def watch(self, path: str, **query: str) -> AsyncGenerator[Json, None]:
        """The changes of a collection, until the server ends the watch.

        Raises:
            ApiRefused: the server no longer knows the resourceVersion (410), or
                ends the watch with an error.
            ApiUnreachable: the connection broke.
        """
        query = {"watch": "true", "timeoutSeconds": str(WATCH_SECONDS), **query}
        patience = aiohttp.ClientTimeout(total=WATCH_SECONDS + 10, sock_connect=2)
        try:
            async with self._session.get(path, params=query, timeout=patience) as response:
                if response.status != 200:
                    raise _refusal(response.status, await response.read())
                async for line in _lines(response.content):
                    yield _event(line)
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise ApiUnreachable(f"watching {path}: {error!r}") from error

    async def _ask(
        self,
        method: str,
        path: str,
        *,
        body: Json | None = None,
        query: Mapping[str, str] | None = None,
        content_type: str = "application/json",
    ) -> Json:
        payload = None if body is None else msgspec.json.encode(body)
        headers = {"Content-Type": content_type} if payload is not None else None
        try:
            async with self._session.request(
                method, path, data=payload, params=query, headers=headers
            ) as response:
                content = await response.read()
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise ApiUnreachable(f"{method} {path}: {error!r}") from error
        if response.status >= 400:
            raise _refusal(response.status, content)
        return _object(content)


@asynccontextmanager
async def connect(access: Access) -> AsyncIterator[Api]:
    """A client for as long as the scope lasts."""
    connector = aiohttp.TCPConnector(limit=0, ssl=access.tls or True)
    patience = aiohttp.ClientTimeout(total=REQUEST_SECONDS, sock_connect=2)
    async with aiohttp.ClientSession(
        base_url=access.url.rstrip("/") + "/",
        headers={"Accept": "application/json", "User-Agent": "practice-nodes", **access.headers},
        connector=connector,
        timeout=patience,
        cookie_jar=aiohttp.DummyCookieJar(),
        auto_decompress=True,
    ) as session:
        yield Api(session)


async def _lines(content: aiohttp.StreamReader) -> AsyncIterator[bytes]:
    """The lines of a stream, of any length."""
    rest = b""
    async for chunk in content.iter_any():
        *lines, rest = (rest + chunk).split(b"\n")
        for line in lines:
            if line.strip():
                yield line


def _event(line: bytes) -> Json:
    event = _object(line)
    if event.get("type") == "ERROR":
        status = event.get("object") or {}
        raise ApiRefused(
            status=int(status.get("code") or 500),
            reason=str(status.get("reason") or "Unknown"),
            message=str(status.get("message") or "the watch ended with an error"),
        )
    return event


def _refusal(status: int, content: bytes) -> ApiRefused:
    try:
        answer = _object(content)
    except ApiUnreachable:
        answer = {}
    return ApiRefused(
        status=status,
        reason=str(answer.get("reason") or "Unknown"),
        message=str(answer.get("message") or content[:200].decode(errors="replace")),
    )


def _object(content: bytes) -> Json:
    try:
        value = msgspec.json.decode(content)
    except msgspec.DecodeError as error:
        raise ApiUnreachable(f"the answer is no JSON: {content[:80]!r}") from error
    if not isinstance(value, dict):
        raise ApiUnreachable(f"the answer is no object: {content[:80]!r}")
    return value
