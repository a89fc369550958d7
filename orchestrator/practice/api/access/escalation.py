"""Roles and bindings that would give away more than their maker has.

It compares rules; whether somebody may write roles at all is decided before.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import product
from typing import Any

import msgspec

from orchestrator.practice.api.access.users import User
from orchestrator.practice.api.kinds import Kind
from orchestrator.practice.api.statuses import ApiError, forbidden

Object = dict[str, Any]


def missing(wanted: Iterable[Object], held: Iterable[Object]) -> list[Object]:
    """What of some rules other rules do not cover, one rule for each resource."""
    own = list(held)
    found: dict[bytes, Object] = {}
    for part in _parts(wanted):
        if not any(_covers(rule, part) for rule in own):
            where = {key: part[key] for key in part if key != "verbs"}
            entry = found.setdefault(msgspec.json.encode(where), {**where, "verbs": []})
            entry["verbs"] += [verb for verb in part["verbs"] if verb not in entry["verbs"]]
    return sorted(found.values(), key=msgspec.json.encode)


def _parts(rules: Iterable[Object]) -> Iterator[Object]:
    """Rules taken apart into ones for a single verb on a single thing."""
    for rule in rules:
        for verb in rule.get("verbs", ()):
            for url in rule.get("nonResourceURLs", ()):
                yield {"nonResourceURLs": [url], "verbs": [verb]}
            names = rule.get("resourceNames") or [None]
            things = product(rule.get("apiGroups", ()), rule.get("resources", ()), names)
            for group, resource, name in things:
                part: Object = {"apiGroups": [group], "resources": [resource]}
                yield {**part, **({"resourceNames": [name]} if name else {}), "verbs": [verb]}


def _covers(rule: Object, part: Object) -> bool:
    (verb,) = part["verbs"]
    if verb not in rule.get("verbs", ()) and "*" not in rule.get("verbs", ()):
        return False
    if "nonResourceURLs" in part:
        (wanted,) = part["nonResourceURLs"]
        return any(
            url in {"*", wanted} or (url.endswith("*") and wanted.startswith(url[:-1]))
            for url in rule.get("nonResourceURLs", ())
        )
    (group,), (resource,) = part["apiGroups"], part["resources"]
    names = rule.get("resourceNames") or ()
    groups, resources = rule.get("apiGroups", ()), rule.get("resources", ())
    below = f"*/{resource.partition('/')[2]}" if "/" in resource else resource
    return (
        ("*" in groups or group in groups)
        and ("*" in resources or resource in resources or below in resources)
        and (not names or part.get("resourceNames", [""])[0] in names)
    )


def escalation(kind: Kind, name: str, user: User, lacking: list[Object]) -> ApiError:
    """What somebody is told who would give away more than they have."""
    groups = " ".join(f'"{group}"' for group in user.groups)
    listed = "\n".join(_told(rule) for rule in lacking)
    why = (
        f'user "{user.name}" (groups=[{groups}]) is attempting to grant RBAC permissions not '
        f"currently held:\n{listed}"
    )
    return forbidden(kind, name, why)


def _told(rule: Object) -> str:
    titles = {
        "apiGroups": "APIGroups", "resources": "Resources", "resourceNames": "ResourceNames",
        "nonResourceURLs": "NonResourceURLs", "verbs": "Verbs",
    }  # fmt: skip
    parts = []
    for key, title in titles.items():
        if key in rule:
            values = " ".join(f'"{value}"' for value in rule[key])
            parts.append(f"{title}:[{values}]")
    return f"{{{', '.join(parts)}}}"
