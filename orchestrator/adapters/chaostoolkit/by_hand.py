"""A person's hand in the place of the runner: it speaks the same lines, and gets a kubeconfig.

The kubeconfig leads to the guard and holds no credential. What the person does with it is not
looked at here; the guard sees every request.
"""

from collections.abc import AsyncIterator, Collection, Mapping
from pathlib import Path
from typing import Any, Final

import anyio
import structlog

from orchestrator.adapters.chaostoolkit.child import Child
from orchestrator.adapters.chaostoolkit.crew import Crew
from orchestrator.adapters.chaostoolkit.environment import write_kubeconfig
from orchestrator.adapters.chaostoolkit.strays import end_strays
from orchestrator.ports import Clock, Hand

log = structlog.get_logger()

_LOOPBACK: Final = "127.0.0.1,localhost"
_BEGIN: Final = "begin"
_KUBECONFIG: Final = "KUBECONFIG"


def end_hands_strays(variables: Mapping[str, str]) -> None:
    """End what a hand left in the background: whatever still has the kubeconfig of its run.

    A program that was given another one, or none, has nothing of ours any more.
    """
    if ended := end_strays(_KUBECONFIG, variables[_KUBECONFIG]):
        log.warning("processes ended that were left behind by hand", count=ended)


class HandAtWork:
    """One hand, which begins when it is told to, and is done with its work or with its run."""

    def __init__(self, hand: Hand, *, variables: Mapping[str, str], clock: Clock) -> None:
        self._hand = hand
        self._variables = variables
        self._clock = clock
        self._begun = anyio.Event()
        self._told = anyio.Event()
        self._done = anyio.Event()

    async def say(self, line: Mapping[str, Any]) -> None:
        """Tell it to begin, or that its run comes to an end."""
        if line.get("do") == _BEGIN:
            self._begun.set()
        else:
            await self._let_go()

    async def lines(self) -> AsyncIterator[dict[str, Any]]:
        """What it does, in the lines of a runner."""
        try:
            await self._begun.wait()
            if not self._told.is_set():
                yield self._line("action_started", name=self._hand.deed)
                problem = await self._hand.work(self._variables)
                yield self._ended_with(problem)
                yield self._line("played", hold=self._hand.hold.total_seconds())
                await self._told.wait()
            yield self._line("ended", problem="")
        finally:
            self._done.set()

    async def ended(self, *, within: float) -> bool:
        """Wait until the hand is off."""
        with anyio.move_on_after(within):
            await self._done.wait()
        return self._done.is_set()

    async def kill(self) -> None:
        """Take the hand off, whatever it is doing."""
        await self._let_go()

    async def close(self) -> None:
        """Nothing is held beyond the hand's end."""

    async def _let_go(self) -> None:
        self._told.set()
        self._begun.set()
        await self._hand.end()
        with anyio.CancelScope(shield=True):
            await anyio.to_thread.run_sync(end_hands_strays, self._variables)

    def _ended_with(self, problem: str) -> dict[str, Any]:
        if self._told.is_set():
            problem = "it was ended with its run"
        return self._line(
            "action_ended",
            name=self._hand.deed,
            succeeded=not problem,
            part="method",
            problem=problem,
        )

    def _line(self, event: str, **facts: object) -> dict[str, Any]:
        return {"event": event, "at": self._clock.now().isoformat(), **facts}


class CrewByHand:
    """The processes of a run whose method is a person's work."""

    def __init__(
        self, crew: Crew, hand: Hand, *, folder: Path, namespaces: Collection[str], clock: Clock
    ) -> None:
        self._crew = crew
        self._hand = hand
        self._folder = folder
        self._namespaces = sorted(namespaces)
        self._clock = clock

    def lead_to(self, url: str, contexts: Mapping[str, str]) -> None:
        """Write the kubeconfigs that lead to the guard: the crew's, and the person's."""
        self._crew.lead_to(url, contexts)
        self._folder.mkdir(mode=0o700)
        only = self._namespaces[0] if len(self._namespaces) == 1 else ""
        write_kubeconfig(self._kubeconfig, url=url, contexts=contexts, namespace=only)

    async def start(self, name: str) -> "Child | HandAtWork":
        """Start one process, or make the hand ready. Raises: EngineUnavailable."""
        if name == "runner":
            return HandAtWork(self._hand, variables=self._variables, clock=self._clock)
        return await self._crew.start(name)

    @property
    def _kubeconfig(self) -> Path:
        return self._folder / "kubeconfig"

    @property
    def _variables(self) -> Mapping[str, str]:
        return {
            _KUBECONFIG: str(self._kubeconfig),
            # What a cache of the person's knows of another server must not count here, and the
            # guard's address is nothing to be kept in it.
            "KUBECACHEDIR": str(self._folder / "cache"),
            # Commands in containers come over a WebSocket or not at all.
            "KUBECTL_REMOTE_COMMAND_WEBSOCKETS": "true",
            "NO_PROXY": _LOOPBACK,
            "no_proxy": _LOOPBACK,
        }
