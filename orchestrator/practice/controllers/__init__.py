"""The controllers of the practice cluster, which make of what is asked for what there is.

They work on the store, in the process of the API server, with the rules that clients are held
to. They run no container: a pod that is bound waits for a kubelet.
"""

from __future__ import annotations

import anyio

from orchestrator.practice.api.store import Store
from orchestrator.practice.controllers.cron_jobs import CronJobs
from orchestrator.practice.controllers.daemon_sets import DaemonSets
from orchestrator.practice.controllers.definitions import Definitions
from orchestrator.practice.controllers.deployments import Deployments
from orchestrator.practice.controllers.disruption import DisruptionBudgets
from orchestrator.practice.controllers.endpoints import EndpointSlices
from orchestrator.practice.controllers.evictions import Evictions
from orchestrator.practice.controllers.expiry import expire_events
from orchestrator.practice.controllers.garbage import Garbage
from orchestrator.practice.controllers.jobs import Jobs
from orchestrator.practice.controllers.lost_pods import LostPods
from orchestrator.practice.controllers.namespaces import Namespaces
from orchestrator.practice.controllers.node_health import NodeHealth
from orchestrator.practice.controllers.nodes import Nodes
from orchestrator.practice.controllers.quotas import Quotas
from orchestrator.practice.controllers.replica_sets import ReplicaSets
from orchestrator.practice.controllers.scheduling import Scheduler
from orchestrator.practice.controllers.stateful_sets import StatefulSets
from orchestrator.practice.controllers.volumes import Volumes


async def run_controllers(store: Store) -> None:
    """Run every controller until cancelled."""
    loops = [
        Deployments(store).loop(),
        ReplicaSets(store).loop(),
        StatefulSets(store).loop(),
        DaemonSets(store).loop(),
        Jobs(store).loop(),
        CronJobs(store).loop(),
        Scheduler(store).loop(),
        EndpointSlices(store).loop(),
        DisruptionBudgets(store).loop(),
        Garbage(store).loop(),
        Namespaces(store).loop(),
        Nodes(store).loop(),
        NodeHealth(store).loop(),
        Evictions(store).loop(),
        LostPods(store).loop(),
        Definitions(store).loop(),
        Quotas(store).loop(),
        Volumes(store).loop(),
    ]
    async with anyio.create_task_group() as tasks:
        for loop in loops:
            tasks.start_soon(loop.run)
        tasks.start_soon(expire_events, store)
