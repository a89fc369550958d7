"""The types of objects as schemas of OpenAPI v3, for `kubectl explain` and generic clients.

Types only: there are no descriptions and no defaults to hand on.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from typing import Any, Final

from orchestrator.practice.api.kinds import Kind
from orchestrator.practice.api.schema import Node, type_of

Object = dict[str, Any]
_PREFIXES: Final = {
    "meta": "io.k8s.apimachinery.pkg.apis.",
    "apiextensions": "io.k8s.apiextensions-apiserver.pkg.apis.",
}
_SCALARS: Final[dict[str, Object]] = {
    "string": {"type": "string"},
    "boolean": {"type": "boolean"},
    "number": {"type": "number", "format": "double"},
    "integer": {"type": "integer"},
    "int32": {"type": "integer", "format": "int32"},
    "int64": {"type": "integer", "format": "int64"},
    "bytes": {"type": "string", "format": "byte"},
    "time": {"type": "string", "format": "date-time"},
    "microtime": {"type": "string", "format": "date-time"},
    "int-or-string": {
        "format": "int-or-string", "oneOf": [{"type": "integer"}, {"type": "string"}],
    },
}  # fmt: skip
METADATA: Final = "meta.v1.ObjectMeta"
QUANTITY: Final = "io.k8s.apimachinery.pkg.api.resource.Quantity"
_QUANTITY: Final[Object] = {"oneOf": [{"type": "string"}, {"type": "number"}]}


def schemas_of(kinds: Iterable[Kind]) -> Object:
    """The schemas of kinds and of all types that they are made of, by their full names."""
    found: Object = {QUANTITY: dict(_QUANTITY)}
    for kind in kinds:
        if kind.document is not None:
            name = ".".join([*reversed(kind.group.split(".")), kind.version, kind.name])
            found[name] = _custom(kind, dict(kind.document))
            names = _reachable(METADATA)
        else:
            names = _reachable(kind.schema)
        for name in names:
            found.setdefault(full_name(name), _schema(name))
        if kind.document is None:
            root = found[full_name(kind.schema)]
            found[full_name(kind.schema)] = root | _gvk(kind)
    return found


def full_name(name: str) -> str:
    """The name that a type has in Kubernetes' documents."""
    return _PREFIXES.get(name.partition(".")[0], "io.k8s.api.") + name


def _gvk(kind: Kind) -> Object:
    named = {"group": kind.group, "kind": kind.name, "version": kind.version}
    return {"x-kubernetes-group-version-kind": [named]}


def _custom(kind: Kind, document: Object) -> Object:
    """The schema of a definition with what every object has."""
    head = {
        "apiVersion": {"type": "string"},
        "kind": {"type": "string"},
        "metadata": _reference(full_name(METADATA)),
    }
    properties = {**document.get("properties", {}), **head}
    return {**document, "properties": properties} | _gvk(kind)


@cache
def _reachable(root: str) -> tuple[str, ...]:
    """The names of a type and of all that it is made of."""
    found: dict[str, None] = {}
    waiting = [root]
    while waiting:
        name = waiting.pop()
        if name not in found:
            found[name] = None
            waiting += [
                inner for node in type_of(name).fields.values() for inner in _mentioned(node)
            ]
    return tuple(found)


def _mentioned(node: Node) -> list[str]:
    names = [node.name] if node.refers else []
    return names + (_mentioned(node.item) if node.item else [])


@cache
def _schema(name: str) -> Object:
    kind = type_of(name)
    schema: Object = {"type": "object"}
    if kind.fields:
        schema["properties"] = {key: _property(node) for key, node in kind.fields.items()}
    if kind.required:
        schema["required"] = list(kind.required)
    return schema


def _property(node: Node) -> Object:
    if node.refers:
        return _reference(full_name(node.name))
    if node.name == "quantity":
        return _reference(QUANTITY)
    if node.name == "list" and node.item is not None:
        return {"type": "array", "items": _property(node.item), **_merging(node)}
    if node.name == "map" and node.item is not None:
        return {"type": "object", "additionalProperties": _property(node.item)}
    return dict(_SCALARS.get(node.name, {"type": "object"}))


def _reference(name: str) -> Object:
    # Wrapped, as OpenAPI 3.0 allows nothing beside a bare reference.
    return {"allOf": [{"$ref": f"#/components/schemas/{name}"}]}


def _merging(node: Node) -> Object:
    """How a list is merged, in the words of Kubernetes' own documents."""
    said: Object = {}
    if node.keys:
        said |= {"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": list(node.keys)}
    elif node.keys == ():
        said["x-kubernetes-list-type"] = "set"
    if node.merge is not None:
        said["x-kubernetes-patch-strategy"] = "merge"
        if node.merge:
            said["x-kubernetes-patch-merge-key"] = node.merge
    return said
