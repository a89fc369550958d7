"""The rules of custom resource definitions.

Of the schemas it is only asked that they are there and describe objects.
"""

from __future__ import annotations

from typing import Any, Final

from orchestrator.practice.api.statuses import Cause
from orchestrator.practice.api.validation.names import name_causes

Object = dict[str, Any]
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
    names = [version["name"] for version in versions]
    if len(set(names)) < len(names):
        text = "must contain unique version names"
        causes.append(Cause.invalid("spec.versions", versions, text))
    if sum(bool(version.get("storage")) for version in versions) != 1:
        text = "must have exactly one version marked as storage version"
        causes.append(Cause.invalid("spec.versions", versions, text))
    for index, version in enumerate(versions):
        field = f"spec.versions[{index}]"
        causes += name_causes(version["name"], f"{field}.name", "label1035")
        causes += _schema_causes(version, f"{field}.schema.openAPIV3Schema")
    return causes


def _schema_causes(version: Object, field: str) -> list[Cause]:
    root = version.get("schema", {}).get("openAPIV3Schema")
    if not isinstance(root, dict):
        return [Cause.required(field)]
    if root.get("type") != "object":
        return [Cause.invalid(f"{field}.type", root.get("type", ""), "must be object at the root")]
    return []


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
