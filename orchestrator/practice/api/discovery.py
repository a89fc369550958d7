"""What the server says about itself: groups, versions, resources, its release."""

from __future__ import annotations

from functools import lru_cache
from typing import Any, Final

from orchestrator.practice.api.kinds import Kind
from orchestrator.practice.api.served.registry import Registry

Object = dict[str, Any]
VERSION: Final[Object] = {
    "major": "1",
    "minor": "36",
    "emulationMajor": "1",
    "emulationMinor": "36",
    "minCompatibilityMajor": "1",
    "minCompatibilityMinor": "35",
    "gitVersion": "v1.36.0+practice",
    "gitCommit": "",
    "gitTreeState": "",
    "buildDate": "1970-01-01T00:00:00Z",
    "goVersion": "",
    "compiler": "",
    "platform": "",
}
_VERBS: Final = (
    "create", "delete", "deletecollection", "get", "list", "patch", "update", "watch",
)  # fmt: skip


def core_versions(address: str) -> Object:
    """The answer at /api."""
    return {
        "kind": "APIVersions",
        "versions": ["v1"],
        "serverAddressByClientCIDRs": [{"clientCIDR": "0.0.0.0/0", "serverAddress": address}],
    }


def group_list(kinds: Registry) -> Object:
    """The answer at /apis."""
    found = [_group(name, versions) for name, versions in kinds.groups.items()]
    return {"kind": "APIGroupList", "apiVersion": "v1", "groups": found}


def group(kinds: Registry, name: str) -> Object | None:
    """The answer at /apis/<group>."""
    versions = kinds.groups.get(name)
    if versions is None:
        return None
    return {"kind": "APIGroup", "apiVersion": "v1", **_group(name, versions)}


def _group(name: str, versions: list[str]) -> Object:
    listed = [{"groupVersion": f"{name}/{version}", "version": version} for version in versions]
    return {"name": name, "versions": listed, "preferredVersion": listed[0]}


@lru_cache(maxsize=256)
def resource_list(kinds: Registry, group_name: str, version: str) -> Object | None:
    """The answer at /api/v1 and /apis/<group>/<version>."""
    found = [kind for kind in kinds.kinds if (kind.group, kind.version) == (group_name, version)]
    if not found:
        return None
    resources = [entry for kind in found for entry in _resources(kind)]
    group_version = f"{group_name}/{version}" if group_name else version
    head: Object = {"kind": "APIResourceList", "groupVersion": group_version}
    if group_name:
        head["apiVersion"] = "v1"
    return {**head, "resources": sorted(resources, key=lambda entry: str(entry["name"]))}


def _resources(kind: Kind) -> list[Object]:
    main: Object = {
        "name": kind.plural,
        "singularName": kind.singular or kind.name.lower(),
        "namespaced": kind.namespaced,
        "kind": kind.name,
        "verbs": _verbs(kind),
    }
    if kind.short_names:
        main["shortNames"] = list(kind.short_names)
    if kind.categories:
        main["categories"] = list(kind.categories)
    return [main, *_subresources(kind)]


def _verbs(kind: Kind) -> list[str]:
    if kind.review is not None:
        return ["create"]
    return [verb for verb in _VERBS if kind.deletes_collection or verb != "deletecollection"]


def _subresources(kind: Kind) -> list[Object]:
    base = {"singularName": "", "namespaced": kind.namespaced}
    entries: list[Object] = []
    if kind.has_status:
        entries.append(
            {
                "name": f"{kind.plural}/status",
                **base,
                "kind": kind.name,
                "verbs": ["get", "patch", "update"],
            }
        )
    if kind.scale is not None:
        entries.append(
            {
                "name": f"{kind.plural}/scale", **base, "group": "autoscaling", "version": "v1",
                "kind": "Scale", "verbs": ["get", "patch", "update"],
            }
        )  # fmt: skip
    for extra in kind.subresources:
        entry = {"name": f"{kind.plural}/{extra.name}", **base}
        if extra.group:
            entry |= {"group": extra.group, "version": extra.version}
        entries.append({**entry, "kind": extra.kind, "verbs": list(extra.verbs)})
    return entries
