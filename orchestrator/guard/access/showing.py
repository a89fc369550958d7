"""What is shown to a cluster, and when it is looked for again: at its end, or when it is refused.

It does not know where credentials come from; whoever makes them says how they are read.
"""

import math
import ssl
from collections.abc import Callable
from dataclasses import dataclass
from threading import Lock
from typing import Protocol


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Shown:
    """What is shown at one moment: an Authorization header and a client certificate.

    Units: until is in seconds of the wall's clock.
    """

    authorization: str = ""
    """The header's value; empty for none."""
    tls: ssl.SSLContext | None = None
    until: float = math.inf

    def is_same_as(self, other: "Shown") -> bool:
        """Whether the cluster would see no difference."""
        return self.authorization == other.authorization and self.tls is other.tls


class Read(Protocol):
    """Finds out what to show; `anew` when what it gave before was refused.

    Raises: ClusterUnavailable.
    """

    def __call__(self, *, anew: bool) -> Shown:
        """It may block."""


class Credentials:
    """What a cluster is shown, by as many threads as ask.

    Whoever has begun a request with what was shown before keeps it.
    """

    def __init__(self, read: Read, *, now: Callable[[], float]) -> None:
        self._read = read
        self._now = now
        self._lock = Lock()
        self._shown = read(anew=False)

    def at_hand(self) -> Shown | None:
        """What can be shown without waiting; None when it has ended."""
        shown = self._shown
        return shown if self._now() < shown.until else None

    def renewed(self, refused: Shown | None = None) -> Shown:
        """What to show in the place of what has ended or was refused; it may block.

        Of several who were refused the same, the first looks for another.
        Raises: ClusterUnavailable.
        """
        with self._lock:
            found = self.at_hand()
            if found is None or found is refused:
                found = self._shown = self._read(anew=refused is not None)
            return found


def nothing() -> Credentials:
    """The credentials of one who has none."""
    return Credentials(lambda *, anew: _NOTHING, now=lambda: 0.0)  # noqa: ARG005 - a protocol's


_NOTHING = Shown()
