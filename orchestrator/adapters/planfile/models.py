"""Version 1 of the plan file: its fields, their forms and their descriptions.

It looks at one field at a time; how they fit together is checked in `checks`.
"""

from typing import Annotated, Literal

from pydantic import BeforeValidator, ConfigDict, Field, JsonValue

from orchestrator.adapters.planfile import words
from orchestrator.adapters.planfile.forms import (
    Duration,
    Experiment,
    Link,
    MaybeDuration,
    Moment,
    Name,
    Namespace,
    Slug,
    Start,
    Text,
    Written,
    Zone,
)
from orchestrator.adapters.planfile.keeping import MaybeContainment, MaybeDestinations
from orchestrator.adapters.planfile.limits import (
    WrittenAbortCondition,
    WrittenLimits,
    WrittenNarrower,
)
from orchestrator.adapters.planfile.measures import WrittenDayBudget
from orchestrator.domain.identity import Role
from orchestrator.domain.plan import ApprovedPreview, Environment, Theme


class WrittenDay(Written):
    """What the day is called and what it is for."""

    model_config = ConfigDict(title="Day")

    name: Name = Field(description="What the day is called.", examples=["Checkout under pressure"])
    theme: Annotated[Theme, Field(strict=False)] = Field(
        default=Theme.BUILD_CONFIDENCE,
        description="What the day is for.",
        examples=[Theme.SHARE_KNOWLEDGE],
    )


class WrittenCluster(Written):
    """The target cluster."""

    model_config = ConfigDict(title="Cluster")

    kubeconfig: Text = Field(
        default="",
        description="Path of the kubeconfig; left out, the one that KUBECONFIG names.",
        examples=["/etc/chaosday/kubeconfig"],
    )
    context: Text = Field(
        default="",
        description="The kubeconfig's context; left out, its current one.",
        examples=["shop-test"],
    )


class WrittenWindow(Written):
    """When the day is; no box may start before it or end after it."""

    model_config = ConfigDict(title="Window")

    zone: Zone = Field(
        description="The IANA time zone that all local times of the plan are in.",
        examples=["Europe/Vienna"],
    )
    opens: Moment = Field(
        description="When the day opens: a local time, or a time with its offset.",
        examples=["2026-12-01T09:00", "2026-12-01T09:00+01:00"],
    )
    closes: Moment = Field(
        description="When the day closes: a local time, or a time with its offset.",
        examples=["2026-12-01T17:00"],
    )


class WrittenPerson(Written):
    """Somebody who takes part, in one role."""

    model_config = ConfigDict(title="Person")

    name: Name = Field(description="The person's name.", examples=["Ada"])
    role: Annotated[Role, Field(strict=False)] = Field(
        description=(
            "What the person is on the day. A facilitator runs it, an agent designs and runs"
            " experiments, a responder answers without knowing the plan, a reader reads debriefs."
        ),
        examples=[Role.FACILITATOR],
    )
    team: Text = Field(default="", description="The person's team.", examples=["payments"])


class WrittenService(Written):
    """A service that the day is about, and who runs it."""

    model_config = ConfigDict(title="Service")

    name: Name = Field(description="The name by which boxes refer to it.", examples=["checkout"])
    team: Name = Field(description="The team that runs it.", examples=["payments"])
    namespace: Namespace = Field(
        default="", description="The namespace it lives in.", examples=["shop"]
    )
    runbook: Link = Field(
        default="",
        description="Where its runbook is: an address or a path.",
        examples=["https://wiki.example.org/checkout"],
    )
    dashboard: Link = Field(
        default="",
        description="Where its dashboard is: an address or a path.",
        examples=["https://grafana.example.org/d/checkout"],
    )


class WrittenExpectation(Written):
    """What is believed to happen, so that it can be held against what did."""

    model_config = ConfigDict(title="Expectation")

    what: Name = Field(
        description="What is expected, in a sentence.", examples=["the team is alerted"]
    )
    within: MaybeDuration = Field(
        default=None,
        description="How soon after the fault it is expected.",
        examples=["5m"],
    )


