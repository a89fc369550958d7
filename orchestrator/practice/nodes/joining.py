"""The nodes' half of the practice cluster, joined to a control plane.

It starts kubelets, service proxies, front door, visitors and metrics on one
event loop, and ends them with its scope. It does not care whose control plane
that is.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial
from http import HTTPStatus
from typing import Final

import aiohttp
import anyio
from aiohttp import web
from anyio.abc import TaskGroup

from orchestrator.domain.errors import Unavailable
from orchestrator.practice.nodes.client import Access, Api, connect
from orchestrator.practice.nodes.front_door import FrontDoor
from orchestrator.practice.nodes.kubelet.events import EventRecorder
from orchestrator.practice.nodes.kubelet.kit import Kit, Pace
from orchestrator.practice.nodes.kubelet.kubelet import Kubelet
from orchestrator.practice.nodes.kubelet.node import PRACTICE_NODES, Endpoint, PracticeNode
from orchestrator.practice.nodes.kubelet.port.certificates import client_authority, serving_tls
from orchestrator.practice.nodes.kubelet.port.gates import CertificateGate, Gate, TokenGate
from orchestrator.practice.nodes.kubelet.port.serving import KubeletPort
from orchestrator.practice.nodes.listening import HttpListener
from orchestrator.practice.nodes.lone_errors import lone_errors
from orchestrator.practice.nodes.network import LOOPBACK, Network
from orchestrator.practice.nodes.programs import Images
from orchestrator.practice.nodes.proxies import ServiceProxies
from orchestrator.practice.nodes.pulse import Pulse
from orchestrator.practice.nodes.shop.asking import asking_from
from orchestrator.practice.nodes.shop.images import CURRENT, SERVICES, image_name, shop_images
from orchestrator.practice.nodes.shop.ledger import Ledger
from orchestrator.practice.nodes.shop.manifests import NAMESPACE, REPLICAS, install_shop
from orchestrator.practice.nodes.shop.serving import ServiceMetrics
from orchestrator.practice.nodes.traffic import DailyTraffic, Visitors
from orchestrator.practice.nodes.workloads import Workloads

DEFAULT_SEED: Final = 20
LOOK_AGAIN_SECONDS: Final = 0.02


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeOptions:
    """What can be chosen about the nodes; port 0 is any free one."""

    front_door_port: int = 0
    metrics_port: int = 0
    seed: int = DEFAULT_SEED
    traffic: DailyTraffic | None = field(default_factory=DailyTraffic)
    pace: Pace = field(default_factory=Pace)
    shop: bool = True
    kubelet_token: str = ""
    """What the API server shows to the kubelets; without one they want its certificate."""
    reserved: bool = False
    """Other nodes are there: keep their pods off these, and the shop off those."""


class ShopNotReady(Unavailable):
    """The practice shop did not become ready in time."""

    slug = "shop-not-ready"


class PracticeNodes:
    """The running half: kubelets, proxies and the shop's two doors."""

    def __init__(
        self,
        api: Api,
        options: NodeOptions,
        *,
        network: Network,
        visiting: aiohttp.ClientSession,
        probing: aiohttp.ClientSession,
        gate: Gate | None,
    ) -> None:
        self._api = api
        self._options = options
        self._network = network
        self._probing = probing
        self._pulse = Pulse()
        self._metrics = ServiceMetrics()
        self._workloads = Workloads(api, self._pulse)
        self._workloads.show(self._metrics.registry)
        self._proxies = ServiceProxies(api, network, self._pulse)
        self._images = Images(shop_images(Ledger(), self._metrics))
        self._door = HttpListener(FrontDoor(visiting, self._metrics.registry).answer)
        self._page = HttpListener(self._show_metrics)
        self._gate = gate
        self._kubelets = [self._kubelet(node) for node in PRACTICE_NODES]
        self._ports: list[KubeletPort] = []
        self.front_door_url = ""
        self.metrics_url = ""

    def open_doors(self) -> None:
        """Listen for visitors and for whoever reads the metrics.

        Raises:
            PortTaken: a port that was asked for is occupied.
        """
        door = self._door.open(self._options.front_door_port)
        page = self._page.open(self._options.metrics_port)
        self.front_door_url = f"http://{door}"
        self.metrics_url = f"http://{page}/metrics"
        if self._gate is not None:
            for node, kubelet in zip(PRACTICE_NODES, self._kubelets, strict=True):
                self._open_port(node, kubelet, self._gate)

    def close_doors(self) -> None:
        """Listen no more, and reset what is open."""
        self._door.abort()
        self._page.abort()
        for port in self._ports:
            port.close()

    async def start(self, tasks: TaskGroup) -> None:
        """Join the control plane and bring the shop there if asked to, all at the same time."""
        async with anyio.create_task_group() as starting:
            for kubelet in self._kubelets:
                starting.start_soon(tasks.start, kubelet.run)
            for part in (self._proxies, self._workloads):
                starting.start_soon(tasks.start, part.run)
            if self._options.shop:
                starting.start_soon(
                    partial(install_shop, reserved=self._options.reserved), self._api
                )

    async def shop_ready(self, patience: timedelta) -> None:
        """Wait till every pod of the shop is ready and a visitor is served.

        Raises:
            ShopNotReady: not within the patience.
        """
        with anyio.move_on_after(patience.total_seconds()):
            await self._pulse.until(self._is_complete)
            await self._serve_a_visitor()
            return
        unready = ", ".join(self._workloads.unready(NAMESPACE)) or "the front door"
        raise ShopNotReady(
            f"the shop is not ready after {patience.total_seconds():g} s: still waiting for "
            f"{unready}; look at `kubectl get pods,events -n {NAMESPACE}`"
        )

    async def receive_visitors(self) -> None:
        """Let the day's visitors come, for ever; none if there are to be none."""
        if self._options.traffic is not None:
            await Visitors(
                self.front_door_url,
                self._options.traffic,
                seed=self._options.seed,
                registry=self._metrics.registry,
            ).run()

    def _kubelet(self, node: PracticeNode) -> Kubelet:
        kit = Kit(
            api=self._api,
            network=self._network,
            images=self._images,
            events=EventRecorder(self._api, node.name),
            probing=self._probing,
            seed=self._options.seed,
            pace=self._options.pace,
        )
        present = frozenset(image_name(service, CURRENT) for service in SERVICES)
        return Kubelet(node, kit, present, reserved=self._options.reserved)

    def _open_port(self, node: PracticeNode, kubelet: Kubelet, gate: Gate) -> None:
        port = KubeletPort(kubelet, self._network, gate)
        number = port.open()
        self._ports.append(port)
        # An API server elsewhere takes the address at its word; the practice one knows better.
        address = node.address if self._options.kubelet_token else LOOPBACK
        kubelet.announce(Endpoint(address=address, port=number))

    def _is_complete(self) -> bool:
        return (
            self._workloads.count(NAMESPACE) >= len(REPLICAS)
            and not self._workloads.unready(NAMESPACE)
            and self._proxies.lead_somewhere(NAMESPACE)
        )

    async def _serve_a_visitor(self) -> None:
        async with aiohttp.ClientSession() as session:
            while True:
                async with session.get(self.front_door_url) as response:
                    if response.status == HTTPStatus.OK:
                        return
                await anyio.sleep(LOOK_AGAIN_SECONDS)

    async def _show_metrics(self, request: web.BaseRequest) -> web.StreamResponse:
        if request.path == "/metrics":
            return self._metrics.registry.response()
        return web.Response(status=HTTPStatus.NOT_FOUND, text="see /metrics\n")


