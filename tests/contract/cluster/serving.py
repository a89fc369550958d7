"""Serves the practice cluster's API with a stand-in for its nodes, for the contract checks.

The stand-in speaks HTTP like any kubelet: it registers three nodes, says that scheduled pods run,
and finishes deletions. It runs no container. Usage: python serving.py, then read one line.
"""

import json
import socket
import sys
from collections.abc import AsyncIterator
from contextlib import suppress
from functools import partial
from typing import Any

import aiohttp
import anyio
import uvicorn

from orchestrator.practice.api.app import create_app
from orchestrator.practice.api.bootstrap import new_store
from orchestrator.practice.api.clock import fine_stamp, stamp, utc_now
from orchestrator.practice.controllers import run_controllers

Object = dict[str, Any]
NODES = ("stand-in-1", "stand-in-2", "stand-in-3")
LEASES = "/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases"
RENEWAL = 10.0
MERGE = {"Content-Type": "application/strategic-merge-patch+json"}


class Kubelet:
    """The stand-in for the kubelets of all nodes."""

    def __init__(self, session: aiohttp.ClientSession) -> None:
        self._session = session
        self._seen: set[str] = set()
        self._addresses = 0

    async def run(self) -> None:
        for number, name in enumerate(NODES):
            await self._register(name, f"zone-{number}")
        async for event in self._events():
            await self._attend(event["object"])

    async def _register(self, name: str, zone: str) -> None:
        labels = {"topology.kubernetes.io/zone": zone, "kubernetes.io/hostname": name}
        await self._send("POST", "/api/v1/nodes", {"metadata": {"name": name, "labels": labels}})
        ready = {"type": "Ready", "status": "True", "reason": "KubeletReady"}
        size = {"cpu": "8", "memory": "16Gi", "pods": "110"}
        status = {"allocatable": size, "capacity": size, "conditions": [ready]}
        await self._send("PATCH", f"/api/v1/nodes/{name}/status", {"status": status})
        lease = {"metadata": {"name": name}, "spec": {"holderIdentity": name}}
        await self._send("POST", LEASES, lease)

    async def renew(self) -> None:
        """Let the nodes be heard of."""
        while True:
            await anyio.sleep(RENEWAL)
            for name in NODES:
                spec = {"renewTime": fine_stamp(utc_now())}
                # A connection that lay idle may just be closing; the next renewal tries again.
                with suppress(aiohttp.ClientError):
                    await self._send("PATCH", f"{LEASES}/{name}", {"spec": spec})

    async def _events(self) -> AsyncIterator[Object]:
        async with self._session.get("/api/v1/pods?watch=1", timeout=None) as response:
            async for line in response.content:
                event = json.loads(line)
                if event["type"] != "DELETED" and event["object"]["spec"].get("nodeName") in NODES:
                    yield event

    async def _attend(self, pod: Object) -> None:
        metadata = pod["metadata"]
        path = f"/api/v1/namespaces/{metadata['namespace']}/pods/{metadata['name']}"
        if "deletionTimestamp" in metadata:
            precondition = {"uid": metadata["uid"]}
            options = {"gracePeriodSeconds": 0, "preconditions": precondition}
            await self._send("DELETE", path, options)
        elif metadata["uid"] not in self._seen:
            self._seen.add(metadata["uid"])
            await self._send("PATCH", f"{path}/status", {"status": self._status(pod)})

    def _status(self, pod: Object) -> Object:
        self._addresses += 1
        now = stamp(utc_now())
        containers = pod["spec"]["containers"]
        runs = not any("missing" in container["image"] for container in containers)
        state = {"running": {"startedAt": now}} if runs else {
            "waiting": {"reason": "ImagePullBackOff", "message": "Back-off pulling image"}
        }  # fmt: skip
        entries = [
            {"name": container["name"], "image": container["image"], "imageID": "", "ready": runs,
             "started": runs, "restartCount": 0, "state": state}
            for container in containers
        ]  # fmt: skip
        word = "True" if runs else "False"
        conditions = [
            {"type": name, "status": status, "lastTransitionTime": now}
            for name, status in (
                ("Initialized", "True"),
                ("Ready", word),
                ("ContainersReady", word),
            )
        ]
        address = f"10.244.0.{self._addresses}" if self._addresses < 250 else "10.244.1.1"
        phase = "Running" if runs else "Pending"
        status: Object = {"phase": phase, "startTime": now, "conditions": conditions}
        if runs:
            status |= {"podIP": address, "podIPs": [{"ip": address}]}
        return {**status, "containerStatuses": entries}

    async def _send(self, method: str, path: str, body: Object) -> None:
        headers = MERGE if method == "PATCH" else {}
        async with self._session.request(method, path, json=body, headers=headers) as response:
            await response.read()


async def serve() -> None:
    store = new_store()
    config = uvicorn.Config(
        create_app(store), log_level="warning", lifespan="off", timeout_keep_alive=75
    )
    server = uvicorn.Server(config)
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(run_controllers, store)
        # Named as TCP, or asyncio would not turn off the delay of small packets.
        listener = socket.socket(proto=socket.IPPROTO_TCP)
        listener.bind(("127.0.0.1", 0))
        listener.listen(128)
        tasks.start_soon(partial(server.serve, sockets=[listener]))
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        async with aiohttp.ClientSession(url) as session:
            kubelet = Kubelet(session)
            tasks.start_soon(kubelet.run)
            tasks.start_soon(kubelet.renew)
            sys.stdout.write(f"{url}\n")
            sys.stdout.flush()
            await anyio.sleep_forever()


if __name__ == "__main__":
    anyio.run(serve)
