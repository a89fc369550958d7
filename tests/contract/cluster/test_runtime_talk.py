"""Talking to containers: logs, exec, attach, port-forward, and one pod to another."""

import json
import re
import socket
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tests.contract.cluster.asking import a_service, eventually
from tests.contract.cluster.running import PATIENCE, Running, not_on_practice

pytestmark = [pytest.mark.needs_runtime, pytest.mark.slow]

STAMP = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d+(Z|[+-]\d\d:\d\d)"


@contextmanager
def forwarded(running: Running, target: str, port: int) -> Iterator[int]:
    """A port of this machine that kubectl forwards."""
    with running.kubectl.started("port-forward", target, f":{port}") as process:
        assert process.stdout is not None
        line = process.stdout.readline()
        found = re.match(r"Forwarding from 127\.0\.0\.1:(\d+) -> ", line)
        assert found, line
        yield int(found[1])


def test_log_is_what_the_container_printed(running: Running) -> None:
    running.start("one", "sh", "-c", "echo hello", restartPolicy="Never")
    running.until_ended()

    assert running.log() == "hello\n"


def test_log_of_a_container_that_ended_with_an_error_is_there(running: Running) -> None:
    env = [{"name": "FAIL", "value": "start"}]
    running.start(container={"env": env}, restartPolicy="Never")
    running.until_ended()

    assert "FAIL=start" in running.log()


def test_log_can_be_cut_at_either_end(running: Running) -> None:
    running.start("one", "count", "5", restartPolicy="Never")
    running.until_ended()

    assert running.log(tailLines="2") == "line 4\nline 5\n"
    assert running.log(limitBytes="6") == "line 1"
    assert running.log(tailLines="0") == ""
    assert running.log(sinceSeconds="3600").count("\n") == 5


def test_log_tells_moments_when_asked(running: Running) -> None:
    running.start("one", "count", "2", restartPolicy="Never")
    running.until_ended()

    first, second = running.log(timestamps="true").splitlines()

    assert re.fullmatch(f"{STAMP} line 1", first)
    stamp = second.split()[0]
    assert running.log(sinceTime=stamp).splitlines()[-1:] == ["line 2"]


def test_log_is_followed_to_the_end(running: Running) -> None:
    running.start("one", "count", "10", "200ms", restartPolicy="Never")
    running.until(lambda found: "running" in found["state"])

    followed = running.kubectl("logs", "one", "--follow")

    assert followed.splitlines() == [f"line {number}" for number in range(1, 11)]


def test_log_of_the_life_before_is_kept(running: Running) -> None:
    probe = {"httpGet": {"path": "/healthz", "port": 8080}, "failureThreshold": 1}
    slow = {**probe, "periodSeconds": 5}
    running.start(container={"livenessProbe": slow, "env": [{"name": "FAIL", "value": "health"}]})

    running.until(lambda found: found["restartCount"] >= 1)

    assert running.log(previous="true")


def test_there_is_no_log_before_the_first_life(running: Running) -> None:
    running.start()
    running.until_ready()

    path = running.cluster.path("pods", "one", "log")
    answer = running.cluster.send("GET", path, previous="true")

    assert answer.code == 400
    assert answer.body["message"] == ('previous terminated container "main" in pod "one" not found')


def test_container_that_has_not_started_has_no_log(running: Running) -> None:
    running.start(container={"image": "registry.practice/shop/no-such-image:1"})
    running.waits_for("ImagePullBackOff")

    answer = running.cluster.send("GET", running.cluster.path("pods", "one", "log"))

    assert answer.code == 400
    assert answer.body["message"].startswith('container "main" in pod "one" is waiting to start: ')


def test_log_of_a_container_that_the_pod_has_not(running: Running) -> None:
    running.start()
    running.until_ready()

    path = running.cluster.path("pods", "one", "log")
    answer = running.cluster.send("GET", path, container="other")

    assert answer.code == 400
    assert answer.body["message"] == "container other is not valid for pod one"


