"""What one process of a crew is told to give up: a value that goes over as JSON.

It holds no secret: the process may read it afterwards.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Final

GUARD_HOST: Final = "127.0.0.2"
"""Not the usual loopback address, so that a client may be told to send everything but what is
for the guard to the forward proxy."""
KUBERNETES_PORT: Final = 6443
FORWARD_PORT: Final = 3128
"""In an empty network namespace every port is free."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """What to give up.

    Shape: `uid` and `gid` are None when they stay; `landlock` is the version of its interface,
    0 for none; `root` the folder on which the view of files is put together, empty for none;
    `door` the descriptor through which the guard gets the listening sockets, -1 for none;
    `ports` those of guard and forward proxy when the network stays the machine's own.
    """

    uid: int | None = None
    gid: int | None = None
    new_user_namespace: bool = False
    new_network: bool = False
    root: str = ""
    landlock: int = 0
    limits_tcp: bool = False
    filters_sockets: bool = False
    programs: tuple[str, ...] = ()
    """Files and folders that may be read and executed."""
    listable: tuple[str, ...] = ()
    """Folders whose names may be listed."""
    home: str = ""
    """The one folder that may be written."""
    door: int = -1
    ports: tuple[int, ...] = ()
    parent: int = 0
    death_signal: int = 0

    def to_line(self) -> dict[str, Any]:
        """As JSON holds it."""
        return asdict(self)

    @classmethod
    def from_line(cls, line: Mapping[str, Any]) -> "Order":
        """Read it from JSON. Raises: TypeError."""
        lists = ("programs", "listable", "ports")
        return cls(**{**line, **{name: tuple(line[name]) for name in lists}})
