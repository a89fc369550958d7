"""What a plan allows beyond taking pods away: conditions, fields and things that stay.

It does not compare a box with its day: the checks do.
"""

import re
from typing import Annotated, Final

from pydantic import AfterValidator, ConfigDict, Field, model_validator

from orchestrator.adapters.planfile.forms import Kind, LabelKey, LabelValue, Written, pattern
from orchestrator.adapters.planfile.units import Unreadable
from orchestrator.adapters.planfile.words import suggestion
from orchestrator.domain.blast_radius import IRREVERSIBLE
from orchestrator.domain.labels import Operator

_FIELD: Final = r"(?:metadata|spec|data|binaryData)(?:\.[A-Za-z0-9-]+)*"
_NEVER_PUT_BACK: Final = "|".join(IRREVERSIBLE)


def _read_field(value: str) -> str:
    if re.fullmatch(_FIELD, value):
        return value
    raise Unreadable(
        "is no path of a field", "write its names with dots and without positions of lists"
    )


def _read_irreversible(value: str) -> str:
    if value in IRREVERSIBLE:
        return value
    raise Unreadable("is not known, or never allowed", suggestion(value, IRREVERSIBLE))


FieldPath = Annotated[str, AfterValidator(_read_field), pattern(_FIELD)]
FieldsByKind = dict[Kind, Annotated[list[FieldPath], Field(min_length=1)]]
Irreversible = Annotated[str, AfterValidator(_read_irreversible), pattern(_NEVER_PUT_BACK)]


class WrittenRequirement(Written):
    """A condition on the labels of whatever is touched, as Kubernetes writes it."""

    model_config = ConfigDict(title="Condition on labels")

    key: LabelKey = Field(description="The label's key.", examples=["tier"])
    operator: Annotated[Operator, Field(strict=False)] = Field(
        description="How it is compared.", examples=[Operator.NOT_IN]
    )
    values: list[LabelValue] = Field(
        default_factory=list,
        description="The values that In and NotIn compare with.",
        examples=[["payment", "ledger"]],
    )

    @model_validator(mode="after")
    def _fits(self) -> "WrittenRequirement":
        if self.operator.takes_values and not self.values:
            raise Unreadable("has no values", f"{self.operator} needs some, such as values: [web]")
        if self.values and not self.operator.takes_values:
            raise Unreadable("has values", f"{self.operator} takes none; leave them out")
        return self
