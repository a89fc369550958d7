"""How services of the shop ask each other: one connection per request, little patience.

A new connection each time lets the service proxy choose anew, so a dead pod
hurts only those who meet it. It never asks twice: a retry would hide faults.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from http import HTTPStatus
from typing import Any, Final, TypeAlias

import aiohttp
import msgspec

from orchestrator.practice.nodes.network import ClusterResolver, Network

Json: TypeAlias = dict[str, Any]

PATIENCE: Final = timedelta(milliseconds=500)


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What a service answers: a status and a JSON object."""

    status: int = HTTPStatus.OK
    body: Json = field(default_factory=dict)


class DependencyFailed(Exception):
    """Another service did not do its part.

    Shape: `answer` is what to tell one's own caller.
    """

    def __init__(self, dependency: str, status: HTTPStatus, why: str) -> None:
        super().__init__(f"{dependency} {why}")
        self.answer = Answer(
            status=status,
            body={"error": f"{dependency} {why}", "dependency": dependency},
        )


class Asking:
    """Asks other services by their name in the cluster."""

    def __init__(self, session: aiohttp.ClientSession) -> None:
        self._session = session

    async def ask(
        self,
        service: str,
        method: str,
        path: str,
        *,
        body: Json | None = None,
        patience: timedelta = PATIENCE,
    ) -> Answer:
        """Ask once and take any answer below 500.

        Raises:
            DependencyFailed: no connection (503), a broken one (502), no answer
                in time (504), or an answer of 500 and above.
        """
        payload = None if body is None else msgspec.json.encode(body)
        try:
            async with self._session.request(
                method,
                f"http://{service}{path}",
                data=payload,
                headers={"Content-Type": "application/json"} if payload is not None else None,
                timeout=aiohttp.ClientTimeout(total=patience.total_seconds()),
            ) as response:
                content = await response.read()
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise failure_of(service, error) from error
        answer = Answer(status=response.status, body=_object(content))
        if answer.status >= HTTPStatus.INTERNAL_SERVER_ERROR:
            raise _passed_on(service, answer)
        return answer


@asynccontextmanager
async def asking_from(network: Network, namespace: str) -> AsyncIterator[aiohttp.ClientSession]:
    """A session that finds services as a pod of the namespace does."""
    connector = aiohttp.TCPConnector(
        resolver=ClusterResolver(network, namespace),
        use_dns_cache=False,
        force_close=True,
        limit=0,
    )
    async with aiohttp.ClientSession(
        connector=connector, cookie_jar=aiohttp.DummyCookieJar(), auto_decompress=False
    ) as session:
        yield session


def failure_of(service: str, error: Exception) -> DependencyFailed:
    """Tell what a broken request means for whoever asked."""
    if isinstance(error, TimeoutError):
        return DependencyFailed(service, HTTPStatus.GATEWAY_TIMEOUT, "did not answer in time")
    if isinstance(error, aiohttp.ClientConnectorDNSError):
        return DependencyFailed(service, HTTPStatus.SERVICE_UNAVAILABLE, "is not a known service")
    if isinstance(error, aiohttp.ClientConnectorError):
        return DependencyFailed(service, HTTPStatus.SERVICE_UNAVAILABLE, "refused the connection")
    return DependencyFailed(service, HTTPStatus.BAD_GATEWAY, "broke off the connection")


def _passed_on(service: str, answer: Answer) -> DependencyFailed:
    """Name the service at the root of it, when the answer does."""
    failed = DependencyFailed(service, HTTPStatus(answer.status), f"answered {answer.status}")
    if "dependency" in answer.body:
        failed.answer = answer
    return failed


def _object(content: bytes) -> Json:
    try:
        value = msgspec.json.decode(content)
    except msgspec.DecodeError:
        return {}
    return value if isinstance(value, dict) else {}
