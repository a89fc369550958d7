"""What the services need from the world.

Each port has a real adapter and, in the tests, an in-memory one; both pass the same contract tests.
Nothing here says how.
"""

from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Protocol, TypeAlias

from orchestrator.domain.blast_radius import BlastRadius
from orchestrator.domain.cluster_identity import ClusterIdentity
from orchestrator.domain.containment import BEST_EFFORT, Containment
from orchestrator.domain.day import ChaosDay, PinnedExperiment
from orchestrator.domain.day_budget import DayBudget, Reservation
from orchestrator.domain.halt import Halt
from orchestrator.domain.hypothesis import Sample
from orchestrator.domain.identity import (
    Actor,
    DayId,
    IncidentId,
    PreviewId,
    Role,
    RunId,
    TokenId,
    WorkerId,
)
from orchestrator.domain.incident import Incident, RunLink
from orchestrator.domain.plan import AbortCondition, Cluster, ClusterAddress, Plan
from orchestrator.domain.preview import Activity, ForeseenRefusal, ForeseenWrite, Preview
from orchestrator.domain.run import Injection, Run
from orchestrator.domain.timeline import TimelineEntry
from orchestrator.domain.undo import Restoration, UndoRecord


class Clock(Protocol):
    """Tells the time."""

    def now(self) -> datetime:
        """The present instant, aware, UTC."""
        ...


class PlanFormat(Protocol):
    """Reads plans as people write them."""

    def read(self, text: str, *, source: str) -> Plan:
        """Read a plan from YAML or JSON.

        Raises: InvalidPlan: with every fault found, each with field, line, value, way out.
        """
        ...


class Kubeconfigs(Protocol):
    """Says where the names of clusters lead."""

    async def address_of(self, cluster: Cluster) -> ClusterAddress:
        """Where a cluster's name leads at this moment. Raises: KubeconfigUnreadable."""
        ...


