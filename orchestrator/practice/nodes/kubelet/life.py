"""One execution of a container: its process, its hooks and its probes, until it has ended.

Whether another one follows is the container's affair.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import Final

import anyio
from anyio.abc import TaskGroup

from orchestrator.practice.nodes.client import Json
from orchestrator.practice.nodes.kubelet.checks import Checks, Listener
from orchestrator.practice.nodes.kubelet.events import Teller
from orchestrator.practice.nodes.kubelet.inside import outcome_inside
from orchestrator.practice.nodes.kubelet.kit import Kit
from orchestrator.practice.nodes.kubelet.probing import Finding, ProbeKind, Reach, asking
from orchestrator.practice.nodes.kubelet.process import Process

LEAST_GRACE: Final = timedelta(seconds=2)


@dataclass(frozen=True, slots=True, kw_only=True)
class Hearing:
    """Who hears that the container runs, has started, and is ready or not."""

    runs: Callable[[], None]
    started: Callable[[], None]
    ready: Callable[[bool], None]


class Life:
    """One execution; `grace` is what the pod gives a container that is to end."""

    def __init__(
        self, spec: Json, process: Process, kit: Kit, teller: Teller, hearing: Hearing
    ) -> None:
        self.process = process
        self._spec = spec
        self._teller = teller
        self._hearing = hearing
        self._tasks: TaskGroup | None = None
        self._is_told = self._is_stopping = False
        self._reach = Reach(
            session=kit.probing,
            network=kit.network,
            command=partial(outcome_inside, process),
        )

    async def run(self) -> int:
        """Run to the end, and tell the exit code."""
        async with anyio.create_task_group() as tasks:
            self._tasks = tasks
            await tasks.start(self.process.run)
            self._teller.tell("Started", f"Container started: {self._spec['name']}")
            if not self._hook("postStart"):
                self._hearing.runs()
            tasks.start_soon(self._accompany)
            code = await self.process.ended()
            tasks.cancel_scope.cancel()
        return code

    async def stop(self, grace: timedelta) -> None:
        """Run the hook before the end, ask the program to end, and end it when time is up."""
        began = anyio.current_time()
        hook, first = self._hook("preStop"), not self._is_stopping
        self._is_stopping = True
        if hook and first and grace:
            with anyio.move_on_after(grace.total_seconds()):
                await self._run_before_end(hook)
        left = grace - timedelta(seconds=anyio.current_time() - began)
        await self.process.stop(max(left, LEAST_GRACE) if grace else grace)

    def stop_soon(self, message: str) -> None:
        """Stop in the background, within the grace that the pod gives."""
        if self._tasks is None or self._is_told or self._is_stopping:
            return
        self._is_told = True
        self._teller.tell("Killing", message)
        seconds = self._teller.pod["spec"].get("terminationGracePeriodSeconds")
        grace = timedelta(seconds=30 if seconds is None else int(seconds))
        self._tasks.start_soon(self.stop, grace)

    def _hook(self, name: str) -> Json:
        hook: Json = (self._spec.get("lifecycle") or {}).get(name) or {}
        return hook

    async def _accompany(self) -> None:
        hook = self._hook("postStart")
        if hook:
            if not await self._succeeds(hook):
                self._teller.tell("FailedPostStartHook", "PostStartHook failed", warning=True)
                self.stop_soon("FailedPostStartHook")
                return
            self._hearing.runs()
        listener = Listener(
            unhealthy=self._complain,
            started=self._hearing.started,
            ready=self._hearing.ready,
            failed=self._fail,
        )
        await Checks(self._spec, self.process.identity.ip, self._reach, listener).run()

    async def _run_before_end(self, hook: Json) -> None:
        async with anyio.create_task_group() as tasks:

            async def until_ended() -> None:
                await self.process.ended()
                tasks.cancel_scope.cancel()

            tasks.start_soon(until_ended)
            if not await self._succeeds(hook):
                self._teller.tell("FailedPreStopHook", "PreStopHook failed", warning=True)
            tasks.cancel_scope.cancel()

    async def _succeeds(self, hook: Json) -> bool:
        if "sleep" in hook:
            await anyio.sleep(float(hook["sleep"]["seconds"]))
            return True
        ports = self._spec.get("ports") or ()
        return await asking(hook, ports, self.process.identity.ip, self._reach)() is None

    def _complain(self, finding: Finding) -> None:
        message = f"{finding.kind} probe failed: {finding.failure}"
        self._teller.tell("Unhealthy", message, warning=True)

    def _fail(self, kind: ProbeKind) -> None:
        why = f"failed {kind.lower()} probe"
        self.stop_soon(f"Container {self._spec['name']} {why}, will be restarted")
