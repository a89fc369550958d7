"""A kubelet's own port, asked through the API server: what kubectl and the Python client rely on.

The checks beside these in `test_runtime_talk` ask by kubectl alone; these look at the wire.
"""

import base64
import json
import re
import ssl
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlencode

import pytest
import urllib3
from kubernetes import client, config
from kubernetes import stream as streams

from tests.contract.cluster.asking import Object, eventually
from tests.contract.cluster.running import PATIENCE, Running

pytestmark = pytest.mark.needs_runtime

STAMP = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d+(Z|[+-]\d\d:\d\d) ")
SECONDS = 15
# The library has no types for these.
STREAM: Any = streams.stream
FORWARD: Any = streams.portforward


@pytest.fixture
def core(running: Running) -> Iterator[Any]:
    """A client of its own: the library's streams change the one they are given."""
    found = config.new_client_from_config(  # type: ignore[no-untyped-call]
        str(running.kubectl.kubeconfig)
    )
    yield client.CoreV1Api(found)
    found.close()


@contextmanager
def command(core: Any, running: Running, *words: str, **wishes: Any) -> Iterator[Any]:
    """A command in the pod `one`, with its streams open."""
    asked = {"stdin": False, "stdout": True, "stderr": True, "tty": False, **wishes}
    opened: Any = STREAM(
        core.connect_get_namespaced_pod_exec,
        "one",
        running.cluster.namespace,
        command=[*words],
        _preload_content=False,
        **asked,
    )
    try:
        yield opened
    finally:
        close(opened)


def close(opened: Any) -> None:
    """Hang up; the library forgets its socket when the server has hung up first."""
    opened.close()
    opened.sock.shutdown()


@contextmanager
def forwarded(core: Any, running: Running, port: int) -> Iterator[Any]:
    """A port of the pod `one`, forwarded."""
    namespace = running.cluster.namespace
    opened: Any = FORWARD(
        core.connect_get_namespaced_pod_portforward, "one", namespace, ports=str(port)
    )
    try:
        yield opened
    finally:
        opened.close()
        eventually(lambda: not opened.connected)
        opened.websocket.shutdown()


def heard(talk: Any) -> str:
    """The next piece of output; the first message of all is empty."""
    return str(eventually(lambda: talk.read_stdout(timeout=1)))


def started(running: Running, *words: str, **container: Any) -> None:
    """Start the pod `one`, and wait until it runs."""
    running.start("one", *words, container=container)
    running.until(lambda found: "running" in found["state"])


def ended(running: Running, script: str) -> None:
    """Run a script in the pod `one`, to its end."""
    running.start("one", "sh", "-c", script, restartPolicy="Never")
    running.until_ended()


def log(running: Running, **query: str) -> tuple[int, Any]:
    """What a request for the log of the pod `one` is answered."""
    answer = running.cluster.send("GET", running.cluster.path("pods", "one", "log"), **query)
    return answer.code, answer.body


def test_tail_is_taken_before_bytes_are_counted(running: Running) -> None:
    ended(running, "echo first; echo second; echo third")

    assert running.log(tailLines="2") == "second\nthird\n"
    assert running.log(tailLines="0") == ""
    assert running.log(tailLines="2", limitBytes="4") == "seco"
    assert running.log(limitBytes="1000") == "first\nsecond\nthird\n"


def test_log_can_be_cut_by_age(running: Running) -> None:
    ended(running, "echo once")

    assert running.log(sinceSeconds="3600") == "once\n"
    assert running.log(sinceTime="2001-01-01T00:00:00Z") == "once\n"
    assert running.log(sinceTime="2199-01-01T00:00:00Z") == ""


def test_lines_come_with_their_moments_when_asked(running: Running) -> None:
    ended(running, "echo one; echo two")

    lines = running.log(timestamps="true").splitlines()

    assert [STAMP.sub("", line) for line in lines] == ["one", "two"]
    assert all(STAMP.match(line) for line in lines)


def test_errors_are_logged_with_the_rest(running: Running) -> None:
    ended(running, "echo out; cat /nowhere")

    lines = running.log().splitlines()

    assert "out" in lines
    assert any("/nowhere" in line for line in lines)


def test_followed_log_ends_with_its_container(running: Running) -> None:
    started(running, "sh", "-c", "echo begun; sleep 1; echo done; sleep infinity")

    with running.kubectl.started("logs", "one", "--follow") as process:
        assert process.stdout is not None
        assert [process.stdout.readline() for _ in range(2)] == ["begun\n", "done\n"]
        running.delete()
        assert process.wait(timeout=SECONDS) == 0