def test_command_runs_in_the_container(running: Running) -> None:
    running.start(container={"env": [{"name": "COLOUR", "value": "blue"}]})
    running.until_ready()

    assert running.kubectl("exec", "one", "--", "hostname") == "one\n"
    assert "COLOUR=blue" in running.kubectl("exec", "one", "--", "env").splitlines()


def test_exit_code_of_a_command_is_that_of_kubectl(running: Running) -> None:
    running.start()
    running.until_ready()

    assert running.kubectl.attempt("exec", "one", "--", "true").returncode == 0
    failed = running.kubectl.attempt("exec", "one", "--", "sh", "-c", "exit 7")

    assert failed.returncode == 7
    assert "command terminated with exit code 7" in failed.stderr


def test_command_that_is_not_in_the_image_cannot_run(running: Running) -> None:
    running.start()
    running.until_ready()

    failed = running.kubectl.attempt("exec", "one", "--", "no-such-command")

    assert failed.returncode != 0
    assert 'exec: "no-such-command": executable file not found in $PATH' in failed.stderr


def test_input_reaches_the_command(running: Running) -> None:
    running.start()
    running.until_ready()

    assert running.kubectl("exec", "-i", "one", "--", "cat", stdin="said\n") == "said\n"


def test_nothing_runs_in_a_container_that_has_ended(running: Running) -> None:
    running.start("one", "true", restartPolicy="Never")
    running.until_ended()
    eventually(lambda: running.status()["phase"] == "Succeeded")

    failed = running.kubectl.attempt("exec", "one", "--", "true")

    assert failed.returncode == 1
    assert "cannot exec into a container in a completed pod" in failed.stderr


def test_attached_sees_what_is_printed(running: Running) -> None:
    running.start("one", "count", "20", "200ms", restartPolicy="Never")
    running.until(lambda found: "running" in found["state"])

    assert "line 20" in running.kubectl("attach", "one")


def test_port_of_a_pod_is_forwarded(running: Running) -> None:
    running.start(container={"ports": [{"containerPort": 8080}]})
    running.until_ready()

    with (
        forwarded(running, "pod/one", 8080) as port,
        urllib.request.urlopen(f"http://127.0.0.1:{port}/healthz", timeout=10) as answer,
    ):
        assert json.loads(answer.read()) == {"status": "ok"}


def test_forwarded_port_that_nobody_listens_on_says_nothing(running: Running) -> None:
    running.start()
    running.until_ready()

    with (
        forwarded(running, "pod/one", 9) as port,
        socket.create_connection(("127.0.0.1", port), timeout=10) as connection,
    ):
        assert connection.recv(10) == b""


def test_pod_reaches_another_by_its_service(running: Running) -> None:
    service = running.cluster.create("services", a_service("one"))
    ports = [{"containerPort": 8080}]
    probe = {"httpGet": {"path": "/healthz", "port": 8080}, "periodSeconds": 1}
    running.start("one", container={"readinessProbe": probe, "ports": ports})
    running.start("two", container={"ports": ports})
    running.until_ready("one")
    running.until_ready("two")
    url = f"http://{service['spec']['clusterIP']}/healthz"

    def said() -> str:
        return running.kubectl.attempt("exec", "two", "--", "wget", "-qO-", url).stdout

    assert json.loads(eventually(said, PATIENCE)) == {"status": "ok"}


def test_service_without_pods_lets_nobody_in(running: Running) -> None:
    service = running.cluster.create("services", a_service("absent"))
    running.start()
    running.until_ready()
    url = f"http://{service['spec']['clusterIP']}/"

    failed = running.kubectl.attempt("exec", "one", "--", "wget", "-qO-", "-T", "3", url)

    assert failed.returncode == 1
    assert failed.stdout == ""


@not_on_practice("the practice API server listens on the machine's loopback, not for pods")
def test_pods_find_the_api_server(running: Running) -> None:
    running.start()
    running.until_ready()
    url = "https://10.96.0.1/version"

    failed = running.kubectl.attempt("exec", "one", "--", "wget", "-qO-", url)

    # The container does not know the authority, which it is told by the API server's answer.
    assert "certificate" in failed.stderr
