"""Which proxy leads to a cluster: the kubeconfig's, or the environment's.

It reads NO_PROXY as kubectl does, networks included; loopback is always reached directly.
"""

import ipaddress
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

from orchestrator.domain.errors import KubeconfigUnreadable


def proxy_for(server: str, named: str, *, source: str) -> str | None:
    """The proxy to the server; None where it is reached directly.

    Shape: named is the proxy of the kubeconfig, empty for none; source is the kubeconfig.
    Raises: KubeconfigUnreadable: it is none that is spoken to in HTTP.
    """
    proxy = named or _of_environment(server)
    if not proxy:
        return None
    parts = urlsplit(proxy)
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        where = "its proxy-url" if named else "the proxy of the environment"
        raise KubeconfigUnreadable(path=source, problem=f"{where} {_not_spoken(parts.scheme)}")
    return proxy


def _not_spoken(scheme: str) -> str:
    # The address itself may hold a password.
    if scheme.startswith("socks"):
        return (
            f"is {scheme}://, and a guard does not speak SOCKS: put an HTTP proxy in its place,"
            " or lead a port of this machine to the API server, such as by ssh -L, and name that"
            " as the server, with tls-server-name"
        )
    return "is no http:// or https:// address with a host: write http://HOST:PORT"


def _of_environment(server: str) -> str:
    parts = urlsplit(server)
    proxies, host = getproxies(), parts.hostname or ""
    if _is_loopback(host) or proxy_bypass(host) or _is_in(host, proxies.get("no", "")):
        return ""
    found = proxies.get(parts.scheme) or ""
    # kubectl takes one without a scheme for HTTP as well.
    return found if not found or "://" in found else f"http://{found}"


def _is_loopback(host: str) -> bool:
    address = _address(host)
    return host == "localhost" or (address is not None and address.is_loopback)


def _is_in(host: str, no_proxy: str) -> bool:
    """Whether an address is in one of the networks among the exceptions."""
    address = _address(host)
    if address is None:
        return False
    for each in no_proxy.split(","):
        try:
            network = ipaddress.ip_network(each.strip(), strict=False)
        except ValueError:
            continue
        if address.version == network.version and address in network:
            return True
    return False


def _address(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        return None
