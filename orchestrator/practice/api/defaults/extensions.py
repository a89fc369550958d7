"""Defaults of custom resource definitions."""

from __future__ import annotations

from typing import Any

Object = dict[str, Any]


def default_definition(definition: Object) -> None:
    """Fill in a definition; which version its objects are stored in is noted in its status."""
    spec = definition.setdefault("spec", {})
    names = spec.setdefault("names", {})
    if names.get("kind"):
        names.setdefault("singular", names["kind"].lower())
        names.setdefault("listKind", f"{names['kind']}List")
    spec.setdefault("conversion", {"strategy": "None"})
    stored = [item.get("name", "") for item in spec.get("versions", ()) if item.get("storage")]
    accepted = {"plural": "", "kind": ""}
    empty: Object = {"conditions": None, "acceptedNames": accepted, "storedVersions": []}
    status = definition.setdefault("status", empty)
    known = status.get("storedVersions") or []
    definition["status"] = {
        **status,
        "storedVersions": [*known, *(name for name in stored if name not in known)],
    }
