"""The rules of custom resource definitions.

Schemas have to describe objects and be made of schemas; whether they make sense is not asked.
"""

from __future__ import annotations

from typing import Any, Final

from orchestrator.practice.api.schema import TypeMismatch, conform
from orchestrator.practice.api.statuses import Cause
from orchestrator.practice.api.validation.names import name_causes

Object = dict[str, Any]
_TYPES: Final = ("array", "boolean", "integer", "number", "object", "string")
_SCOPES: Final = ("Cluster", "Namespaced")


def definition_causes(definition: Object, old: Object | None) -> list[Cause]:
    """What is wrong with a custom resource definition."""
    spec, name = definition["spec"], definition["metadata"].get("name", "")
    names, group = spec["names"], spec.get("group", "")
    causes: list[Cause] = []
    if name != f"{names.get('plural', '')}.{group}":
        text = 'must be spec.names.plural+"."+spec.group'
        causes.append(Cause.invalid("metadata.name", name, text))
    causes += _group_causes(group)
    if spec.get("scope", "") not in _SCOPES:
        causes.append(Cause.unsupported("spec.scope", spec.get("scope", ""), _SCOPES))
    causes += _version_causes(spec.get("versions", []))
    causes += _names_causes(names)
    if old is not None:
        causes += _change_causes(spec, old["spec"])
    return causes


def _group_causes(group: str) -> list[Cause]:
    if not group:
        return [Cause.required("spec.group")]
    if "." not in group:
        text = "should be a domain with at least one dot"
        return [Cause.invalid("spec.group", group, text)]
    return name_causes(group, "spec.group", "subdomain")


def _names_causes(names: Object) -> list[Cause]:
    causes: list[Cause] = []
    for key in ("plural", "singular", "kind", "listKind"):
        if not names.get(key):
            causes.append(Cause.required(f"spec.names.{key}"))
        else:
            causes += name_causes(names[key].lower(), f"spec.names.{key}", "label1035")
    return causes


def _version_causes(versions: list[Object]) -> list[Cause]:
    causes: list[Cause] = []
    names = [version.get("name", "") for version in versions]
    if len(set(names)) < len(names):
        text = "must contain unique version names"
        causes.append(Cause.invalid("spec.versions", versions, text))
    if sum(bool(version.get("storage")) for version in versions) != 1:
        text = "must have exactly one version marked as storage version"
        causes.append(Cause.invalid("spec.versions", versions, text))
    for index, version in enumerate(versions):
        field = f"spec.versions[{index}]"
        causes += name_causes(version.get("name", ""), f"{field}.name", "label1035")
        causes += _schema_causes(version, f"{field}.schema.openAPIV3Schema")
        causes += _path_causes(version, field)
    return causes


def _path_causes(version: Object, field: str) -> list[Cause]:
    """What is missing of the paths by which columns, selectors and scales are read."""
    needed = (("additionalPrinterColumns", ("name", "type", "jsonPath")),
              ("selectableFields", ("jsonPath",)))  # fmt: skip
    causes = [
        Cause.required(f"{field}.{key}[{index}].{part}")
        for key, parts in needed
        for index, entry in enumerate(version.get(key, ()))
        for part in parts
        if not entry.get(part)
    ]
    scale = version.get("subresources", {}).get("scale")
    if scale is not None:
        causes += [
            Cause.required(f"{field}.subresources.scale.{key}")
            for key in ("specReplicasPath", "statusReplicasPath")
            if not scale.get(key)
        ]
    return causes


def _schema_causes(version: Object, field: str) -> list[Cause]:
    root = version.get("schema", {}).get("openAPIV3Schema")
    if not isinstance(root, dict):
        return [Cause.required(field)]
    if root.get("type") != "object":
        return [Cause.invalid(f"{field}.type", root.get("type", ""), "must be object at the root")]
    return _inner_causes(root, field)


def _inner_causes(schema: Object, field: str) -> list[Cause]:
    """What is wrong with a schema and those within it."""
    causes: list[Cause] = []
    kind, values = schema.get("type"), schema.get("additionalProperties")
    if kind is not None and kind not in _TYPES:
        causes.append(Cause.unsupported(f"{field}.type", kind, _TYPES))
    for key, inner in schema.get("properties", {}).items():
        causes += _inner_causes(inner, f"{field}.properties[{key}]")
    if "items" in schema:
        causes += _inner_causes(schema["items"], f"{field}.items")
    if isinstance(values, dict):
        causes += _loose_causes(values, f"{field}.additionalProperties")
    elif values is not None and not isinstance(values, bool):
        text = "must be a boolean or a schema"
        causes.append(Cause.invalid(f"{field}.additionalProperties", values, text))
    return causes


def _loose_causes(schema: Object, field: str) -> list[Cause]:
    """What is wrong with a schema whose type has not been looked at yet."""
    try:
        conform(schema, "apiextensions.v1.JSONSchemaProps")
    except TypeMismatch as error:
        return [Cause.invalid(field, schema, str(error))]
    return _inner_causes(schema, field)


def _change_causes(spec: Object, old: Object) -> list[Cause]:
    changed = [
        (f"spec.{key}", spec.get(key)) for key in ("group", "scope") if spec.get(key) != old[key]
    ]
    changed += [
        (f"spec.names.{key}", spec["names"].get(key))
        for key in ("kind", "plural")
        if spec["names"].get(key) != old["names"][key]
    ]
    return [Cause.invalid(field, value, "field is immutable") for field, value in changed]
