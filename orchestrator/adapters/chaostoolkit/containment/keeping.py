"""The conductor's side of keeping a run's processes in: orders, doors and handed-over files.

It starts no process: the crew does.
"""

import hashlib
import os
import signal
import socket
from collections.abc import Sequence
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from orchestrator.adapters.chaostoolkit.containment.confining import (
    DOORS,
    listening_at,
    send_listener,
)
from orchestrator.adapters.chaostoolkit.containment.order import (
    FORWARD_PORT,
    GUARD_HOST,
    KUBERNETES_PORT,
    Order,
)
from orchestrator.adapters.chaostoolkit.containment.programs import listable, programs
from orchestrator.adapters.chaostoolkit.containment.survey import FIRST_UID, UIDS, Offer

DOOR_VARIABLE: Final = "CHAOSDAY_GUARD_DOOR"
"""Tells a guard the number of the descriptor through which it gets listening sockets."""


class Door:
    """A pair of sockets: what listens for the crew goes in here, and out at the guard."""

    def __init__(self) -> None:
        self.crew, self.guard = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)

    def close(self) -> None:
        """Close both ends here; those of the processes stay open."""
        self.crew.close()
        self.guard.close()


class Keeping:
    """How one run's processes are kept in, for what this machine offers.

    Shape: folder is the run's; it gets a home, the crew's files and a place for the view.
    """

    def __init__(self, *, folder: Path, offer: Offer, door: Door, readable: Sequence[str]) -> None:
        self._offer = offer
        self._door = door
        self._readable = readable
        self._root = folder / "root"
        self.home = folder / "home"
        self.files = folder / "crew"
        self.uid = _uid_for(folder) if offer.changes_user else None
        self._ports: dict[str, int] = {}
        self._make_folders(folder)
        if offer.has_namespaces:
            self._ports = {"kubernetes": KUBERNETES_PORT, "forward": FORWARD_PORT}
        elif offer.limits_tcp:
            self._listen_here()

    def _make_folders(self, folder: Path) -> None:
        for each in (self._root, self.home, self.files):
            each.mkdir(mode=0o700)
        if self.uid is not None:
            # The way to what is theirs, for a user to whom nothing else in it belongs.
            folder.chmod(0o711)
            self.files.chmod(0o711)
            os.chown(self.home, self.uid, self.uid)

    def _listen_here(self) -> None:
        for name, _ in DOORS:
            with listening_at(0) as listener:
                self._ports[name] = int(listener.getsockname()[1])
                send_listener(self._door.crew, name, listener)

    @property
    def forward_proxy(self) -> str:
        """Where requests go that are not for the guard; empty when they go there directly."""
        return f"http://{GUARD_HOST}:{self._ports['forward']}" if self._ports else ""

    def url_of(self, guard: str) -> str:
        """Where the crew finds the guard that listens at that address of ours."""
        if not self._ports:
            return guard
        return f"http://{GUARD_HOST}:{self._ports['kubernetes']}{urlsplit(guard).path}"

    def hand_over(self, path: Path) -> None:
        """Let the crew read a file, and nobody else."""
        if self.uid is not None:
            os.chown(path, 0, self.uid)
            path.chmod(0o640)

    def order_for(self, name: str) -> Order | None:
        """What one process has to give up; None where nothing can be."""
        offer = self._offer
        if not offer.is_wanted or not offer.is_linux:
            return None
        return Order(
            uid=self.uid,
            gid=self.uid,
            new_user_namespace=offer.has_namespaces and not offer.is_root,
            new_network=offer.has_namespaces,
            root=str(self._root) if offer.has_namespaces else "",
            landlock=offer.landlock,
            limits_tcp=offer.limits_tcp,
            filters_sockets=offer.sockets and offer.limits_tcp,
            programs=(*programs(self._readable), str(self.files)),
            listable=listable(),
            home=str(self.home),
            door=self._door.crew.fileno(),
            ports=tuple(self._ports.values()),
            parent=os.getpid(),
            # Whoever measures may just go; whoever plays has rollbacks to play first.
            death_signal=signal.SIGKILL if name == "observer" else signal.SIGUSR1,
        )


def _uid_for(folder: Path) -> int:
    """A user that another run hardly has, and nobody else."""
    digest = hashlib.sha256(str(folder).encode()).digest()
    return FIRST_UID + int.from_bytes(digest[:4], "big") % UIDS
