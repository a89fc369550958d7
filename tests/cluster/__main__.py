"""Starts Kubernetes' own control plane in the foreground, or runs a command beside it.

`make cluster` is this. It keeps nothing: with the end of the process the cluster is gone.
"""

import argparse
import os
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import anyio
from anyio.abc import Process

from orchestrator.domain.errors import ChaosDayError
from orchestrator.practice.cluster import ending_on_signal
from orchestrator.practice.nodes.joining import PracticeNodes
from tests.cluster.building import BuildFailed, GoMissing, Programs, are_built, built_programs
from tests.cluster.nodes import practice_nodes
from tests.cluster.processes import Ended
from tests.cluster.starting import NotReady, RealCluster, real_cluster

COMMAND_PATIENCE_SECONDS = 3
BUILDING = "compiling Kubernetes' control plane, once; that takes some minutes ...\n"


def main() -> int:
    """Serve until interrupted, or until the command ends."""
    asked = _arguments()
    try:
        if not are_built(asked.release):
            sys.stderr.write(BUILDING)
        programs = built_programs(asked.release)
        if asked.only_build:
            sys.stdout.write(f"{programs.folder}\n")
            return 0
        return anyio.run(_run, programs, asked)
    except KeyboardInterrupt:
        return 130
    except (GoMissing, BuildFailed, Ended, NotReady, ChaosDayError, OSError) as error:
        sys.stderr.write(f"{error}\n")
        return 1


async def _run(programs: Programs, asked: argparse.Namespace) -> int:
    code = 130 if asked.command else 0
    async with (
        ending_on_signal(),
        real_cluster(programs, port=asked.port) as cluster,
        _nodes(cluster, asked.nodes) as nodes,
    ):
        if asked.command:
            code = await _beside(cluster, asked.command)
        else:
            sys.stdout.write(_told(cluster, nodes))
            sys.stdout.flush()
            await anyio.sleep_forever()
    return code


@asynccontextmanager
async def _nodes(cluster: RealCluster, which: str) -> AsyncIterator[PracticeNodes | None]:
    if which == "none":
        yield None
        return
    async with practice_nodes(cluster.admin, shop=which == "shop") as nodes:
        yield nodes


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


def _told(cluster: RealCluster, nodes: PracticeNodes | None) -> str:
    joined = "no nodes: pods stay pending" if nodes is None else "three practice nodes"
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
        choices=("none", "practice", "shop"),
        default="none",
        help="no nodes, the practice cluster's kubelets, or these with the shop",
    )
    parser.add_argument("--only-build", action="store_true", help="compile and say where")
    parser.add_argument("command", nargs="*", help="run it with KUBECONFIG set, and end with it")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
