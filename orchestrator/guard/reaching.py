"""Where a runner's requests may go beside the cluster: what the plan names, and never some.

It decides on a name and on every address behind it, since a name may lead anywhere.
"""

import asyncio
import ipaddress
import socket
from collections.abc import Iterable, Sequence
from typing import Final, TypeAlias

from orchestrator.domain.blast_radius import Denied
from orchestrator.domain.destinations import (
    Destination,
    canonical_host,
    destination_of,
    destination_of_url,
)

Address: TypeAlias = tuple[str, int]
_IP: TypeAlias = ipaddress.IPv4Address | ipaddress.IPv6Address

RULE: Final = "may_reach"
_NEVER: Final = tuple(
    ipaddress.ip_network(network)
    for network in (
        *("169.254.0.0/16", "fe80::/10"),  # link-local: the metadata service of most clouds
        *("fd00:ec2::/32", "100.100.100.200/32", "168.63.129.16/32", "192.0.0.0/24"),
        *("fd20:ce::/32", "0.0.0.0/8", "::/128", "224.0.0.0/3", "ff00::/8"),
    )
)
"""Metadata services, which hand out the credentials of the machine, and what is no host."""
_WRAPPED: Final = tuple(map(ipaddress.IPv6Network, ("64:ff9b::/96", "::/96", "::ffff:0:0:0/96")))
"""Ranges whose last 32 bits are an address of version 4."""
_TRANSLATED: Final = tuple(map(ipaddress.IPv6Network, ("64:ff9b:1::/48", "2001::/32")))
"""Ranges of translators and tunnels, behind which any address may lie, in one form of several.

Source: RFC 8215, RFC 6052, RFC 4380.
"""
_OF_CLUSTER: Final = ("kubernetes", "default", "svc")
"""The labels of the name that an API server has in its own cluster."""

_API_SERVER: Final = "it is the API server, which only the guard may reach"


class NotReached(Exception):
    """A destination is refused, or there is none of that name."""

    def __init__(self, denied: Denied, *, is_refused: bool) -> None:
        super().__init__(denied.reason)
        self.denied = denied
        self.is_refused = is_refused


class Reach:
    """Decides where a run's requests may go.

    Shape: cluster has the names and addresses of the API server, which only the guard may
    reach, each with its port.
    """

    def __init__(self, allowed: Iterable[Destination], *, cluster: Iterable[Address]) -> None:
        self._allowed = tuple(allowed)
        self._cluster = frozenset(cluster)

    @classmethod
    async def beside(cls, server: str, allowed: Iterable[str]) -> "Reach":
        """What is allowed beside the API server at that address of the web.

        Raises: InvalidValue: what is allowed cannot be read.
        """
        destinations = [destination_of(text) for text in allowed]
        cluster: set[Address] = set()
        if where := destination_of_url(server):
            found = await addresses_of(where.host, where.port)
            cluster = {(where.host, where.port), *map(_plain, found)}
        return cls(destinations, cluster=cluster)

    async def addresses(self, host: str, port: int) -> Sequence[Address]:
        """The addresses to connect to. Raises: NotReached."""
        name = canonical_host(host)
        if not any(each.covers(name, port) for each in self._allowed):
            raise self._refused(name, port, "the plan does not name it under may_reach")
        if _is_of_cluster(name):
            raise self._refused(name, port, _API_SERVER)
        found = await addresses_of(name, port)
        if not found:
            reason = f"there is no address of {name}"
            raise NotReached(Denied(rule=RULE, reason=reason), is_refused=False)
        for address, _ in found:
            if why := self._why_never(name, address, port):
                raise self._refused(name, port, why)
        return found

    def _why_never(self, name: str, address: str, port: int) -> str:
        plain = _unwrapped(ipaddress.ip_address(address.partition("%")[0]))
        if any(plain in network for network in _NEVER if network.version == plain.version):
            return f"{address} hands out the credentials of a machine, or is no host"
        if any(plain in network for network in _TRANSLATED if plain.version == network.version):
            return f"{address} may stand for any other address; name a host that has its own"
        if {(str(plain), port), (name, port)} & self._cluster:
            return _API_SERVER
        if plain.is_loopback and not _means_loopback(name):
            return f"it leads to {address}, this machine itself; name that address to allow it"
        return ""

    def _refused(self, name: str, port: int, why: str) -> NotReached:
        reason = f"{name}:{port} may not be reached: {why}"
        return NotReached(Denied(rule=RULE, reason=reason), is_refused=True)


async def addresses_of(host: str, port: int) -> Sequence[Address]:
    """The addresses of a host, each once; none when there is no such host."""
    loop = asyncio.get_running_loop()
    try:
        found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        return ()
    return tuple(dict.fromkeys((str(entry[4][0]), int(entry[4][1])) for entry in found))


def _plain(address: Address) -> Address:
    """An address in the form in which two of them are compared."""
    host, port = address
    return str(_unwrapped(ipaddress.ip_address(host.partition("%")[0]))), port


def _unwrapped(address: _IP) -> _IP:
    if isinstance(address, ipaddress.IPv4Address):
        return address
    if address.ipv4_mapped is not None:
        return address.ipv4_mapped
    if address.sixtofour is not None:
        return address.sixtofour
    inside = ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    is_wrapped = any(address in network for network in _WRAPPED) and int(inside) > 1
    return inside if is_wrapped else address


def _is_of_cluster(name: str) -> bool:
    """Whether a name is that of the API server wherever a cluster resolves it, or below it."""
    labels = tuple(name.split("."))
    if labels in {_OF_CLUSTER[:1], _OF_CLUSTER[:2]}:
        return True
    return any(labels[at : at + 3] == _OF_CLUSTER for at in range(len(labels)))


def _means_loopback(name: str) -> bool:
    if name == "localhost":
        return True
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False
