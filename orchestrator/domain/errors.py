"""What can go wrong, named by what the caller can do about it.

    ChaosDayError
    ├── NotFound                look the id up again
    │   ├── NoSuchDay, NoSuchRun, NoSuchIncident, NoSuchPreview, NoSuchExperiment
    ├── Invalid                 fix the input
    │   ├── InvalidPlan         (file, line, field, value, way out)
    │   ├── InvalidExperiment
    │   └── InvalidMoment
    ├── Conflict                re-read the state, then decide
    │   ├── IllegalMove
    │   ├── LeaseLost
    │   ├── RunStopped
    │   ├── HeldByAnotherRun
    │   ├── DayHalted
    │   ├── BudgetExhausted
    │   └── NotApproved
    ├── Refused                 nobody may do this, however often they ask
    │   ├── NotAllowed          (this role may not)
    │   ├── NotAuthenticated
    │   └── OutsideBlastRadius
    └── Unavailable             try again later, or mend what is named
        ├── ClusterUnavailable
        ├── KubeconfigUnreadable
        ├── AnotherCluster
        ├── ContainmentMissing  (of a runner)
        ├── PortOccupied
        ├── DatabaseUnavailable
        └── ServiceUnavailable

The tree knows nothing of HTTP or exit codes; `api.problems` and `cli.exits` give each branch
its own.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar


class ChaosDayError(Exception):
    """Something about the Chaos Day went wrong."""

    slug: ClassVar[str] = "chaos-day-error"

    @classmethod
    def title(cls) -> str:
        """The first sentence of the docstring, which is the title of the problem."""
        return (cls.__doc__ or cls.__name__).strip().splitlines()[0]


class NotFound(ChaosDayError):
    """There is nothing of that name."""

    slug = "not-found"


class Invalid(ChaosDayError):
    """The input is not valid."""

    slug = "invalid"


class Conflict(ChaosDayError):
    """The state does not allow it now."""

    slug = "conflict"


class Refused(ChaosDayError):
    """This is refused."""

    slug = "refused"


class Unavailable(ChaosDayError):
    """Something that is needed is not available."""

    slug = "unavailable"


class NoSuchDay(NotFound):
    """There is no Chaos Day with that id."""

    slug = "no-such-day"

    def __init__(self, *, day: str) -> None:
        super().__init__(
            f"no Chaos Day has the id {day!r}; list them with `chaosday debrief --list`"
        )
        self.day = day


class NoSuchRun(NotFound):
    """There is no run with that id."""

    slug = "no-such-run"

    def __init__(self, *, run: str) -> None:
        super().__init__(f"no run has the id {run!r}; the day's agenda lists the ids of its runs")
        self.run = run


class NoSuchIncident(NotFound):
    """There is no incident with that key."""

    slug = "no-such-incident"

    def __init__(self, *, incident: str) -> None:
        super().__init__(
            f"no incident has the key {incident!r}; list them with `chaosday incident list`"
        )
        self.incident = incident


class NoSuchPreview(NotFound):
    """There is no preview with that id."""

    slug = "no-such-preview"

    def __init__(self, *, preview: str) -> None:
        super().__init__(f"no preview has the id {preview!r}; make one with `chaosday preview`")
        self.preview = preview


class NoSuchExperiment(NotFound):
    """There is no experiment of that name."""

    slug = "no-such-experiment"

    def __init__(self, *, experiment: str, known: Sequence[str] = ()) -> None:
        names = ", ".join(known) or "none"
        super().__init__(
            f"no experiment is called {experiment!r}; the catalogue has: {names};"
            " a file is named by a path that ends in .yaml, .yml or .json"
        )
        self.experiment = experiment


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """One thing that is wrong with an input, and the way out of it.

    Units: line counts from 1; None when the input has no lines.
    """

    field: str
    value: str
    problem: str
    way_out: str
    line: int | None = None

    def __str__(self) -> str:
        place = f"line {self.line}: " if self.line is not None else ""
        value = f" = {self.value}" if self.value else ""
        way_out = f"; {self.way_out}" if self.way_out else ""
        return f"{place}{self.field}{value}: {self.problem}{way_out}"


class InvalidPlan(Invalid):
    """The plan of the day is not valid."""

    slug = "invalid-plan"

    def __init__(self, *, source: str, faults: Sequence[Fault]) -> None:
        super().__init__("\n".join(f"{source}: {fault}" for fault in faults))
        self.source = source
        self.faults = tuple(faults)


class InvalidExperiment(Invalid):
    """The experiment is not valid."""

    slug = "invalid-experiment"

    def __init__(self, *, source: str, problem: str, way_out: str = "") -> None:
        super().__init__(f"{source}: {problem}" + (f"; {way_out}" if way_out else ""))
        self.source = source


class InvalidMoment(Invalid):
    """The moment cannot be read or cannot be true."""

    slug = "invalid-moment"

    def __init__(self, *, text: str, problem: str) -> None:
        super().__init__(
            f"{text!r}: {problem}; write a time ago such as -2m or -1h30m,"
            " or an instant such as 2026-12-01T09:30+01:00"
        )
        self.text = text


class InvalidValue(Invalid):
    """One value of the input is not valid."""

    slug = "invalid-value"

    def __init__(self, *, field: str, value: str, problem: str, way_out: str = "") -> None:
        super().__init__(f"{field} = {value!r}: {problem}" + (f"; {way_out}" if way_out else ""))
        self.field = field
        self.value = value


class IllegalMove(Conflict):
    """That move is not possible from this state."""

    slug = "illegal-move"

    def __init__(self, *, noun: str, phase: str, move: str) -> None:
        article = "an" if phase[0] in "aeiou" else "a"
        super().__init__(f"{article} {phase} {noun} cannot {move}")
        self.phase = phase
        self.move = move


class LeaseLost(Conflict):
    """Somebody else holds this run now."""

    slug = "lease-lost"

    def __init__(self, *, run: str) -> None:
        super().__init__(f"run {run} was taken over; its new holder rolls it back")
        self.run = run


class RunStopped(Conflict):
    """The run was asked to stop."""

    slug = "run-stopped"

    def __init__(self, *, run: str, reason: str) -> None:
        super().__init__(f"run {run} writes nothing more: {reason}")
        self.run = run
        self.reason = reason


class HeldByAnotherRun(Conflict):
    """Another run may still hold its fault in this object."""

    slug = "held-by-another-run"

    def __init__(self, *, run: str, other: str, target: str) -> None:
        super().__init__(
            f"run {run} may not write {target}: run {other} wrote to it and has not put it back;"
            f" wait until that run has ended, or put it back with `chaosday restore {other}`"
        )
        self.run = run
        self.other = other
        self.target = target


class DayHalted(Conflict):
    """The day is halted."""

    slug = "day-halted"

    def __init__(self, *, day: str, reason: str) -> None:
        super().__init__(
            f"day {day} is halted ({reason}); nothing starts until the facilitator releases it,"
            f" with `chaosday halt --release --day {day}` (where no service answers, --direct too)"
        )
        self.day = day
        self.reason = reason


class BudgetExhausted(Conflict):
    """The day's budget has no room for this run."""

    slug = "budget-exhausted"

    def __init__(self, *, run: str, problem: str) -> None:
        super().__init__(
            f"the day's budget has no room for run {run}: {problem}; wait until another run has"
            " ended, or narrow the blast radius of its box"
        )
        self.run = run
        self.problem = problem


