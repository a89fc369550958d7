"""All services on in-memory ports, and the stories that they tell."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any

import anyio
from anyio.abc import TaskGroup

from experiments.catalogue import FolderCatalogue
from orchestrator.adapters.planfile import PlanFile
from orchestrator.domain.identity import RunId, WorkerId
from orchestrator.domain.run import Phase, Run
from orchestrator.domain.timeline import Kind, TimelineEntry
from orchestrator.ports import Hand
from orchestrator.services.apart import Apart
from orchestrator.services.by_hand import ByHand
from orchestrator.services.clearing import Clearing
from orchestrator.services.conducting import Conducting
from orchestrator.services.course import Pace
from orchestrator.services.halting import Halting
from orchestrator.services.opening import Opening
from orchestrator.services.pacing import Pacing
from orchestrator.services.planning import Planning
from orchestrator.services.previewing import Previewing
from orchestrator.services.recording import Recording, Said
from orchestrator.services.responding import Responding
from orchestrator.services.revealing import Revealing
from tests.builders import DAY, RUN, a_day, a_facilitator, a_plan, a_run, at
from tests.doubles.clock import TestClock
from tests.doubles.kubeconfigs import MemoryKubeconfigs
from tests.doubles.stage import Script, Stage
from tests.doubles.storage import MemoryStorage
from tests.doubles.worlds import LONG, ME, stored

PATIENCE = 8.0
KIM = Said(by=a_facilitator(), source="cli")


def a_pace(**changes: Any) -> Pace:
    """A pace at which a whole run takes a few milliseconds."""
    quick: dict[str, Any] = {
        "before": timedelta(milliseconds=10),
        "first_sample": timedelta(milliseconds=400),
        "after": timedelta(milliseconds=300),
        "restoring": timedelta(seconds=4),
        "lease": timedelta(seconds=2),
    }
    return Pace(**(quick | changes))


@dataclass(slots=True, kw_only=True)
class House:
    """One conductor with everything around it."""

    clock: TestClock = field(default_factory=TestClock)
    pace: Pace = field(default_factory=a_pace)
    storage: MemoryStorage = field(default_factory=MemoryStorage)
    kubeconfigs: MemoryKubeconfigs = field(default_factory=MemoryKubeconfigs)
    hand: Hand | None = None
    """Who works by hand in this process."""
    stage: Stage = field(init=False)
    recording: Recording = field(init=False)
    previewing: Previewing = field(init=False)
    conducting: Conducting = field(init=False)
    pacing: Pacing = field(init=False)
    opening: Opening = field(init=False)
    halting: Halting = field(init=False)
    apart: Apart = field(init=False)
    by_hand: ByHand = field(init=False)
    responding: Responding = field(init=False)
    revealing: Revealing = field(init=False)

    def __post_init__(self) -> None:
        self.stage = Stage(self.clock)
        # Storage and stage tell one story, in the order in which it happens.
        self.storage.story = self.stage
        self.recording = Recording(clock=self.clock)
        self.previewing = Previewing(
            storage=self.storage,
            rehearser=self.stage,
            kubeconfigs=self.kubeconfigs,
            recording=self.recording,
            clock=self.clock,
        )
        self.at_pace()
        parts: dict[str, Any] = {
            "storage": self.storage,
            "clock": self.clock,
            "recording": self.recording,
        }
        self.opening, self.halting = Opening(**parts), Halting(**parts)
        self.apart = self.apart_for(lease=self.pace.lease)
        self.by_hand = self.hands_service()
        self.responding = Responding(**parts)
        self.revealing = Revealing(storage=self.storage)

    def conductor(self, worker: WorkerId) -> Conducting:
        return Conducting(
            storage=self.storage,
            engine=self.stage,
            clock=self.clock,
            recording=self.recording,
            clearing=Clearing(
                storage=self.storage, previewing=self.previewing, recording=self.recording
            ),
            worker=worker,
            pace=self.pace,
            hand=self.hand,
        )

    def apart_for(self, *, lease: timedelta) -> Apart:
        """Days apart, whose commands hold their runs for so long."""
        return Apart(
            storage=self.storage,
            planning=Planning(
                storage=self.storage,
                clock=self.clock,
                recording=self.recording,
                plans=PlanFile(),
                catalogue=FolderCatalogue(),
            ),
            opening=self.opening,
            halting=self.halting,
            kubeconfigs=self.kubeconfigs,
            clock=self.clock,
            worker=ME,
            lease=lease,
        )

    def hands_service(self) -> ByHand:
        """By hand, at the pace of now."""
        return ByHand(
            storage=self.storage,
            opening=self.opening,
            conducting=self.conducting,
            clock=self.clock,
            worker=ME,
            lease=self.pace.lease,
        )

    def at_pace(self, **changes: timedelta) -> None:
        """Conduct at another pace from now on."""
        self.pace = replace(self.pace, **changes)
        self.conducting = self.conductor(ME)
        self.pacing = Pacing(
            storage=self.storage,
            clock=self.clock,
            conducting=self.conducting,
            worker=ME,
            lease=self.pace.lease,
        )

    @property
    def story(self) -> list[str]:
        return self.stage.story

    def script(self, **changes: Any) -> None:
        """Say how executions go from now on."""
        self.stage.script = Script(**changes)

    async def with_run(self, phase: Phase = Phase.ARMED, **changes: Any) -> None:
        """Have an open day with one run."""
        plan = a_plan(**changes.pop("plan", {}))
        day = a_day(plan=plan, **changes.pop("day", {}))
        await stored(self.storage, a_run(phase=phase, **changes), day=day)
        if phase in {Phase.INJECTING, Phase.HOLDING, Phase.ROLLING_BACK, Phase.VERIFYING}:
            self.stage.fault_is_in = True

    async def claimed(self, *, by: WorkerId = ME, lease: timedelta = LONG) -> Run:
        run = await self.storage.claim(worker=by, now=at(10_000), lease=lease)
        assert run is not None
        return run

    async def conduct(self) -> Run:
        """Conduct the run to its end, and see that storage agrees."""
        run = await self.claimed(lease=self.pace.lease)
        with anyio.fail_after(PATIENCE):
            seen = await self.conducting.conduct(run)
        assert seen == await self.storage.run(run.id)
        return seen

    @asynccontextmanager
    async def conducted(self) -> AsyncIterator[TaskGroup]:
        """Conduct the run beside the scope, to its end."""
        run = await self.claimed(lease=self.pace.lease)
        with anyio.fail_after(PATIENCE):
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(self.conducting.conduct, run)
                yield tasks

    async def run(self, run: RunId = RUN) -> Run:
        return await self.storage.run(run)

    async def entries(self, *kinds: Kind) -> list[TimelineEntry]:
        entries = await self.storage.timeline(DAY)
        return [entry for entry in entries if not kinds or entry.kind in kinds]

    async def phases(self) -> list[str]:
        """The phases that the run moved to, as the timeline tells them."""
        moves = await self.entries(Kind.MOVED)
        return [str(entry.details["phase"]) for entry in moves]
