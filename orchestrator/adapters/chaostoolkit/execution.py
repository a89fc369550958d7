"""One run's processes at work: passes commands on and turns what they say into happenings.

It does not judge what happens.
"""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from datetime import datetime, timedelta
from typing import Any, Final, Protocol

import anyio
from anyio.abc import TaskGroup

from orchestrator.adapters.chaostoolkit.guarded import GuardClient
from orchestrator.adapters.chaostoolkit.rolling_back import Rollbacks
from orchestrator.domain.cluster_identity import ClusterIdentity
from orchestrator.domain.errors import EngineUnavailable
from orchestrator.domain.guarding import Command, restoration_from_line
from orchestrator.domain.hypothesis import Sample
from orchestrator.domain.preview import Activity, Effect, ForeseenWrite, Part
from orchestrator.domain.run import Injection
from orchestrator.domain.undo import Restoration
from orchestrator.ports import (
    ActionEnded,
    ActionStarted,
    Assignment,
    Clock,
    GuardEnded,
    Happening,
    Inspected,
    MethodPlayed,
    Proved,
    RunnerEnded,
    Sampled,
    WriteForeseen,
    WriteMade,
    WriteRefused,
)

_ANSWER: Final = 10.0
_BASELINE: Final = 30.0
_UNDO: Final = 120.0
_PARTING: Final = 3.0
_LAST_LINES: Final = 1.0


class Member(Protocol):
    """A process that has no credentials, or a person's hand in its place."""

    async def say(self, line: Mapping[str, Any]) -> None:
        """Send a line. Raises: EngineUnavailable."""
        ...

    def lines(self) -> AsyncIterator[dict[str, Any]]:
        """What it says, until it ends."""
        ...

    async def ended(self, *, within: float) -> bool:
        """Wait for it to end by itself."""
        ...

    async def kill(self) -> None:
        """End it at once. Safe to repeat."""
        ...

    async def close(self) -> None:
        """Give back what it held."""
        ...


class Crew(Protocol):
    """Starts the processes that have no credentials."""

    async def start(self, name: str) -> Member:
        """Start one of observer, runner, restorer."""
        ...


