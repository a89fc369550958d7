"""Whether a value is what the schema of its definition says.

Combined schemas (`allOf`, `anyOf`, `oneOf`, `not`) and formats are not looked into.
"""

from __future__ import annotations

import operator
import re
from typing import Any, Final

from orchestrator.practice.api.statuses import Cause, shown

Object = dict[str, Any]
_HEAD: Final = {"apiVersion", "kind", "metadata"}
_BOUNDS: Final = (
    ("minimum", operator.ge, "greater than or equal to"),
    ("maximum", operator.le, "less than or equal to"),
)


def object_causes(obj: Object, schema: Object) -> list[Cause]:
    """What is wrong with a custom resource apart from its metadata."""
    body = {key: value for key, value in obj.items() if key not in _HEAD}
    required = [key for key in schema.get("required", ()) if key not in _HEAD]
    return _causes(body, {**schema, "required": required}, "")


def _causes(value: Any, schema: Object, path: str) -> list[Cause]:
    wanted = schema.get("type")
    if schema.get("x-kubernetes-int-or-string"):
        if isinstance(value, str) or _is(value, "integer"):
            return []
        return [_of_type(value, "integer,string", path)]
    if value is None and schema.get("nullable"):
        return []
    if wanted and not _is(value, wanted):
        return [_of_type(value, wanted, path)]
    causes = _choice_causes(value, schema, path)
    match value:
        case dict():
            causes += _object_causes(value, schema, path)
        case list():
            causes += _list_causes(value, schema, path)
        case str():
            causes += _text_causes(value, schema, path)
        case int() | float() if not isinstance(value, bool):
            causes += _number_causes(value, schema, path)
    return causes


def _is(value: Any, name: str) -> bool:
    match name:
        case "object":
            return isinstance(value, dict)
        case "array":
            return isinstance(value, list)
        case "string":
            return isinstance(value, str)
        case "boolean":
            return isinstance(value, bool)
        case "integer":
            whole = isinstance(value, float) and value.is_integer()
            return whole or (isinstance(value, int) and not isinstance(value, bool))
        case "number":
            return isinstance(value, int | float) and not isinstance(value, bool)
    return True


def _name_of(value: Any) -> str:
    names = ("object", "array", "string", "boolean", "integer", "number")
    return next((name for name in names if _is(value, name)), "null")


def _of_type(value: Any, wanted: str, path: str) -> Cause:
    found = _name_of(value)
    message = f'Invalid value: "{found}": {path} in body must be of type {wanted}: "{found}"'
    return Cause(path, "FieldValueTypeInvalid", message)


def _choice_causes(value: Any, schema: Object, path: str) -> list[Cause]:
    choices = schema.get("enum")
    if choices is None or value in choices:
        return []
    listed = ", ".join(shown(choice) for choice in choices)
    message = f"Unsupported value: {shown(value)}: supported values: {listed}"
    return [Cause(path, "FieldValueNotSupported", message)]


def _object_causes(value: Object, schema: Object, path: str) -> list[Cause]:
    causes = [
        Cause.required(_inner(path, key)) for key in schema.get("required", ()) if key not in value
    ]
    properties, values = schema.get("properties", {}), schema.get("additionalProperties")
    for key, item in value.items():
        inner = properties.get(key, values if isinstance(values, dict) else None)
        if inner is not None:
            causes += _causes(item, inner, _inner(path, key))
    return causes


def _inner(path: str, key: str) -> str:
    return f"{path}.{key}" if path else key


def _list_causes(value: list[Any], schema: Object, path: str) -> list[Cause]:
    causes: list[Cause] = []
    most, least = schema.get("maxItems"), schema.get("minItems")
    if most is not None and len(value) > most:
        message = f"Too many: {len(value)}: must have at most {most} items"
        causes.append(Cause(path, "FieldValueTooMany", message))
    if least is not None and len(value) < least:
        text = f"{path} in body should have at least {least} items"
        causes.append(Cause.invalid(path, len(value), text))
    for index, item in enumerate(value):
        causes += _causes(item, schema.get("items", {}), f"{path}[{index}]")
    if not causes:
        causes += _repeated(value, schema, path)
    return causes


def _repeated(value: list[Any], schema: Object, path: str) -> list[Cause]:
    kind, keys = schema.get("x-kubernetes-list-type"), schema.get("x-kubernetes-list-map-keys", ())
    if kind not in {"set", "map"}:
        return []
    causes: list[Cause] = []
    seen: list[Any] = []
    for index, item in enumerate(value):
        identity = {key: item.get(key) for key in keys} if kind == "map" else item
        if identity in seen:
            causes.append(Cause.duplicate(f"{path}[{index}]", identity))
        seen.append(identity)
    return causes


def _text_causes(value: str, schema: Object, path: str) -> list[Cause]:
    causes: list[Cause] = []
    most, least, pattern = schema.get("maxLength"), schema.get("minLength"), schema.get("pattern")
    if most is not None and len(value) > most:
        message = f"Too long: may not be more than {most} bytes"
        causes.append(Cause(path, "FieldValueTooLong", message))
    if least is not None and len(value) < least:
        text = f"{path} in body should be at least {least} chars long"
        causes.append(Cause.invalid(path, value, text))
    if pattern and not _matches(pattern, value):
        causes.append(Cause.invalid(path, value, f"{path} in body should match '{pattern}'"))
    return causes


def _matches(pattern: str, value: str) -> bool:
    try:
        return re.search(pattern, value) is not None
    except re.error:
        # Patterns are written for another engine; one that this one can't read forbids nothing.
        return True


def _number_causes(value: float, schema: Object, path: str) -> list[Cause]:
    causes: list[Cause] = []
    for key, holds, words in _BOUNDS:
        bound = schema.get(key)
        if bound is None:
            continue
        strict = schema.get(f"exclusive{key.capitalize()}")
        if not holds(value, bound) or (strict and value == bound):
            wanted = words.removesuffix(" or equal to") if strict else words
            text = f"{path} in body should be {wanted} {shown(bound)}"
            causes.append(Cause.invalid(path, value, text))
    return causes