def test_crashed_container_shows_its_last_life(running: Running) -> None:
    running.start("one", "sh", "-c", "echo going down; exit 3")
    running.until(lambda found: "waiting" in found["state"] and found["restartCount"] > 0)

    code, body = log(running)
    assert (code, body) == (200, b"going down\n")
    assert log(running, previous="true") == (200, b"going down\n")


@pytest.mark.parametrize(
    ("query", "code"),
    [({"tailLines": "-1"}, 422), ({"limitBytes": "0"}, 422), ({"sinceSeconds": "0"}, 422)],
)
def test_log_cannot_be_cut_by_such_a_number(
    running: Running, query: dict[str, str], code: int
) -> None:
    started(running)

    assert log(running, **query)[0] == code


def test_output_errors_and_code_come_apart(core: Any, running: Running) -> None:
    started(running)

    with command(core, running, "sh", "-c", "echo out; cat /nowhere; exit 5") as talk:
        talk.run_forever(timeout=SECONDS)

        assert talk.read_stdout(timeout=1) == "out\n"
        assert "no such file or directory" in talk.read_stderr(timeout=1).lower()
        assert talk.returncode == 5


def test_status_of_a_command_that_succeeded(core: Any, running: Running) -> None:
    started(running)

    with command(core, running, "true") as talk:
        talk.run_forever(timeout=SECONDS)

        status = json.loads(talk.read_channel(3))
    assert status == {"metadata": {}, "status": "Success"}


def test_status_of_a_command_that_failed(core: Any, running: Running) -> None:
    started(running)

    with command(core, running, "false") as talk:
        talk.run_forever(timeout=SECONDS)

        status: Object = json.loads(talk.read_channel(3))
    assert status["status"] == "Failure"
    assert status["reason"] == "NonZeroExitCode"
    assert status["details"]["causes"] == [{"reason": "ExitCode", "message": "1"}]
    assert status["message"].startswith("command terminated with non-zero exit code: ")


def test_command_that_is_not_there_is_an_internal_error(core: Any, running: Running) -> None:
    started(running)

    with command(core, running, "/no/such") as talk:
        talk.run_forever(timeout=SECONDS)

        status: Object = json.loads(talk.read_channel(3))
    assert status["reason"] == "InternalError"
    assert 'exec: "/no/such": stat /no/such: no such file or directory' in status["message"]


def test_input_is_handed_to_the_command_as_it_comes(core: Any, running: Running) -> None:
    started(running)

    with command(core, running, "cat", stdin=True) as talk:
        for text in ("first", "second"):
            talk.write_stdin(text)
            assert heard(talk) == text


def test_end_of_input_reaches_the_command(core: Any, running: Running) -> None:
    started(running)

    with command(core, running, "cat", stdin=True) as talk:
        if talk.subprotocol != "v5.channel.k8s.io":
            pytest.skip("the client asks for a protocol that cannot close a channel")
        talk.close_channel(0)
        talk.run_forever(timeout=SECONDS)

        assert talk.returncode == 0


def test_only_streams_that_were_asked_for_come(core: Any, running: Running) -> None:
    started(running)

    with command(core, running, "sh", "-c", "echo out; cat /nowhere", stdout=False) as talk:
        talk.run_forever(timeout=SECONDS)

        assert talk.read_stdout(timeout=1) == ""
        assert "/nowhere" in talk.read_stderr(timeout=1)


def test_mounted_config_map_can_be_read(running: Running) -> None:
    running.cluster.create("configmaps", {"metadata": {"name": "tuning"}, "data": {"level": "3"}})
    volume = {"name": "tuning", "configMap": {"name": "tuning"}}
    mount = {"name": "tuning", "mountPath": "/etc/tuning"}
    running.start("one", container={"volumeMounts": [mount]}, volumes=[volume])
    running.until(lambda found: "running" in found["state"])

    assert running.kubectl("exec", "one", "--", "cat", "/etc/tuning/level") == "3"


def test_command_needs_a_client_that_upgrades(running: Running) -> None:
    started(running)

    path = running.cluster.path("pods", "one", "exec")
    answer = running.cluster.send("GET", path, command="true", stdout="true")

    assert answer.code == 400
    assert answer.body["message"] == "Upgrade request required"


