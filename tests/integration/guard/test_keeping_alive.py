"""Several requests on one connection to a guard, each answered for itself."""

import http.client
import json
import socket
from urllib.parse import urlsplit

import anyio
import pytest

from tests.integration.guard.conducting import Cluster, deployment
from tests.integration.guard.conftest import StartGuard

MERGE = {"Content-Type": "application/merge-patch+json"}
SERVICE = "/api/v1/namespaces/shop/services/payment"


def talk(url: str) -> list[tuple[int, str]]:
    """What is answered to one request after the other, and that they share a connection."""
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.netloc, timeout=20)
    heard: list[tuple[int, str]] = []
    sockets: set[socket.socket] = set()
    for method, path, body in (
        ("GET", SERVICE, None),
        ("GET", "/api/v1/namespaces/shop/secrets", None),
        ("DELETE", "/api/v1/namespaces/kube-system", None),
        ("PATCH", deployment("payment"), {"metadata": {"labels": {"kept": "alive"}}}),
        ("GET", "/apis/apps/v1/namespaces/shop/deployments?limit=1", None),
        ("GET", deployment("payment"), None),
        ("GET", deployment("no-such"), None),
    ):
        content = None if body is None else json.dumps(body)
        connection.request(method, parts.path + path, content, MERGE if content else {})
        response = connection.getresponse()
        found = json.loads(response.read())
        heard.append((response.status, str(found.get("kind"))))
        sockets.add(connection.sock)
    connection.close()
    assert len(sockets) == 1
    return heard


async def test_connection_is_kept_for_reads_writes_and_refusals(start: StartGuard) -> None:
    async with start() as guard:
        behind = await guard.begin()
        heard = await anyio.to_thread.run_sync(talk, behind.url)

        assert heard == [
            (200, "Service"),
            (403, "Status"),
            (403, "Status"),
            (200, "Deployment"),
            (200, "DeploymentList"),
            (200, "Deployment"),
            (404, "Status"),
        ]
        assert len(guard.events("write")) == 1
        await guard.undo()


@pytest.mark.parametrize("refused", ["/api/v1/namespaces/kube-system/pods", "/nowhere"])
async def test_body_of_a_refused_request_is_never_taken_for_the_next_one(
    start: StartGuard, cluster: Cluster, refused: str
) -> None:
    async with start() as guard:
        behind = await guard.begin()
        parts = urlsplit(behind.url)
        path = f"{parts.path}{deployment('payment')}"
        inner = f"DELETE {path} HTTP/1.1\r\nHost: {parts.netloc}\r\n\r\n"
        outer = (
            f"POST {parts.path}{refused} HTTP/1.1\r\nHost: {parts.netloc}\r\n"
            f"Content-Type: application/json\r\nContent-Length: {len(inner)}\r\n\r\n"
        )
        last = f"GET {path} HTTP/1.1\r\nHost: {parts.netloc}\r\nConnection: close\r\n\r\n"
        async with await anyio.connect_tcp("127.0.0.1", int(parts.port or 0)) as stream:
            with anyio.fail_after(20):
                await stream.send((outer + inner + last).encode())
                said = b"".join([chunk async for chunk in stream])

        assert said.startswith(b"HTTP/1.1 403")
        assert said.count(b"HTTP/1.1 ") == 2
        assert guard.events("write") == []
        assert (await cluster.raw("GET", deployment("payment")))[0] == 200
