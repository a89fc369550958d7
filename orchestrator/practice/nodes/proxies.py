"""Service proxies: one loopback port for each port of each Service.

They follow the EndpointSlices and spread connections over ready endpoints in
turn. Without a ready endpoint a port refuses connections, as a real one does.
They balance connections, never requests.
"""

import logging
from collections.abc import Iterator
from itertools import count
from typing import Final, NoReturn

import anyio
from anyio.abc import TaskStatus

from orchestrator.practice.nodes.accepting import Acceptor
from orchestrator.practice.nodes.client import Api, Json
from orchestrator.practice.nodes.listening import PortTaken, bound_socket, listening_socket
from orchestrator.practice.nodes.network import Address, Network, ServiceName
from orchestrator.practice.nodes.pulse import Pulse
from orchestrator.practice.nodes.reflector import Change, Reflector
from orchestrator.practice.nodes.relay import Inbound

_log = logging.getLogger("chaosday.practice.proxies")

SERVICE_LABEL: Final = "kubernetes.io/service-name"


class PortProxy:
    """The proxy of one port of one service.

    The port number is held by a bound socket that never listens; a second one
    listens only while there is somewhere to lead to. So the port refuses when
    it must, and no one else can take it in the meantime.
    """

    def __init__(self, network: Network) -> None:
        self._network = network
        self._hold = bound_socket()
        self._acceptor: Acceptor | None = None
        self._endpoints: tuple[Address, ...] = ()
        self._turn: Iterator[int] = count()
        self._relays: set[Inbound] = set()
        self.listens = Address(*self._hold.getsockname())

    @property
    def has_endpoints(self) -> bool:
        """Whether connections are led anywhere."""
        return bool(self._endpoints)

    def lead_to(self, endpoints: tuple[Address, ...]) -> None:
        """Spread new connections over these; open ones stay where they are."""
        self._endpoints = endpoints
        if endpoints and self._acceptor is None:
            self._open()
        elif not endpoints and self._acceptor is not None:
            self._shut()

    def close(self) -> None:
        """Stop for good and reset what is open."""
        self._shut()
        self._hold.close()
        for relay in tuple(self._relays):
            relay.abort()

    def _open(self) -> None:
        try:
            listening = listening_socket(self.listens.port)
        except PortTaken:
            # A stranger that insisted on reuse has it; refuse until the next change.
            _log.warning("the port %s of a service proxy was taken away", self.listens.port)
            return
        self._acceptor = Acceptor(listening, lambda: Inbound(self._choose, self._relays))

    def _shut(self) -> None:
        if self._acceptor is not None:
            self._acceptor.close()
            self._acceptor = None

    def _choose(self) -> Address | None:
        """The next endpoint's listener; None when the pod there is no more."""
        if not self._endpoints:
            return None
        endpoint = self._endpoints[next(self._turn) % len(self._endpoints)]
        return self._network.listener_of_pod(endpoint)


class ServiceProxies:
    """The proxies of all services, kept in step with the API."""

    def __init__(self, api: Api, network: Network, pulse: Pulse) -> None:
        self._network = network
        self._pulse = pulse
        self._proxies: dict[tuple[ServiceName, Address], PortProxy] = {}
        self._services = Reflector(api, "/api/v1/services", self._on_service)
        self._slices = Reflector(api, "/apis/discovery.k8s.io/v1/endpointslices", self._on_slice)

    async def run(self, *, task_status: TaskStatus[None] = anyio.TASK_STATUS_IGNORED) -> NoReturn:
        """Follow services and endpoints for ever; started once both are known."""
        try:
            async with anyio.create_task_group() as tasks:
                await tasks.start(self._slices.run)
                await tasks.start(self._services.run)
                task_status.started()
        finally:
            for proxy in self._proxies.values():
                proxy.close()
            self._proxies.clear()
        raise AssertionError("reflectors run for ever")

    def lead_somewhere(self, namespace: str) -> bool:
        """Whether every port of every service of a namespace has an endpoint."""
        ours = [proxy for (name, _), proxy in self._proxies.items() if name.namespace == namespace]
        return bool(ours) and all(proxy.has_endpoints for proxy in ours)

    def _on_service(self, change: Change) -> None:
        name = _name(change.latest)
        wanted = _ports(change.now) if change.now is not None else {}
        for known, address in [key for key in self._proxies if key[0] == name]:
            if address not in wanted:
                self._proxies.pop((known, address)).close()
                self._network.withdraw(known, address)
        for address in wanted:
            if (name, address) not in self._proxies:
                proxy = self._proxies[name, address] = PortProxy(self._network)
                self._network.publish(name, address, proxy.listens)
        self._lead(name, wanted)

    def _on_slice(self, change: Change) -> None:
        metadata = change.latest["metadata"]
        service = (metadata.get("labels") or {}).get(SERVICE_LABEL)
        if service:
            name = ServiceName(namespace=str(metadata["namespace"]), name=str(service))
            known = self._services.get(name.namespace, name.name)
            self._lead(name, _ports(known) if known is not None else {})

    def _lead(self, name: ServiceName, ports: dict[Address, str]) -> None:
        for address, port_name in ports.items():
            proxy = self._proxies.get((name, address))
            if proxy is not None:
                proxy.lead_to(tuple(sorted(set(self._ready(name, port_name)))))
        self._pulse.beat()

    def _ready(self, name: ServiceName, port_name: str) -> Iterator[Address]:
        for piece in self._slices:
            metadata = piece["metadata"]
            labels = metadata.get("labels") or {}
            if metadata["namespace"] == name.namespace and labels.get(SERVICE_LABEL) == name.name:
                yield from _ready_of_slice(piece, port_name)


def _ready_of_slice(piece: Json, port_name: str) -> Iterator[Address]:
    numbers = [
        int(port["port"])
        for port in piece.get("ports") or ()
        if (port.get("name") or "") == port_name and port.get("port")
    ]
    for endpoint in piece.get("endpoints") or ():
        # No word on readiness counts as ready; so the API has it.
        if (endpoint.get("conditions") or {}).get("ready") is not False:
            for address in endpoint.get("addresses") or ():
                yield from (Address(str(address), number) for number in numbers)


def _name(service: Json) -> ServiceName:
    metadata = service["metadata"]
    return ServiceName(namespace=str(metadata["namespace"]), name=str(metadata["name"]))


def _ports(service: Json) -> dict[Address, str]:
    """The service's addresses, each with the name of its port; headless ones have none."""
    spec = service.get("spec") or {}
    host = str(spec.get("clusterIP") or "None")
    if host == "None" or spec.get("type") == "ExternalName":
        return {}
    return {
        Address(host, int(port["port"])): str(port.get("name") or "")
        for port in spec.get("ports") or ()
        if (port.get("protocol") or "TCP") == "TCP"
    }
