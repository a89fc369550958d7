"""The types of custom resources, read off the schemas of their definitions.

They say how objects are merged, and which of their fields nobody has declared. What values may
be is judged in `rules`.
"""

from __future__ import annotations

from typing import Any

from orchestrator.practice.api.schema import ANY, Node, Type, declare

Object = dict[str, Any]
_PRESERVED = "x-kubernetes-preserve-unknown-fields"


def declared(name: str, schema: Object) -> str:
    """Make the type of a custom resource known under a name, and return the name."""
    fields = {
        key: _node(f"{name}.{key}", value)
        for key, value in schema.get("properties", {}).items()
        if key not in {"apiVersion", "kind", "metadata"}
    }
    head = {
        "apiVersion": Node("string"),
        "kind": Node("string"),
        "metadata": Node("meta.v1.ObjectMeta", refers=True),
    }
    is_open = bool(schema.get(_PRESERVED))
    declare(Type(name, {**head, **fields}, lenient=True, is_open=is_open))
    return name


def _node(name: str, schema: Object) -> Node:
    match schema.get("type"):
        case "object":
            return _object(name, schema)
        case "array":
            return _list(name, schema)
    return ANY


def _object(name: str, schema: Object) -> Node:
    values = schema.get("additionalProperties")
    if isinstance(values, dict):
        return Node("map", _node(f"{name}.*", values))
    if schema.get(_PRESERVED) and "properties" not in schema:
        return Node("map", ANY)
    fields = {
        key: _node(f"{name}.{key}", value) for key, value in schema.get("properties", {}).items()
    }
    declare(Type(name, fields, lenient=True, is_open=bool(schema.get(_PRESERVED))))
    return Node(name, refers=True)


def _list(name: str, schema: Object) -> Node:
    item = _node(f"{name}.*", schema.get("items", {}))
    match schema.get("x-kubernetes-list-type"):
        case "map":
            return Node("list", item, keys=tuple(schema.get("x-kubernetes-list-map-keys", ())))
        case "set":
            return Node("list", item, keys=())
    return Node("list", item)


def filled(value: Any, schema: Object) -> Any:
    """The value with the defaults that its schema has."""
    if isinstance(value, dict):
        properties = schema.get("properties", {})
        full = dict(value)
        for key, inner in properties.items():
            if key not in full and "default" in inner:
                full[key] = inner["default"]
        values = schema.get("additionalProperties")
        others = values if isinstance(values, dict) else {}
        return {key: filled(item, properties.get(key, others)) for key, item in full.items()}
    if isinstance(value, list):
        return [filled(item, schema.get("items", {})) for item in value]
    return value
