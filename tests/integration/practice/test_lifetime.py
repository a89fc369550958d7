"""How the practice cluster begins and ends: ports, signals, kill -9, and what is left."""

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import anyio
import pytest

from orchestrator.domain.errors import PortOccupied
from orchestrator.practice.cluster import practice_cluster
from orchestrator.practice.kubeconfig import KubeconfigNotWritten
from tests.integration.practice.outside import Started, listens, refuses

SECONDS = 20
END_SECONDS = 2.0


@contextmanager
def running(kubeconfig: Path, *options: str) -> Iterator[subprocess.Popen[str]]:
    """A practice cluster in a process of its own, ready to serve."""
    command = [sys.executable, "-m", "orchestrator.practice", "--kubeconfig", str(kubeconfig)]
    with subprocess.Popen(
        [*command, *options],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            yield process
        finally:
            if process.poll() is None:
                process.kill()


def told(process: subprocess.Popen[str]) -> dict[str, str]:
    """What the process says when it is ready."""
    assert process.stdout is not None
    lines = [process.stdout.readline().split() for _ in range(5)]
    assert lines[0][:2] == ["ready", "after"], lines
    return {line[0]: line[1] for line in lines}


def listening_sockets(pid: int) -> set[str]:
    """The inodes of the TCP sockets on which a process listens."""
    inodes = set()
    for descriptor in Path(f"/proc/{pid}/fd").iterdir():
        # The folder is itself open while it is read, and closed by the time it is looked up.
        with suppress(FileNotFoundError):
            target = str(descriptor.readlink())
            if target.startswith("socket:["):
                inodes.add(target.removeprefix("socket:[").removesuffix("]"))
    return inodes & all_listening_sockets()


def all_listening_sockets() -> set[str]:
    """The inodes of all listening TCP sockets; unlike ports, they are not used again soon."""
    rows = [row.split() for row in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    return {row[9] for row in rows if row[3] == "0A"}


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_signal_ends_everything_within_moments(tmp_path: Path, number: signal.Signals) -> None:
    kubeconfig = tmp_path / "kubeconfig"
    with running(kubeconfig) as process:
        told(process)
        sockets = listening_sockets(process.pid)
        assert len(sockets) > 15

        process.send_signal(number)
        output, errors = process.communicate(timeout=END_SECONDS)

        assert (process.returncode, output, errors) == (0, "", "")
        assert not sockets & all_listening_sockets()
        assert not kubeconfig.exists()


async def test_signal_before_it_is_ready_ends_it_too(tmp_path: Path) -> None:
    kubeconfig = anyio.Path(tmp_path / "kubeconfig")
    with running(Path(kubeconfig)) as process:
        with anyio.fail_after(SECONDS):
            while not await kubeconfig.exists():  # noqa: ASYNC110
                await anyio.sleep(0.005)

        process.send_signal(signal.SIGTERM)
        output, errors = process.communicate(timeout=END_SECONDS)

    assert (process.returncode, output, errors) == (0, "", "")
    assert not [left async for left in anyio.Path(tmp_path).iterdir()]


def test_killed_cluster_leaves_its_kubeconfig_and_nothing_else(tmp_path: Path) -> None:
    kubeconfig = tmp_path / "kubeconfig"
    with running(kubeconfig) as process:
        told(process)
        sockets = listening_sockets(process.pid)
        children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text()

        process.kill()
        process.wait(timeout=END_SECONDS)

        assert children == ""
        assert not sockets & all_listening_sockets()
        assert list(tmp_path.iterdir()) == [kubeconfig]

    with running(kubeconfig) as successor:
        assert told(successor)["export"] == f"KUBECONFIG={kubeconfig}"


def test_occupied_port_is_told_in_one_line(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with running(tmp_path / "kubeconfig", "--front-door-port", str(port)) as process:
            output, errors = process.communicate(timeout=SECONDS)

    assert process.returncode == 1
    assert output == ""
    assert errors == (
        f"port {port} for the shop's front door is occupied; "
        "free it, name another, or 0 for any free one\n"
    )
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("door", ["port", "front_door_port", "metrics_port"])
async def test_occupied_port_is_named(tmp_path: Path, door: str) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]

        with pytest.raises(PortOccupied) as occupied:
            async with practice_cluster(kubeconfig=tmp_path / "kubeconfig", **{door: port}):
                pass

    assert occupied.value.port == port


async def test_ended_scope_leaves_no_listener(started: Started) -> None:
    before = listening_sockets(os.getpid())

    async with started() as outside:
        pods = await outside.pods("cart")
        during = listening_sockets(os.getpid())

    assert len(during) > 15
    assert listening_sockets(os.getpid()) == before
    assert await refuses(*listens(pods[0]))


async def test_error_inside_the_scope_comes_out_as_itself(started: Started) -> None:
    before = listening_sockets(os.getpid())

    with pytest.raises(ZeroDivisionError):
        async with started():
            _ = 1 / 0

    assert listening_sockets(os.getpid()) == before


async def test_cancelled_scope_leaves_no_listener(started: Started) -> None:
    before = listening_sockets(os.getpid())

    async with anyio.create_task_group() as tasks:
        ready = anyio.Event()

        async def live() -> None:
            async with started():
                ready.set()
                await anyio.sleep_forever()

        tasks.start_soon(live)
        with anyio.fail_after(SECONDS):
            await ready.wait()
        tasks.cancel_scope.cancel()

    assert listening_sockets(os.getpid()) == before


async def test_kubeconfig_is_for_its_owner_alone(started: Started) -> None:
    async with started() as outside:
        mode = outside.cluster.kubeconfig.stat().st_mode & 0o777

    assert mode == 0o600


async def test_kubeconfig_of_somebody_else_is_left_alone(tmp_path: Path) -> None:
    theirs = tmp_path / "kubeconfig"
    theirs.write_text("apiVersion: v1\nkind: Config\n")

    with pytest.raises(KubeconfigNotWritten, match="did not write it"):
        async with practice_cluster(kubeconfig=theirs):
            pass

    assert theirs.read_text() == "apiVersion: v1\nkind: Config\n"