class ProcessExecution:
    """The processes of one run."""

    def __init__(
        self, *, guard: GuardClient, crew: Crew, assignment: Assignment, clock: Clock
    ) -> None:
        self._guard = guard
        self._crew = crew
        self._assignment = assignment
        self._clock = clock
        self._heard, self._happenings = anyio.create_memory_object_stream[Happening](4096)
        self._observer: Member | None = None
        self._runner: Member | None = None
        self._observer_has_ended = False
        self._restorer: Member | None = None
        self._tasks: TaskGroup | None = None
        self._token = ""
        self._is_heard = False
        self._is_parting = False
        self._is_restored = False
        self._runner_may_end = False
        self._runner_has_said_all = False
        self._rollbacks = Rollbacks()
        self._runner_is_heard = anyio.Event()
        self._method_is_over = anyio.Event()

    @property
    def cluster(self) -> ClusterIdentity | None:
        """Which cluster its guard found; it tells for a rehearsal alone."""
        return self._guard.cluster

    # What happens

    async def happenings(self) -> AsyncIterator[Happening]:
        """What happens, in the order in which it is heard; ends when the processes have ended."""
        self._is_heard = True
        with self._happenings:
            async for happening in self._happenings:
                yield happening

    async def start_crew(self, tasks: TaskGroup) -> None:
        """Start observer and runner; both wait to be told to begin.

        Without a hypothesis there is nothing to observe, and nobody who does.
        """
        if _has_probes(self._assignment.experiment.document) or any(
            each.measure is not None for each in self._assignment.abort_when
        ):
            self._observer = await self._crew.start("observer")
            tasks.start_soon(self._listen_to_runner, self._observer, False)
        self._runner = await self._crew.start("runner")
        tasks.start_soon(self._listen_to_runner, self._runner, True)

    async def start_restorer(self) -> None:
        """Start what is to play the rollbacks alone; it waits to be told to begin."""
        if self._has_rollbacks:
            # One that cannot be started says so when it is needed.
            with suppress(EngineUnavailable):
                self._restorer = await self._crew.start("restorer")

    @property
    def _has_rollbacks(self) -> bool:
        return bool(self._assignment.experiment.document.get("rollbacks"))

    async def listen_to_guard(self, tasks: TaskGroup) -> None:
        """Hear the guard from now on, and whoever is started later."""
        self._tasks = tasks
        tasks.start_soon(self._listen_to_guard)

    async def begin_observing(self) -> None:
        """Have the observer measure from now on."""
        if self._observer is not None:
            await self._observer.say(self._begin())

    def hide(self, token: str) -> None:
        """Have the runner keep the guard's token out of whatever it says."""
        self._token = token

    def _begin(self) -> dict[str, Any]:
        return {"do": "begin", "hidden": [self._token]}

    async def _listen_to_guard(self) -> None:
        async for line in self._guard.events():
            self._rollbacks.hear_of_guard(line)
            happening = _guard_happening(line)
            if happening is not None:
                await self._tell(happening)
        if not self._is_parting:
            problem = self._guard.child.last_words()
            await self._tell(GuardEnded(at=self._clock.now(), problem=problem))

    async def _listen_to_runner(self, child: Member, plays: bool) -> None:
        problem = ""
        if plays:
            self._rollbacks.start_over()
        async for line in child.lines():
            if plays:
                self._rollbacks.hear(line)
            if line.get("event") == "ended":
                # One that was interrupted on its way to its rollbacks has not played them.
                self._runner_has_said_all |= plays and self._rollbacks.were_played
                problem = str(line.get("problem", ""))
                continue
            if plays:
                await self._pass_on_rollbacks(child, line)
            happening = self._runner_happening(line)
            if happening is not None:
                await self._tell(happening)
        if plays:
            self._runner_is_heard.set()
        elif child is not self._observer:
            # Another measures in its place.
            return
        else:
            self._observer_has_ended = True
        if self._is_parting or (plays and self._runner_may_end):
            return
        if not problem:
            who = "runner" if plays else "observer"
            # Its log is not quoted: any code may have written a secret there.
            problem = f"the {who} ended before it was asked to"
        await self._tell(RunnerEnded(at=self._clock.now(), problem=problem))

    async def _pass_on_rollbacks(self, child: Member, line: Mapping[str, Any]) -> None:
        """Tell the guard that the method has ended, and then whoever waits for it to know."""
        if line.get("event") == "rolling_back":
            with suppress(EngineUnavailable):
                await self._guard.ask(Command.ROLL_BACK, within=_ANSWER)
            # The rollbacks may do more than run commands, so they begin although it did not answer.
            with suppress(EngineUnavailable):
                await child.say({"do": Command.ROLL_BACK.value})

    async def _tell(self, happening: Happening) -> None:
        # Whoever listened may have broken off; the guard's answers are still waited for.
        with suppress(anyio.BrokenResourceError, anyio.ClosedResourceError):
            await self._heard.send(happening)

    def _runner_happening(self, line: dict[str, Any]) -> Happening | None:
        try:
            return _runner_happening(line, self._assignment)
        except (KeyError, TypeError, ValueError, OverflowError):
            # Any code may run in a runner and write such a line; nothing rests on it.
            return None

    # What is asked for

    async def take_baseline(self) -> None:
        """Remember how the cluster is. Raises: EngineUnavailable."""
        await self._guard.ask(Command.BASELINE, within=_BASELINE)

    async def play(self) -> None:
        """Let the method loose. Raises: EngineUnavailable."""
        await self._guard.ask(Command.PLAY, within=_ANSWER)
        if self._runner is None:
            raise EngineUnavailable(process="runner", problem="it was not started")
        await self._runner.say(self._begin())

    async def restrain(self) -> None:
        """Let no further write of the method through. Raises: EngineUnavailable."""
        await self._guard.ask(Command.RESTRAIN, within=_ANSWER)

    async def finish(self, *, patience: timedelta) -> None:
        """Have the runner play its rollbacks and end; after patience it is killed."""
        await self._end_runner("finish", patience)

    async def stop(self, *, patience: timedelta) -> None:
        """Interrupt the method, have the rollbacks played; after patience the runner is killed."""
        await self._end_runner("stop", patience)

    async def _end_runner(self, how: str, patience: timedelta) -> None:
        self._runner_may_end = True
        if self._runner is None:
            return
        has_ended = False
        try:
            with suppress(EngineUnavailable):
                await self._runner.say({"do": how})
            has_ended = await self._runner.ended(within=patience.total_seconds())
        finally:
            await self._runner.kill()
        if has_ended and not await self._has_played_rollbacks():
            # It died on its way, and whoever wrote the rollbacks relies on them.
            with suppress(EngineUnavailable):
                await self.roll_back(patience=patience)

    async def _has_played_rollbacks(self) -> bool:
        """Whether the runner said that it was done, and that it had begun its rollbacks before."""
        with anyio.move_on_after(_LAST_LINES):
            await self._runner_is_heard.wait()
        return self._runner_has_said_all

    async def roll_back(self, *, patience: timedelta) -> None:
        """Play the experiment's rollbacks alone; after patience the runner is killed."""
        self._runner_may_end = True
        if not self._has_rollbacks:
            return
        restorer, self._restorer = self._restorer or await self._crew.start("restorer"), None
        problem: EngineUnavailable | None = None
        try:
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(self._listen_to_runner, restorer, True)
                try:
                    await restorer.say(self._begin())
                    await restorer.ended(within=patience.total_seconds())
                except EngineUnavailable as error:
                    problem = error
                finally:
                    await restorer.kill()
        finally:
            await restorer.close()
        if problem is not None:
            raise problem

    # What is asked for without effect

    async def inspect(self, *, patience: timedelta) -> None:
        """Have the experiment looked at, without playing anything. Raises: EngineUnavailable."""
        async with self._alone("inspector") as inspector:
            if not await inspector.ended(within=patience.total_seconds()):
                raise _too_slow("inspector", patience)

    async def rehearse(self, *, patience: timedelta) -> None:
        """Play method and rollbacks, of which nothing has an effect. Raises: EngineUnavailable."""
        self._method_is_over = anyio.Event()
        await self._guard.ask(Command.PLAY, within=_ANSWER)
        last = anyio.current_time() + patience.total_seconds()
        async with self._alone("rehearser") as rehearser:
            with anyio.move_on_after(patience.total_seconds()):
                await self._method_is_over.wait()
            await self.restrain()
            with suppress(EngineUnavailable):
                await rehearser.say({"do": "finish"})
            left = max(last - anyio.current_time(), 0)
            if not await rehearser.ended(within=left):
                raise _too_slow("rehearser", patience)
        # The answer comes after everything that the guard had to say of the rollbacks.
        await self.restrain()

    def hush(self) -> None:
        """Hear nothing more; what was heard before is still passed on."""
        self._heard.close()

    @asynccontextmanager
    async def _alone(self, name: str) -> AsyncIterator[Member]:
        """One process that has begun and is heard; ended on leaving."""
        child = await self._crew.start(name)
        problem: EngineUnavailable | None = None
        try:
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(self._listen_alone, child, name)
                try:
                    await child.say(self._begin())
                    yield child
                except EngineUnavailable as error:
                    problem = error
                finally:
                    await child.kill()
        finally:
            await child.close()
        if problem is not None:
            raise problem

    async def _listen_alone(self, child: Member, name: str) -> None:
        problem = "it ended before it was done"
        async for line in child.lines():
            if line.get("event") == "ended":
                problem = str(line.get("problem", ""))
            elif (happening := self._runner_happening(line)) is not None:
                await self._tell(happening)
            await self._pass_on_rollbacks(child, line)
            if line.get("event") == "played":
                self._method_is_over.set()
        self._method_is_over.set()
        if problem:
            told = f"the {name}: {problem}"
            await self._tell(RunnerEnded(at=self._clock.now(), problem=told))

    # What is asked for afterwards

    async def undo(self) -> Restoration:
        """Put back whatever the journal still holds. Raises: EngineUnavailable."""
        answer = await self._guard.ask(Command.UNDO, within=_UNDO)
        return restoration_from_line(answer["restoration"])

    async def verify(self, *, patience: timedelta) -> Restoration:
        """Compare with the baseline until nothing is pending or patience runs out.

        Raises: EngineUnavailable.
        """
        seconds = patience.total_seconds()
        answer = await self._guard.ask(
            Command.VERIFY,
            within=seconds + _ANSWER,
            patience_seconds=seconds,
            rollbacks=self._rollbacks.problem if self._has_rollbacks else "",
        )
        restoration = restoration_from_line(answer["restoration"])
        self._is_restored = restoration.is_proven
        return restoration

    async def measure(self, *, anew: bool = False) -> None:
        """Have the steady state measured at once, by another observer if there is none any more.

        Raises: EngineUnavailable: none can be started.
        """
        if anew or self._observer is None or self._observer_has_ended:
            await self._start_another_observer()
            return
        # That it ends meanwhile is told by what is heard.
        with suppress(EngineUnavailable):
            await self._observer.say({"do": "look"})

    async def _start_another_observer(self) -> None:
        former, self._observer = self._observer, None
        if former is not None:
            await former.kill()
            await former.close()
        self._observer_has_ended = False
        self._observer = await self._crew.start("observer")
        assert self._tasks is not None, "what is said is heard from the start"
        self._tasks.start_soon(self._listen_to_runner, self._observer, False)
        await self._observer.say(self._begin())

    async def let_go(self) -> None:
        """Hang up on the guard, which then puts everything back without being asked."""
        self._is_parting = True
        await self._guard.child.hang_up()

    async def close(self) -> None:
        """End every process. A guard that was not told to end restores first, by itself."""
        self._is_parting = True
        with anyio.move_on_after(15, shield=True):
            for child in (self._runner, self._observer, self._restorer):
                if child is not None:
                    await child.kill()
                    await child.close()
            if self._is_restored:
                with suppress(EngineUnavailable):
                    await self._guard.ask(Command.END, within=_PARTING)
            await self._guard.child.hang_up()
            # One that is still restoring is left to it, though it waits for a database that hangs;
            # one that is frozen may never write again.
            guard = self._guard.child
            if await guard.ended(within=_PARTING) or guard.is_frozen(self._guard.is_silent):
                await guard.kill()
            await self._guard.child.close()
        self._heard.close()
        if not self._is_heard:
            self._happenings.close()


