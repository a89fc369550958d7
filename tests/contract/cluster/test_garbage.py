"""What the server makes of nonsense, and that it goes on serving meanwhile."""

import json
import socket
from contextlib import ExitStack
from typing import Any

import pytest

from tests.contract.cluster.asking import APPLY, JSON, MERGE, STRATEGIC, Answer, Cluster
from tests.contract.cluster.test_rudeness import Door, door

__all__ = ["door"]

YAML = "application/yaml"
TWICE = b'{"metadata":{"name":"d","name":"d"},"data":{"a":"1"},"data":{"a":"2"}}'
UPGRADE = (
    "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
)


def post(cluster: Cluster, body: bytes, kind: str = JSON, **query: str) -> Answer:
    return cluster.send("POST", cluster.path("configmaps"), body, kind=kind, **query)


def warnings_of(answer: Answer) -> list[str]:
    found: list[str] = answer.headers.getlist("Warning")
    return found


@pytest.mark.parametrize("method", ["TRACE", "OPTIONS"])
@pytest.mark.parametrize("path", ["configmaps", "configmaps/one", "pods/one/status"])
def test_method_that_the_api_does_not_have_is_refused(
    cluster: Cluster, method: str, path: str
) -> None:
    answer = cluster.send(method, cluster.path(*path.split("/")))

    assert answer.code == 405, answer.body
    assert answer.body["reason"] == "MethodNotAllowed"


def test_method_that_nobody_knows_is_refused(door: Door, cluster: Cluster) -> None:
    path = cluster.path("configmaps")

    answer = door.exchange(f"FROB {path} HTTP/1.1\r\nHost: x\r\n\r\n".encode())

    # A parser that knows no such method says 400, a server that reads any says 405.
    assert answer.split()[1] in {b"400", b"405"}


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "configmaps/one"),
        ("PUT", "configmaps"),
        ("PATCH", "configmaps"),
        ("DELETE", "pods/one/status"),
        ("POST", "pods/one/log"),
    ],
)
def test_method_that_a_path_does_not_have_is_refused(
    cluster: Cluster, method: str, path: str
) -> None:
    answer = cluster.send(
        method, cluster.path(*path.split("/")), {}, kind=MERGE if method == "PATCH" else JSON
    )

    assert answer.code == 405, answer.body


@pytest.mark.parametrize("path", ["/api//v1/namespaces", "/apis//apps/v1"])
def test_empty_part_of_a_path_names_nothing(cluster: Cluster, path: str) -> None:
    assert cluster.send("GET", path).code == 404


def test_slash_at_the_end_of_a_path_does_no_harm(cluster: Cluster) -> None:
    assert cluster.send("GET", cluster.path("configmaps") + "/").code == 200


# Fields that are said twice


def test_field_that_is_said_twice_is_refused_on_request(cluster: Cluster) -> None:
    answer = post(cluster, TWICE, fieldValidation="Strict")

    assert answer.code == 400
    assert answer.body["message"] == (
        'ConfigMap in version "v1" cannot be handled as a ConfigMap: strict decoding error: '
        'duplicate field "metadata.name", duplicate field "data"'
    )


def test_field_that_is_said_twice_is_warned_of(cluster: Cluster) -> None:
    answer = post(cluster, TWICE)

    assert answer.code == 201
    assert answer.body["data"] == {"a": "2"}
    assert warnings_of(answer) == [
        '299 - "duplicate field \\"metadata.name\\""',
        '299 - "duplicate field \\"data\\""',
    ]


def test_field_that_is_said_twice_can_be_ignored(cluster: Cluster) -> None:
    answer = post(cluster, TWICE, fieldValidation="Ignore")

    assert (answer.code, warnings_of(answer)) == (201, [])


def test_field_that_is_said_twice_in_a_list_is_named_with_its_place(cluster: Cluster) -> None:
    body = b'{"metadata":{"name":"p"},"spec":{"containers":[{"name":"a","image":"x","image":"y"}]}}'

    answer = cluster.send("POST", cluster.path("pods"), body, fieldValidation="Strict")

    assert 'duplicate field "spec.containers[0].image"' in answer.body["message"]


@pytest.mark.parametrize("kind", [MERGE, STRATEGIC])
def test_patch_that_says_a_field_twice_is_refused_on_request(cluster: Cluster, kind: str) -> None:
    post(cluster, b'{"metadata":{"name":"d"}}')
    body = b'{"data":{"a":"1"},"data":{"b":"2"}}'
    path = cluster.path("configmaps", "d")

    strict = cluster.send("PATCH", path, body, kind=kind, fieldValidation="Strict")
    usual = cluster.send("PATCH", path, body, kind=kind)

    assert strict.code == 422
    assert 'strict decoding error: duplicate field "data"' in strict.body["message"]
    assert usual.code == 200
    assert usual.body["data"] == {"b": "2"}
    assert warnings_of(usual) == ['299 - "duplicate field \\"data\\""']


