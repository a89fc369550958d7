"""What may be measured to end a run early, as it is written, and the day's budget.

It does not ask how often anything is measured; the observer of a run does that.
"""

from fractions import Fraction
from typing import Annotated

from pydantic import AfterValidator, BeforeValidator, ConfigDict, Field

from orchestrator.adapters.planfile import words
from orchestrator.adapters.planfile.forms import Link, Name, Namespace, Share, Text, Written
from orchestrator.adapters.planfile.units import Unreadable


def read_address(text: str) -> str:
    """An address that can be asked. Raises: Unreadable."""
    if not text.startswith(("http://", "https://")):
        raise Unreadable("is no address", "write one that begins with http:// or https://")
    return text


Address = Annotated[Link, AfterValidator(read_address)]


class WrittenHttpAnswer(Written):
    """An address that has to answer with one status."""

    model_config = ConfigDict(title="HTTP answer")

    url: Address = Field(
        description="The address that is asked.", examples=["https://shop.example.org/health"]
    )
    status: int = Field(
        default=200, ge=100, le=599, description="The status it has to answer.", examples=[200]
    )
    timeout: float = Field(
        default=3.0, gt=0, le=30, description="Seconds that it may take.", examples=[3]
    )


class WrittenPrometheusQuery(Written):
    """A Prometheus query whose value has to lie between two numbers."""

    model_config = ConfigDict(title="Prometheus query")

    url: Address = Field(
        description="Where Prometheus is.", examples=["http://prometheus.example.org:9090"]
    )
    query: Name = Field(
        description="The query; of a vector, every element has to lie between.",
        examples=["sum(rate(http_requests_total{code='500'}[1m]))"],
    )
    lowest: Annotated[float | None, BeforeValidator(words.read_given)] = Field(
        default=None, description="The lowest value; left out, any.", examples=[0.5]
    )
    highest: Annotated[float | None, BeforeValidator(words.read_given)] = Field(
        default=None, description="The highest value; left out, any.", examples=[5]
    )


class WrittenKubernetesCondition(Written):
    """A condition in the status of an object of the target cluster."""

    model_config = ConfigDict(title="Kubernetes condition")

    kind: Name = Field(
        description="The plural resource name, with its group unless it is of the core.",
        examples=["deployments.apps", "nodes"],
    )
    name: Name = Field(description="The object's name.", examples=["checkout"])
    namespace: Namespace = Field(
        default="",
        description="Its namespace; left out for a kind without one.",
        examples=["shop"],
    )
    condition: Name = Field(description="The condition's type.", examples=["Available", "Ready"])
    status: Text = Field(
        default="True", description="The status it has to have.", examples=["True", "False"]
    )


class WrittenDayBudget(Written):
    """The most that all runs that are under way at once may touch together."""

    model_config = ConfigDict(title="Day budget")

    most_runs: Annotated[int | None, BeforeValidator(words.read_given)] = Field(
        default=None, ge=1, description="The most runs at once; left out, any.", examples=[2]
    )
    most_objects: Annotated[int | None, BeforeValidator(words.read_given)] = Field(
        default=None,
        ge=1,
        description="The most distinct objects; left out, any number.",
        examples=[8],
    )
    most_share: Share = Field(
        default_factory=lambda: Fraction(1),
        description="The most of one workload's pods.",
        examples=["50%"],
        json_schema_extra={"default": "100%"},
    )
    most_node_share: Share = Field(
        default_factory=lambda: Fraction(1),
        description="The most of the cluster's nodes.",
        examples=["34%"],
        json_schema_extra={"default": "100%"},
    )
