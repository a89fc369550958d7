"""Real nodes keep what their starter promises, also to the machine they run on."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.cluster.containers.leftovers import CGROUPS, clear_leftovers, folders_below
from tests.cluster.starting import RealCluster

ROOT = Path(__file__).parents[3]
STARTED_SECONDS = 60.0
IMAGE = "registry.practice/shop/catalog:1.4"

pytestmark = [pytest.mark.slow, pytest.mark.kubernetes]


def within_seconds(seconds: float, look: Callable[[], Any]) -> Any:
    """What a look finds, as soon as it finds something or the time is over."""
    deadline = time.monotonic() + seconds
    found = look()
    while not found and time.monotonic() < deadline:
        time.sleep(0.05)
        found = look()
    return found


def traces(folder: Path) -> list[str]:
    """All that there is of a cluster on this machine: folder, cgroups, processes, mounts."""
    found = [str(path) for path in folders_below(CGROUPS) if path.name == folder.name]
    found += [str(folder)] if folder.exists() else []
    found += [line for line in Path("/proc/mounts").read_text().splitlines() if str(folder) in line]
    return found + processes_of(folder)


def processes_of(folder: Path) -> list[str]:
    """The processes that work in the folder, or whose command names it, or that its node runs."""
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            cgroups = (entry / "cgroup").read_text()
            command = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode()
        except OSError:
            continue
        if folder.name in cgroups or str(folder) in command:
            found.append(f"{entry.name} {command}")
    return found


def interfaces() -> str:
    """The network interfaces of the machine with their addresses, and its rules."""
    said = [
        subprocess.run(command, capture_output=True, text=True, check=False).stdout
        for command in (["ip", "-brief", "address"], ["nft", "list", "tables"])
    ]
    return "\n".join(said)


@contextmanager
def started() -> Iterator[tuple[subprocess.Popen[str], Path]]:
    """A cluster of a process of its own, and its folder; the process is killed at the end."""
    command = [sys.executable, "-m", "tests.cluster", "--nodes", "containers"]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            told = "".join(process.stdout.readline() for _ in range(3))
            folder = re.search(r"KUBECONFIG=(\S+)/admin", told)
            assert folder, told
            yield process, Path(folder[1])
        finally:
            process.kill()


def run_a_pod(programs_of: RealCluster, folder: Path) -> None:
    """Let the cluster of a folder run a pod."""
    kubectl = [programs_of.programs.path("kubectl"), f"--kubeconfig={folder}/admin.kubeconfig"]
    for words in (
        ["run", "one", f"--image={IMAGE}"],
        ["wait", "--for=condition=Ready", "pod/one", "--timeout=30s"],
    ):
        subprocess.run([*kubectl, *words], check=True, capture_output=True, timeout=60)


def test_machine_stays_as_it_was(kubernetes_with_containers: RealCluster) -> None:
    run_a_pod(kubernetes_with_containers, kubernetes_with_containers.folder)

    seen = interfaces()

    assert "10.244." not in seen
    assert "10.100." not in seen
    assert "kube-proxy" not in seen
    folder = str(kubernetes_with_containers.folder)
    assert folder not in Path("/proc/mounts").read_text()


def test_node_says_what_it_runs_containers_with(kubernetes_with_containers: RealCluster) -> None:
    done = subprocess.run(
        [kubernetes_with_containers.programs.path("kubectl"), "get", "nodes", "--output=json"],
        env={"KUBECONFIG": str(kubernetes_with_containers.admin), "HOME": "/tmp"},
        capture_output=True, check=True, timeout=30,
    )  # fmt: skip

    (node,) = json.loads(done.stdout)["items"]
    info = node["status"]["nodeInfo"]
    assert info["containerRuntimeVersion"].startswith("containerd://2.")
    assert info["kubeletVersion"] == kubernetes_with_containers.version


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_second_cluster_leaves_nothing_behind(
    kubernetes_with_containers: RealCluster, how: signal.Signals
) -> None:
    with started() as (process, folder):
        run_a_pod(kubernetes_with_containers, folder)
        lived = traces(folder)

        process.send_signal(how)

        left = within_seconds(15, lambda: not traces(folder))
    assert folder != kubernetes_with_containers.folder
    assert len(lived) > 10
    assert left, traces(folder)


def test_next_start_clears_what_was_left(kubernetes_with_containers: RealCluster) -> None:
    with started() as (process, folder):
        run_a_pod(kubernetes_with_containers, folder)
        (sweep,) = [line for line in processes_of(folder) if " sweep /" in line]
        # Stopped, the parent cannot tidy up when it loses its sweep.
        process.send_signal(signal.SIGSTOP)
        os.kill(int(sweep.split()[0]), signal.SIGKILL)
        process.kill()
    assert within_seconds(15, lambda: not processes_of(folder))
    assert traces(folder)

    cleared = clear_leftovers(folder.name)

    assert cleared == [folder.name]
    assert not traces(folder)


def test_living_cluster_is_no_leftover(kubernetes_with_containers: RealCluster) -> None:
    assert clear_leftovers(kubernetes_with_containers.folder.name) == []

    assert kubernetes_with_containers.admin.exists()
