"""The few executables that every practice image has: true, false, sleep, exit.

They are what people put into `command` to try out how a cluster reacts. It is
no shell: of `sh -c` it understands one such command, nothing else.
"""

import shlex
from collections.abc import Sequence
from contextlib import suppress
from typing import Final

import anyio
from anyio.lowlevel import checkpoint

from orchestrator.practice.nodes.programs import ExecutableNotFound, Program, Surroundings

SHELLS: Final = frozenset({"sh", "bash", "ash"})
TERMINATED: Final = 143


def command(words: Sequence[str]) -> Program:
    """The program that a command line names.

    Raises:
        ExecutableNotFound: none of the few.
    """
    executable = words[0].rpartition("/")[2]
    arguments = [*words[1:]]
    if executable in SHELLS and len(arguments) == 2 and arguments[0] == "-c":
        with suppress(ValueError):
            return command(shlex.split(arguments[1]) or ["true"])
    code = _exit_code(executable, arguments)
    if code is not None:
        return _exiting(code)
    if executable == "sleep" and len(arguments) == 1:
        return _sleeping(_seconds(arguments[0]))
    raise ExecutableNotFound(f'exec: "{words[0]}": executable file not found in $PATH')


def _exit_code(executable: str, arguments: Sequence[str]) -> int | None:
    match executable, *arguments:
        case ["true" | ":", *_]:
            return 0
        case ["false", *_]:
            return 1
        case ["exit", code] if code.isdigit():
            return int(code) % 256
    return None


def _seconds(text: str) -> float | None:
    """How long to sleep; None stands for `infinity`, or for no number at all."""
    if text == "infinity":
        return float("inf")
    try:
        return float(text)
    except ValueError:
        return None


def _exiting(code: int) -> Program:
    async def program(surroundings: Surroundings) -> int:
        surroundings.log(f"exits with code {code}")
        await checkpoint()
        return code

    return program


def _sleeping(seconds: float | None) -> Program:
    async def program(surroundings: Surroundings) -> int:
        if seconds is None:
            return 1
        surroundings.booted()
        with anyio.move_on_after(seconds):
            await surroundings.stopping.wait()
            return TERMINATED
        return 0

    return program
