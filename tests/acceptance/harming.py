"""Finds the processes of a run by what they are, and kills or freezes them."""

import os
import signal
import subprocess
import threading
from collections.abc import Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Final

from tests.acceptance.stage import Stage

ORCHESTRATOR: Final = "orchestrator"
_WORDS: Final[Mapping[str, bytes]] = {
    "guard": b"guard",
    "observer": b"observe",
    "runner": b"play",
}


def found(stage: Stage, conductor: "subprocess.Popen[str]", victim: str) -> list[int]:
    """The processes of a stage that are a guard, an observer, a runner or the conductor."""
    if victim == ORCHESTRATOR:
        return [conductor.pid] if conductor.poll() is None else []
    found = []
    for path in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            is_near = str((path / "cwd").readlink()).startswith(str(stage.folder))
            if is_near and _WORDS[victim] in (path / "cmdline").read_bytes().split(b"\0"):
                found.append(int(path.name))
    return found


def hit(
    stage: Stage, conductor: "subprocess.Popen[str]", victims: Iterable[str], sign: signal.Signals
) -> list[int]:
    """Send a signal to all victims at once; returns whom it was sent to."""
    numbers = [number for victim in victims for number in found(stage, conductor, victim)]
    for number in numbers:
        with suppress(ProcessLookupError):
            os.kill(number, sign)
    return numbers


def wake_later(numbers: list[int], after: float) -> threading.Timer:
    """Let what was frozen go on after so many seconds."""
    timer = threading.Timer(after, _wake, [numbers])
    timer.daemon = True
    timer.start()
    return timer


def _wake(numbers: list[int]) -> None:
    for number in numbers:
        with suppress(ProcessLookupError):
            os.kill(number, signal.SIGCONT)
