"""What a plan allows beyond taking pods away: kinds, conditions, fields and things that stay.

It does not compare a box with its day: the checks do.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Annotated, Final, TypeAlias

from pydantic import (
    AfterValidator,
    ConfigDict,
    Discriminator,
    Field,
    Tag,
    WithJsonSchema,
    model_validator,
)

from orchestrator.adapters.planfile.forms import Kind, LabelKey, LabelValue, Written, pattern
from orchestrator.adapters.planfile.units import Unreadable
from orchestrator.adapters.planfile.words import KIND, suggestion
from orchestrator.domain.blast_radius import IRREVERSIBLE
from orchestrator.domain.labels import Operator
from orchestrator.domain.verbs import WriteVerb

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


def _read_verb(value: str) -> str:
    if value in set(WriteVerb):
        return value
    raise Unreadable("is no verb of a plan", suggestion(value, WriteVerb))


def _form_of(value: object) -> str:
    return _MAPPING if isinstance(value, Mapping) else _LIST


_LIST: Final = "[list]"
_MAPPING: Final = "[mapping]"
FORMS: Final = frozenset({_LIST, _MAPPING})
"""Steps that the reader takes by itself, where a field has two forms."""

_KINDS_SCHEMA: Final = WithJsonSchema(
    {
        "anyOf": [
            {
                "type": "array",
                "items": {"type": "string", "pattern": f"^(?:{KIND})$"},
                "minItems": 1,
            },
            {
                "type": "object",
                "patternProperties": {
                    f"^(?:{KIND})$": {
                        "type": "array",
                        "items": {"type": "string", "enum": [verb.value for verb in WriteVerb]},
                        "minItems": 1,
                        "examples": [["scale"]],
                    }
                },
                "additionalProperties": False,
                "minProperties": 1,
            },
        ]
    }
)

Verb = Annotated[str, AfterValidator(_read_verb)]
WrittenKinds: TypeAlias = Sequence[str] | Mapping[str, Sequence[str]]
"""Kinds alone, each of which may be written in any way, or with what may be done to them."""
Kinds = Annotated[
    Annotated[list[Kind], Field(min_length=1), Tag(_LIST)]
    | Annotated[
        dict[Kind, Annotated[list[Verb], Field(min_length=1)]], Field(min_length=1), Tag(_MAPPING)
    ],
    Discriminator(_form_of),
    _KINDS_SCHEMA,
]


def verbs_of_kinds(kinds: WrittenKinds) -> dict[str, frozenset[WriteVerb]]:
    """What may be done to objects of the kinds, as far as that is said."""
    listed = kinds if isinstance(kinds, Mapping) else {}
    return {kind: frozenset(map(WriteVerb, verbs)) for kind, verbs in listed.items()}


def made_of(kinds: WrittenKinds) -> frozenset[str]:
    """The kinds of which objects may be made, as far as that is said."""
    made = verbs_of_kinds(kinds).items()
    return frozenset(kind for kind, verbs in made if WriteVerb.CREATE in verbs)


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
