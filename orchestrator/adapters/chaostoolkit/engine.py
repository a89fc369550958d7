"""Starts the processes of a run: its guard, its observer and its runner.

It does not decide when anything happens; the course of the run does.
"""

import shutil
import tempfile
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final

import anyio
import structlog
from anyio.abc import TaskGroup

from experiments.reach import contexts_of
from orchestrator.adapters.chaostoolkit.child import Child, python
from orchestrator.adapters.chaostoolkit.environment import (
    mark_of,
    runner_environment,
    write_kubeconfig,
    write_private,
)
from orchestrator.adapters.chaostoolkit.execution import ProcessExecution
from orchestrator.adapters.chaostoolkit.guarded import GuardClient
from orchestrator.adapters.chaostoolkit.strays import MARK, end_strays
from orchestrator.domain.errors import EngineUnavailable
from orchestrator.ports import Assignment, Clock

log = structlog.get_logger()

_RUNNER: Final = "orchestrator.adapters.chaostoolkit.runner"
_MODE_OF: Final = {"observer": "observe", "runner": "play", "restorer": "roll-back"}


class ChaosToolkitEngine:
    """Runs experiments with Chaos Toolkit, one group of processes for each."""

    def __init__(
        self,
        *,
        guard_command: Sequence[str],
        guard_environment: Mapping[str, str],
        clock: Clock,
        allowed_environment: Sequence[str] = (),
    ) -> None:
        self._guard_command = guard_command
        self._guard_environment = guard_environment
        self._clock = clock
        self._allowed = allowed_environment

    @asynccontextmanager
    async def open(self, assignment: Assignment) -> AsyncIterator[ProcessExecution]:
        """Start the processes; on leaving, end every one of them.

        Raises: KubeconfigUnreadable; ClusterUnavailable; EngineUnavailable.
        """
        if assignment.recovering:
            # A conductor that is frozen leaves its runner at work.
            _end_strays(MARK, mark_of(assignment.run.id))
        folder = Path(tempfile.mkdtemp(prefix="chaosday-run-"))
        problem: BaseException | None = None
        async with anyio.create_task_group() as tasks:
            environment = runner_environment(folder, run=assignment.run.id, allowed=self._allowed)
            crew = _Crew(folder, assignment, environment)
            try:
                guard = await self._start_guard(folder, assignment)
                execution = ProcessExecution(
                    guard=guard, crew=crew, assignment=assignment, clock=self._clock
                )
                try:
                    await self._make_ready(execution, guard, crew, assignment, tasks)
                    yield execution
                finally:
                    await execution.close()
            except (EngineUnavailable, OSError) as error:
                problem = error
            except Exception as error:  # noqa: BLE001 - passed on below, outside the task group
                problem = error
            finally:
                tasks.cancel_scope.cancel()
                _end_strays("TMPDIR", str(folder))
                shutil.rmtree(folder, ignore_errors=True)
        if problem is not None:
            raise problem

    async def _start_guard(self, folder: Path, assignment: Assignment) -> GuardClient:
        child = await Child.start(
            self._guard_command,
            name="guard",
            folder=folder,
            environment=self._guard_environment,
            may_be_quoted=True,
        )
        return GuardClient(child, assignment)

    @staticmethod
    async def _make_ready(
        execution: ProcessExecution,
        guard: GuardClient,
        crew: "_Crew",
        assignment: Assignment,
        tasks: TaskGroup,
    ) -> None:
        # All are started at once, since what takes their time is importing.
        if not assignment.recovering:
            await execution.start_crew(tasks)
        url = await guard.begin()
        crew.lead_to(url)
        execution.hide(url.rsplit("/", 1)[-1])
        await execution.listen_to_guard(tasks)
        if not assignment.recovering:
            await execution.begin_observing()


def _end_strays(name: str, value: str) -> None:
    if ended := end_strays(name, value):
        log.warning("processes ended that the run had left behind", count=ended)


class _Crew:
    """Starts the processes that have no credentials: observer, runner, restorer."""

    def __init__(
        self, folder: Path, assignment: Assignment, environment: Mapping[str, str]
    ) -> None:
        self._folder = folder
        self._assignment = assignment
        self._environment = environment

    def lead_to(self, url: str) -> None:
        """Write the kubeconfig that leads to the guard."""
        document = self._assignment.experiment.document
        write_kubeconfig(self._folder / "kubeconfig", url=url, contexts=contexts_of(document))

    async def start(self, name: str) -> Child:
        """Start one process. Raises: EngineUnavailable."""
        path = self._folder / f"{name}.json"
        write_private(path, self._assignment_for_runner())
        command = python("-m", _RUNNER, _MODE_OF[name], str(path))
        return await Child.start(
            command, name=name, folder=self._folder, environment=self._environment
        )

    def _assignment_for_runner(self) -> dict[str, Any]:
        return {
            "experiment": self._assignment.experiment.document,
            "configuration": dict(self._assignment.configuration),
            "interval": self._assignment.probe_interval.total_seconds(),
        }
