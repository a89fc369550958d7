"""One program or shell, started at this terminal for an agent of chaos to work with.

It has the person's own environment but for what leads to the guard. It is not contained: whoever
works by hand could reach the cluster otherwise as well.
"""

import os
import shlex
import signal
import subprocess
import sys
import termios
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from datetime import timedelta
from typing import Final

import anyio

from orchestrator.adapters.terminal.start_up import leads_elsewhere
from orchestrator.domain.identity import Actor

_FAREWELL: Final = 2.0
"""Units: seconds. How long a program may take to end when its terminal is said to be gone."""
_LONGEST_DEED: Final = 200
_TOO_LATE: Final = "it was over before it began"
_PAST_THE_GUARD: Final = frozenset(
    {
        "KUBE_CONFIG_PATH",
        "KUBE_CONFIG_PATHS",
        "KUBERNETES_MASTER",
        "KUBERNETES_SERVICE_HOST",
        "KUBERNETES_SERVICE_PORT",
        "HELM_KUBEAPISERVER",
        "HELM_KUBECAFILE",
        "HELM_KUBECONTEXT",
        "HELM_KUBETOKEN",
        "HELM_KUBEASUSER",
        "HELM_KUBEASGROUPS",
    }
)
"""Variables by which programs find a cluster without the kubeconfig, or in spite of it."""


class TerminalHand:
    """A `Hand` that works with a program which has the terminal to itself meanwhile.

    Shape: command is what was typed, none for a shell; its standard output goes to standard
    error with `aside`.
    """

    def __init__(
        self,
        *,
        by: Actor,
        command: Sequence[str],
        environment: Mapping[str, str],
        hold: timedelta = timedelta(),
        aside: bool = False,
    ) -> None:
        self._by = by
        self._is_shell = not command
        self._command = list(command) or [environment.get("SHELL") or "/bin/sh"]
        self._environment = environment
        self._hold = hold
        self._aside = aside
        self._process: subprocess.Popen[bytes] | None = None
        self._asking: anyio.CancelScope | None = None
        self._may_begin = True

    @property
    def by(self) -> Actor:
        """Whose hand it is."""
        return self._by

    @property
    def deed(self) -> str:
        """What was typed."""
        return "a shell" if self._is_shell else shlex.join(self._command)[:_LONGEST_DEED]

    @property
    def hold(self) -> timedelta:
        """How long the fault stays when the program has ended."""
        return self._hold

    async def work(self, variables: Mapping[str, str]) -> str:
        """Run the program to its end; returns how it failed, if it did.

        What a shell ends with says nothing: it is whatever was typed last.
        """
        if not self._may_begin:
            return _TOO_LATE
        try:
            if self._is_shell and (problem := await self._leads_elsewhere(variables)):
                return problem
            with _terminal_kept():
                code = await self._run(variables)
        except OSError as error:
            return f"{self._command[0]} cannot be started: {error.strerror}"
        return "" if self._is_shell or code == 0 else _told(code)

    async def _leads_elsewhere(self, variables: Mapping[str, str]) -> str:
        """Why the shell is not to be started: it leads past the guard, or it is over meanwhile."""
        problem = ""
        with anyio.CancelScope() as self._asking:
            shell, environment = self._command[0], self._environment_with(variables)
            problem = await leads_elsewhere(shell, environment)
        return problem if self._may_begin else _TOO_LATE

    def _environment_with(self, variables: Mapping[str, str]) -> dict[str, str]:
        mine = {k: v for k, v in self._environment.items() if k not in _PAST_THE_GUARD}
        return {**mine, **variables}

    async def _run(self, variables: Mapping[str, str]) -> int:
        self._process = process = self._start(variables)
        try:
            return await anyio.to_thread.run_sync(process.wait, abandon_on_cancel=True)
        finally:
            with anyio.CancelScope(shield=True):
                await self.end()

    def _start(self, variables: Mapping[str, str]) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            self._command,
            env=self._environment_with(variables),
            stdout=sys.stderr.fileno() if self._aside else None,
            # At a terminal it belongs to our own group, so that Ctrl-C and Ctrl-Z reach both.
            process_group=None if _has_terminal() else 0,
        )

    async def end(self) -> None:
        """Hang up on it, as a terminal that is closed does; kill what does not go."""
        self._may_begin = False
        if self._asking is not None:
            self._asking.cancel()
        process = self._process
        if process is None:
            return
        self._signal(process, signal.SIGHUP)
        with anyio.move_on_after(_FAREWELL, shield=True):
            await anyio.to_thread.run_sync(process.wait, abandon_on_cancel=True)
        if self._process is not None:
            self._signal(process, signal.SIGKILL)
        # The number of its group may be somebody else's from now on.
        self._process = None

    @staticmethod
    def _signal(process: subprocess.Popen[bytes], number: signal.Signals) -> None:
        if _has_terminal():
            process.send_signal(number)
            return
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, number)


def _has_terminal() -> bool:
    return sys.stdin is not None and sys.stdin.isatty()


@contextmanager
def _terminal_kept() -> Iterator[None]:
    """Leave the terminal ours, whatever a shell that was killed left it with."""
    if not _has_terminal():
        yield
        return
    was = termios.tcgetattr(0)
    # A shell has the terminal while it works; whoever writes to it meanwhile must not stop.
    ignored = signal.signal(signal.SIGTTOU, signal.SIG_IGN)
    try:
        yield
    finally:
        with suppress(OSError, termios.error):
            os.tcsetpgrp(0, os.getpgrp())
            termios.tcsetattr(0, termios.TCSADRAIN, was)
        signal.signal(signal.SIGTTOU, ignored)


def _told(code: int) -> str:
    if code < 0:
        return f"it was ended by {signal.Signals(-code).name}"
    return f"it ended with exit code {code}"