class NotApproved(Conflict):
    """The run needs an approved preview."""

    slug = "not-approved"

    def __init__(self, *, run: str, problem: str) -> None:
        super().__init__(
            f"{run}: {problem}; make a preview with `chaosday preview`, look at it, and have a"
            " facilitator approve it"
        )
        self.run = run
        self.problem = problem


class NotAllowed(Refused):
    """This role may not do that."""

    slug = "not-allowed"

    def __init__(self, *, role: str, move: str) -> None:
        super().__init__(f"the role {role} may not {move}")
        self.role = role
        self.move = move


class NotAuthenticated(Refused):
    """The token is missing or unknown."""

    slug = "not-authenticated"

    def __init__(self) -> None:
        super().__init__(
            "send a token that the facilitator issued, as `Authorization: Bearer cd_...`"
            " or in CHAOSDAY_TOKEN for the command line"
        )


class OutsideBlastRadius(Refused):
    """The write lies outside the blast radius."""

    slug = "outside-blast-radius"

    def __init__(self, *, target: str, reason: str) -> None:
        super().__init__(f"{target}: {reason}")
        self.target = target


class ClusterUnavailable(Unavailable):
    """The target cluster does not answer."""

    slug = "cluster-unavailable"

    def __init__(self, *, cluster: str, problem: str) -> None:
        super().__init__(
            f"cluster {cluster}: {problem}; start one with `chaosday practice`,"
            " or name a kubeconfig by KUBECONFIG or in the plan"
        )
        self.cluster = cluster


class KubeconfigUnreadable(Unavailable):
    """The kubeconfig cannot be read."""

    slug = "kubeconfig-unreadable"

    def __init__(self, *, path: str, problem: str) -> None:
        super().__init__(
            f"kubeconfig {path}: {problem}; name a readable one by KUBECONFIG or in the plan,"
            " or start a practice cluster with `chaosday practice`"
        )
        self.path = path


class AnotherCluster(Unavailable):
    """The kubeconfig leads to another cluster than the one to put right."""

    slug = "another-cluster"


class PortOccupied(Unavailable):
    """The port is occupied."""

    slug = "port-occupied"

    def __init__(self, *, port: int, what: str) -> None:
        super().__init__(
            f"port {port} for {what} is occupied; free it, name another, or 0 for any free one"
        )
        self.port = port
        self.what = what


class DatabaseUnavailable(Unavailable):
    """The database cannot be used."""

    slug = "database-unavailable"

    def __init__(self, *, database: str, problem: str) -> None:
        super().__init__(
            f"database {database}: {problem}; set CHAOSDAY_STORAGE_URL to one that can"
        )
        self.database = database


class ServiceUnavailable(Unavailable):
    """The chaosday service does not answer."""

    slug = "service-unavailable"

    def __init__(self, *, url: str, problem: str) -> None:
        super().__init__(
            f"service {url}: {problem}; start it with `chaosday serve`"
            " and name it by CHAOSDAY_URL or --url"
        )
        self.url = url


class ContainmentMissing(Unavailable):
    """What the plan requires to keep a runner in is not in force on this machine."""

    slug = "containment-missing"

    def __init__(self, *, missing: Sequence[str], told: Sequence[str]) -> None:
        super().__init__(f"the plan requires containment that is missing here: {'; '.join(told)}")
        self.missing = list(missing)


class EngineUnavailable(Unavailable):
    """A process of the run did not do its work."""

    slug = "engine-unavailable"

    def __init__(self, *, process: str, problem: str) -> None:
        super().__init__(f"the {process} of the run: {problem}")
        self.process = process
