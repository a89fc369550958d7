"""Paths of the Kubernetes API, taken apart.

A path that names nothing that is served is no error of its own here; the app answers 404.
"""

from __future__ import annotations

from orchestrator.practice.api.kinds import Kind
from orchestrator.practice.api.resources import Place
from orchestrator.practice.api.served.registry import Registry


def place_of(path: str, kinds: Registry) -> Place | None:
    """What a path under /api or /apis names, or none."""
    parts = [part for part in path.split("/") if part]
    match parts:
        case ["api", version, *rest]:
            return _place(kinds, "", version, rest)
        case ["apis", group, version, *rest]:
            return _place(kinds, group, version, rest)
    return None


def _place(kinds: Registry, group: str, version: str, rest: list[str]) -> Place | None:
    if rest[:1] == ["namespaces"] and len(rest) > 2 and rest[2] not in {"status", "finalize"}:
        return _found(kinds.at(group, version, rest[2]), rest[1], rest[3:])
    if not rest:
        return None
    return _found(kinds.at(group, version, rest[0]), None, rest[1:])


def _found(kind: Kind | None, namespace: str | None, rest: list[str]) -> Place | None:
    if kind is None or len(rest) > 2 or kind.namespaced != (namespace is not None):
        across = kind is not None and kind.namespaced and namespace is None and not rest
        return Place(kind=kind, namespace=None) if kind is not None and across else None
    name = rest[0] if rest else ""
    subresource = rest[1] if len(rest) > 1 else ""
    if subresource and subresource not in served_subresources(kind):
        return None
    return Place(kind=kind, namespace=namespace, name=name, subresource=subresource)


def served_subresources(kind: Kind) -> set[str]:
    """The names of what is served below objects of a kind."""
    names = {extra.name for extra in kind.subresources}
    if kind.has_status:
        names.add("status")
    if kind.scale is not None:
        names.add("scale")
    return names
