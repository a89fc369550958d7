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
from orchestrator.domain.blast_radius import DEFAULT_KINDS


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
    kinds: list[Kind] = Field(
        default_factory=lambda: sorted(DEFAULT_KINDS),
        min_length=1,
        description="The only kinds of objects that may be touched, by plural resource name.",
        examples=[["pods", "deployments"]],
        json_schema_extra={"default": list[JsonValue](sorted(DEFAULT_KINDS))},
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
    longest: Duration = Field(
        default_factory=lambda: timedelta(minutes=30),
        description="The longest that one run may last.",
        examples=["20m"],
        json_schema_extra={"default": "30m"},
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
    kinds: list[Kind] = Field(
        default_factory=list, min_length=1, description="Some of the day's.", examples=[["pods"]]
    )
    most_objects: Annotated[int | None, BeforeValidator(words.read_given)] = Field(
        default=None, ge=1, description="As on the day, or fewer.", examples=[1]
    )
    most_share: MaybeShare = Field(
        default=None, description="As on the day, or less.", examples=["34%"]
    )
    longest: MaybeDuration = Field(
        default=None, description="As on the day, or shorter.", examples=["5m"]
    )


class WrittenAbortCondition(Written):
    """A measurement that ends a run early: a probe outside its tolerance for so long."""

    model_config = ConfigDict(title="Abort condition")

    probe: Text = Field(
        default="",
        description="A probe of the hypothesis by its name; left out, any of them.",
        examples=["checkout answers"],
    )
    out_for: Duration = Field(
        description="For how long it may be outside its tolerance.", examples=["60s"]
    )
