"""Our own commands at a terminal, typed into as a person does."""

import os
import pty
import select
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

from tests.acceptance.stage import CHAOSDAY, Stage


@dataclass(kw_only=True)
class Terminal:
    """One terminal with one command in it."""

    process: int
    descriptor: int
    shown: str = field(default="")
    code: int | None = None

    def type(self, text: str, *, end: str = "\n") -> None:
        os.write(self.descriptor, f"{text}{end}".encode())

    def until(self, text: str, *, within: float = 40) -> None:
        """Read on until a text is shown; what was shown before it is forgotten."""
        last = time.monotonic() + within
        while text not in self.shown:
            assert time.monotonic() < last, f"{text!r} was not shown: {self.shown}"
            self._read(0.1)
        self.shown = self.shown.split(text, 1)[1]

    def wait(self, *, within: float = 40) -> None:
        """Wait for the command to end."""
        last = time.monotonic() + within
        while self.code is None:
            assert time.monotonic() < last, f"it does not end: {self.shown}"
            # One whose words nobody reads would wait for that.
            self._read(0.05)
            ended, status = os.waitpid(self.process, os.WNOHANG)
            self.code = os.waitstatus_to_exitcode(status) if ended else None

    def _read(self, patience: float) -> None:
        if select.select([self.descriptor], [], [], patience)[0]:
            # Whoever had the terminal may be gone.
            with suppress(OSError):
                self.shown += os.read(self.descriptor, 4096).decode(errors="replace")


@contextmanager
def at_terminal(stage: Stage, *words: str) -> Iterator[Terminal]:
    """A command at a terminal of its own; on leaving, it has ended."""
    process, descriptor = pty.fork()
    if process == 0:
        environment = stage.environment | {"SHELL": "/bin/bash"}
        os.execve(CHAOSDAY[0], [*CHAOSDAY, *words], environment)  # noqa: S606 - it is ours
    terminal = Terminal(process=process, descriptor=descriptor)
    try:
        yield terminal
        terminal.wait()
    finally:
        # To whatever is left in it, a terminal that is closed says so.
        os.close(descriptor)
        if terminal.code is None:
            os.waitpid(process, 0)
