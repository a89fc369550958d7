"""The outside is measured as a customer meets it."""

import threading
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from socket import create_server

import pytest
from chaoslib.exceptions import ActivityFailed

from experiments.probes.http import seconds_to_answer, share_of_successes

Door = Callable[[list[int]], tuple[str, list[str]]]
NEVER = 0


@pytest.fixture
def door() -> Iterator[Door]:
    """Opens a door that answers one status after another; NEVER gives no answer at all."""
    patience = threading.Event()
    with ExitStack() as stack:

        def open_door(statuses: list[int]) -> tuple[str, list[str]]:
            left, asked = deque(statuses), list[str]()

            class Requests(BaseHTTPRequestHandler):
                def do_GET(self) -> None:
                    asked.append(f"{self.command} {self.path} {self.client_address[1]}")
                    status = left.popleft()
                    if status == NEVER:
                        patience.wait(20)
                        return
                    self.send_response(status)
                    self.send_header("Content-Length", "0")
                    self.send_header("Location", "/elsewhere")
                    self.end_headers()

                def do_POST(self) -> None:
                    self.do_GET()

                def log_message(self, *_: object) -> None:
                    """Say nothing."""

            server = stack.enter_context(ThreadingHTTPServer(("127.0.0.1", 0), Requests))
            thread = threading.Thread(target=server.serve_forever, args=(0.01,))
            thread.start()
            for ending in (thread.join, server.shutdown, patience.set):
                stack.callback(ending)
            return f"http://127.0.0.1:{server.server_port}", asked

        yield open_door


def a_closed_port() -> str:
    with create_server(("127.0.0.1", 0)) as server:
        return f"http://127.0.0.1:{server.getsockname()[1]}/"


def test_share_counts_answers_below_400(door: Door) -> None:
    url, asked = door([200, 201, 302, 404, 503])

    assert share_of_successes(f"{url}/checkout", method="POST", tries=5) == 0.6
    assert [line.split()[:2] for line in asked] == [["POST", "/checkout"]] * 5


def test_every_request_has_a_connection_of_its_own(door: Door) -> None:
    url, asked = door([200] * 4)

    share_of_successes(url, tries=4)

    assert len({line.split()[2] for line in asked}) == 4


def test_request_without_an_answer_is_a_failure(door: Door) -> None:
    url, _ = door([200, NEVER])

    assert share_of_successes(url, tries=2, timeout=0.2) == 0.5
    assert share_of_successes(a_closed_port(), tries=3) == 0


def test_time_is_the_median_of_successful_answers(door: Door) -> None:
    url, _ = door([200, NEVER, 200])

    assert 0 < seconds_to_answer(url, tries=3, timeout=0.4) < 0.4


def test_quick_error_is_no_quick_answer(door: Door) -> None:
    url, _ = door([503, 503, 200])

    assert seconds_to_answer(url, tries=3, timeout=4) == 4
    assert seconds_to_answer(a_closed_port(), tries=1, timeout=3) == 3


@pytest.mark.parametrize("url", ["shop.example/", "ftp://shop.example/", "http://shop:x/"])
def test_url_that_cannot_be_asked_is_an_error_and_no_measurement(url: str) -> None:
    with pytest.raises(ActivityFailed, match=r"url = .*; write one such as http://shop"):
        share_of_successes(url)


def test_asking_not_at_all_is_an_error() -> None:
    with pytest.raises(ActivityFailed, match="tries = 0: nothing is measured"):
        share_of_successes("http://127.0.0.1:1/", tries=0)
