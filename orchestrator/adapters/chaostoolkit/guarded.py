"""The conductor's side of the talk with a guard.

It does not know how a guard decides; `orchestrator.guard` does.
"""

from collections.abc import AsyncIterator, Sequence
from typing import Any, Final

import anyio

from orchestrator.adapters.chaostoolkit.child import Child
from orchestrator.adapters.chaostoolkit.environment import absolute_kubeconfig
from orchestrator.domain.cluster_identity import ClusterIdentity, identity_from
from orchestrator.domain.errors import AnotherCluster, EngineUnavailable, NotApproved, Unavailable
from orchestrator.domain.guarding import (
    Command,
    GuardAssignment,
    Trouble,
    assignment_to_line,
)
from orchestrator.ports import Assignment

_READY_WITHIN: Final = 20
_GONE: Final[dict[str, Any]] = {"ok": False, "detail": "the guard is gone"}


class GuardClient:
    """Talks to one guard."""

    def __init__(
        self, child: Child, assignment: Assignment, *, may_reach: Sequence[str] = ()
    ) -> None:
        self.child = child
        self._assignment = GuardAssignment(
            run=assignment.run.id,
            fence=assignment.run.fence,
            radius=assignment.radius,
            kubeconfig=absolute_kubeconfig(assignment.cluster.kubeconfig),
            context=assignment.cluster.context,
            recovering=assignment.recovering,
            rehearsing=assignment.rehearsing,
            may_reach=tuple(may_reach),
            approved_in=assignment.approved_in,
        )
        self._title = assignment.run.title
        self.cluster: ClusterIdentity | None = None
        """Which cluster a rehearsal is in."""
        self.contexts: dict[str, str] = {}
        """The operator's contexts that lead to the same cluster, each with its namespace."""
        self.elsewhere: tuple[str, ...] = ()
        """Those that lead to another one."""
        self._lines = child.lines()
        self._count = 0
        self._waiting: dict[int, anyio.Event] = {}
        self._answers: dict[int, dict[str, Any]] = {}
        self._is_gone = False
        self.is_silent = False
        """Whether it did not answer in time: it may be frozen, and wake up in the middle."""

    async def begin(self) -> str:
        """Hand over the assignment and wait until the guard listens; returns its address.

        Raises: Unavailable: kubeconfig or cluster; NotApproved; EngineUnavailable.
        """
        await self.child.say(assignment_to_line(self._assignment))
        with anyio.move_on_after(_READY_WITHIN):
            async for line in self._lines:
                if line.get("event") == "ready":
                    self.cluster = identity_from(line)
                    self.contexts = dict(line.get("contexts", {}))
                    self.elsewhere = tuple(line.get("elsewhere", ()))
                    return str(line["url"])
                if line.get("event") == "failed":
                    raise self._failure(line)
            raise EngineUnavailable(process="guard", problem=self.child.last_words())
        raise EngineUnavailable(process="guard", problem=f"not ready within {_READY_WITHIN} s")

    def _failure(self, line: dict[str, Any]) -> Exception:
        detail = str(line.get("detail", ""))
        if line.get("error") in {Trouble.KUBECONFIG, Trouble.CLUSTER}:
            # The guard has said it all already, the way out included.
            return Unavailable(detail)
        if line.get("error") == Trouble.ANOTHER_CLUSTER:
            return AnotherCluster(detail)
        if line.get("error") == Trouble.NOT_APPROVED:
            return NotApproved(run=self._title, problem=detail)
        return EngineUnavailable(process="guard", problem=detail)

    async def events(self) -> AsyncIterator[dict[str, Any]]:
        """What the guard says unasked; answers go to those who asked. Ends with the guard."""
        async for line in self._lines:
            number = line.get("id")
            if isinstance(number, int) and number in self._waiting:
                self._answers[number] = line
                self._waiting[number].set()
            else:
                yield line
        self._is_gone = True
        for number, waiting in self._waiting.items():
            self._answers.setdefault(number, _GONE)
            waiting.set()

    async def ask(self, command: Command, *, within: float, **facts: object) -> dict[str, Any]:
        """Ask the guard to do something. Raises: EngineUnavailable: it did not."""
        if self._is_gone:
            raise EngineUnavailable(process="guard", problem=self.child.last_words())
        self._count += 1
        number, answered = self._count, anyio.Event()
        self._waiting[number] = answered
        try:
            await self.child.say({"id": number, "do": command.value, **facts})
            with anyio.move_on_after(within):
                await answered.wait()
        finally:
            del self._waiting[number]
        answer = self._answers.pop(number, None)
        if answer is None:
            self.is_silent = True
            raise EngineUnavailable(
                process="guard", problem=f"no answer to {command} within {within:g} s"
            )
        if answer.get("ok") is not True:
            raise EngineUnavailable(
                process="guard", problem=f"{command}: {answer.get('detail', 'not done')}"
            )
        return answer
