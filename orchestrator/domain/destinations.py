"""Where probes may go: hosts and ports, as a plan names them.

It resolves no name; whoever connects does, and looks at the address too.
"""

from dataclasses import dataclass
from typing import Final

from orchestrator.domain.errors import InvalidValue

_WAY_OUT: Final = "write HOST:PORT, such as shop.example.org:443 or *.example.org:443"
_WEB_PORTS: Final = {"http": 80, "https": 443}


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class Destination:
    """Where probes may go: a host, or all below a domain, and a port."""

    host: str
    """In lower case; "*.example.org" means every host below example.org."""
    port: int

    def __str__(self) -> str:
        """As a plan writes it."""
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    def covers(self, host: str, port: int) -> bool:
        """Whether a host and port are meant."""
        if port != self.port:
            return False
        name = canonical_host(host)
        if self.host.startswith("*."):
            return name.endswith(self.host[1:]) and len(name) >= len(self.host)
        return name == self.host


def canonical_host(host: str) -> str:
    """A host as it is compared: lower case, without the last dot and without brackets."""
    return host.lower().removeprefix("[").removesuffix("]").removesuffix(".")


def destination_of(text: str) -> Destination:
    """Read HOST:PORT. Raises: InvalidValue."""
    host, colon, port = text.strip().rpartition(":")
    name = canonical_host(host)
    is_address = host.startswith("[") and host.endswith("]")
    if not colon or not _is_host(name, is_address=is_address) or not port.isascii():
        raise _unreadable(text)
    if not port.isdigit() or not 0 < int(port) < 65536:
        raise _unreadable(text)
    return Destination(host=name, port=int(port))


def _is_host(name: str, *, is_address: bool) -> bool:
    if is_address:
        return ":" in name and all(letter in "0123456789abcdef:." for letter in name)
    labels = name.removeprefix("*.").split(".")
    return all(
        label and all(letter.isalnum() or letter in "-_" for letter in label) for label in labels
    )


def _unreadable(text: str) -> InvalidValue:
    return InvalidValue(
        field="may_reach", value=text[:100], problem="is no host with a port", way_out=_WAY_OUT
    )


def destination_of_url(url: str) -> Destination | None:
    """Where an address of the web leads; None for what is none."""
    scheme, separator, rest = url.strip().partition("://")
    usual = _WEB_PORTS.get(scheme.lower())
    if not separator or usual is None:
        return None
    place = rest
    for end in "/?#":
        place = place.partition(end)[0]
    place = place.rpartition("@")[2]
    has_port = place.rpartition("]")[2].count(":") == 1
    try:
        return destination_of(place if has_port else f"{place}:{usual}")
    except InvalidValue:
        return None
