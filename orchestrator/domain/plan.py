"""The plan of a Chaos Day.

It does not read files: an adapter turns a plan file into these values.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum

from orchestrator.domain.abort import (
    PREFIX,
    HttpAnswer,
    KubernetesCondition,
    Measure,
    PrometheusQuery,
)
from orchestrator.domain.blast_radius import BlastRadius
from orchestrator.domain.containment import BEST_EFFORT, REQUIRED, Containment
from orchestrator.domain.day_budget import DayBudget
from orchestrator.domain.identity import Role


class Environment(StrEnum):
    """What kind of cluster the day strikes, which decides how strict its rules are."""

    TEST = "test"
    PRODUCTION = "production"


class ApprovedPreview(StrEnum):
    """Whether a run needs a preview that a facilitator approved before it may start."""

    REQUIRED = "required"
    OPTIONAL = "optional"


class Theme(StrEnum):
    """What the day is for."""

    BUILD_CONFIDENCE = "build confidence"
    SHARE_KNOWLEDGE = "share knowledge"
    SHAPE_BACKLOG = "shape a resilience backlog"
    TEST_IMPROVEMENTS = "test improvements"


@dataclass(frozen=True, slots=True, kw_only=True)
class Cluster:
    """The target cluster.

    Empty strings mean: the kubeconfig of the orchestrator's environment, its current context.
    """

    kubeconfig: str = ""
    context: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ClusterAddress:
    """Where the name of a cluster led at one moment: a kubeconfig may lead elsewhere later."""

    server: str
    context: str

    def __str__(self) -> str:
        return f"{self.context} at {self.server}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """When the day is."""

    zone: str
    opens_at: datetime
    closes_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """Somebody who takes part."""

    name: str
    role: Role
    team: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Service:
    """A service that the day is about, and who runs it."""

    name: str
    team: str
    namespace: str = ""
    runbook: str = ""
    dashboard: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Expectation:
    """What we believe will happen, so that it can be held against what did."""

    what: str
    within: timedelta | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TimeBox:
    """One slot of the agenda, which points to an experiment.

    `at` is an instant, or None when the slot is placed by `after` the opening of the day.
    """

    name: str
    experiment: str
    lasts: timedelta
    at: datetime | None = None
    after: timedelta | None = None
    title: str = ""
    service: str = ""
    team: str = ""
    configuration: Mapping[str, object] = field(default_factory=dict)
    """Values that replace those in the experiment's own configuration."""
    expects: tuple[Expectation, ...] = ()
    blast_radius: BlastRadius | None = None
    """Narrower limits for this box alone."""
    beside_others: bool = False
    """Whether it may overlap with boxes that say the same."""
    by_hand: bool = False
    """Whether an agent of chaos breaks things by hand instead of the experiment's method."""

    def planned_at(self, opened_at: datetime) -> datetime:
        """When the run of this box is to start."""
        return self.at if self.at is not None else opened_at + (self.after or timedelta())


@dataclass(frozen=True, slots=True, kw_only=True)
class AbortCondition:
    """A measurement that ends a run early: outside its tolerance for so long.

    Shape: at most one of probe, http, prometheus and kubernetes is set; with none of them, any
    probe of the hypothesis counts.
    """

    out_for: timedelta
    probe: str = ""
    http: HttpAnswer | None = None
    prometheus: PrometheusQuery | None = None
    kubernetes: KubernetesCondition | None = None

    @property
    def measure(self) -> Measure | None:
        """What is measured for this condition alone; None when a probe is watched."""
        return self.http or self.prometheus or self.kubernetes

    @property
    def watches(self) -> str:
        """The name of the samples that count; empty for those of any probe of the hypothesis."""
        return self.probe if self.measure is None else f"{PREFIX}{self.measure}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """Who, what, where and when, and the most that may be touched."""

    name: str
    environment: Environment
    cluster: Cluster
    window: Window
    blast_radius: BlastRadius
    agenda: tuple[TimeBox, ...]
    theme: Theme = Theme.BUILD_CONFIDENCE
    people: tuple[Person, ...] = ()
    services: tuple[Service, ...] = ()
    abort_when: tuple[AbortCondition, ...] = ()
    channels: Mapping[str, str] = field(default_factory=dict)
    day_budget: DayBudget | None = None
    approved_preview: ApprovedPreview | None = None
    """None for what the environment asks for: production requires it."""
    containment: Containment | None = None
    """None for what the environment asks for: production requires every measure."""
    may_reach: tuple[str, ...] | None = None
    """Where requests of runners may go, as HOST:PORT; None for what each experiment declares."""

    @property
    def required_containment(self) -> Containment:
        """What must keep a runner in before a run may start."""
        if self.containment is not None:
            return self.containment
        return REQUIRED if self.environment is Environment.PRODUCTION else BEST_EFFORT

    @property
    def needs_approved_preview(self) -> bool:
        """Whether nothing may start without an approved preview."""
        if self.approved_preview is None:
            return self.environment is Environment.PRODUCTION
        return self.approved_preview is ApprovedPreview.REQUIRED

    def box(self, name: str) -> TimeBox:
        """The time box of that name, which the plan has."""
        return next(box for box in self.agenda if box.name == name)

    def radius_of(self, box: TimeBox) -> BlastRadius:
        """The limits of one box: the day's, narrowed by the box's own."""
        own = box.blast_radius
        return self.blast_radius if own is None else self.blast_radius.narrowed_to(own)
