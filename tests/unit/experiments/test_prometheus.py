"""Prometheus is asked once, and what it says is one number or a reason why there is none."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from chaoslib.exceptions import ActivityFailed

from experiments.probes.prometheus import farthest_value


class Prometheus(ThreadingHTTPServer):
    """Answers every query with what it was told to."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Queries)
        self.answer: Any = {}
        self.asked: list[str] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"

    def answered(self) -> Any:
        """What is answered now."""
        return self.answer

    def say(self, kind: str, result: Any) -> None:
        self.answer = {"status": "success", "data": {"resultType": kind, "result": result}}


class Queries(BaseHTTPRequestHandler):
    server: Prometheus

    def do_GET(self) -> None:
        parts = urlsplit(self.path)
        self.server.asked.append(f"{parts.path} {parse_qs(parts.query)['query'][0]}")
        body = json.dumps(self.server.answered()).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def prometheus() -> Iterator[Prometheus]:
    server = Prometheus()
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def test_a_scalar_is_its_value(prometheus: Prometheus) -> None:
    prometheus.say("scalar", [1700000000, "0.25"])

    assert farthest_value(prometheus.url + "/", "scalar(up)") == 0.25
    assert prometheus.asked == ["/api/v1/query scalar(up)"]


@pytest.mark.parametrize(
    ("lowest", "highest", "worst"), [(2.0, 9.0, 1.0), (0.0, 6.0, 8.0), (2.0, 6.0, 8.0)]
)
def test_of_a_vector_the_value_farthest_outside_counts(
    prometheus: Prometheus, lowest: float, highest: float, worst: float
) -> None:
    values = [{"metric": {}, "value": [0, text]} for text in ("4", "1", "8")]
    prometheus.say("vector", values)

    assert farthest_value(prometheus.url, "up", lowest=lowest, highest=highest) == worst


@pytest.mark.parametrize(
    ("kind", "result", "said"),
    [
        ("vector", [], "knows no value"),
        ("matrix", [], "this is a matrix"),
        ("scalar", [0, "NaN"], "NaN"),
        ("scalar", ["x"], "no number"),
    ],
)
def test_what_is_no_number_is_a_failure(
    prometheus: Prometheus, kind: str, result: Any, said: str
) -> None:
    prometheus.say(kind, result)

    with pytest.raises(ActivityFailed, match=said):
        farthest_value(prometheus.url, "up")


def test_an_error_of_prometheus_is_passed_on(prometheus: Prometheus) -> None:
    prometheus.answer = {"status": "error", "error": "parse error at char 3"}

    with pytest.raises(ActivityFailed, match="parse error at char 3"):
        farthest_value(prometheus.url, "up(")


def test_prometheus_that_is_not_there_is_a_failure() -> None:
    with pytest.raises(ActivityFailed, match="/api/v1/query"):
        farthest_value("http://127.0.0.1:9", "up", timeout=1.0)
