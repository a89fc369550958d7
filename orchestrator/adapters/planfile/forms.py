"""The forms that a field of the plan file can have.

Each reads a value as written into a value of the domain, and shows itself in the JSON Schema.
"""

from datetime import datetime, timedelta
from fractions import Fraction
from typing import Annotated, Any, Final
from zoneinfo import ZoneInfo

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    PlainValidator,
    WithJsonSchema,
)

from orchestrator.adapters.planfile import moments, units, words


def pattern(*patterns: str, **more: Any) -> WithJsonSchema:
    """How a form of text shows itself in the JSON Schema."""
    return WithJsonSchema({"type": "string", "pattern": f"^(?:{'|'.join(patterns)})$", **more})


def _title(name: str, _field: object) -> str:
    return name.replace("_", " ").capitalize()


_SHARE: Final = WithJsonSchema(
    {
        "anyOf": [
            {"type": "string", "pattern": f"^(?:{units.SHARE})$"},
            {"type": "number", "exclusiveMinimum": 0, "maximum": 1},
        ]
    }
)

Text = Annotated[str, Field(max_length=500), AfterValidator(words.read_text)]
Name = Annotated[str, Field(min_length=1, max_length=200), AfterValidator(words.read_name)]
Slug = Annotated[str, AfterValidator(words.read_slug), pattern(words.SLUG, maxLength=63)]
Experiment = Annotated[str, AfterValidator(words.read_experiment), pattern(words.EXPERIMENT)]
Namespace = Annotated[str, AfterValidator(words.read_namespace), pattern(words.DNS_LABEL)]
Kind = Annotated[str, AfterValidator(words.read_kind), pattern(words.KIND)]
LabelKey = Annotated[str, AfterValidator(words.read_label_key)]
LabelValue = Annotated[str, AfterValidator(words.read_label_value), pattern(words.LABEL_VALUE)]
Link = Annotated[str, Field(max_length=2000), AfterValidator(words.read_link)]

_DURATION: Final = (PlainValidator(units.read_duration), pattern(units.DURATION))
Duration = Annotated[timedelta, *_DURATION]
# The default None stands for a field that is left out; written, it is refused like any
# other value that is no duration.
MaybeDuration = Annotated[timedelta | None, *_DURATION]
Share = Annotated[Fraction, PlainValidator(units.read_share), _SHARE]
MaybeShare = Annotated[Fraction | None, PlainValidator(units.read_share), _SHARE]
Zone = Annotated[
    ZoneInfo,
    PlainValidator(moments.read_zone),
    WithJsonSchema({"type": "string", "minLength": 1}),
]
Moment = Annotated[datetime, PlainValidator(moments.read_moment), pattern(moments.MOMENT)]
Start = Annotated[
    moments.Start,
    PlainValidator(moments.read_start),
    pattern(moments.CLOCK, moments.MOMENT, rf"\+{units.DURATION}"),
]


class Written(BaseModel):
    """A part of a plan as it is written: no unknown fields, no guessed types."""

    model_config = ConfigDict(
        extra="forbid", strict=True, frozen=True, field_title_generator=_title
    )