class Catalogue(Protocol):
    """Where experiments are kept."""

    def names(self) -> Sequence[str]:
        """The names of the experiments, sorted."""
        ...

    def read(self, name: str) -> PinnedExperiment:
        """Read one experiment by its name or, if it looks like one, by its file's path.

        Raises: NoSuchExperiment; InvalidExperiment.
        """
        ...

    def pin(self, name: str, document: Mapping[str, Any]) -> PinnedExperiment:
        """Take an experiment that was handed over as a document.

        Raises: InvalidExperiment.
        """
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Token:
    """Whom a token stands for; the secret itself is kept as a hash only."""

    id: TokenId
    name: str
    role: Role
    day: DayId | None
    """The day it is good for; None for every day."""
    is_script: bool = False
    """Whether a script holds it, as in a demo."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """What a holder learns when it renews its lease.

    `stop` is the reason to stop, None while there is none.
    """

    stop: str | None


class Storage(Protocol):
    """Remembers everything, durably.

    Every method is one transaction: all of it is stored or nothing.
    """

    # Days
    async def add_day(
        self, day: ChaosDay, runs: Sequence[Run], entries: Sequence[TimelineEntry]
    ) -> None:
        """Store a new day with the runs of its agenda."""
        ...

    async def day(self, day: DayId) -> ChaosDay:
        """Read a day. Raises: NoSuchDay."""
        ...

    async def days(self) -> Sequence[ChaosDay]:
        """All days, newest first."""
        ...

    async def save_day(
        self, day: ChaosDay, *, was: ChaosDay, entries: Sequence[TimelineEntry]
    ) -> None:
        """Store a day's move, if its state is still as it was. Raises: Conflict."""
        ...

    async def open_day(
        self,
        day: ChaosDay,
        *,
        was: ChaosDay,
        runs: Sequence[tuple[Run, Run]],
        entries: Sequence[TimelineEntry],
    ) -> None:
        """Store a day as open, with its runs as that places and arms them.

        Shape: of each run, as it is from now on and as it was.
        Raises: Conflict, LeaseLost: the day or a run is no longer as it was.
        """
        ...

    # Runs
    async def run(self, run: RunId) -> Run:
        """Read a run. Raises: NoSuchRun."""
        ...

    async def runs(self, day: DayId) -> Sequence[Run]:
        """The runs of a day in the order of the agenda."""
        ...

    async def move(self, run: Run, *, was: Run, entries: Sequence[TimelineEntry]) -> None:
        """Store a run's move with its entries, if phase and fence are still as they were.

        Raises: LeaseLost: the fence is another. Conflict: the phase is another.
        """
        ...

    async def claim(
        self, *, worker: WorkerId, now: datetime, lease: timedelta, day: DayId | None = None
    ) -> Run | None:
        """Take hold of one armed run that is due, or of one unfinished run whose lease is over.

        The fence of the run returned is one higher than before; None when there is none.
        Unfinished ones come first, and runs of a halted day are not started.
        """
        ...

    async def take(self, run: Run, *, worker: WorkerId, lease: timedelta) -> Run:
        """Take hold of one run that nobody holds. Raises: Conflict: somebody does."""
        ...

    async def renew(self, run: Run, *, worker: WorkerId, lease: timedelta) -> Held:
        """Prolong the lease by the database's clock. Raises: LeaseLost."""
        ...

    async def release(self, run: Run, *, worker: WorkerId) -> None:
        """Let go of a run. Harmless when it is lost already."""
        ...

    async def request_stop(self, run: RunId, *, reason: str) -> None:
        """Set the flag that the holder of a run reads; the first reason stays."""
        ...

    async def stops(self, runs: Collection[RunId]) -> Mapping[RunId, str]:
        """Why some of these runs are to stop; those that are not are not in it."""
        ...

    async def next_due(self, day: DayId | None = None) -> datetime | None:
        """When the next armed run is due; None when none is armed."""
        ...

    async def unfinished(self) -> Sequence[Run]:
        """Every run that may hold a fault and is not stranded, held by whomever."""
        ...

    # Halts
    async def engage(self, halt: Halt, entries: Sequence[TimelineEntry]) -> None:
        """Latch a halt and ask every running run of the day to stop."""
        ...

    async def writing(self, day: DayId) -> Sequence[RunId]:
        """The runs of a day of whose method something may still reach the cluster.

        Those that may write, and those that were asked to stop while a write was on its way whose
        end is not known yet, or that ran a command, which may go on until they leave their method.
        """
        ...

    async def release_halt(self, halt: Halt, entries: Sequence[TimelineEntry]) -> None:
        """Store that the day's halt is released."""
        ...

    async def halt(self, day: DayId) -> Halt | None:
        """The halt that is engaged on the day."""
        ...

    async def halts(self) -> Sequence[Halt]:
        """The halts that are engaged on days that are open."""
        ...

    # Budget and previews
    async def reserve(self, run: Run, reservation: Reservation, *, budget: DayBudget) -> None:
        """Hold a part of the day's budget for a run, in the place of one that it held.

        It is held until the run concludes or is cancelled; a stranded run keeps it.
        Raises: BudgetExhausted; LeaseLost: the fence is another.
        """
        ...

    async def reservations(self, day: DayId) -> Sequence[Reservation]:
        """The parts that runs of a day hold, each with what its run has touched so far."""
        ...

    async def add_preview(self, preview: Preview) -> None:
        """Store a new preview, which nobody approved yet."""
        ...

    async def preview(self, preview: PreviewId) -> Preview:
        """Read a preview. Raises: NoSuchPreview."""
        ...

    async def approve(
        self,
        preview: PreviewId,
        *,
        by: str,
        at: datetime,
        entries: Sequence[TimelineEntry] = (),
    ) -> None:
        """Store that a preview is approved, with its entries; the first approval stays.

        Of a second one, nothing is stored.
        Raises: NoSuchPreview.
        """
        ...

    async def approved(self, subject: str) -> Preview | None:
        """The preview of a subject that was approved last."""
        ...

    # Timeline
    async def append(self, entries: Sequence[TimelineEntry]) -> Sequence[TimelineEntry]:
        """Append entries; returns them with their numbers."""
        ...

    async def timeline(
        self, day: DayId, *, after: int = 0, limit: int | None = None
    ) -> Sequence[TimelineEntry]:
        """The entries of a day with a number above `after`, in order."""
        ...

    async def changed(self, day: DayId, *, after: int, patience: timedelta) -> bool:
        """Wait until the day has an entry numbered above `after`; False when patience ran out."""
        ...

    # Incidents
    async def add_incident(
        self, incident: Incident, links: Sequence[RunLink], entries: Sequence[TimelineEntry]
    ) -> Incident:
        """Store a new incident; returns it with its key, numbered per day."""
        ...

    async def incidents(self, day: DayId) -> Sequence[Incident]:
        """All incidents of a day, shadows included, oldest first."""
        ...

    async def save_incident(
        self, incident: Incident, *, was: Incident, entries: Sequence[TimelineEntry]
    ) -> None:
        """Store an incident's step, if its status is still as it was. Raises: Conflict."""
        ...

    async def link(self, link: RunLink, entries: Sequence[TimelineEntry]) -> None:
        """Store the belief that an incident belongs to a run. Safe to repeat."""
        ...

    async def links(self, day: DayId) -> Sequence[RunLink]:
        """All links of a day."""
        ...

    # Samples
    async def add_samples(self, samples: Sequence[Sample]) -> None:
        """Store observations of the steady state."""
        ...

    async def samples(self, run: RunId) -> Sequence[Sample]:
        """The observations of a run, oldest first."""
        ...

    # Tokens
    async def add_token(self, token: Token, *, secret_hash: str) -> None:
        """Store a token under the hash of its secret."""
        ...

    async def token(self, *, token: TokenId) -> tuple[Token, str] | None:
        """A token and the hash of its secret."""
        ...


