"""What the machine can do to keep a runner in.

The finding out is done by a process of its own; this module asks it once and remembers.
"""

import json
import os
import sys
from dataclasses import dataclass, replace
from functools import cache
from subprocess import DEVNULL, PIPE, SubprocessError, run
from typing import Final

from orchestrator.adapters.chaostoolkit.containment import kernel
from orchestrator.adapters.chaostoolkit.containment.landlock import WITH_TCP, version
from orchestrator.adapters.chaostoolkit.containment.sockets import may_filter

FIRST_UID: Final = 61184
UIDS: Final = 4336
"""The users that systemd keeps free for services without a name: nothing belongs to them."""
_PATIENCE: Final = 20
"""Units: seconds."""
_PROGRAM: Final = "orchestrator.adapters.chaostoolkit.containment"


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    """What can be done here.

    Shape: texts are empty for what can be done, else they say why it cannot.
    """

    is_wanted: bool = True
    is_linux: bool = True
    is_root: bool = False
    landlock: int = 0
    sockets: bool = False
    namespaces: str = ""
    user: str = ""

    @property
    def has_namespaces(self) -> bool:
        """Whether a runner gets a network and a view of files of its own."""
        return self.is_wanted and self.is_linux and not self.namespaces

    @property
    def changes_user(self) -> bool:
        """Whether a runner gets a user of its own."""
        return self.is_wanted and self.is_linux and self.is_root and not self.user

    @property
    def limits_tcp(self) -> bool:
        """Whether a runner in the machine's own network is kept to its guard's ports."""
        return self.is_wanted and not self.has_namespaces and self.landlock >= WITH_TCP


UNWANTED: Final = Offer(is_wanted=False)


def unwanted() -> Offer:
    """Nothing, where the operator has turned containment off."""
    return UNWANTED


@cache
def surveyed() -> Offer:
    """Ask what can be done here; it blocks for some hundredths of a second, once."""
    if not kernel.is_linux:
        return Offer(is_linux=False)
    is_root = os.geteuid() == 0
    unknown = Offer(
        is_root=is_root,
        landlock=version(),
        sockets=may_filter(),
        namespaces="it could not be tried",
        user="it could not be tried",
    )
    command = [sys.executable, "-s", "-P", "-m", _PROGRAM, str(FIRST_UID if is_root else -1)]
    try:
        answer = run(
            command, stdin=DEVNULL, stdout=PIPE, stderr=DEVNULL, check=True, timeout=_PATIENCE
        )
        return replace(unknown, **json.loads(answer.stdout))
    except (OSError, ValueError, TypeError, SubprocessError):
        return unknown
