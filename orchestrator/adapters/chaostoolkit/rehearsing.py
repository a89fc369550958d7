"""Rehearses a run: its experiment is inspected, then played without effect on the cluster.

It does not judge what it hears.
"""

from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Final

import anyio

from orchestrator.adapters.chaostoolkit.engine import ChaosToolkitEngine
from orchestrator.adapters.chaostoolkit.execution import ProcessExecution
from orchestrator.domain.cluster_identity import ClusterIdentity
from orchestrator.domain.errors import EngineUnavailable
from orchestrator.domain.guarding import DRY_RUN
from orchestrator.domain.preview import Activity, Effect, ForeseenRefusal, ForeseenWrite, Part
from orchestrator.ports import (
    ActionEnded,
    Assignment,
    GuardEnded,
    Happening,
    Inspected,
    Rehearsed,
    RunnerEnded,
    WriteForeseen,
    WriteRefused,
)

_PLAYED: Final = frozenset({Part.CONFIGURATION, Part.METHOD, Part.ROLLBACKS, Part.CONTROLS})
"""What a dry run plays; the hypothesis and the proof are left out."""


@dataclass(slots=True)
class _Heard:
    """What a rehearsal said so far."""

    activities: list[Activity] = field(default_factory=list)
    writes: list[ForeseenWrite] = field(default_factory=list)
    refusals: list[ForeseenRefusal] = field(default_factory=list)
    problem: str = ""

    def hear(self, happening: Happening) -> None:
        match happening:
            case Inspected(activity=activity):
                self.activities.append(activity)
            case WriteForeseen(write=write):
                self.writes.append(write)
            case WriteRefused(rule=rule, target=target, reason=reason) if rule == DRY_RUN:
                self.mind(f"{target}: {reason}")
            case WriteRefused(rule=rule, target=target, reason=reason):
                self.refusals.append(ForeseenRefusal(target=target, rule=rule, reason=reason))
            case ActionEnded(succeeded=False, name=name, problem=problem):
                self.mind(f"{name} did not succeed: {problem}")
            case RunnerEnded(problem=problem) | GuardEnded(problem=problem):
                self.mind(problem)
            case _:
                pass

    def mind(self, problem: str) -> None:
        """Remember why the dry run is not whole; the first reason stays."""
        self.problem = self.problem or problem


class ChaosToolkitRehearser:
    """Finds out what a run would do, in processes like those of a run."""

    def __init__(self, engine: ChaosToolkitEngine) -> None:
        self._engine = engine

    async def rehearse(
        self, assignment: Assignment, *, with_dry_run: bool, with_opaque: bool, patience: timedelta
    ) -> Rehearsed:
        """Inspect the experiment and, if asked to, play it without effect on the cluster.

        Raises: KubeconfigUnreadable; ClusterUnavailable; EngineUnavailable; ContainmentMissing.
        """
        heard = _Heard()
        made_dry = False
        async with (
            self._engine.open(replace(assignment, rehearsing=True)) as execution,
            anyio.create_task_group() as tasks,
        ):
            tasks.start_soon(_hear, execution, heard)
            try:
                await execution.inspect(patience=patience)
                if with_dry_run and _may_be_played(heard, with_opaque=with_opaque):
                    made_dry = True
                    await execution.rehearse(patience=patience)
            except EngineUnavailable as error:
                heard.mind(str(error))
            finally:
                execution.hush()
        return Rehearsed(
            activities=tuple(heard.activities),
            writes=tuple(heard.writes),
            refusals=tuple(heard.refusals),
            made_dry=made_dry,
            problem=heard.problem,
            cluster=execution.cluster,
        )

    async def locate(self, assignment: Assignment) -> ClusterIdentity | None:
        """Which cluster it would be in; no code of the experiment runs.

        Raises: KubeconfigUnreadable; ClusterUnavailable; EngineUnavailable; ContainmentMissing.
        """
        async with self._engine.open(replace(assignment, rehearsing=True)) as execution:
            execution.hush()
        return execution.cluster


async def _hear(execution: ProcessExecution, heard: _Heard) -> None:
    async for happening in execution.happenings():
        heard.hear(happening)


def _may_be_played(heard: _Heard, *, with_opaque: bool) -> bool:
    """Whether playing the experiment does nothing outside the cluster that nobody agreed to."""
    opaque = [
        each.name
        for each in heard.activities
        if each.effect is Effect.OPAQUE and each.part in _PLAYED
    ]
    if with_opaque or not opaque:
        return True
    heard.mind(f"there was no dry run, since nobody knows what {', '.join(opaque)} would do")
    return False
