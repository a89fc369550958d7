"""A practice API server whose nodes run no containers: pods are ready as soon as they are bound.

For sizes that no machine has room for. What is measured with it is the API server and its
controllers, not a kubelet. `python -m tests.benchmarks.hollow` prints its address.
"""

import sys
from itertools import count

import anyio

from orchestrator.practice.api.app import create_app
from orchestrator.practice.api.bootstrap import new_store
from orchestrator.practice.api.clock import stamp
from orchestrator.practice.api.served.core import NODE, POD
from orchestrator.practice.api.store import Store
from orchestrator.practice.api.writing import create, set_status
from orchestrator.practice.collecting import seldom_collected
from orchestrator.practice.controllers import run_controllers
from orchestrator.practice.serving import served
from tests.benchmarks.hollow_status import NODES, node, node_status, pod_status


async def _run_pods(store: Store) -> None:
    """Say of every pod that is bound that it is ready."""
    changes = store.subscribe(POD, 0)
    numbers = count(1)
    while True:
        for change in await changes.changes():
            seen = change.stored.object["metadata"]
            pod = store.get(POD, seen["namespace"], seen["name"])
            if pod is None or not pod["spec"].get("nodeName"):
                continue
            if pod["status"]["phase"] == "Pending":
                status = pod_status(next(numbers), stamp(store.now()))
                kept = pod["status"].get("conditions", [])
                status["conditions"] = [*kept, *status["conditions"]]
                set_status(store, POD, pod, {**pod["status"], **status})


async def serve() -> None:
    """Serve until the standard input is closed."""
    store = new_store()
    for number in range(NODES):
        set_status(store, NODE, create(store, NODE, node(number)), node_status())
    with seldom_collected():
        async with served(create_app(store), port=0) as url, anyio.create_task_group() as tasks:
            tasks.start_soon(run_controllers, store)
            tasks.start_soon(_run_pods, store)
            sys.stdout.write(f"{url}\n")
            sys.stdout.flush()
            await anyio.to_thread.run_sync(sys.stdin.read)
            tasks.cancel_scope.cancel()


if __name__ == "__main__":
    anyio.run(serve)
