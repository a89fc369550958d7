"""The `Engine` port on a stage: a guard, a runner and an observer that follow a script.

It refuses impossible worlds: nothing is played twice, undone before it is restrained, or verified
before it is undone. And it lives as the real one does: whoever asks the guard waits for a task of
the execution to bring the answer, so an execution whose tasks are cancelled answers nobody.
"""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

import anyio
import anyio.lowlevel
from anyio.abc import TaskGroup

from orchestrator.domain.cluster_identity import ClusterIdentity
from orchestrator.domain.errors import ChaosDayError, ClusterUnavailable, EngineUnavailable
from orchestrator.domain.run import Injection
from orchestrator.domain.undo import Restoration
from orchestrator.ports import (
    ActionEnded,
    ActionStarted,
    Assignment,
    GuardEnded,
    Happening,
    MethodPlayed,
    Proved,
    Rehearsed,
    RunnerEnded,
    Sampled,
    WriteMade,
    WriteRefused,
)
from tests.builders import a_sample
from tests.doubles.clock import TestClock
from tests.doubles.storage import ImpossibleWorld

ANSWER = 0.5
"""Seconds after which whoever asks a guard that is silent gives up."""
FOREVER = timedelta(days=1)


@dataclass(slots=True, kw_only=True)
class Script:
    """How the executions of a stage go; everything goes well unless it says otherwise."""

    hold: timedelta = timedelta()
    """How long the fault stays, as the experiment says."""
    method_ends: bool = True
    within: bool = True
    """Whether the steady state holds before the fault."""
    within_during: bool = True
    within_after: bool = True
    """Whether it holds again once the fault was in and is put back."""
    measure: bool = True
    """Whether what the abort conditions measure for themselves is in order before the fault."""
    measure_during: bool = True
    is_measured: bool = True
    """Whether the observer says anything."""
    proof: Injection | None = None
    action_succeeds: bool = True
    is_refused: bool = False
    """Whether the guard refuses the write."""
    writes: bool = True
    """Whether the method writes anything."""
    breaks_at: dict[str, int] = field(default_factory=dict)
    """How many times a call fails, counted over all executions; -1 for always."""
    rehearsed: Rehearsed = field(default_factory=Rehearsed)
    """What a rehearsal of the next run shows."""
    opens: list[ChaosDayError] = field(default_factory=list)
    """What opening the next executions raises."""
    unobserved: str = ""
    """Why no observer can be started once a run was taken over."""
    observer_breaks: str = ""
    """Why every observer that is started once a run was taken over ends at once."""
    unreachable: frozenset[str] = frozenset()
    """The runs whose cluster does not answer."""
    undo: Restoration = field(default_factory=Restoration)
    verified: Restoration = field(default_factory=Restoration)


class Stage:
    """Plays executions by a script, and tells their story."""

    def __init__(self, clock: TestClock, script: Script | None = None) -> None:
        self.clock = clock
        self.script = script or Script()
        self.story: list[str] = []
        self.assignments: list[Assignment] = []
        self.fault_is_in = False
        self.was_hit = False
        """Whether the fault was ever in."""
        self.told: dict[str, anyio.Event] = {}
        self.acts: list[Act] = []

    async def until(self, part: str) -> None:
        """Wait until the story has come to a part."""
        with anyio.fail_after(5):
            while part not in self.story:
                await self.told.setdefault(part, anyio.Event()).wait()

    def tell(self, part: str) -> None:
        self.story.append(part)
        self.told.setdefault(part, anyio.Event()).set()

    @asynccontextmanager
    async def open(self, assignment: Assignment) -> AsyncIterator["Act"]:
        """Start an execution; on leaving, end it. A guard that is left restores by itself."""
        await anyio.lowlevel.checkpoint()
        if self.script.opens:
            raise self.script.opens.pop(0)
        if assignment.run.id in self.script.unreachable:
            raise ClusterUnavailable(cluster="double", problem="no answer")
        self.assignments.append(assignment)
        self.tell("recover" if assignment.recovering else "open")
        act = Act(self, assignment)
        self.acts.append(act)
        problem: Exception | None = None
        async with anyio.create_task_group() as tasks:
            try:
                act.begin(tasks)
                yield act
            except Exception as error:  # noqa: BLE001 - passed on below, outside the task group
                problem = error
            finally:
                with anyio.CancelScope(shield=True):
                    await act.close()
                tasks.cancel_scope.cancel()
        if problem is not None:
            raise problem

    async def rehearse(
        self,
        assignment: Assignment,
        *,
        with_dry_run: bool,
        with_opaque: bool,
        patience: timedelta,  # noqa: ARG002
    ) -> Rehearsed:
        """Say what the script says that the next run would do."""
        await anyio.lowlevel.checkpoint()
        if not assignment.rehearsing:
            raise ImpossibleWorld("a rehearsal that could write")
        self.tell("rehearse, opaque too" if with_opaque else "rehearse")
        if self.script.opens:
            raise self.script.opens.pop(0)
        return self.script.rehearsed if with_dry_run else replace(self.script.rehearsed, writes=())

    async def locate(self, assignment: Assignment) -> ClusterIdentity | None:
        """Say where the script says that the next run would be."""
        await anyio.lowlevel.checkpoint()
        if not assignment.rehearsing:
            raise ImpossibleWorld("a rehearsal that could write")
        return self.script.rehearsed.cluster

    @property
    def act(self) -> "Act":
        """The execution that was opened last."""
        return self.acts[-1]


