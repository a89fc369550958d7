"""The parts of a plan that can be read, each by itself.

One broken field hides no other fault: what is whole is checked together with the rest.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from pydantic import ValidationError

from orchestrator.adapters.planfile.forms import Written
from orchestrator.adapters.planfile.limits import WrittenAbortCondition, WrittenLimits
from orchestrator.adapters.planfile.models import (
    WrittenBox,
    WrittenPerson,
    WrittenService,
    WrittenWindow,
)
from orchestrator.domain.plan import Environment

Model = TypeVar("Model", bound=Written)


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """Whatever could be read.

    Shape: lists as mappings from the place in the file to what could be read there; counts
    how many entries each list has in the file, so that gaps show.
    """

    environment: Environment | None
    window: WrittenWindow | None
    people: Mapping[int, WrittenPerson]
    services: Mapping[int, WrittenService]
    agenda: Mapping[int, WrittenBox]
    limits: WrittenLimits | None
    abort_when: Mapping[int, WrittenAbortCondition]
    counts: Mapping[str, int]


def parts_of(plan: Mapping[str, Any]) -> Parts:
    """Read each part of the plan by itself."""
    people = _each(WrittenPerson, plan.get("people"))
    services = _each(WrittenService, plan.get("services"))
    return Parts(
        environment=_environment(plan.get("environment")),
        window=_one(WrittenWindow, plan.get("window")),
        people=people,
        services=services,
        agenda=_each(WrittenBox, plan.get("agenda")),
        limits=_one(WrittenLimits, plan.get("blast_radius")),
        abort_when=_each(WrittenAbortCondition, plan.get("abort_when")),
        counts={
            field: len(entries) if isinstance(entries := plan.get(field), list) else 0
            for field in ("people", "services", "agenda", "abort_when")
        },
    )


def _environment(value: object) -> Environment | None:
    return next((environment for environment in Environment if environment == value), None)


def _one(model: type[Model], value: object) -> Model | None:
    try:
        return model.model_validate(value)
    except ValidationError:
        return None


def _each(model: type[Model], values: object) -> dict[int, Model]:
    if not isinstance(values, list):
        return {}
    read = ((place, _one(model, value)) for place, value in enumerate(values))
    return {place: part for place, part in read if part is not None}
