"""Hollow nodes that join a control plane by its API, in a process of their own.

Usage: python -m tests.benchmarks.hollow_nodes KUBECONFIG; it prints a line when they have joined.
"""

import sys
from pathlib import Path
from typing import Final

import anyio

from orchestrator.practice.api.clock import fine_stamp, stamp, utc_now
from orchestrator.practice.nodes.client import Api, Patch, connect
from orchestrator.practice.nodes.reflector import Change, Reflector
from tests.benchmarks.hollow_status import NODES, node, node_status, pod_status
from tests.cluster.nodes import access_by

LEASES: Final = "/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases"
RENEWAL: Final = 10
AT_ONCE: Final = 50
BOUND: Final = "spec.nodeName!=,status.phase=Pending"


async def join(kubeconfig: Path) -> None:
    """Register the nodes and make every pod that is bound to one ready, for ever."""
    async with connect(access_by(kubeconfig)) as api, anyio.create_task_group() as tasks:
        for number in range(NODES):
            await _register(api, number)
        tasks.start_soon(_renew, api)
        tasks.start_soon(_run_pods, api)
        sys.stdout.write("joined\n")
        sys.stdout.flush()


async def _register(api: Api, number: int) -> None:
    await api.create("/api/v1/nodes", node(number))
    status = {"status": node_status()}
    await api.patch(f"/api/v1/nodes/hollow-{number}/status", status, Patch.STRATEGIC)
    lease = {"metadata": {"name": f"hollow-{number}"}, "spec": {"renewTime": fine_stamp(utc_now())}}
    await api.create(LEASES, lease)


async def _renew(api: Api) -> None:
    while True:
        await anyio.sleep(RENEWAL)
        for number in range(NODES):
            spec = {"spec": {"renewTime": fine_stamp(utc_now())}}
            await api.patch(f"{LEASES}/hollow-{number}", spec)


async def _run_pods(api: Api) -> None:
    seen: set[str] = set()
    room = anyio.CapacityLimiter(AT_ONCE)

    async def make_ready(path: str, number: int) -> None:
        async with room:
            status = {"status": pod_status(number, stamp(utc_now()))}
            await api.patch(f"{path}/status", status, Patch.STRATEGIC)

    async with anyio.create_task_group() as tasks:

        def look(change: Change) -> None:
            named = change.latest["metadata"]
            if change.now and named["uid"] not in seen:
                seen.add(named["uid"])
                path = f"/api/v1/namespaces/{named['namespace']}/pods/{named['name']}"
                tasks.start_soon(make_ready, path, len(seen))

        # The API server ends the watch of whoever falls behind, so it is taken up again.
        await Reflector(api, "/api/v1/pods", look, fieldSelector=BOUND).run()


if __name__ == "__main__":
    anyio.run(join, Path(sys.argv[1]))
