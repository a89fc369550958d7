"""The practice cluster's API server beside Kubernetes' own control plane, asked in turn.

Both are asked by the same client over loopback; only the real one speaks TLS and keeps its objects
in etcd. Nodes are hollow on both: no container is run.
"""

import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import anyio

from orchestrator.practice.nodes.client import Access, Api, Patch, connect
from tests.benchmarks.hollow_status import NODES
from tests.benchmarks.rows import Row
from tests.cluster.building import built_programs
from tests.cluster.nodes import access_by
from tests.cluster.starting import real_cluster

MAPS: Final = "/api/v1/namespaces/default/configmaps"
DEPLOYMENTS: Final = "/apis/apps/v1/namespaces/default/deployments"
REPETITIONS: Final = 300
PODS: Final = 5000
WORKLOADS: Final = 10
PATIENCE: Final = 300

Step = Callable[[Api, int], Awaitable[Any]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Side:
    """One of the two, and how much memory its processes have used at the most."""

    api: Api
    pids: tuple[int, ...]

    def peak(self) -> float:
        """The peak of resident memory of all its processes, in MB."""
        return sum(_peak_of(pid) for pid in self.pids)


def measure() -> list[Row]:
    """The rows of both; minutes, most of them for the pods of the real one."""
    return anyio.run(_measure)


async def _measure() -> list[Row]:
    async with _practice() as ours, _real() as theirs:
        rows = [await _row(name, ours.api, theirs.api, step) for name, step in _STEPS.items()]
        rows.append(await _watched(ours.api, theirs.api))
        mine, other = await _pods_ready(ours.api), await _pods_ready(theirs.api)
        rows.append(_beside(f"{PODS:,} pods on {NODES} nodes ready", [mine], [other], "s", "2 s"))
        lists = [await _timed_lists(side.api) for side in (ours, theirs)]
        rows.append(_beside(f"list of {PODS:,} pods", lists[0], lists[1], "ms", ""))
        mine, other = ours.peak(), theirs.peak()
        rows.append(_beside("memory at the most", [mine], [other], "MB", "250 MB"))
    return rows


def _beside(what: str, ours: list[float], theirs: list[float], unit: str, budget: str) -> Row:
    return Row(
        what=f"practice API server: {what}",
        ours=ours,
        beside="Kubernetes' own",
        theirs=theirs,
        unit=unit,
        budget=budget,
    )


# One request at a time


async def _create(api: Api, number: int) -> None:
    await api.create(MAPS, {"metadata": {"name": f"map-{number}"}, "data": {"a": "1"}})


async def _get(api: Api, number: int) -> None:
    await api.get(f"{MAPS}/map-{number}")


async def _patch(api: Api, number: int) -> None:
    await api.patch(f"{MAPS}/map-{number}", {"data": {"a": "2"}})


async def _delete(api: Api, number: int) -> None:
    found = await api.get(f"{MAPS}/map-{number}")
    await api.delete(f"{MAPS}/map-{number}", uid=found["metadata"]["uid"])


_STEPS: Final[dict[str, Step]] = {
    "create": _create,
    "get": _get,
    "patch": _patch,
    "get and delete": _delete,
}


async def _row(name: str, ours: Api, theirs: Api, step: Step) -> Row:
    taken: tuple[list[float], list[float]] = [], []
    for number in range(REPETITIONS):
        for api, into in zip((ours, theirs), taken, strict=True):
            begun = time.perf_counter()
            await step(api, number)
            into.append((time.perf_counter() - begun) * 1000)
    return _beside(name, taken[0], taken[1], "ms", "")


async def _watched(ours: Api, theirs: Api) -> Row:
    """From sending a patch to seeing it on a watch."""
    taken = [await _deliveries(api) for api in (ours, theirs)]
    return _beside("patch seen by a watch", taken[0], taken[1], "ms", "")


async def _deliveries(api: Api) -> list[float]:
    made = await api.create(MAPS, {"metadata": {"name": "watched"}, "data": {"a": ""}})
    taken: list[float] = []
    version = made["metadata"]["resourceVersion"]
    events = api.watch(MAPS, fieldSelector="metadata.name=watched", resourceVersion=version)
    for number in range(REPETITIONS):
        begun = time.perf_counter()
        async with anyio.create_task_group() as tasks:
            body = {"data": {"a": str(number)}}
            tasks.start_soon(api.patch, f"{MAPS}/watched", body, Patch.MERGE)
            while True:
                event = await anext(events)
                if event["object"].get("data", {}).get("a") == str(number):
                    break
            taken.append((time.perf_counter() - begun) * 1000)
    await events.aclose()
    return taken


# Many pods


async def _pods_ready(api: Api) -> float:
    begun = time.perf_counter()
    for number in range(WORKLOADS):
        await api.create(DEPLOYMENTS, _deployment(f"web-{number}", PODS // WORKLOADS))
    with anyio.fail_after(PATIENCE):
        while True:
            found = await api.get(DEPLOYMENTS)
            ready = [item.get("status", {}).get("readyReplicas", 0) for item in found["items"]]
            if sum(ready) >= PODS:
                return time.perf_counter() - begun
            await anyio.sleep(0.05)


def _deployment(name: str, replicas: int) -> dict[str, Any]:
    labels = {"app": name}
    container = {"name": "main", "image": "registry.practice/shop/cart:1.4"}
    return {
        "metadata": {"name": name},
        "spec": {
            "replicas": replicas,
            "selector": {"matchLabels": labels},
            "template": {"metadata": {"labels": labels}, "spec": {"containers": [container]}},
        },
    }


async def _timed_lists(api: Api) -> list[float]:
    taken = []
    for _ in range(7):
        begun = time.perf_counter()
        found = await api.get("/api/v1/pods")
        taken.append((time.perf_counter() - begun) * 1000)
        assert len(found["items"]) >= PODS
    return taken


# The two sides


@asynccontextmanager
async def _practice() -> AsyncIterator[Side]:
    command = [sys.executable, "-m", "tests.benchmarks.hollow"]
    async with await anyio.open_process(command, stderr=None) as process:
        assert process.stdout is not None
        try:
            url = (await process.stdout.receive()).decode().strip()
            async with connect(Access(url=url)) as api:
                yield Side(api=api, pids=(process.pid,))
        finally:
            process.terminate()


@asynccontextmanager
async def _real() -> AsyncIterator[Side]:
    async with (
        real_cluster(built_programs()) as cluster,
        connect(access_by(cluster.admin)) as api,
    ):
        command = [sys.executable, "-m", "tests.benchmarks.hollow_nodes", str(cluster.admin)]
        async with await anyio.open_process(command, stderr=None) as nodes:
            assert nodes.stdout is not None
            try:
                await nodes.stdout.receive()
                yield Side(api=api, pids=_children_in(cluster.folder))
            finally:
                nodes.terminate()


def _peak_of(pid: int) -> float:
    status = Path(f"/proc/{pid}/status").read_text()
    line = next(line for line in status.splitlines() if line.startswith("VmHWM"))
    return int(line.split()[1]) / 1024


def _children_in(folder: Path) -> tuple[int, ...]:
    """The processes that work in the folder of a cluster."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                if (entry / "cwd").resolve() == folder.resolve():
                    found.append(int(entry.name))
            except OSError:
                continue
    return tuple(found)