class UndoJournal(Protocol):
    """Remembers what a run changed, written before it is changed, readable by any process."""

    async def is_held(self, run: RunId, *, fence: int, grace: timedelta) -> bool:
        """Whether the holder with that fence still holds the run, or did until so shortly ago."""
        ...

    async def is_free(self, run: RunId) -> bool:
        """Whether nobody holds the run at this moment, whatever is left of it."""
        ...

    async def is_stopped(self, run: RunId) -> bool:
        """Whether the run was asked to stop, by a halt or by an abort."""
        ...

    async def intend(self, record: UndoRecord, *, fence: int, of_method: bool = True) -> UndoRecord:
        """Store an intent; returns it with its number. Durable when it returns.

        An intent of the method and a wish to stop its run are put in order: what is stored was
        stored before, and what comes later is refused. So are intents of two runs on one object
        of one cluster, by the clusters that their baselines name.
        Raises: LeaseLost: the run's fence is another. RunStopped: it is of the method, and the
        run was asked to stop. HeldByAnotherRun: one that is not over wrote to the object, and has
        not put it back.
        """
        ...

    async def settle(self, record: UndoRecord) -> None:
        """Store a record's new state and after-image."""
        ...

    async def records(self, run: RunId) -> Sequence[UndoRecord]:
        """All records of a run in the order written."""
        ...

    async def keep_baseline(self, run: RunId, baseline: Mapping[str, Any]) -> None:
        """Store how the cluster was before a run; the first one stays."""
        ...

    async def baseline(self, run: RunId) -> Mapping[str, Any] | None:
        """How the cluster was before the run."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Sampled:
    """The observer took a sample."""

    sample: Sample


@dataclass(frozen=True, slots=True, kw_only=True)
class ActionStarted:
    """The runner is about to make an action of the method."""

    name: str
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class ActionEnded:
    """An action of the method or the rollbacks ended."""

    name: str
    at: datetime
    succeeded: bool
    part: str
    """method or rollbacks."""
    problem: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class MethodPlayed:
    """All actions of the method have been made; the runner holds until it is told to finish.

    `hold` is the pause after the method's last action: how long the fault is to stay.
    """

    at: datetime
    hold: timedelta


@dataclass(frozen=True, slots=True, kw_only=True)
class Proved:
    """The proof of injection came to an end."""

    at: datetime
    injection: Injection
    evidence: str


@dataclass(frozen=True, slots=True, kw_only=True)
class WriteMade:
    """The guard let a write through."""

    at: datetime
    verb: str
    target: str
    lost: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class WriteRefused:
    """The guard refused a write."""

    at: datetime
    target: str
    rule: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Inspected:
    """The inspector said what one activity does."""

    activity: Activity


@dataclass(frozen=True, slots=True, kw_only=True)
class WriteForeseen:
    """A dry run let a write through."""

    write: ForeseenWrite


@dataclass(frozen=True, slots=True, kw_only=True)
class RunnerEnded:
    """The runner's process ended, whatever it was doing."""

    at: datetime
    problem: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class GuardEnded:
    """The guard's process ended, though nobody asked it to."""

    at: datetime
    problem: str = ""


Happening: TypeAlias = (
    Sampled
    | ActionStarted
    | ActionEnded
    | MethodPlayed
    | Proved
    | WriteMade
    | WriteRefused
    | Inspected
    | WriteForeseen
    | RunnerEnded
    | GuardEnded
)


