"""The practice network: addresses of pods and services, and what answers there.

Pod and service addresses are virtual; whatever answers at one is a listener on
loopback. It forwards no byte itself: it only knows who is where.
"""

import socket
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, NamedTuple

from aiohttp.abc import AbstractResolver, ResolveResult

LOOPBACK: Final = "127.0.0.1"
FIRST_HOST: Final = 2
LAST_HOST: Final = 254


class Address(NamedTuple):
    """Where something answers, or seems to."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"{self.host}:{self.port}"


class AddressesExhausted(Exception):
    """A node has no pod address left."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceName:
    """A service, as its namespace knows it."""

    namespace: str
    name: str


class Network:
    """Who is where: pod addresses, service addresses and service names."""

    def __init__(self) -> None:
        self._pods: dict[Address, Address] = {}
        self._services: dict[Address, Address] = {}
        self._names: dict[ServiceName, str] = {}

    def attach(self, pod: Address, listener: Address) -> None:
        """Let a listener answer for a port of a pod."""
        self._pods[pod] = listener

    def detach(self, pod: Address) -> None:
        """Forget who answers; connecting there is refused from now on."""
        self._pods.pop(pod, None)

    def listener_of_pod(self, pod: Address) -> Address | None:
        """Where a port of a pod really listens."""
        return self._pods.get(pod)

    def publish(self, name: ServiceName, service: Address, listener: Address) -> None:
        """Let a service proxy answer for a port of a service."""
        self._services[service] = listener
        self._names[name] = service.host

    def withdraw(self, name: ServiceName, service: Address) -> None:
        """Take a port of a service off the network."""
        self._services.pop(service, None)
        if not any(address.host == service.host for address in self._services):
            self._names.pop(name, None)

    def listener_of_service(self, name: ServiceName, port: int) -> Address | None:
        """Where the proxy of a service's port listens."""
        host = self._names.get(name)
        return None if host is None else self._services.get(Address(host, port))

    def listener_at(self, service: Address) -> Address | None:
        """Where the proxy of a service's address listens."""
        return self._services.get(service)

    def host_of(self, namespace: str, host: str) -> str | None:
        """The address of a service by the name that a pod of a namespace gives it."""
        return self._names.get(service_named(namespace, host))


class Subnet:
    """The pod addresses of one node, handed out round and round.

    An address rests for as long as possible before it is used again, so that
    whoever still knows its last owner meets nobody rather than a stranger.
    """

    def __init__(self, prefix: str) -> None:
        self._prefix = prefix
        self._taken: set[int] = set()
        self._next = FIRST_HOST

    def take(self) -> str:
        """An address that nobody has.

        Raises:
            AddressesExhausted: all are taken.
        """
        for host in self._round():
            if host not in self._taken:
                self._taken.add(host)
                self._next = host + 1 if host < LAST_HOST else FIRST_HOST
                return f"{self._prefix}.{host}"
        raise AddressesExhausted(f"all addresses of {self._prefix}.0/24 are taken")

    def give_back(self, address: str) -> None:
        """Let an address be taken again."""
        self._taken.discard(int(address.rpartition(".")[2]))

    def _round(self) -> Iterator[int]:
        yield from range(self._next, LAST_HOST + 1)
        yield from range(FIRST_HOST, self._next)


class ClusterResolver(AbstractResolver):
    """Name resolution as a pod sees it: services by short or full name.

    It answers with the service proxy's own host and port, which is where the
    cluster's routing would have led the connection.
    """

    def __init__(self, network: Network, namespace: str) -> None:
        self._network = network
        self._namespace = namespace

    async def resolve(
        self,
        host: str,
        port: int = 0,
        family: socket.AddressFamily = socket.AF_INET,  # noqa: ARG002
    ) -> list[ResolveResult]:
        """Find the proxy of a service; there is but one family of addresses.

        Raises:
            OSError: no service of that name has such a port.
        """
        name = service_named(self._namespace, host)
        listener = self._network.listener_of_service(name, port)
        if listener is None:
            raise OSError(f"lookup {host}: no such service has port {port}")
        return [
            ResolveResult(
                hostname=host,
                host=listener.host,
                port=listener.port,
                family=socket.AF_INET,
                proto=0,
                flags=socket.AI_NUMERICHOST,
            )
        ]

    async def close(self) -> None:
        """Nothing is held open."""


def service_named(namespace: str, host: str) -> ServiceName:
    """The service that a host name stands for, short or in full, in a pod of a namespace."""
    name, _, rest = host.removesuffix(".").partition(".")
    other = rest.removesuffix("cluster.local").removesuffix(".").removesuffix("svc")
    return ServiceName(namespace=other.removesuffix(".") or namespace, name=name)
