"""Whole commands, timed as processes, alternating with their peer."""

import json
import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from experiments.catalogue import FOLDER
from tests.benchmarks.rows import Row

CHAOSDAY = str(Path(sys.executable).with_name("chaosday"))
CHAOS = str(Path(sys.executable).with_name("chaos"))


def timed(command: Sequence[str], *, folder: Path, environment: Mapping[str, str]) -> float:
    """How long a command takes, in milliseconds. It may end with any code that a run has."""
    begun = time.perf_counter()
    done = subprocess.run(
        command, cwd=folder, env=dict(environment), capture_output=True, text=True, check=False
    )
    took = (time.perf_counter() - begun) * 1000
    if done.returncode not in {0, 10}:
        raise SystemExit(f"{command} ended with {done.returncode}: {done.stderr or done.stdout}")
    return took


def paired(
    ours: Sequence[str],
    theirs: Sequence[str],
    *,
    times: int,
    folder: Path,
    environment: Mapping[str, str],
) -> tuple[list[float], list[float]]:
    """Time two commands in turn; the first pair warms the caches and does not count."""
    mine, other = [], []
    for _ in range(times + 1):
        mine.append(timed(ours, folder=folder, environment=environment))
        other.append(timed(theirs, folder=folder, environment=environment))
    return mine[1:], other[1:]


def measure_help() -> list[Row]:
    with tempfile.TemporaryDirectory() as folder:
        ours, theirs = paired(
            [CHAOSDAY, "--help"],
            [CHAOS, "--version"],
            times=15,
            folder=Path(folder),
            environment=os.environ,
        )
        bare = [
            timed([sys.executable, "-c", "pass"], folder=Path(folder), environment=os.environ)
            for _ in range(15)
        ]
    return [
        Row(what="`chaosday --help`", ours=ours, beside="`chaos --version`", theirs=theirs,
            unit="ms", budget="under 100 ms"),
        Row(what="`chaosday --help`", ours=ours, beside="`python -c pass`", theirs=bare,
            unit="ms", budget=""),
    ]  # fmt: skip


@contextmanager
def practice(folder: Path) -> Iterator[tuple[dict[str, str], float]]:
    """A practice cluster: what it prints when it is ready, and after how many milliseconds."""
    ports = ["--port", "0", "--front-door-port", "0", "--metrics-port", "0", "--quiet"]
    kubeconfig = ["--kubeconfig", str(folder / "kubeconfig")]
    begun = time.perf_counter()
    process = subprocess.Popen(
        [CHAOSDAY, "practice", *ports, *kubeconfig], stdout=subprocess.PIPE, text=True
    )
    try:
        assert process.stdout is not None
        told = json.loads(process.stdout.readline())
        yield told, (time.perf_counter() - begun) * 1000
    finally:
        process.terminate()
        process.communicate(timeout=20)


_BARE_SERVER = """
import socket, sys, uvicorn
async def app(scope, receive, send):
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"ok"})
uvicorn.run(app, port=int(sys.argv[1]), log_level="error", lifespan="off")
"""


def _bare_server() -> float:
    """From process start to the first answer of an empty HTTP server, in milliseconds."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    begun = time.perf_counter()
    process = subprocess.Popen([sys.executable, "-c", _BARE_SERVER, str(port)])
    try:
        while time.perf_counter() - begun < 20:
            try:
                with socket.create_connection(("127.0.0.1", port), timeout=1) as connection:
                    connection.sendall(b"GET / HTTP/1.0\r\n\r\n")
                    if connection.recv(16):
                        return (time.perf_counter() - begun) * 1000
            except OSError:
                time.sleep(0.002)
        raise SystemExit("the bare server did not answer")
    finally:
        process.terminate()
        process.wait(timeout=20)


def measure_practice() -> list[Row]:
    ours, theirs = [], []
    with tempfile.TemporaryDirectory() as folder:
        for _ in range(6):
            with practice(Path(folder)) as (_, took):
                ours.append(took)
            theirs.append(_bare_server())
    return [
        Row(what="practice cluster, process start to shop ready", ours=ours[1:],
            beside="an empty uvicorn server to its first answer", theirs=theirs[1:], unit="ms",
            budget="1 s")
    ]  # fmt: skip


def measure_run() -> list[Row]:
    experiment = str(FOLDER / "pod-killed" / "experiment.yaml")
    with tempfile.TemporaryDirectory() as name, practice(Path(name)) as (cluster, _):
        folder = Path(name)
        environment = {
            **os.environ,
            "KUBECONFIG": cluster["kubeconfig"],
            "CHAOSDAY_FRONT_DOOR": cluster["front_door_url"],
            "CHAOSDAY_STORAGE_URL": f"sqlite+aiosqlite:///{folder}/chaosday.db",
            "HOME": name,
        }
        ours, theirs = paired(
            [CHAOSDAY, "run", experiment, "--var", "hold=0"],
            [CHAOS, "--no-version-check", "run", experiment, "--var", "hold:int=0"],
            times=7,
            folder=folder,
            environment=environment,
        )
    return [
        Row(what="`chaosday run`, guarded, verified, restored", ours=ours,
            beside="`chaos run`, the same file", theirs=theirs, unit="ms", budget="1.5 times")
    ]  # fmt: skip
