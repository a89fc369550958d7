"""How a plan says what must keep runners in, and where their requests may go.

It only reads; which measures a machine has is not known here.
"""

from typing import Annotated, Any, Final

from pydantic import AfterValidator, PlainValidator, WithJsonSchema

from orchestrator.adapters.planfile.units import Unreadable
from orchestrator.adapters.planfile.words import suggestion
from orchestrator.domain.containment import BEST_EFFORT, REQUIRED, Containment, Measure
from orchestrator.domain.destinations import destination_of
from orchestrator.domain.errors import InvalidValue

_WORDS: Final = {"required": REQUIRED, "best effort": BEST_EFFORT}
_MEASURES: Final = [measure.value for measure in Measure]
_PORT: Final = r":[0-9]{1,5}$"


def read_containment(value: object) -> Containment:
    """Read one of the two words, or a list of measures. Raises: Unreadable."""
    if isinstance(value, str) and value in _WORDS:
        return _WORDS[value]
    if not isinstance(value, list) or not value:
        way_out = f"write `required`, `best effort`, or a list of: {', '.join(_MEASURES)}"
        raise Unreadable("says no measures", way_out)
    for each in value:
        if each not in _MEASURES:
            raise Unreadable(f"has no measure {str(each)[:60]}", suggestion(each, _MEASURES))
    return Containment(required=frozenset(Measure(each) for each in value))


def read_destination(value: str) -> str:
    """Read a host with a port. Raises: Unreadable."""
    try:
        return str(destination_of(value))
    except InvalidValue:
        way_out = "write HOST:PORT, such as shop.example.org:443 or *.example.org:443"
        raise Unreadable("is no host with a port", way_out) from None


_CONTAINMENT_SCHEMA: Final[dict[str, Any]] = {
    "anyOf": [
        {"type": "string", "enum": sorted(_WORDS)},
        {"type": "array", "minItems": 1, "items": {"type": "string", "enum": _MEASURES}},
    ]
}

MaybeContainment = Annotated[
    Containment | None, PlainValidator(read_containment), WithJsonSchema(_CONTAINMENT_SCHEMA)
]
# The default None stands for a field that is left out.
MaybeDestinations = Annotated[
    list[
        Annotated[
            str,
            AfterValidator(read_destination),
            WithJsonSchema({"type": "string", "pattern": _PORT}),
        ]
    ]
    | None,
    WithJsonSchema({"type": "array", "items": {"type": "string", "pattern": _PORT}}),
]
