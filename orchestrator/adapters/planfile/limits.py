"""The limits of a plan as they are written: the day's, a box's, and what ends a run early.

It does not compare the two: the checks do.
"""

from datetime import timedelta
from fractions import Fraction
from typing import Annotated

from pydantic import BeforeValidator, ConfigDict, Field, JsonValue

from orchestrator.adapters.planfile import words
from orchestrator.adapters.planfile.forms import (
    Duration,
    Kind,
    LabelKey,
    LabelValue,
    MaybeDuration,
    MaybeShare,
    Namespace,
    Share,
    Text,
    Written,
)
from orchestrator.adapters.planfile.measures import (
    WrittenHttpAnswer,
    WrittenKubernetesCondition,
    WrittenPrometheusQuery,
)
from orchestrator.adapters.planfile.powers import (
    FieldsByKind,
    Irreversible,
    Kinds,
    WrittenRequirement,
)
from orchestrator.domain.blast_radius import DEFAULT_KINDS, Budgets


class WrittenLimits(Written):
    """The most that any run of the day may touch."""

    model_config = ConfigDict(title="Blast radius")

    namespaces: list[Namespace] = Field(
        min_length=1, description="The only namespaces that may be touched.", examples=[["shop"]]
    )
    selectors: dict[LabelKey, LabelValue] = Field(
        default_factory=dict,
        description="Labels that whatever is touched must carry; required in production.",
        examples=[{"part-of": "shop"}],
    )
    expressions: list[WrittenRequirement] = Field(
        default_factory=list,
        description="Further conditions on the same labels.",
        examples=[[{"key": "tier", "operator": "NotIn", "values": ["ledger"]}]],
    )
    kinds: Kinds = Field(
        default_factory=lambda: sorted(DEFAULT_KINDS),
        description=(
            "The only kinds of objects that may be touched, by plural resource name: a list, or a"
            " mapping to what alone may be done to them."
        ),
        examples=[["pods", "deployments"], {"deployments": ["scale"], "pods": ["delete", "evict"]}],
        json_schema_extra={"default": list[JsonValue](sorted(DEFAULT_KINDS))},
    )
    creates: list[Kind] = Field(
        default_factory=list,
        description=(
            "Those of the kinds of which objects may be made; left out, of none but those whose"
            " verbs have create."
        ),
        examples=[["networkpolicies"]],
    )
    fields: FieldsByKind = Field(
        default_factory=dict,
        description=(
            "The only fields that may be changed, by kind; a kind that is left out has its usual"
            " ones, which give no pod more power than it has."
        ),
        examples=[{"deployments": ["spec.replicas"]}],
    )
    most_objects: int = Field(
        default=10,
        ge=1,
        description="The most distinct objects that one run may touch.",
        examples=[4],
    )
    most_share: Share = Field(
        default_factory=lambda: Fraction(1),
        description=(
            "The most of one workload's pods that one run may take away; at most 50% in production."
        ),
        examples=["34%"],
        json_schema_extra={"default": "100%"},
    )
    most_node_share: Share = Field(
        default_factory=lambda: Fraction(1, 2),
        description="The most of the cluster's nodes that one run may take out of service.",
        examples=["34%"],
        json_schema_extra={"default": "50%"},
    )
    longest: Duration = Field(
        default_factory=lambda: timedelta(minutes=30),
        description="The longest that one run may last.",
        examples=["20m"],
        json_schema_extra={"default": "30m"},
    )
    disruption_budgets: Annotated[Budgets, Field(strict=False)] = Field(
        default=Budgets.RESPECTED,
        description="Whether a run may leave fewer pods than a PodDisruptionBudget needs.",
        examples=[Budgets.MAY_BE_VIOLATED],
    )
    irreversible: list[Irreversible] = Field(
        default_factory=list,
        description="What may be done although it cannot be put back; left out, nothing.",
        examples=[["exec"]],
    )
    reads_secrets: bool = Field(
        default=False,
        description="Whether the secrets of its namespaces may be read.",
        examples=[True],
    )


class WrittenNarrower(Written):
    """Narrower limits of one box; what is left out is as on the day."""

    model_config = ConfigDict(title="Narrower limits")

    namespaces: list[Namespace] = Field(
        default_factory=list, min_length=1, description="Some of the day's.", examples=[["shop"]]
    )
    selectors: dict[LabelKey, LabelValue] = Field(
        default_factory=dict,
        description="Further labels that whatever is touched must carry.",
        examples=[{"app": "checkout"}],
    )
    expressions: list[WrittenRequirement] = Field(
        default_factory=list,
        description="Further conditions on the same labels.",
        examples=[[{"key": "tier", "operator": "NotIn", "values": ["ledger"]}]],
    )
    kinds: Kinds = Field(
        default_factory=list,
        description="Some of the day's, with some of their verbs.",
        examples=[["pods"], {"deployments": ["scale"]}],
    )
    creates: list[Kind] = Field(
        default_factory=list,
        min_length=1,
        description="Some of the day's.",
        examples=[["networkpolicies"]],
    )
    fields: FieldsByKind = Field(
        default_factory=dict,
        description="The only fields that may be changed, by kind, of those of the day.",
        examples=[{"deployments": ["spec.replicas"]}],
    )
    most_objects: Annotated[int | None, BeforeValidator(words.read_given)] = Field(
        default=None, ge=1, description="As on the day, or fewer.", examples=[1]
    )
    most_share: MaybeShare = Field(
        default=None, description="As on the day, or less.", examples=["34%"]
    )
    most_node_share: MaybeShare = Field(
        default=None, description="As on the day, or less.", examples=["34%"]
    )
    longest: MaybeDuration = Field(
        default=None, description="As on the day, or shorter.", examples=["5m"]
    )


class WrittenAbortCondition(Written):
    """A measurement that ends a run early: outside its tolerance for so long."""

    model_config = ConfigDict(title="Abort condition")

    probe: Text = Field(
        default="",
        description="A probe of the hypothesis by its name; left out, any of them.",
        examples=["checkout answers"],
    )
    http: Annotated[WrittenHttpAnswer | None, BeforeValidator(words.read_given)] = Field(
        default=None,
        description="An address that has to answer.",
        examples=[{"url": "https://shop.example.org/health"}],
    )
    prometheus: Annotated[WrittenPrometheusQuery | None, BeforeValidator(words.read_given)] = Field(
        default=None,
        description="A query whose value has to lie between two numbers.",
        examples=[{"url": "http://prometheus:9090", "query": "up", "lowest": 1}],
    )
    kubernetes: Annotated[WrittenKubernetesCondition | None, BeforeValidator(words.read_given)] = (
        Field(
            default=None,
            description="A condition that an object of the cluster has to have.",
            examples=[
                {
                    "kind": "deployments.apps",
                    "namespace": "shop",
                    "name": "checkout",
                    "condition": "Available",
                }
            ],
        )
    )
    out_for: Duration = Field(
        description="For how long it may be outside its tolerance.", examples=["60s"]
    )