class Hand(Protocol):
    """An agent of chaos who breaks things by hand, where others have a method."""

    @property
    def by(self) -> Actor:
        """Whose hand it is."""
        ...

    @property
    def deed(self) -> str:
        """What is done, for people."""
        ...

    @property
    def hold(self) -> timedelta:
        """How long the fault stays when the hand is done."""
        ...

    async def work(self, variables: Mapping[str, str]) -> str:
        """Do it; returns what went wrong, an empty string when nothing did.

        Shape: variables of the environment that lead to the guard. Cancelling ends it.
        """
        ...

    async def end(self) -> None:
        """Have it end now, whatever it is doing. Safe to repeat, and before it began."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Assignment:
    """All that the processes of one run need to know."""

    run: Run
    experiment: PinnedExperiment
    configuration: Mapping[str, object]
    cluster: Cluster
    radius: BlastRadius
    probe_interval: timedelta
    recovering: bool = False
    """Whether only restoring is left to do: nothing of the method may be written."""
    rehearsing: bool = False
    """Whether every write is to be a dry run."""
    containment: Containment = BEST_EFFORT
    """What must keep the runner in before it may start."""
    may_reach: tuple[str, ...] | None = None
    """Where its requests may go, as HOST:PORT; None for what the experiment declares itself."""
    abort_when: tuple[AbortCondition, ...] = ()
    """What is measured beside the hypothesis."""
    hand: Hand | None = None
    """Who works by hand; None when a runner plays the method."""
    approved_in: ClusterIdentity | None = None
    """The cluster of the approved preview, in which alone it may start; None for any."""


class Execution(Protocol):
    """The processes of one run: its guard, its observer and its runner.

    Leaving the context ends all of them, at once and whatever they are doing.
    """

    def happenings(self) -> AsyncIterator[Happening]:
        """What happens, in the order in which it is heard; ends when the processes have ended."""
        ...

    async def take_baseline(self) -> None:
        """Remember how the cluster is. Raises: ClusterUnavailable; EngineUnavailable."""
        ...

    async def play(self) -> None:
        """Let the method loose. The guard lets its writes through from now on."""
        ...

    async def restrain(self) -> None:
        """Let no further write of the method through; only what restores may be written."""
        ...

    async def finish(self, *, patience: timedelta) -> None:
        """Have the runner play its rollbacks and end; after patience it is killed."""
        ...

    async def stop(self, *, patience: timedelta) -> None:
        """Interrupt the method, have the rollbacks played; after patience the runner is killed."""
        ...

    async def roll_back(self, *, patience: timedelta) -> None:
        """Play the experiment's rollbacks alone, in a new runner; after patience it is killed."""
        ...

    async def undo(self) -> Restoration:
        """Put back whatever the journal still holds. Safe to repeat."""
        ...

    async def verify(self, *, patience: timedelta) -> Restoration:
        """Compare with the baseline until nothing is pending or patience runs out."""
        ...

    async def measure(self, *, anew: bool = False) -> None:
        """Have the steady state measured at once and from now on, by another observer if need be.

        Shape: anew puts another in the place of one that is there and does not answer.
        Raises: EngineUnavailable: there is none, and none can be started.
        """
        ...

    async def let_go(self) -> None:
        """Leave the run to its guard, which puts everything back at once and by itself."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Rehearsed:
    """What a rehearsal of one run showed.

    Shape: problem says why the dry run was not made or broke off; empty when it was made whole.
    """

    activities: tuple[Activity, ...] = ()
    writes: tuple[ForeseenWrite, ...] = ()
    refusals: tuple[ForeseenRefusal, ...] = ()
    made_dry: bool = False
    problem: str = ""
    cluster: ClusterIdentity | None = None
    """Which cluster it was in."""


class Rehearser(Protocol):
    """Finds out what a run would do, without doing it."""

    async def rehearse(
        self, assignment: Assignment, *, with_dry_run: bool, with_opaque: bool, patience: timedelta
    ) -> Rehearsed:
        """Inspect the experiment and, if asked to, play it without effect on the cluster.

        An experiment with opaque activities is played only when that is asked for, since what
        they do outside the cluster is done.
        Raises: KubeconfigUnreadable; ClusterUnavailable; EngineUnavailable.
        """
        ...

    async def locate(self, assignment: Assignment) -> ClusterIdentity | None:
        """Which cluster it would be in; nothing is looked at or played.

        Raises: KubeconfigUnreadable; ClusterUnavailable; EngineUnavailable.
        """
        ...


class Engine(Protocol):
    """Starts the processes of a run."""

    def open(self, assignment: Assignment) -> AbstractAsyncContextManager[Execution]:
        """Start guard and observer (no runner yet); on leaving, end every process.

        Raises: KubeconfigUnreadable; ClusterUnavailable; InvalidExperiment; EngineUnavailable.
        """
        ...


__all__ = [
    "ActionEnded",
    "ActionStarted",
    "Assignment",
    "Catalogue",
    "Clock",
    "Engine",
    "Execution",
    "GuardEnded",
    "Hand",
    "Happening",
    "Held",
    "IncidentId",
    "Inspected",
    "Kubeconfigs",
    "MethodPlayed",
    "PlanFormat",
    "Proved",
    "Rehearsed",
    "Rehearser",
    "RunnerEnded",
    "Sampled",
    "Storage",
    "Token",
    "UndoJournal",
    "WriteForeseen",
    "WriteMade",
    "WriteRefused",
]
