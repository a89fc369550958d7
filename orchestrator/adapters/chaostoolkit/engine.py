"""Starts the processes of a run: its guard, its observer and its runner.

It does not decide when anything happens; the course of the run does.
"""

from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

import anyio
import structlog
from anyio.abc import TaskGroup

from experiments.destinations import destinations_of
from orchestrator.adapters.chaostoolkit.by_hand import CrewByHand
from orchestrator.adapters.chaostoolkit.containment.keeping import Keeping
from orchestrator.adapters.chaostoolkit.containment.standing import standings
from orchestrator.adapters.chaostoolkit.containment.survey import Offer, surveyed
from orchestrator.adapters.chaostoolkit.crew import Crew
from orchestrator.adapters.chaostoolkit.environment import mark_of, passed_on
from orchestrator.adapters.chaostoolkit.execution import ProcessExecution
from orchestrator.adapters.chaostoolkit.guarded import GuardClient
from orchestrator.adapters.chaostoolkit.place import Place
from orchestrator.adapters.chaostoolkit.strays import MARK, end_strays
from orchestrator.domain.containment import State
from orchestrator.domain.destinations import destination_of_url
from orchestrator.domain.errors import ContainmentMissing
from orchestrator.ports import Assignment, Clock

log = structlog.get_logger()


class ChaosToolkitEngine:
    """Runs experiments with Chaos Toolkit, one group of processes for each."""

    def __init__(
        self,
        *,
        guard_command: Sequence[str],
        guard_environment: Mapping[str, str],
        clock: Clock,
        allowed_environment: Sequence[str] = (),
        survey: Callable[[], Offer] = surveyed,
        readable: Sequence[str] = (),
        ahead: Place | None = None,
    ) -> None:
        self._guard_command = guard_command
        self._guard_environment = guard_environment
        self._clock = clock
        self._allowed = allowed_environment
        self._survey = survey
        self._readable = readable
        self._ahead = ahead
        self._has_warned = False

    @asynccontextmanager
    async def open(self, assignment: Assignment) -> AsyncIterator[ProcessExecution]:
        """Start the processes; on leaving, end every one of them.

        Raises: KubeconfigUnreadable; ClusterUnavailable; EngineUnavailable; ContainmentMissing:
        before any process is started, but a guard that was started ahead and guards nothing.
        """
        offer = await anyio.to_thread.run_sync(self._survey)
        hindrance = _hindrance(assignment, offer)
        self._warn(offer)
        if assignment.recovering:
            # A conductor that is frozen leaves its runner at work.
            _tell_of_strays(end_strays(MARK, mark_of(assignment.run.id)))
        problem: BaseException | None = None
        with self._taken() as place:
            async with anyio.create_task_group() as tasks:
                try:
                    keeping = Keeping(
                        folder=place.folder,
                        offer=offer,
                        door=place.door,
                        readable=self._readable,
                    )
                    crew = self._crew(place.folder, assignment, keeping, hindrance)
                    guard = await self._start_guard(place, assignment)
                    execution = ProcessExecution(
                        guard=guard, crew=crew, assignment=assignment, clock=self._clock
                    )
                    try:
                        await self._make_ready(execution, guard, crew, assignment, tasks)
                        yield execution
                    finally:
                        await execution.close()
                except Exception as error:  # noqa: BLE001 - passed on below, outside the groups
                    problem = error
                finally:
                    tasks.cancel_scope.cancel()
        if problem is not None:
            raise problem

    def _warn(self, offer: Offer) -> None:
        """Say once what keeps runners in less than it could, where that was not asked for."""
        lacking = [each for each in standings(offer) if each.state is not State.ON]
        if lacking and offer.is_wanted and not self._has_warned:
            self._has_warned = True
            measures = ", ".join(f"{each.measure} {each.state}" for each in lacking)
            log.warning("runners are not wholly kept in; chaosday check says why", lacking=measures)

    def _crew(
        self, folder: Path, assignment: Assignment, keeping: Keeping, hindrance: str
    ) -> Crew | CrewByHand:
        crew = Crew(
            folder=folder,
            assignment=assignment,
            keeping=keeping,
            allowed=passed_on(self._allowed),
            hindrance=hindrance,
        )
        if assignment.hand is None:
            return crew
        return CrewByHand(
            crew,
            assignment.hand,
            folder=folder / "hand",
            namespaces=assignment.radius.namespaces,
            clock=self._clock,
        )

    @contextmanager
    def _taken(self) -> Iterator[Place]:
        """A place for a run; on leaving, whatever is left of its processes is ended."""
        place, self._ahead = self._ahead or Place(), None
        place.is_taken = True
        try:
            yield place
        finally:
            _tell_of_strays(place.leave())

    async def _start_guard(self, place: Place, assignment: Assignment) -> GuardClient:
        child = await place.guard(self._guard_command, self._guard_environment)
        return GuardClient(child, assignment, may_reach=self._may_reach(assignment))

    def _may_reach(self, assignment: Assignment) -> Sequence[str]:
        """What the plan names or, where it names nothing, what the experiment itself does."""
        measured = [str(getattr(each.measure, "url", "")) for each in assignment.abort_when]
        always = {each for url in measured if (each := destination_of_url(url))}
        if assignment.may_reach is not None:
            return [*assignment.may_reach, *map(str, sorted(always))]
        found = destinations_of(
            assignment.experiment.document,
            assignment.configuration,
            environment=passed_on(self._allowed),
        )
        return [str(each) for each in sorted(found | always)]

    @staticmethod
    async def _make_ready(
        execution: ProcessExecution,
        guard: GuardClient,
        crew: Crew | CrewByHand,
        assignment: Assignment,
        tasks: TaskGroup,
    ) -> None:
        # All are started at once, since what takes their time is importing.
        if not (assignment.recovering or assignment.rehearsing):
            await execution.start_crew(tasks)
        if assignment.recovering:
            await execution.start_restorer()
        url = await guard.begin()
        crew.lead_to(url, guard.contexts)
        _tell_of_contexts(guard.elsewhere, is_by_hand=assignment.hand is not None)
        execution.hide(url.rsplit("/", 1)[-1])
        await execution.listen_to_guard(tasks)
        if not assignment.recovering:
            await execution.begin_observing()


def _tell_of_strays(ended: int) -> None:
    if ended:
        log.warning("processes ended that the run had left behind", count=ended)


def _tell_of_contexts(elsewhere: Sequence[str], *, is_by_hand: bool) -> None:
    """Say why a context is not found that its owner knows: whoever types one is told at once."""
    if elsewhere:
        tell = log.warning if is_by_hand else log.info
        tell(
            "contexts that lead to another cluster than the run's are not there for it",
            contexts=", ".join(elsewhere),
        )


def _hindrance(assignment: Assignment, offer: Offer) -> str:
    """Why no code of the experiment may run here, although what it did must be put back.

    Raises: ContainmentMissing: nothing was done yet.
    """
    try:
        assignment.containment.check(standings(offer))
    except ContainmentMissing as error:
        if not assignment.recovering:
            raise
        return str(error)
    return ""
