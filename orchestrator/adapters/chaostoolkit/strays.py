"""Ends what a run's processes left behind: whatever has a variable of theirs in its environment.

An experiment may start programs that leave their process group, and a conductor that is frozen
or was killed leaves a runner. On Linux they are found by their environment; a program that
wipes its environment is not found, and elsewhere none is.
"""

import os
import signal
from contextlib import suppress
from pathlib import Path
from typing import Final

MARK: Final = "CHAOSDAY_MARK"
"""The variable that holds the mark of the run."""
_ROUNDS: Final = 5
"""What is being ended may start something more."""


def end_strays(name: str, value: str) -> int:
    """End every process but this one whose environment has that variable.

    Returns how many there were.
    """
    ended: set[int] = set()
    for _ in range(_ROUNDS):
        strays = _having(f"{name}={value}".encode()) - {os.getpid()}
        if not strays:
            break
        ended |= strays
        for sign in (signal.SIGSTOP, signal.SIGKILL):
            for process in strays:
                with suppress(ProcessLookupError, PermissionError):
                    os.kill(process, sign)
    return len(ended)


def _having(variable: bytes) -> set[int]:
    found: set[int] = set()
    for path in Path("/proc").glob("[0-9]*/environ"):
        # A process that has just ended cannot be read, nor can one of another user.
        with suppress(OSError):
            if variable in path.read_bytes().split(b"\0"):
                found.add(int(path.parent.name))
    return found