def _too_slow(process: str, patience: timedelta) -> EngineUnavailable:
    problem = f"it was not done within {patience.total_seconds():g} s"
    return EngineUnavailable(process=process, problem=problem)


def _has_probes(experiment: Mapping[str, Any]) -> bool:
    return bool((experiment.get("steady-state-hypothesis") or {}).get("probes"))


def _guard_happening(line: dict[str, Any]) -> Happening | None:
    match line.get("event"):
        case "write":
            return WriteMade(
                at=datetime.fromisoformat(line["at"]),
                verb=line["verb"],
                target=line["target"],
                lost=tuple(line["lost"]),
            )
        case "foreseen":
            return WriteForeseen(write=_foreseen(line))
        case "refused":
            return WriteRefused(
                at=datetime.fromisoformat(line["at"]),
                target=line["target"],
                rule=line["rule"],
                reason=line["reason"],
            )
        case _:
            return None


def _foreseen(line: dict[str, Any]) -> ForeseenWrite:
    return ForeseenWrite(
        verb=line["verb"],
        target=line["target"],
        touched=tuple(line["touched"]),
        behind={workload: tuple(lost) for workload, lost in line["behind"].items()},
        sizes=line["sizes"],
        staying=tuple(line["staying"]),
    )


def _inspected(line: dict[str, Any]) -> Activity:
    chooses = line["chooses"]
    return Activity(
        part=Part(line["part"]),
        name=str(line["name"]),
        does=str(line["does"]),
        effect=Effect(line["effect"]),
        why=str(line["why"]),
        candidates=tuple(str(key) for key in line["candidates"]),
        chooses=None if chooses is None else int(chooses),
    )


def _runner_happening(line: dict[str, Any], assignment: Assignment) -> Happening | None:
    at = datetime.fromisoformat(str(line["at"]))
    match line["event"]:
        case "sample":
            return Sampled(
                sample=Sample(
                    run=assignment.run.id,
                    probe=str(line["probe"]),
                    at=at,
                    within=line["within"] is True,
                    value=str(line["value"]),
                    took=timedelta(seconds=float(line["took"])),
                    problem=str(line["problem"]),
                )
            )
        case "action_started":
            return ActionStarted(name=str(line["name"]), at=at)
        case "action_ended":
            return ActionEnded(
                name=str(line["name"]),
                at=at,
                succeeded=line["succeeded"] is True,
                part=str(line["part"]),
                problem=str(line["problem"]),
            )
        case "played":
            return MethodPlayed(at=at, hold=timedelta(seconds=float(line["hold"])))
        case "inspected":
            return Inspected(activity=_inspected(line))
        case "proved":
            return Proved(
                at=at, injection=Injection(line["injection"]), evidence=str(line["evidence"])
            )
        case _:
            return None
