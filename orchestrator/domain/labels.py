"""Label selectors as Kubernetes writes them, and whether labels satisfy them.

It does not look anything up.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from orchestrator.domain.errors import InvalidValue


class Operator(StrEnum):
    """How a label is compared with values."""

    IN = "In"
    NOT_IN = "NotIn"
    EXISTS = "Exists"
    DOES_NOT_EXIST = "DoesNotExist"

    @property
    def takes_values(self) -> bool:
        """Whether it compares with values, of which there is at least one."""
        return self in {Operator.IN, Operator.NOT_IN}


@dataclass(frozen=True, slots=True, kw_only=True)
class Requirement:
    """One condition on the labels of an object.

    Source: LabelSelectorRequirement of Kubernetes' meta/v1.
    """

    key: str
    operator: Operator
    values: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Refuse a condition that Kubernetes would refuse."""
        if self.operator.takes_values is not bool(self.values):
            raise InvalidValue(
                field="operator",
                value=self.operator,
                problem=f"takes {'values' if self.operator.takes_values else 'no values'}",
            )

    def is_met(self, labels: Mapping[str, str]) -> bool:
        """Whether the labels satisfy it."""
        match self.operator:
            case Operator.IN:
                return labels.get(self.key) in self.values
            case Operator.NOT_IN:
                # An object without the label satisfies it, as it does for Kubernetes.
                return labels.get(self.key) not in self.values
            case Operator.EXISTS:
                return self.key in labels
            case Operator.DOES_NOT_EXIST:
                return self.key not in labels

    def implies(self, other: "Requirement") -> bool:
        """Whether all labels that satisfy it satisfy the other one as well."""
        if self.key != other.key:
            return False
        mine, theirs = set(self.values), set(other.values)
        match self.operator, other.operator:
            case Operator.IN, Operator.IN:
                return mine <= theirs
            case Operator.IN, Operator.NOT_IN:
                return not mine & theirs
            case Operator.NOT_IN, Operator.NOT_IN:
                return mine >= theirs
            case (Operator.IN | Operator.EXISTS, Operator.EXISTS) | (
                Operator.DOES_NOT_EXIST,
                Operator.DOES_NOT_EXIST | Operator.NOT_IN,
            ):
                return True
            case _:
                return False

    def __str__(self) -> str:
        """The condition as a query of the Kubernetes API has it."""
        match self.operator:
            case Operator.IN:
                return f"{self.key} in ({','.join(self.values)})"
            case Operator.NOT_IN:
                return f"{self.key} notin ({','.join(self.values)})"
            case Operator.EXISTS:
                return self.key
            case Operator.DOES_NOT_EXIST:
                return f"!{self.key}"


def requirements_of(selector: Mapping[str, Any] | None) -> tuple[Requirement, ...]:
    """The conditions of a label selector with matchLabels and matchExpressions.

    Raises: InvalidValue: when it holds what is not known here.
    """
    found = selector or {}
    if unknown := found.keys() - {"matchLabels", "matchExpressions"}:
        raise _unknown(min(unknown))
    labels = equalities(found.get("matchLabels"))
    return labels + tuple(map(_requirement, found.get("matchExpressions") or ()))


def equalities(labels: Mapping[str, str] | None) -> tuple[Requirement, ...]:
    """Labels as conditions."""
    return tuple(
        Requirement(key=key, operator=Operator.IN, values=(value,))
        for key, value in (labels or {}).items()
    )


def _requirement(expression: Mapping[str, Any]) -> Requirement:
    try:
        operator = Operator(str(expression.get("operator")))
    except ValueError:
        raise _unknown(str(expression.get("operator"))) from None
    return Requirement(
        key=str(expression["key"]),
        operator=operator,
        values=tuple(map(str, expression.get("values") or ())),
    )


def _unknown(what: str) -> InvalidValue:
    return InvalidValue(field="selector", value=what, problem="is not known of label selectors")


def are_met(requirements: Iterable[Requirement], labels: Mapping[str, str]) -> bool:
    """Whether the labels satisfy every condition; no condition is always satisfied."""
    return all(each.is_met(labels) for each in requirements)


def as_query(requirements: Iterable[Requirement]) -> dict[str, str]:
    """The conditions as the query of a list; empty when there is none."""
    text = ",".join(map(_in_query, requirements))
    return {"labelSelector": text} if text else {}


def _in_query(requirement: Requirement) -> str:
    if requirement.operator is Operator.IN and len(requirement.values) == 1:
        return f"{requirement.key}={requirement.values[0]}"
    return str(requirement)
