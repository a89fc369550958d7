"""Where ports meet adapters: plain calls, read once from top to bottom.

It does not hold anything: every scope is a context that its caller closes.
"""

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING
from uuid import uuid4

from experiments.catalogue import FolderCatalogue
from orchestrator.adapters.clock import SystemClock
from orchestrator.adapters.kubeconfig import KubeconfigFiles
from orchestrator.adapters.storage import Database, SqlStorage
from orchestrator.domain.containment import Standing
from orchestrator.domain.errors import InvalidValue
from orchestrator.domain.identity import WorkerId
from orchestrator.domain.plan import Plan
from orchestrator.ports import Hand, Storage
from orchestrator.services.admitting import Admitting
from orchestrator.services.apart import Apart
from orchestrator.services.by_hand import ByHand
from orchestrator.services.clearing import Clearing
from orchestrator.services.conducting import Conducting
from orchestrator.services.course import Pace
from orchestrator.services.debriefing import Debriefing
from orchestrator.services.halting import Halting
from orchestrator.services.opening import Opening
from orchestrator.services.pacing import Pacing
from orchestrator.services.planning import Planning
from orchestrator.services.previewing import Previewing
from orchestrator.services.recording import Recording
from orchestrator.services.responding import Responding
from orchestrator.services.revealing import Revealing
from orchestrator.settings import PaceSettings, Settings
from orchestrator.starting import guard_command, guard_environment
from orchestrator.starting import settings as settings  # noqa: PLC0414 - re-exported

if TYPE_CHECKING:
    from orchestrator.adapters.chaostoolkit.containment.survey import Offer
    from orchestrator.adapters.chaostoolkit.place import Place


@dataclass(frozen=True, slots=True, kw_only=True)
class Services:
    """Everything that people can do, ready for use."""

    storage: Storage
    admitting: Admitting
    planning: Planning
    opening: Opening
    apart: Apart
    previewing: Previewing
    halting: Halting
    responding: Responding
    revealing: Revealing
    debriefing: Debriefing
    pacing: Pacing
    by_hand: ByHand
    catalogue: FolderCatalogue
    clock: SystemClock


@asynccontextmanager
async def services(
    knobs: Settings | None = None,
    *,
    allowed_environment: Sequence[str] = (),
    pace: Pace | None = None,
    hand: Hand | None = None,
    ahead: "Place | None" = None,
) -> AsyncIterator[Services]:
    """Open the database and wire everything to it. Raises: DatabaseUnavailable.

    Shape: ahead is where the first run finds a guard that was started before it was known.
    """
    knobs = knobs or settings()
    async with Database(knobs.storage.url) as database:
        yield _wired(database, knobs, allowed_environment, pace or pace_of(knobs.pace), hand, ahead)


def _wired(
    database: Database,
    knobs: Settings,
    allowed_environment: Sequence[str],
    pace: Pace,
    hand: Hand | None,
    ahead: "Place | None",
) -> Services:
    from orchestrator.adapters.chaostoolkit.engine import ChaosToolkitEngine
    from orchestrator.adapters.chaostoolkit.rehearsing import ChaosToolkitRehearser

    storage, clock, catalogue = SqlStorage(database), SystemClock(), FolderCatalogue()
    kubeconfigs = KubeconfigFiles()
    recording = Recording(clock=clock)
    worker = WorkerId(uuid4().hex)
    engine = ChaosToolkitEngine(
        guard_command=guard_command(),
        guard_environment=guard_environment(knobs),
        clock=clock,
        allowed_environment=(*knobs.runner.environment, *allowed_environment),
        survey=_survey(knobs),
        readable=knobs.runner.readable,
        ahead=ahead,
    )
    previewing = Previewing(
        storage=storage,
        rehearser=ChaosToolkitRehearser(engine),
        kubeconfigs=kubeconfigs,
        recording=recording,
        clock=clock,
    )
    conducting = Conducting(
        storage=storage,
        engine=engine,
        clock=clock,
        recording=recording,
        clearing=Clearing(storage=storage, previewing=previewing, recording=recording),
        worker=worker,
        pace=pace,
        hand=hand,
    )
    opening = Opening(storage=storage, clock=clock, recording=recording)
    halting = Halting(storage=storage, clock=clock, recording=recording)
    planning = Planning(
        storage=storage, plans=_PlanFile(), catalogue=catalogue, clock=clock, recording=recording
    )
    return Services(
        storage=storage,
        admitting=Admitting(storage=storage),
        planning=planning,
        opening=opening,
        apart=Apart(
            storage=storage,
            planning=planning,
            opening=opening,
            halting=halting,
            kubeconfigs=kubeconfigs,
            clock=clock,
            worker=worker,
            lease=pace.lease,
        ),
        previewing=previewing,
        halting=halting,
        responding=Responding(storage=storage, clock=clock, recording=recording),
        revealing=Revealing(storage=storage),
        debriefing=Debriefing(storage=storage),
        pacing=Pacing(
            storage=storage, clock=clock, conducting=conducting, worker=worker, lease=pace.lease
        ),
        by_hand=ByHand(
            storage=storage,
            opening=opening,
            conducting=conducting,
            clock=clock,
            worker=worker,
            lease=pace.lease,
        ),
        catalogue=catalogue,
        clock=clock,
    )


def containment() -> tuple[Standing, ...]:
    """How each measure stands that keeps runners in on this machine."""
    from orchestrator.adapters.chaostoolkit.containment.standing import standings

    return standings(_survey(settings())())


def runner_environment() -> Mapping[str, str]:
    """What of this process's environment a runner may see."""
    from orchestrator.adapters.chaostoolkit.environment import passed_on

    return passed_on(settings().runner.environment)


def _survey(knobs: Settings) -> "Callable[[], Offer]":
    """What finds out how runners can be kept in, unless the operator wants none of it."""
    from orchestrator.adapters.chaostoolkit.containment.survey import surveyed, unwanted

    match knobs.runner.containment:
        case "on":
            return surveyed
        case "off":
            return unwanted
        case other:
            raise InvalidValue(
                field="CHAOSDAY_RUNNER_CONTAINMENT",
                value=other,
                problem="is neither on nor off",
                way_out="unset it, which means on",
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
        after=timedelta(seconds=knobs.after),
        restoring=timedelta(seconds=knobs.restoring),
        lease=timedelta(seconds=knobs.lease),
    )
