"""The probes of one running container, and what follows from them.

It says ready, unready or failed; it never touches the container itself.
"""

from collections.abc import Callable
from dataclasses import dataclass

import anyio

from orchestrator.practice.nodes.client import Json
from orchestrator.practice.nodes.kubelet.probing import Finding, ProbeKind, Prober, Reach


@dataclass(frozen=True, slots=True, kw_only=True)
class Listener:
    """Who hears of the checks: of each failure, of readiness, and of the end."""

    unhealthy: Callable[[Finding], None]
    started: Callable[[], None]
    ready: Callable[[bool], None]
    failed: Callable[[ProbeKind], None]


class Checks:
    """Startup first, then readiness and liveness side by side."""

    def __init__(self, container: Json, ip: str, reach: Reach, listener: Listener) -> None:
        self._container = container
        self._ip = ip
        self._reach = reach
        self._listener = listener

    async def run(self) -> None:
        """Check until cancelled; at an end only when there is nothing to check."""
        if self._declares(ProbeKind.STARTUP):
            await self._start_up()
        self._listener.started()
        if not self._declares(ProbeKind.READINESS):
            self._listener.ready(True)
        async with anyio.create_task_group() as tasks:
            for kind in (ProbeKind.READINESS, ProbeKind.LIVENESS):
                if self._declares(kind):
                    tasks.start_soon(self._keep_probing, kind)

    async def _start_up(self) -> None:
        with anyio.CancelScope() as scope:

            def judge(finding: Finding) -> None:
                if finding.failure is None:
                    scope.cancel()
                else:
                    self._listener.failed(finding.kind)

            await self._prober(ProbeKind.STARTUP).run(self._hear, judge)

    async def _keep_probing(self, kind: ProbeKind) -> None:
        def judge(finding: Finding) -> None:
            if kind is ProbeKind.READINESS:
                self._listener.ready(finding.failure is None)
            elif finding.failure is not None:
                self._listener.failed(kind)

        await self._prober(kind).run(self._hear, judge)

    def _hear(self, finding: Finding) -> None:
        if finding.failure is not None:
            self._listener.unhealthy(finding)

    def _declares(self, kind: ProbeKind) -> bool:
        return bool(self._container.get(kind.field))

    def _prober(self, kind: ProbeKind) -> Prober:
        return Prober(kind, self._container, self._ip, self._reach)
