"""The front door: one loopback port where visitors reach the shop.

It forwards each request to the Service `storefront`, as an ingress would, and
says honestly when it can't. It never asks twice.
"""

from datetime import timedelta
from http import HTTPStatus
from typing import Final

import aiohttp
import anyio
import msgspec
from aiohttp import web

from orchestrator.practice.nodes.metrics import Registry
from orchestrator.practice.nodes.shop.asking import Answer, failure_of

SERVICE: Final = "storefront"
PATIENCE: Final = timedelta(seconds=2)
# What describes one connection, or is worked out anew, is not forwarded.
NOT_FORWARDED: Final = frozenset(
    {"connection", "content-length", "date", "keep-alive", "server", "transfer-encoding"}
)


class FrontDoor:
    """Forwards visitors' requests into the cluster."""

    def __init__(self, session: aiohttp.ClientSession, registry: Registry) -> None:
        self._session = session
        self._requests = registry.counter(
            "front_door_requests_total", "Requests answered at the front door.", "code"
        )
        self._durations = registry.histogram(
            "front_door_request_duration_seconds", "How long answers at the front door took."
        )

    async def answer(self, request: web.BaseRequest) -> web.StreamResponse:
        """Answer one request of a visitor."""
        began = anyio.current_time()
        response = await self._forward(request)
        self._requests.add(str(response.status))
        self._durations.observe(anyio.current_time() - began)
        return response

    async def _forward(self, request: web.BaseRequest) -> web.Response:
        if request.path == "/metrics" or not request.path.startswith("/"):
            # Pods show their metrics inside the cluster alone; `OPTIONS *` is no path.
            return _response(Answer(status=HTTPStatus.NOT_FOUND, body={"error": "not found"}))
        body = await request.read()
        try:
            async with self._session.request(
                request.method,
                f"http://{SERVICE}{request.path_qs}",
                data=body or None,
                headers={"Content-Type": "application/json"} if body else None,
                timeout=aiohttp.ClientTimeout(total=PATIENCE.total_seconds()),
                allow_redirects=False,
            ) as inner:
                return await _handed_on(inner)
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            return _response(failure_of(SERVICE, error).answer)


async def _handed_on(inner: aiohttp.ClientResponse) -> web.Response:
    content = await inner.read()
    headers = {
        name: value for name, value in inner.headers.items() if name.lower() not in NOT_FORWARDED
    }
    return web.Response(status=inner.status, body=content, headers=headers)


def _response(answer: Answer) -> web.Response:
    return web.Response(
        status=answer.status,
        body=msgspec.json.encode(answer.body) + b"\n",
        headers={"Content-Type": "application/json"},
    )