class WrittenBox(Written):
    """One slot of the agenda, which points to an experiment."""

    model_config = ConfigDict(title="Time box")

    box: Slug = Field(
        description="The box's name, which no other box of the plan has.",
        examples=["kill-one-checkout"],
    )
    at: Start = Field(
        description=(
            "When it starts: a time of day in the plan's zone (the first one after the opening),"
            " a date with a time of day, or a duration after the opening."
        ),
        examples=["09:30", "2026-12-01T09:30", "+10m"],
    )
    lasts: Duration = Field(description="How long the box is.", examples=["15m"])
    experiment: Experiment = Field(
        description="An experiment of the catalogue, or a file ending in .yaml, .yml or .json.",
        examples=["pod-killed", "experiments/slow-disk.yaml"],
    )
    title: Text = Field(
        default="",
        description="What people call it; left out, the experiment's own title.",
        examples=["One checkout pod dies"],
    )
    service: Text = Field(
        default="",
        description="The service it is about, one of those in services.",
        examples=["checkout"],
    )
    team: Text = Field(
        default="",
        description="The team that is expected to answer; left out, the service's.",
        examples=["payments"],
    )
    configuration: dict[Name, JsonValue] = Field(
        default_factory=dict,
        description="Values that replace those in the experiment's own configuration.",
        examples=[{"namespace": "shop", "hold": 60}],
    )
    expects: list[WrittenExpectation] = Field(
        default_factory=list,
        description="What is expected to happen.",
        examples=[[{"what": "the team is alerted", "within": "5m"}]],
    )
    blast_radius: Annotated[WrittenNarrower | None, BeforeValidator(words.read_given)] = Field(
        default=None, description="Narrower limits for this box.", examples=[{"most_objects": 1}]
    )
    beside_others: bool = Field(
        default=False,
        description="Whether it may overlap with boxes that say the same.",
        examples=[True],
    )
    by_hand: bool = Field(
        default=False,
        description=(
            "Whether an agent of chaos breaks things by hand: of the experiment, only what it"
            " measures is used."
        ),
        examples=[True],
    )


class WrittenPlan(Written):
    """The plan of a Chaos Day: who, what, where and when, and the most that may be touched."""

    model_config = ConfigDict(title="Chaos Day plan, version 1")

    version: Literal[1] = Field(description="The version of this format.", examples=[1])
    day: WrittenDay = Field(
        description="What the day is called and what it is for.",
        examples=[{"name": "Checkout under pressure", "theme": "build confidence"}],
    )
    environment: Annotated[Environment, Field(strict=False)] = Field(
        description="What kind of cluster it is; the rules are stricter in production.",
        examples=[Environment.TEST],
    )
    cluster: WrittenCluster = Field(
        default_factory=WrittenCluster,
        description="The target cluster; left out, the current one.",
        examples=[{"context": "shop-test"}],
    )
    window: WrittenWindow = Field(
        description="When the day is.",
        examples=[
            {"zone": "Europe/Vienna", "opens": "2026-12-01T09:00", "closes": "2026-12-01T17:00"}
        ],
    )
    people: list[WrittenPerson] = Field(
        min_length=1,
        description="Who takes part, each in one role; at least one facilitator.",
        examples=[[{"name": "Ada", "role": "facilitator"}]],
    )
    services: list[WrittenService] = Field(
        default_factory=list,
        description="The services that the day is about.",
        examples=[[{"name": "checkout", "team": "payments"}]],
    )
    agenda: list[WrittenBox] = Field(
        min_length=1,
        description="The time boxes of the day, each with an experiment.",
        examples=[
            [{"box": "pod-killed", "at": "09:30", "lasts": "15m", "experiment": "pod-killed"}]
        ],
    )
    blast_radius: WrittenLimits = Field(
        description="The most that any run of the day may touch.",
        examples=[{"namespaces": ["shop"]}],
    )
    day_budget: Annotated[WrittenDayBudget | None, BeforeValidator(words.read_given)] = Field(
        default=None,
        description="The most that all runs at once may touch together; left out, no such limit.",
        examples=[{"most_runs": 2, "most_objects": 8}],
    )
    approved_preview: Annotated[
        Annotated[ApprovedPreview, Field(strict=False)] | None, BeforeValidator(words.read_given)
    ] = Field(
        default=None,
        description=(
            "Whether a run needs a preview that a facilitator approved; left out, it does in"
            " production."
        ),
        examples=[ApprovedPreview.REQUIRED],
    )
    containment: MaybeContainment = Field(
        default=None,
        description=(
            "What must keep runners in before a run may start: required (all), best effort, or a"
            " list of measures; left out, required in production, else best effort."
        ),
        examples=["required", ["files", "memory", "network"]],
    )
    may_reach: Annotated[MaybeDestinations, BeforeValidator(words.read_given)] = Field(
        default=None,
        description=(
            "The only hosts with ports that HTTP requests of experiments may go to; left out,"
            " those of the addresses that each experiment declares."
        ),
        examples=[["shop.example.org:443", "*.shop.internal:8080"]],
    )
    abort_when: list[WrittenAbortCondition] = Field(
        default_factory=list,
        description="What ends a run early; at least one condition in production.",
        examples=[[{"out_for": "60s"}]],
    )
    channels: dict[Name, Name] = Field(
        default_factory=dict,
        description="Where people talk, by purpose.",
        examples=[{"incident": "#inc-chaos"}],
    )
