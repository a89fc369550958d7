"""Where ports meet adapters: plain calls, read once from top to bottom.

It does not hold anything: every scope is a context that its caller closes.
"""

import os
import sys
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from functools import lru_cache
from uuid import uuid4

from experiments.catalogue import FolderCatalogue
from orchestrator.adapters.clock import SystemClock
from orchestrator.adapters.storage import Database, SqlStorage, SqlUndoJournal
from orchestrator.domain.identity import WorkerId
from orchestrator.domain.plan import Plan
from orchestrator.ports import Storage
from orchestrator.services.admitting import Admitting
from orchestrator.services.conducting import Conducting
from orchestrator.services.course import Pace
from orchestrator.services.debriefing import Debriefing
from orchestrator.services.halting import Halting
from orchestrator.services.opening import Opening
from orchestrator.services.pacing import Pacing
from orchestrator.services.planning import Planning
from orchestrator.services.recording import Recording
from orchestrator.services.responding import Responding
from orchestrator.services.revealing import Revealing
from orchestrator.settings import PaceSettings, Settings, settings_of


@lru_cache(maxsize=1)
def settings() -> Settings:
    """The knobs of this process. Raises: InvalidValue."""
    return settings_of(os.environ)


@dataclass(frozen=True, slots=True, kw_only=True)
class Services:
    """Everything that people can do, ready for use."""

    storage: Storage
    admitting: Admitting
    planning: Planning
    opening: Opening
    halting: Halting
    responding: Responding
    revealing: Revealing
    debriefing: Debriefing
    pacing: Pacing
    catalogue: FolderCatalogue
    clock: SystemClock


@asynccontextmanager
async def services(
    knobs: Settings | None = None,
    *,
    allowed_environment: Sequence[str] = (),
    pace: Pace | None = None,
) -> AsyncIterator[Services]:
    """Open the database and wire everything to it. Raises: DatabaseUnavailable."""
    knobs = knobs or settings()
    async with Database(knobs.storage.url) as database:
        yield _wired(database, knobs, allowed_environment, pace or pace_of(knobs.pace))


def _wired(
    database: Database, knobs: Settings, allowed_environment: Sequence[str], pace: Pace
) -> Services:
    # Imported here because a guard's process needs none of it, and a run waits for its guard.
    from orchestrator.adapters.chaostoolkit import ChaosToolkitEngine

    storage, clock, catalogue = SqlStorage(database), SystemClock(), FolderCatalogue()
    recording = Recording(clock=clock)
    worker = WorkerId(uuid4().hex)
    engine = ChaosToolkitEngine(
        guard_command=[sys.executable, "-P", "-m", "orchestrator.cli", "guard"],
        guard_environment=guard_environment(knobs),
        clock=clock,
        allowed_environment=(*knobs.runner.environment, *allowed_environment),
    )
    conducting = Conducting(
        storage=storage, engine=engine, clock=clock, recording=recording, worker=worker, pace=pace
    )
    return Services(
        storage=storage,
        admitting=Admitting(storage=storage),
        planning=Planning(
            storage=storage,
            plans=_PlanFile(),
            catalogue=catalogue,
            clock=clock,
            recording=recording,
        ),
        opening=Opening(storage=storage, clock=clock, recording=recording),
        halting=Halting(storage=storage, clock=clock, recording=recording),
        responding=Responding(storage=storage, clock=clock, recording=recording),
        revealing=Revealing(storage=storage),
        debriefing=Debriefing(storage=storage),
        pacing=Pacing(
            storage=storage, clock=clock, conducting=conducting, worker=worker, lease=pace.lease
        ),
        catalogue=catalogue,
        clock=clock,
    )


class _PlanFile:
    """The plan file's format, imported when the first plan is read: a single run needs none."""

    def read(self, text: str, *, source: str) -> Plan:
        """Read a plan. Raises: InvalidPlan."""
        from orchestrator.adapters.planfile import PlanFile

        return PlanFile().read(text, source=source)


def pace_of(knobs: PaceSettings) -> Pace:
    """The pace of runs, as set by the knobs."""
    return Pace(
        probe_interval=timedelta(seconds=knobs.probe_interval),
        before=timedelta(seconds=knobs.before),
        rollbacks=timedelta(seconds=knobs.rollbacks),
        verification=timedelta(seconds=knobs.verification),
        restoring=timedelta(seconds=knobs.restoring),
        lease=timedelta(seconds=knobs.lease),
    )


def guard_environment(knobs: Settings) -> Mapping[str, str]:
    """A guard's environment: ours, since it holds the operator's credentials for us."""
    return {**os.environ, "CHAOSDAY_STORAGE_URL": knobs.storage.url}


async def guard() -> None:
    """Guard one run, as told on standard input. Raises: DatabaseUnavailable."""
    from orchestrator.guard.stdio import guard_on_stdio

    async with Database(settings().storage.url) as database:
        await guard_on_stdio(journal=SqlUndoJournal(database), clock=SystemClock())
