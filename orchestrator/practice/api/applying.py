"""Server-side apply: a manager's configuration merged into an object by the types of its fields.

It merges; who owns which field is kept in `ownership`.
"""

from __future__ import annotations

from typing import Any

from orchestrator.practice.api.schema import ANY, Node, Type, type_of

Object = dict[str, Any]


def apply(document: Object, configuration: Object, name: str) -> Object:
    """The document with every field that the configuration names set to what it says."""
    return _apply_object(document, configuration, type_of(name))


def _apply_object(document: Object, configuration: Object, kind: Type | None) -> Object:
    merged = dict(document)
    for key, value in configuration.items():
        node = (kind.fields.get(key) if kind else None) or ANY
        if value is None:
            merged.pop(key, None)
        else:
            merged[key] = apply_value(merged.get(key), value, node)
    return merged


def apply_value(current: Any, value: Any, node: Node) -> Any:
    """One field merged: objects and maps by key, lists by their type, all else replaced."""
    if isinstance(value, dict):
        base = current if isinstance(current, dict) else {}
        if node.name == "map":
            item = node.item or ANY
            return base | {
                key: apply_value(base.get(key), entry, item) for key, entry in value.items()
            }
        return _apply_object(base, value, node.type) if node.refers else value
    if isinstance(value, list) and node.keys is not None:
        return _apply_list(current if isinstance(current, list) else [], value, node)
    return value


def _apply_list(current: list[Any], value: list[Any], node: Node) -> list[Any]:
    if not node.keys:
        return current + [item for item in value if item not in current]
    merged = list(current)
    for item in value:
        identity = item_key(item, node)
        for index, entry in enumerate(merged):
            if item_key(entry, node) == identity:
                merged[index] = apply_value(entry, item, node.item or ANY)
                break
        else:
            merged.append(item)
    return merged


def item_key(item: Any, node: Node) -> tuple[Any, ...]:
    """What tells an item of a keyed list from the others; a port's protocol is TCP by default."""
    if not isinstance(item, dict):
        return (item,)
    defaults = {"protocol": "TCP"}
    return tuple(item.get(key, defaults.get(key)) for key in node.keys or ())
