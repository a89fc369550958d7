"""Starts Kubernetes' own control plane in the foreground, or runs a command beside it.

`make cluster` is this. It keeps nothing: with the end of the process the cluster is gone.
"""

import argparse
import os
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager

import anyio
from anyio.abc import Process

from orchestrator.domain.errors import ChaosDayError
from orchestrator.practice.cluster import ending_on_signal
from tests.cluster.building import BuildFailed, GoMissing, Programs, are_built, built_programs
from tests.cluster.containers.building import (
    NodePrograms,
    are_node_programs_built,
    built_node_programs,
)
from tests.cluster.containers.machine import MachineLacks, prepare_machine
from tests.cluster.containers.starting import cluster_with_containers
from tests.cluster.nodes import practice_nodes
from tests.cluster.processes import Ended
from tests.cluster.starting import NotReady, RealCluster, real_cluster

COMMAND_PATIENCE_SECONDS = 3
CONTAINERS = "containers"
NODES = {
    "none": "no nodes: pods stay pending",
    "practice": "three practice nodes",
    "shop": "three practice nodes with the shop",
    CONTAINERS: "one node that runs containers (Linux, root)",
}
NOT_HERE = 77
"""The exit code that says that this machine can't, as build tools know it for a skipped test."""
BUILDING = "compiling Kubernetes' control plane, once; that takes some minutes ...\n"
FAILURES = (GoMissing, BuildFailed, Ended, NotReady, ChaosDayError, OSError)
BUILDING_NODE = "compiling containerd, once; that takes a minute or two ...\n"


def main() -> int:
    """Serve until interrupted, or until the command ends."""
    asked = _arguments()
    try:
        contained = asked.nodes == CONTAINERS and _is_machine_fit(asked)
        if not are_built(asked.release):
            sys.stderr.write(BUILDING)
        programs = built_programs(asked.release)
        node = _node_programs() if contained else None
        if asked.only_build:
            sys.stdout.write(f"{programs.folder}\n")
            return 0
        return anyio.run(_run, programs, node, asked)
    except KeyboardInterrupt:
        return 130
    except MachineLacks as lack:
        sys.stderr.write(f"{lack}\n")
        return NOT_HERE
    except FAILURES as error:
        sys.stderr.write(f"{error}\n")
        return 1


def _is_machine_fit(asked: argparse.Namespace) -> bool:
    """Whether real nodes can run here; compiling goes on without them where they can't.

    Raises: MachineLacks: something is to be started there.
    """
    try:
        prepare_machine()
    except MachineLacks as lacking:
        if not asked.only_build:
            raise
        sys.stderr.write(f"nothing compiled for real nodes: {lacking}\n")
        return False
    return True


def _node_programs() -> NodePrograms:
    if not are_node_programs_built():
        sys.stderr.write(BUILDING_NODE)
    return built_node_programs()


async def _run(programs: Programs, node: NodePrograms | None, asked: argparse.Namespace) -> int:
    code = 130 if asked.command else 0
    async with (
        ending_on_signal(),
        _cluster(programs, node, asked.port) as cluster,
        _nodes(cluster, asked.nodes),
    ):
        if asked.command:
            code = await _beside(cluster, asked.command)
        else:
            sys.stdout.write(_told(cluster, NODES[asked.nodes]))
            sys.stdout.flush()
            await anyio.sleep_forever()
    return code


def _cluster(
    programs: Programs, node: NodePrograms | None, port: int
) -> AbstractAsyncContextManager[RealCluster]:
    if node is None:
        return real_cluster(programs, port=port)
    return cluster_with_containers(programs, node, port=port)


@asynccontextmanager
async def _nodes(cluster: RealCluster, which: str) -> AsyncIterator[None]:
    if which in ("none", CONTAINERS):
        yield
        return
    async with practice_nodes(cluster.admin, shop=which == "shop"):
        yield


async def _beside(cluster: RealCluster, command: Sequence[str]) -> int:
    kubeconfig = str(cluster.admin)
    process = await anyio.open_process(
        command,
        stdin=None,
        stdout=None,
        stderr=None,
        env={**os.environ, "KUBECONFIG": kubeconfig, "CHAOSDAY_CONTRACT_KUBECONFIG": kubeconfig},
    )
    try:
        return await process.wait()
    finally:
        with anyio.CancelScope(shield=True):
            await _end(process)


async def _end(process: Process) -> None:
    """End a command that outlives its cluster: a terminal's Ctrl-C may have told it already."""
    for end in (None, process.terminate, process.kill):
        if process.returncode is None:
            if end is not None:
                end()
            with anyio.move_on_after(COMMAND_PATIENCE_SECONDS):
                await process.wait()


def _told(cluster: RealCluster, joined: str) -> str:
    return (
        f"Kubernetes {cluster.version} at {cluster.url}, ready after "
        f"{cluster.ready_after.total_seconds():.1f} s; {joined}\n\n"
        f"  export KUBECONFIG={cluster.admin}\n"
        f"  alias kubectl={cluster.programs.path('kubectl')}\n\n"
        f"Other ways in: {cluster.admin_by_token.name}, {cluster.limited.name} and "
        f"{cluster.limited_by_token.name} beside it.\n"
        "Logs are there too. Ctrl-C ends it and leaves nothing behind.\n"
    )


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.cluster", description=__doc__)
    parser.add_argument("--release", default="", help="of Kubernetes, such as 1.37")
    parser.add_argument("--port", type=int, default=0, help="the API server's; any free one")
    parser.add_argument(
        "--nodes",
        choices=tuple(NODES),
        default="none",
        help="; ".join(f"{name}: {what}" for name, what in NODES.items()),
    )
    parser.add_argument("--only-build", action="store_true", help="compile and say where")
    parser.add_argument("command", nargs="*", help="run it with KUBECONFIG set, and end with it")
    return parser.parse_args()