@dataclass(slots=True)
class _Question:
    name: str
    answered: anyio.Event = field(default_factory=anyio.Event)
    problem: str = ""


class Act:
    """One execution on the stage."""

    def __init__(self, stage: Stage, assignment: Assignment) -> None:
        self._stage = stage
        self._script = stage.script
        self._assignment = assignment
        self._asked, self._questions = anyio.create_memory_object_stream[_Question](100)
        self._say, self._heard = anyio.create_memory_object_stream[Happening](1000)
        self._did: set[str] = set()
        self._may_write = False
        self._guard_lives = True
        self._runner_lives = not assignment.recovering
        self._observes = not assignment.recovering
        self._is_frozen = False
        self._tasks: TaskGroup | None = None

    # What lives

    def begin(self, tasks: TaskGroup) -> None:
        self._tasks = tasks
        tasks.start_soon(self._guard)
        if self._observes:
            tasks.start_soon(self._observer)

    async def _guard(self) -> None:
        with self._questions:
            await self._answer()

    async def _answer(self) -> None:
        async for question in self._questions:
            await anyio.lowlevel.checkpoint()
            question.problem = self._failure_of(question.name)
            question.answered.set()

    def _failure_of(self, call: str) -> str:
        left = self._script.breaks_at.get(call, 0)
        if left > 0:
            self._script.breaks_at[call] = left - 1
        return f"{call} broke" if left else ""

    async def _observer(self) -> None:
        while self._script.is_measured and self._observes:
            if self._is_frozen:
                return
            self.sample(within=self._holds())
            during = self._script.measure_during if self._stage.fault_is_in else None
            for condition in self._assignment.abort_when:
                if condition.measure is not None:
                    is_met = self._script.measure if during is None else during
                    self.sample(within=is_met, probe=condition.watches)
            await anyio.sleep(0.005)

    def _holds(self) -> bool:
        if self._stage.fault_is_in:
            return self._script.within_during
        is_after = self._stage.was_hit or self._assignment.recovering
        return self._script.within_after if is_after else self._script.within

    def sample(self, *, within: bool, at: datetime | None = None, probe: str = "") -> None:
        sample = a_sample(run=self._assignment.run.id, at=at or self._now(), within=within)
        value = "1.0" if within else "0.5"
        self.happen(Sampled(sample=replace(sample, probe=probe or sample.probe, value=value)))

    def happen(self, happening: Happening) -> None:
        """Let something happen now."""
        with suppress(anyio.BrokenResourceError, anyio.ClosedResourceError):
            self._say.send_nowait(happening)

    def _now(self) -> datetime:
        return self._stage.clock.now()

    async def _method(self) -> None:
        now, script = self._now(), self._script
        self.happen(ActionStarted(name="break it", at=now))
        await anyio.lowlevel.checkpoint()
        if script.is_refused:
            self.happen(WriteRefused(at=now, target="pods/x/y", rule="namespaces", reason="no"))
        elif script.writes and self._write():
            self.happen(WriteMade(at=now, verb="change", target="deployments/shop/payment"))
        problem = "" if script.action_succeeds else "it did not work"
        self.happen(
            ActionEnded(
                name="break it",
                at=now,
                succeeded=script.action_succeeds,
                part="method",
                problem=problem,
            )
        )
        if not script.method_ends:
            await anyio.sleep_forever()
        self.happen(MethodPlayed(at=self._now(), hold=script.hold))
        if script.proof is not None:
            self.happen(Proved(at=self._now(), injection=script.proof, evidence="seen"))

    def _write(self) -> bool:
        if not self._may_write:
            return False
        self._stage.fault_is_in = self._stage.was_hit = True
        self._stage.tell("hit")
        return True

    # What goes wrong

    def lose_guard(self) -> None:
        """The guard is killed: it answers nobody, lets nothing through and restores nothing."""
        self._guard_lives = self._may_write = False
        self.happen(GuardEnded(at=self._now(), problem="killed"))

    def lose_observer(self, problem: str = "the observer ended: killed") -> None:
        self._observes = False
        self.happen(RunnerEnded(at=self._now(), problem=problem))

    def freeze_observer(self) -> None:
        """The observer is stopped by a signal: it lives, and says nothing any more."""
        self._is_frozen = True

    def lose_runner(self, problem: str = "") -> None:
        self._runner_lives = False
        self.happen(RunnerEnded(at=self._now(), problem=problem))

    # The port

    async def happenings(self) -> AsyncIterator[Happening]:
        with self._heard:
            async for happening in self._heard:
                yield happening

    async def _ask(self, call: str, *, after: Sequence[str] = ()) -> None:
        for needed in after:
            if needed not in self._did:
                raise ImpossibleWorld(f"{call} before {needed}")
        self._stage.tell(call)
        if not self._guard_lives:
            await anyio.lowlevel.checkpoint()
            raise EngineUnavailable(process="guard", problem="it is gone")
        question = _Question(call)
        await self._asked.send(question)
        with anyio.move_on_after(ANSWER):
            await question.answered.wait()
        if not question.answered.is_set():
            raise EngineUnavailable(process="guard", problem=f"no answer to {call}")
        if question.problem:
            raise EngineUnavailable(process="guard", problem=question.problem)
        self._did.add(call)

    async def take_baseline(self) -> None:
        await self._ask("baseline")

    async def play(self) -> None:
        if self._assignment.recovering:
            raise ImpossibleWorld("a run that was taken over is played")
        if self._assignment.hand and self._assignment.experiment.document.get("method"):
            raise ImpossibleWorld("a method is played beside a hand")
        if "play" in self._did:
            raise ImpossibleWorld("the method is played twice")
        await self._ask("play", after=["baseline"])
        self._may_write = True
        assert self._tasks is not None
        self._tasks.start_soon(self._method)

    async def restrain(self) -> None:
        await self._ask("restrain")
        self._may_write = False

    async def finish(self, *, patience: timedelta) -> None:
        await self._end_runner("finish", patience)

    async def stop(self, *, patience: timedelta) -> None:
        await self._end_runner("stop", patience)

    async def _end_runner(self, how: str, patience: timedelta) -> None:
        if "restrain" not in self._did:
            raise ImpossibleWorld(f"{how} while the method may still write")
        if patience <= timedelta():
            raise ImpossibleWorld(f"{how} without patience")
        self._stage.tell(how)
        await anyio.lowlevel.checkpoint()
        self._runner_lives = False

    async def roll_back(self, *, patience: timedelta) -> None:
        if not self._assignment.recovering or patience <= timedelta():
            raise ImpossibleWorld("rollbacks are played beside a runner")
        await self._ask("roll back", after=["restrain"])

    async def undo(self) -> Restoration:
        if not self._assignment.recovering and "restrain" not in self._did:
            raise ImpossibleWorld("undone while the method may still write")
        await self._ask("undo")
        self._stage.fault_is_in = False
        return self._script.undo

    async def verify(self, *, patience: timedelta) -> Restoration:
        if patience <= timedelta():
            raise ImpossibleWorld("verified without patience")
        await self._ask("verify", after=["undo"])
        if self._stage.fault_is_in:
            return replace(self._script.verified, pending=("the fault is in",))
        return self._script.verified

    async def measure(self, *, anew: bool = False) -> None:
        if "verify" not in self._did:
            raise ImpossibleWorld("measured before it is verified")
        self._stage.tell("measure")
        await anyio.lowlevel.checkpoint()
        if self._observes and not anew:
            return
        self._is_frozen = False
        if self._script.unobserved:
            raise EngineUnavailable(process="observer", problem=self._script.unobserved)
        if self._script.observer_breaks:
            self.lose_observer(self._script.observer_breaks)
            return
        self._observes = True
        assert self._tasks is not None
        self._tasks.start_soon(self._observer)

    async def let_go(self) -> None:
        """The guard hears that nobody is left, and undoes by itself."""
        await anyio.lowlevel.checkpoint()
        if self._guard_lives:
            self._stage.fault_is_in = self._may_write = False

    async def close(self) -> None:
        """End everything. A guard that was not told to end undoes by itself."""
        await anyio.lowlevel.checkpoint()
        if self._guard_lives:
            self._stage.fault_is_in = False
        self._may_write = False
        self._stage.tell("close")
        self._asked.close()
        self._say.close()