def handshake(running: Running, **query: str) -> tuple[int, str]:
    """What the handshake for a command in the pod `one` is refused with.

    The library says no more than the status, and leaves its connection open.
    """
    api = running.cluster.api
    headers = {
        "Connection": "Upgrade",
        "Upgrade": "websocket",
        "Sec-WebSocket-Version": "13",
        "Sec-WebSocket-Key": base64.b64encode(bytes(16)).decode(),
        "Sec-WebSocket-Protocol": "v5.channel.k8s.io",
    }
    path = running.cluster.path("pods", "one", "exec")
    api.update_params_for_auth(headers, [], ["BearerToken"], path, "GET", None)
    asked = urlencode({"command": "true", "stdout": "true", **query})
    pool: urllib3.PoolManager = api.rest_client.pool_manager
    url = f"{api.configuration.host}{path}?{asked}"
    answer = pool.request("GET", url, headers=headers, timeout=SECONDS, retries=False)
    return answer.status, answer.data.decode()


def test_pod_without_a_node_runs_no_command(running: Running) -> None:
    running.start("one", nodeSelector={"no-node": "has-this"})

    code, text = handshake(running)

    assert code == 400
    assert json.loads(text)["message"] == "pod one does not have a host assigned"


def test_container_that_the_pod_has_not_runs_no_command(running: Running) -> None:
    started(running)

    code, text = handshake(running, container="other")

    assert code == 400
    assert json.loads(text)["message"] == "container other is not valid for pod one"


def test_pod_that_is_not_there_runs_no_command(running: Running) -> None:
    code, text = handshake(running)

    assert code == 404
    assert json.loads(text)["message"] == 'pods "one" not found'


def test_container_that_waits_runs_no_command(running: Running) -> None:
    running.start(container={"image": "registry.practice/shop/no-such-image:1"})
    running.waits_for("ImagePullBackOff")

    code, text = handshake(running)

    assert code == 500
    assert 'container not found ("main")' in text
    failed = running.kubectl.attempt("exec", "one", "--", "true")
    assert 'container not found ("main")' in failed.stderr


def test_attached_client_sees_what_is_written_from_now_on(core: Any, running: Running) -> None:
    started(running, "sh", "-c", "echo early; sleep 3; echo late; sleep infinity")
    running.until_logged("early")

    attached: Any = STREAM(
        core.connect_get_namespaced_pod_attach, "one", running.cluster.namespace,
        stdout=True, stderr=True, stdin=False, tty=False, _preload_content=False,
    )  # fmt: skip
    try:
        assert heard(attached) == "late\n"
    finally:
        close(attached)


def test_port_is_forwarded_over_channels(core: Any, running: Running) -> None:
    started(running)
    request = b"GET /healthz HTTP/1.1\r\nHost: one\r\nConnection: close\r\n\r\n"

    def healthy() -> bytes:
        with forwarded(core, running, 8080) as opened:
            connection: Any = opened.socket(8080)
            connection.settimeout(SECONDS)
            connection.sendall(request)
            answer = b""
            while part := connection.recv(4096):
                answer += part
            return answer if b"200 OK" in answer else b""

    assert b'{"status":"ok"}' in eventually(healthy, PATIENCE).replace(b" ", b"")


def test_forwarding_to_a_port_that_nobody_answers_at_says_so(core: Any, running: Running) -> None:
    started(running)

    with forwarded(core, running, 9) as opened:
        connection: Any = opened.socket(9)
        connection.settimeout(SECONDS)
        connection.recv(1)
        error = opened.error(9)

    assert "error forwarding port 9 to pod" in error
    assert "connection refused" in error


@pytest.mark.usefixtures("running")
def test_stranger_is_refused_at_the_port_of_a_node(core: Any, runtime: str) -> None:
    if runtime != "practice":
        pytest.skip("the addresses of real nodes are in a world of their own")
    status = core.list_node().items[0].status
    port = status.daemon_endpoints.kubelet_endpoint.port
    address = next(item.address for item in status.addresses if item.type == "InternalIP")
    # Beside the practice API server, practice nodes speak plain HTTP on loopback.
    place = f"https://{address}" if address == "127.0.0.1" else "http://127.0.0.1"
    trusting = ssl.create_default_context()
    trusting.check_hostname, trusting.verify_mode = False, ssl.CERT_NONE
    direct = urllib.request.build_opener(
        urllib.request.ProxyHandler({}), urllib.request.HTTPSHandler(context=trusting)
    )

    with pytest.raises(urllib.error.HTTPError) as refused:
        direct.open(f"{place}:{port}/pods", timeout=SECONDS)

    refused.value.close()
    assert refused.value.code == 401
