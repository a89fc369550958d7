"""What may be measured to end a run early, beside the probes of its hypothesis.

It does not measure; the observer of a run does.
"""

from dataclasses import dataclass
from typing import Final, TypeAlias

PREFIX: Final = "abort condition: "
"""How the names of samples begin that were taken for an abort condition alone."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpAnswer:
    """An address that has to answer with one status.

    Units: timeout in seconds.
    """

    url: str
    status: int = 200
    timeout: float = 3.0

    def __str__(self) -> str:
        return f"GET {self.url} answers {self.status}"


@dataclass(frozen=True, slots=True, kw_only=True)
class PrometheusQuery:
    """A query whose value has to lie between two numbers; None sets no end.

    Shape: a scalar, or a vector of which every element has to lie there; an empty one does not.
    """

    url: str
    query: str
    lowest: float | None = None
    highest: float | None = None

    def __str__(self) -> str:
        ends = []
        if self.lowest is not None:
            ends.append(f"{self.lowest:g} or more")
        if self.highest is not None:
            ends.append(f"{self.highest:g} or less")
        return f"{self.query} is {' and '.join(ends)}"


@dataclass(frozen=True, slots=True, kw_only=True)
class KubernetesCondition:
    """A condition in the status of an object, such as that a Deployment is Available.

    Shape: kind is the plural resource name with its group, such as deployments.apps or nodes.
    """

    kind: str
    name: str
    condition: str
    namespace: str = ""
    status: str = "True"

    def __str__(self) -> str:
        where = f"{self.namespace}/{self.name}" if self.namespace else self.name
        return f"{self.kind} {where} has {self.condition}={self.status}"


Measure: TypeAlias = HttpAnswer | PrometheusQuery | KubernetesCondition
