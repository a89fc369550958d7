"""Takes up runs by the clock: unfinished ones of lost conductors first, then those that are due.

It does not conduct them itself, and starts nothing after it was asked to stop.
"""

from datetime import UTC, datetime, timedelta
from typing import Final

import anyio
import structlog
from anyio.abc import TaskGroup

from orchestrator.domain.errors import Conflict, Unavailable
from orchestrator.domain.identity import DayId, RunId, WorkerId
from orchestrator.domain.plan import TimeBox
from orchestrator.domain.run import Phase, Run
from orchestrator.ports import Clock, Storage
from orchestrator.services.conducting import Conducting

log = structlog.get_logger()

_POLL: Final = timedelta(milliseconds=500)
"""How soon a run that another process armed, or whose lease ran out, is seen."""
_LOOK_FOR_LOST: Final = timedelta(milliseconds=100)
_NEVER_DUE: Final = datetime(1970, 1, 1, tzinfo=UTC)


class Pacing:
    """Takes up runs as they fall due."""

    def __init__(
        self,
        *,
        storage: Storage,
        clock: Clock,
        conducting: Conducting,
        worker: WorkerId,
        lease: timedelta,
    ) -> None:
        self._storage = storage
        self._clock = clock
        self._conducting = conducting
        self._worker = worker
        self._lease = lease
        self._stopping = ""
        self._is_recovering = False
        self._is_pacing = False
        self._nudged = anyio.Event()

    def nudge(self) -> None:
        """Look again now: something was armed or opened."""
        self._nudged.set()

    def stop(self, reason: str) -> None:
        """Start nothing more, and ask what runs to stop and restore."""
        self._stopping = reason
        self._conducting.stop_all(reason)
        self.nudge()

    async def stopped(self) -> None:
        """Wait until everything that was conducted has been restored, or given up."""
        # Three things that end in any order, once in the life of a process.
        while self._conducting.is_busy or self._is_recovering or self._is_pacing:  # noqa: ASYNC110
            await anyio.sleep(0.02)

    async def recover(self) -> list[Run]:
        """Restore every unfinished run whose conductor is gone; nothing starts before.

        Runs whose lease still lasts are waited for: their conductor may be gone as well.
        """
        self._is_recovering = True
        try:
            return await self._recover()
        finally:
            self._is_recovering = False

    async def _recover(self) -> list[Run]:
        restored: list[Run] = []
        problem: Unavailable | None = None
        async with anyio.create_task_group() as tasks:
            try:
                await self._claim_lost(tasks, restored)
            except Unavailable as error:
                # What was claimed is restored all the same, and the rest when it is asked again.
                problem = error
        if problem is not None:
            raise problem
        return restored

    async def _claim_lost(self, tasks: TaskGroup, restored: list[Run]) -> None:
        """Claim whatever was lost, and restore all of it at once: one may take for ever."""
        last = anyio.current_time() + self._lease.total_seconds() * 1.2
        claimed: set[RunId] = set()
        while True:
            run = await self._claim(_NEVER_DUE, None)
            if run is not None:
                claimed.add(run.id)
                tasks.start_soon(self._restore, run, restored)
                # It counts as being conducted before anything else can happen.
                await anyio.lowlevel.checkpoint()
                continue
            others = {each.id for each in await self._storage.unfinished()} - claimed
            if not others or anyio.current_time() >= last:
                return
            await anyio.sleep(_LOOK_FOR_LOST.total_seconds())

    async def _restore(self, run: Run, restored: list[Run]) -> None:
        try:
            restored.append(await self._conducting.conduct(run))
        except Exception:
            # One run's surprise must not end the others. Its lease ends by itself, and whoever
            # claims it next tries again.
            log.exception("restoring broke off", run=run.id)

    async def restore(self, run_id: RunId) -> Run:
        """Take up one stranded or unfinished run and restore it.

        Raises: NoSuchRun; Conflict: it holds no fault, or somebody holds it.
        """
        run = await self._storage.run(run_id)
        if not run.phase.may_hold_fault:
            raise Conflict(f"{run.title} ({run.id}) is {run.phase}: there is nothing to restore")
        taken = await self._storage.take(run, worker=self._worker, lease=self._lease)
        return await self._conducting.conduct(taken)

    async def pace(
        self, day: DayId | None = None, *, until_done: bool = False, held: Run | None = None
    ) -> None:
        """Take up runs until asked to stop, or until the agenda of a day is done.

        Shape: held is an armed run that this process holds already, which it begins with.
        """
        self._is_pacing = True
        if day is not None:
            self._conducting.answer_for(day)
        try:
            await self._pace(day, until_done=until_done, held=held)
        finally:
            self._is_pacing = False

    async def _pace(self, day: DayId | None, *, until_done: bool, held: Run | None) -> None:
        async with anyio.create_task_group() as tasks:
            if held is not None and not self._stopping:
                await self._begin(tasks, held)
            while not self._stopping:
                if await self._take_up(tasks, day):
                    continue
                if until_done and day is not None and await self._is_known_to_be_done(day):
                    break
                await self._wait(day)
            if self._stopping:
                # Once more, for a run that was taken up while the first call was made.
                self._conducting.stop_all(self._stopping)

    async def _take_up(self, tasks: TaskGroup, day: DayId | None) -> bool:
        try:
            run = await self._claim(self._clock.now(), day)
        except Unavailable:
            return False
        if run is None:
            return False
        await self._begin(tasks, run)
        return True

    async def _begin(self, tasks: TaskGroup, run: Run) -> None:
        tasks.start_soon(self._conduct, run)
        # The task joins those that a stop asks to end before anything else can happen.
        await anyio.lowlevel.checkpoint()

    async def _conduct(self, run: Run) -> None:
        try:
            await self._conducting.conduct(run)
        except Exception:
            # The outermost loop: one run's surprise must not end the others. The lease ends by
            # itself, and whoever claims the run next restores it.
            log.exception("conducting broke off", run=run.id)
        finally:
            # What comes next may have waited for this one, or this was the last.
            self.nudge()

    async def _claim(self, now: datetime, day: DayId | None) -> Run | None:
        return await self._storage.claim(worker=self._worker, now=now, lease=self._lease, day=day)

    async def _is_known_to_be_done(self, day: DayId) -> bool:
        """Whether a day's agenda is done; while the database is out, nobody knows."""
        if self._conducting.is_busy:
            return False
        try:
            return await self._is_done(day)
        except Unavailable as error:
            log.warning("agenda not read", day=day, why=str(error))
            return False

    async def _is_done(self, day: DayId) -> bool:
        plan, now = (await self._storage.day(day)).plan, self._clock.now()
        return all(
            run.phase.is_final or _is_missed(run, plan.box(run.box), now)
            for run in await self._storage.runs(day)
        )

    async def _wait(self, day: DayId | None) -> None:
        """Sleep until the next run is due, something was nudged, or it is time to look again."""
        patience = _POLL.total_seconds()
        try:
            due = await self._storage.next_due(day)
        except Unavailable:
            due = None
        if due is not None:
            patience = min(patience, max((due - self._clock.now()).total_seconds(), 0.001))
        with anyio.move_on_after(patience):
            await self._nudged.wait()
        self._nudged = anyio.Event()


def _is_missed(run: Run, box: TimeBox, now: datetime) -> bool:
    """Whether a run was to be done by hand, and nobody came to it while its time box lasted."""
    return box.by_hand and run.phase is Phase.PLANNED and now > run.planned_at + box.lasts
