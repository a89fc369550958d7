"""Request headers: those that could make a request mean something else are refused.

Nothing that a client sends is forwarded as it is; the upstream request gets its own headers.
"""

from collections.abc import Mapping
from typing import Final

from orchestrator.guard.refusals import NotLetThrough

_OVERRIDES: Final = frozenset(
    {
        "x-http-method",
        "x-http-method-override",
        "x-method-override",
        "x-original-method",
        "x-original-uri",
        "x-original-url",
        "x-rewrite-url",
        "upgrade",
    }
)
_PREFIXES: Final = ("impersonate-", "x-remote-")


def is_websocket(headers: Mapping[str, str]) -> bool:
    """Whether a request asks to go on as a WebSocket."""
    return headers.get("Upgrade", "").strip().lower() == "websocket"


def check_headers(headers: Mapping[str, str], *, target: str, may_upgrade: bool = False) -> None:
    """Let a request pass whose headers change nothing about its meaning.

    Raises: NotLetThrough: it overrides its method or path, speaks for somebody else, changes
    the protocol, or has a body that is packed.
    """
    for name in map(str.lower, headers):
        if may_upgrade and name == "upgrade":
            continue
        if name in _OVERRIDES or name.startswith(_PREFIXES):
            raise NotLetThrough(
                target=target, rule="headers", reason=f"the header {name} is not let through"
            )
    packed = headers.get("Content-Encoding", "identity")
    if packed.lower() != "identity":
        raise NotLetThrough(
            target=target, rule="body", reason=f"a body in {packed} cannot be read; send it plain"
        )
