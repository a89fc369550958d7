"""Roles and bindings, evaluated: which rules somebody has, and what they cover.

Source: Kubernetes' role-based access control, as its reference documentation describes it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Final

from orchestrator.practice.api.access.asked import Asked
from orchestrator.practice.api.access.users import ACCOUNT, User
from orchestrator.practice.api.kinds import Kind
from orchestrator.practice.api.selectors import of_object
from orchestrator.practice.api.served.policies import (
    CLUSTER_ROLE,
    CLUSTER_ROLE_BINDING,
    ROLE,
    ROLE_BINDING,
)
from orchestrator.practice.api.store import Store

Object = dict[str, Any]
ROLES: Final = (CLUSTER_ROLE, CLUSTER_ROLE_BINDING, ROLE, ROLE_BINDING)
_Who = tuple[str, tuple[str, ...], str]
_MOST_REMEMBERED: Final = 1000


@dataclass(frozen=True, slots=True)
class Grant:
    """One rule, and the binding that gives it."""

    rule: Object
    reason: str


class Rules:
    """The rules that the bindings in a store give, remembered until one of them changes."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._seen: tuple[int, ...] = ()
        self._known: dict[_Who, list[Grant]] = {}

    def of(self, user: User, namespace: str) -> list[Grant]:
        """The rules that somebody has in a namespace, or for the whole cluster."""
        seen = tuple(self._latest(kind) for kind in ROLES)
        if seen != self._seen or len(self._known) > _MOST_REMEMBERED:
            self._seen, self._known = seen, {}
        who = user.name, user.groups, namespace
        found = self._known.get(who)
        if found is None:
            found = self._known[who] = list(self._found(user, namespace))
        return found

    def _latest(self, kind: Kind) -> int:
        shelf = self._store.shelf(kind)
        return shelf.history[-1].version if shelf.history else shelf.floor

    def _found(self, user: User, namespace: str) -> Iterator[Grant]:
        for binding in self._store.objects(CLUSTER_ROLE_BINDING):
            yield from self._granted(binding, user, "")
        if namespace:
            for binding in self._store.objects(ROLE_BINDING, namespace):
                yield from self._granted(binding, user, namespace)

    def _granted(self, binding: Object, user: User, namespace: str) -> Iterator[Grant]:
        for subject in binding.get("subjects", ()):
            if _is_meant(subject, user, namespace):
                reason = _reason(binding, subject, namespace)
                for rule in self.in_role(binding["roleRef"], namespace):
                    yield Grant(rule, reason)
                return

    def in_role(self, reference: Object, namespace: str) -> list[Object]:
        """The rules of the role that a binding refers to, none when there is no such role."""
        if reference["kind"] == "Role":
            role = self._store.get(ROLE, namespace, reference["name"])
        else:
            role = self._store.get(CLUSTER_ROLE, "", reference["name"])
        return list(self.in_object(role)) if role else []

    def in_object(self, role: Object) -> Iterator[Object]:
        """The rules of a role, those that it gathers from others included."""
        yield from role.get("rules") or ()
        own = role.get("rules") or ()
        for selector in (role.get("aggregationRule") or {}).get("clusterRoleSelectors", ()):
            wanted = of_object(selector)
            for other in self._store.objects(CLUSTER_ROLE):
                if wanted.holds(other["metadata"].get("labels", {})):
                    yield from (rule for rule in other.get("rules") or () if rule not in own)


def _is_meant(subject: Object, user: User, namespace: str) -> bool:
    match subject["kind"]:
        case "User":
            return bool(subject["name"] == user.name)
        case "Group":
            return subject["name"] in user.groups
        case "ServiceAccount":
            place = subject.get("namespace") or namespace
            return bool(place) and f"{ACCOUNT}{place}:{subject['name']}" == user.name
    return False


def _reason(binding: Object, subject: Object, namespace: str) -> str:
    reference, name = binding["roleRef"], binding["metadata"]["name"]
    kind = "RoleBinding" if namespace else "ClusterRoleBinding"
    place = f"{name}/{namespace}" if namespace else name
    whom = subject["name"]
    if subject["kind"] == "ServiceAccount":
        whom = f"{whom}/{subject.get('namespace') or namespace}"
    return (
        f'RBAC: allowed by {kind} "{place}" of {reference["kind"]} "{reference["name"]}" to '
        f'{subject["kind"]} "{whom}"'
    )


def covers(rule: Object, asked: Asked) -> bool:
    """Whether a rule allows what is asked for."""
    if not _has(rule.get("verbs", ()), asked.verb):
        return False
    if asked.path:
        return any(_leads_to(url, asked.path) for url in rule.get("nonResourceURLs", ()))
    names = rule.get("resourceNames") or ()
    return (
        _has(rule.get("apiGroups", ()), asked.group)
        and _has_resource(rule.get("resources", ()), asked)
        and (not names or asked.name in names)
    )


def _has(values: Iterable[str], wanted: str) -> bool:
    return "*" in values or wanted in values


def _has_resource(resources: Iterable[str], asked: Asked) -> bool:
    if _has(resources, asked.whole_resource):
        return True
    return bool(asked.subresource) and f"*/{asked.subresource}" in resources


def _leads_to(url: str, path: str) -> bool:
    return url in {"*", path} or (url.endswith("*") and path.startswith(url.rstrip("*")))
