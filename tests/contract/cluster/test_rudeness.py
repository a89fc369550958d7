"""Clients that misbehave: what they get, and that others are still served."""

import json
import socket
import ssl
from contextlib import suppress
from dataclasses import dataclass
from urllib.parse import urlsplit

import pytest
from kubernetes import client

from tests.contract.cluster.asking import Cluster


@dataclass(frozen=True)
class Door:
    """Where the server listens, for those who bring their own bytes."""

    host: str
    port: int
    tls: ssl.SSLContext | None

    def exchange(self, raw: bytes, *, wait: bool = True) -> bytes:
        """What comes back for raw bytes, up to the head of the answer."""
        plain = socket.create_connection((self.host, self.port), timeout=10)
        with self.tls.wrap_socket(plain, server_hostname=self.host) if self.tls else plain as link:
            # A server may answer, and close, before it has read everything.
            with suppress(BrokenPipeError, ConnectionResetError):
                link.sendall(raw)
            return link.recv(4096) if wait else b""


@pytest.fixture
def door(api: client.ApiClient) -> Door:
    known = api.configuration
    parts = urlsplit(known.host)
    tls = None
    if parts.scheme == "https":
        tls = ssl.create_default_context(cafile=known.ssl_ca_cert)
        if not known.cert_file:
            pytest.skip("raw bytes carry no bearer token: a client certificate is needed")
        tls.load_cert_chain(known.cert_file, known.key_file)
    return Door(parts.hostname or "", parts.port or 80, tls)


@pytest.mark.parametrize(
    "raw",
    [
        b"NONSENSE\r\n\r\n",
        b"GET /api HTTP/9.9\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n",
        b"GET " + b"/" * 100_000 + b" HTTP/1.1\r\nHost: x\r\n\r\n",
    ],
)
def test_bytes_that_are_no_request_are_refused(cluster: Cluster, door: Door, raw: bytes) -> None:
    answer = door.exchange(raw)

    # Servers of different make call it 400, 404 or 505.
    assert answer.splitlines()[0].split()[1][:1] in {b"4", b"5"}
    assert cluster.send("GET", "/readyz").code == 200


def test_connection_that_breaks_in_the_middle_of_a_body_harms_nobody(
    cluster: Cluster, door: Door
) -> None:
    path = cluster.path("configmaps")
    head = f"POST {path} HTTP/1.1\r\nHost: x\r\nContent-Length: 5000\r\n\r\n"

    for _ in range(20):
        door.exchange(head.encode() + b'{"metadata": {"name": "half', wait=False)

    assert "half" not in cluster.names("configmaps")


def test_watches_that_are_left_open_and_dropped_harm_nobody(cluster: Cluster, door: Door) -> None:
    path = cluster.path("configmaps")
    head = f"GET {path}?watch=1 HTTP/1.1\r\nHost: x\r\n\r\n".encode()

    for _ in range(20):
        assert b" 200 " in door.exchange(head).splitlines()[0]
    cluster.create("configmaps", {"metadata": {"name": "after"}})

    assert "after" in cluster.names("configmaps")


def test_body_that_grows_without_end_is_cut_off(cluster: Cluster, door: Door) -> None:
    path = cluster.path("configmaps")
    head = f"POST {path} HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n".encode()
    chunk = b"100000\r\n" + b"x" * 0x100000 + b"\r\n"

    answer = door.exchange(head + chunk * 4)

    assert b" 413 " in answer.splitlines()[0]


def test_encoded_slash_is_no_way_into_another_object(cluster: Cluster) -> None:
    answer = cluster.send("GET", cluster.path("configmaps", "a%2F..%2Fb"))

    assert answer.code == 404


@pytest.mark.parametrize(
    "query",
    [
        {"limit": "many"},
        {"timeoutSeconds": "soon", "watch": "1"},
        {"resourceVersion": "latest"},
        {"resourceVersionMatch": "Exact"},
        {"resourceVersion": "1", "resourceVersionMatch": "Sideways"},
        {"dryRun": "Some"},
    ],
)
def test_parameter_that_can_not_be_read_is_refused(cluster: Cluster, query: dict[str, str]) -> None:
    method = "POST" if "dryRun" in query else "GET"
    body = {"metadata": {"name": "x"}} if method == "POST" else None

    answer = cluster.send(method, cluster.path("configmaps"), body, **query)

    assert answer.code in {400, 422}, answer.body
    assert answer.body["kind"] == "Status"


@pytest.mark.parametrize(("word", "watches"), [("perhaps", True), ("0", False), ("False", False)])
def test_every_word_but_false_and_zero_means_yes(
    cluster: Cluster, word: str, watches: bool
) -> None:
    path = cluster.path("configmaps")

    answer = cluster.send("GET", path, watch=word, timeoutSeconds="1")

    lists = isinstance(answer.body, dict) and "items" in answer.body
    assert (answer.code, lists) == (200, not watches)


def test_one_object_can_not_be_watched_by_its_path(cluster: Cluster) -> None:
    cluster.create("configmaps", {"metadata": {"name": "one"}})

    answer = cluster.send("GET", cluster.path("configmaps", "one"), watch="1", timeoutSeconds="1")

    assert answer.body["kind"] == "ConfigMap"


def test_deep_nesting_is_refused(cluster: Cluster) -> None:
    deep = json.loads("[" * 500 + "]" * 500)
    body = {"metadata": {"name": "deep"}, "data": deep}

    answer = cluster.send("POST", cluster.path("configmaps"), body)

    assert answer.code == 400
