"""The practice cluster: both halves in one process, for as long as a scope lasts.

It starts the API server with its controllers and the nodes with the shop; they
meet at the Kubernetes API alone. Nothing is kept: with the scope ends the world.
"""

import secrets
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Final

import anyio
from anyio.abc import TaskStatus

from orchestrator.domain.errors import PortOccupied
from orchestrator.practice.api.app import create_app
from orchestrator.practice.api.bootstrap import new_store
from orchestrator.practice.collecting import seldom_collected
from orchestrator.practice.controllers import run_controllers
from orchestrator.practice.keys import Keys, node_access, written_kubeconfigs
from orchestrator.practice.nodes.joining import DEFAULT_SEED, NodeOptions, joined_nodes
from orchestrator.practice.nodes.kubelet.kit import Pace
from orchestrator.practice.nodes.listening import PortTaken
from orchestrator.practice.nodes.lone_errors import lone_errors
from orchestrator.practice.nodes.traffic import DailyTraffic
from orchestrator.practice.serving import served

READY_PATIENCE: Final = timedelta(seconds=30)


@dataclass(frozen=True, slots=True, kw_only=True)
class PracticeCluster:
    """A running practice cluster and where its doors are."""

    api_url: str
    front_door_url: str
    metrics_url: str
    kubeconfig: Path
    ready_after: timedelta


@dataclass(frozen=True, slots=True, kw_only=True)
class PracticePorts:
    """The loopback ports that people see; 0 is any free one."""

    api: int = 0
    front_door: int = 0
    metrics: int = 0

    def what(self, port: int) -> str:
        """What a port is for."""
        named = {
            self.api: "the practice API server",
            self.front_door: "the shop's front door",
            self.metrics: "the shop's metrics",
        }
        return named.get(port, "the practice cluster")


@asynccontextmanager
async def control_plane(
    port: int = 0,
    *,
    seed: int = DEFAULT_SEED,
    kubelet_token: str = "",
    keys: Keys | None = None,
) -> AsyncIterator[str]:
    """An API server with its controllers, and its URL; the token is what it shows to kubelets.

    With `keys` it asks everybody for a token, and roles decide who may do what.

    Raises:
        PortTaken: the port is occupied.
    """
    store = new_store(seed=seed)
    users, certificate = (keys.users, keys.certificate) if keys else (None, None)
    app = create_app(store, kubelet_token=kubelet_token, users=users)
    with seldom_collected():
        async with (
            served(app, port=port, certificate=certificate) as url,
            anyio.create_task_group() as tasks,
        ):
            tasks.start_soon(run_controllers, store)
            yield url
            tasks.cancel_scope.cancel()


@asynccontextmanager
async def practice_cluster(  # noqa: PLR0913 - each is one choice that somebody makes
    *,
    kubeconfig: Path,
    port: int = 0,
    front_door_port: int = 0,
    metrics_port: int = 0,
    seed: int = DEFAULT_SEED,
    traffic: DailyTraffic | None = DailyTraffic(),  # noqa: B008
    pace: Pace = Pace(),  # noqa: B008
    keys: Keys | None = None,
    ready_within: timedelta = READY_PATIENCE,
) -> AsyncIterator[PracticeCluster]:
    """A practice cluster whose shop is ready; it serves until the scope ends.

    With `keys` it asks everybody for a token, and roles decide who may do what.

    Raises:
        PortOccupied: a port that was asked for is taken.
        KubeconfigNotWritten: the file is somebody else's, or can't be written.
        ShopNotReady: the shop did not become ready in time.
    """
    ports = PracticePorts(api=port, front_door=front_door_port, metrics=metrics_port)
    options = NodeOptions(
        front_door_port=front_door_port,
        metrics_port=metrics_port,
        seed=seed,
        traffic=traffic,
        pace=pace,
        # The kubelets' ports are on loopback, where other users of the machine are as well.
        kubelet_token=secrets.token_hex(32),
    )
    began = anyio.current_time()
    try:
        with lone_errors():
            async with (
                control_plane(
                    port, seed=seed, kubelet_token=options.kubelet_token, keys=keys
                ) as url,
                joined_nodes(node_access(url, keys), options) as nodes,
            ):
                with written_kubeconfigs(kubeconfig, url, keys):
                    await nodes.shop_ready(ready_within)
                    async with anyio.create_task_group() as tasks:
                        tasks.start_soon(nodes.receive_visitors)
                        yield PracticeCluster(
                            api_url=url,
                            front_door_url=nodes.front_door_url,
                            metrics_url=nodes.metrics_url,
                            kubeconfig=kubeconfig,
                            ready_after=timedelta(seconds=anyio.current_time() - began),
                        )
                        tasks.cancel_scope.cancel()
    except PortTaken as taken:
        raise PortOccupied(port=taken.port, what=ports.what(taken.port)) from taken


@asynccontextmanager
async def ending_on_signal() -> AsyncIterator[None]:
    """A scope that SIGINT and SIGTERM cancel; whoever sleeps in it sleeps no more."""
    with lone_errors():
        async with anyio.create_task_group() as tasks:
            await tasks.start(_cancel_on_signal, tasks.cancel_scope)
            yield
            tasks.cancel_scope.cancel()


async def _cancel_on_signal(
    scope: anyio.CancelScope, *, task_status: TaskStatus[None] = anyio.TASK_STATUS_IGNORED
) -> None:
    with anyio.open_signal_receiver(signal.SIGINT, signal.SIGTERM) as signals:
        task_status.started()
        async for _ in signals:
            scope.cancel()
