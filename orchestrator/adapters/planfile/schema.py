"""The JSON Schema of the plan file, and what it says about one field.

It does not validate: the models do, and say more than a schema can.
"""

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any, Final

from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue

from orchestrator.adapters.planfile.models import WrittenPlan
from orchestrator.adapters.planfile.tree import Path

DIALECT: Final = GenerateJsonSchema.schema_dialect


class _InOrder(GenerateJsonSchema):
    """Keeps fields and examples in the order in which people write them."""

    def sort(self, value: JsonSchemaValue, parent_key: str | None = None) -> JsonSchemaValue:
        """Leave the order as it is."""
        del parent_key
        return value


def plan_schema() -> dict[str, Any]:
    """The JSON Schema of version 1 of the plan file.

    Source: JSON Schema, draft 2020-12.
    """
    schema: dict[str, Any] = _tidied(WrittenPlan.model_json_schema(schema_generator=_InOrder))
    return {"$schema": DIALECT, **schema}


def _tidied(schema: Any) -> Any:
    """Without what the models need and editors should not offer: null for what is left out."""
    if isinstance(schema, list):
        return [_tidied(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    choices = [choice for choice in schema.get("anyOf", ()) if choice != {"type": "null"}]
    kept = {
        key: _tidied(value)
        for key, value in schema.items()
        if not (key == "default" and value is None)
    }
    if len(choices) == 1:
        return _tidied(choices[0]) | {key: kept[key] for key in kept if key != "anyOf"}
    return kept


@cache
def _schema() -> Mapping[str, Any]:
    return plan_schema()


def schema_at(path: Path) -> Mapping[str, Any]:
    """The schema of the field at the path; empty for a field that is not known."""
    found = _followed(_schema())
    own: Mapping[str, Any] = found
    for step in path:
        own = next(filter(None, (_inside(form, step) for form in _forms(found))), {})
        found = _followed(own)
    return {**found, **own}


def _forms(schema: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
    """The schema, and those of the forms that a field may have."""
    return (schema, *schema.get("anyOf", ()))


def _inside(schema: Mapping[str, Any], step: str | int) -> Mapping[str, Any]:
    """The schema of what lies at one step; empty when it is not known."""
    if isinstance(step, int):
        own = schema.get("items")
    else:
        own = schema.get("properties", {}).get(step) or schema.get("additionalProperties")
        own = own or next(iter(schema.get("patternProperties", {}).values()), None)
    return own if isinstance(own, Mapping) else {}


def _followed(schema: Mapping[str, Any]) -> Mapping[str, Any]:
    reference = schema.get("$ref")
    if reference is None:
        return schema
    definition: Mapping[str, Any] = _schema()["$defs"][str(reference).rpartition("/")[2]]
    return definition