@asynccontextmanager
async def joined_nodes(access: Access, options: NodeOptions) -> AsyncIterator[PracticeNodes]:
    """Practice nodes that serve the shop until the scope ends.

    Raises:
        PortTaken: a port that was asked for is occupied.
        ApiError: the control plane could not be joined.
    """
    network = Network()
    with lone_errors():
        async with (
            connect(access) as api,
            asking_from(network, NAMESPACE) as visiting,
            _probing_session() as probing,
        ):
            nodes = PracticeNodes(
                api,
                options,
                network=network,
                visiting=visiting,
                probing=probing,
                gate=await _gate(api, options.kubelet_token),
            )
            try:
                nodes.open_doors()
                async with anyio.create_task_group() as tasks:
                    await nodes.start(tasks)
                    yield nodes
                    tasks.cancel_scope.cancel()
            finally:
                nodes.close_doors()


async def _gate(api: Api, token: str) -> Gate | None:
    """Who may ask the kubelets; none when nobody could prove to be the API server."""
    if token:
        return TokenGate(token=token)
    authority = await client_authority(api)
    if not authority:
        return None
    tls = await anyio.to_thread.run_sync(serving_tls, authority)
    return CertificateGate(api=api, tls=tls)


@asynccontextmanager
async def _probing_session() -> AsyncIterator[aiohttp.ClientSession]:
    """A session for probes: a connection each, as a kubelet has it."""
    connector = aiohttp.TCPConnector(force_close=True, limit=0)
    async with aiohttp.ClientSession(
        connector=connector,
        cookie_jar=aiohttp.DummyCookieJar(),
        headers={"User-Agent": "kube-probe/1.36"},
    ) as session:
        yield session