def test_configuration_that_says_a_field_twice_is_refused_on_request(cluster: Cluster) -> None:
    body = (
        b'{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"d"},"data":{"a":"1"},'
        b'"data":{"b":"2"}}'
    )
    path = cluster.path("configmaps", "d")

    answer = cluster.send(
        "PATCH", path, body, kind=APPLY, fieldManager="me", fieldValidation="Strict"
    )

    assert answer.code == 400
    assert 'key "data" already set in map' in answer.body["message"]


# Bodies


def test_first_of_several_documents_counts(cluster: Cluster) -> None:
    body = b"metadata: {name: one}\n---\nmetadata: {name: two}\n"

    answer = post(cluster, body, YAML)

    assert (answer.code, answer.body["metadata"]["name"]) == (201, "one")


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (b'{"metadata":{"name":NaN}}', JSON),
        (b'{"metadata":{"name":"q","generation":99999999999999999999999}}', JSON),
        (b'{"metadata":{"name":"q"}} more', JSON),
        (b'{"metadata":{"name":"q"},}', JSON),
        (b"metadata: {name: q\n", YAML),
        (b"\x00\x01\x02", JSON),
        (b'{"metadata":["q"]}', JSON),
        (b'{"metadata":{"name":"q"},"data":{"a":{"b":"c"}}}', JSON),
    ],
)
def test_body_that_makes_no_sense_is_refused(cluster: Cluster, body: bytes, kind: str) -> None:
    answer = post(cluster, body, kind)

    assert (answer.code, answer.body["kind"]) == (400, "Status"), answer.body


@pytest.mark.parametrize("body", [b'{"x":', b'{"gracePeriodSeconds":"soon"}', b"[]"])
def test_options_that_make_no_sense_are_refused_before_anything_is_looked_up(
    cluster: Cluster, body: bytes
) -> None:
    answer = cluster.send("DELETE", cluster.path("configmaps", "none"), body)

    assert answer.code == 400, answer.body


def test_body_of_more_than_three_megabytes_is_refused(cluster: Cluster) -> None:
    body = json.dumps({"metadata": {"name": "big"}, "data": {"a": "x" * (3 << 20)}}).encode()

    answer = post(cluster, body)

    assert answer.code == 413
    assert answer.body["reason"] == "RequestEntityTooLarge"


def test_request_of_two_lengths_is_refused(cluster: Cluster, door: Door) -> None:
    head = f"POST {cluster.path('configmaps')} HTTP/1.1\r\nHost: x\r\n"

    answer = door.exchange(f"{head}Content-Length: 2\r\nContent-Length: 3\r\n\r\n{{}}".encode())

    assert answer.split()[1] == b"400"


# WebSockets


@pytest.mark.parametrize("path", ["/version", "/api/v1/namespaces", "/healthz"])
def test_path_without_a_websocket_answers_as_always(door: Door, path: str) -> None:
    answer = door.exchange(f"GET {path} HTTP/1.1\r\nHost: x\r\n{UPGRADE}\r\n".encode())

    assert answer.split()[1] == b"200"


def test_websocket_to_a_pod_that_is_not_there_is_refused(door: Door, cluster: Cluster) -> None:
    path = cluster.path("pods", "none", "exec")

    answer = door.exchange(f"GET {path}?command=a HTTP/1.1\r\nHost: x\r\n{UPGRADE}\r\n".encode())

    assert answer.split()[1] == b"404"


# Slow clients


def linked(door: Door, raw: bytes) -> socket.socket:
    plain = socket.create_connection((door.host, door.port), timeout=10)
    link = door.tls.wrap_socket(plain, server_hostname=door.host) if door.tls else plain
    link.sendall(raw)
    return link


def test_clients_that_send_a_byte_now_and_then_keep_nobody_waiting(
    cluster: Cluster, door: Door
) -> None:
    head = f"POST {cluster.path('configmaps')} HTTP/1.1\r\nHost: x\r\nContent-Length: 99\r\n\r\n"
    raw = head.encode() + b'{"metadata":'

    with ExitStack() as links:
        slow = [links.enter_context(linked(door, raw[:10])) for _ in range(30)]
        for place in range(10, len(raw)):
            slow[place % 30].sendall(raw[place : place + 1])
            if place % 20 == 0:
                assert cluster.send("GET", cluster.path("configmaps")).code == 200

    assert cluster.names("configmaps") in ([], ["kube-root-ca.crt"])


def test_client_that_never_reads_its_watch_keeps_nobody_waiting(
    cluster: Cluster, door: Door
) -> None:
    path = cluster.path("configmaps")
    cluster.create("configmaps", {"metadata": {"name": "large"}})
    raw = f"GET {path}?watch=1 HTTP/1.1\r\nHost: x\r\n\r\n".encode()

    def changed(number: int) -> Any:
        data = {"a": str(number) + "x" * 500_000}
        return cluster.send(
            "PATCH", cluster.path("configmaps", "large"), {"data": data}, kind=MERGE
        )

    with ExitStack() as links:
        for _ in range(5):
            links.enter_context(linked(door, raw))
        with cluster.watching("configmaps") as events:
            assert {changed(number).code for number in range(20)} == {200}
            seen = 0
            while seen < 20:
                seen += next(events)["type"] == "MODIFIED"
