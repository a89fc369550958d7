"""The gate of the API server: who asks, whether they may, and what it answers about that.

Those of the group system:masters may do everything, whatever the roles say.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final

from orchestrator.practice.api.access.asked import Asked, asked_in, refusal
from orchestrator.practice.api.access.escalation import escalation, missing
from orchestrator.practice.api.access.rules import Rules, covers
from orchestrator.practice.api.access.users import (
    ACCOUNT,
    AUTHENTICATED,
    MASTERS,
    Tokens,
    User,
    impersonated,
)
from orchestrator.practice.api.kinds import Kind
from orchestrator.practice.api.requests import Request
from orchestrator.practice.api.served.core import SERVICE_ACCOUNT
from orchestrator.practice.api.served.policies import (
    CLUSTER_ROLE,
    CLUSTER_ROLE_BINDING,
    ROLE,
    ROLE_BINDING,
)
from orchestrator.practice.api.statuses import Cause, bad_request, invalid, not_found
from orchestrator.practice.api.store import Store
from orchestrator.practice.api.validation.policies import RBAC

Object = dict[str, Any]
_AUTHENTICATION: Final = "authentication.k8s.io"
_EVERYTHING: Final[Object] = {
    "verbs": ["*"], "apiGroups": ["*"], "resources": ["*"], "nonResourceURLs": ["*"],
}  # fmt: skip


class Gate:
    """Lets in who shows a known token, to what the roles in the store allow."""

    def __init__(self, store: Store, tokens: Mapping[str, User]) -> None:
        self._store = store
        self.rules = Rules(store)
        self.tokens = Tokens(tokens, now=store.now, account_uid=self._account_uid)

    def _account_uid(self, namespace: str, name: str) -> str:
        account = self._store.get(SERVICE_ACCOUNT, namespace, name)
        return str(account["metadata"]["uid"]) if account else ""

    def admitted(self, request: Request) -> Request:
        """The request of somebody who may make it.

        Raises: ApiError: 401, their token is not known; 403, they may not.
        """
        user = self.tokens.user_of(request.headers)
        asked = asked_in(request)
        other = impersonated(request.impersonation)
        if other is not None:
            self._refuse_impersonation(user, other, asked)
            user = other
        if not self.allowed(user, asked)[0]:
            raise refusal(user.name, asked)
        return replace(request, user=user)

    def allowed(self, user: User, asked: Asked) -> tuple[bool, str]:
        """Whether somebody may do something, and what says so."""
        if MASTERS in user.groups:
            return True, ""
        for grant in self.rules.of(user, asked.namespace):
            if covers(grant.rule, asked):
                return True, grant.reason
        return False, ""

    def _refuse_impersonation(self, user: User, other: User, asked: Asked) -> None:
        if not all(self.allowed(user, wish)[0] for wish in _wishes(other)):
            doing = asked.verb
            raise refusal(user.name, replace(asked, verb=f"impersonate-on:user-info:{doing}"))

    # Reviews

    def reviewed(self, kind: Kind, review: Object, user: User, namespace: str) -> Object:
        """The answer to a question about access."""
        spec = review.get("spec", {})
        match kind.name:
            case "SelfSubjectReview":
                return {**review, "status": {"userInfo": user.info()}}
            case "SelfSubjectRulesReview":
                place = spec.get("namespace", "")
                if not place:
                    raise bad_request("no namespace on request")
                return {**review, "spec": {}, "status": self._listed(user, place)}
            case "SelfSubjectAccessReview":
                return {**review, "status": self._judged(user, spec)}
            case "LocalSubjectAccessReview" if _place(spec) != namespace:
                field, text = "spec.resourceAttributes.namespace", "must match metadata.namespace"
                raise invalid(kind, "", [Cause.invalid(field, _place(spec), text)])
        other = User(
            name=spec.get("user", ""), uid=spec.get("uid", ""),
            groups=tuple(spec.get("groups", ())),
        )  # fmt: skip
        return {**review, "status": self._judged(other, spec)}

    def _judged(self, user: User, spec: Object) -> Object:
        allowed, reason = self.allowed(user, _asked_of(spec))
        return {"allowed": allowed, **({"reason": reason} if reason else {})}

    def _listed(self, user: User, namespace: str) -> Object:
        rules = self._rules_of(user, namespace)
        resources = ("verbs", "apiGroups", "resources", "resourceNames")
        return {
            "resourceRules": [
                {key: rule[key] for key in resources if rule.get(key)}
                for rule in rules if rule.get("resources")
            ],
            "nonResourceRules": [
                {"verbs": rule["verbs"], "nonResourceURLs": rule["nonResourceURLs"]}
                for rule in rules if rule.get("nonResourceURLs")
            ],
            "incomplete": False,
        }  # fmt: skip

    def _rules_of(self, user: User, namespace: str) -> list[Object]:
        own = [_EVERYTHING] if MASTERS in user.groups else []
        return own + [grant.rule for grant in self.rules.of(user, namespace)]

    # Escalation

    def refuse_escalation(self, user: User, kind: Kind, obj: Object, namespace: str) -> None:
        """Refuse a role, or a binding to one, that gives more than its maker has.

        Raises: ApiError: 403, it does; 404, the binding refers to no role.
        """
        if kind in {ROLE, CLUSTER_ROLE}:
            wanted, free = list(self.rules.in_object(obj)), _on_role("escalate", kind, namespace)
        elif kind in {ROLE_BINDING, CLUSTER_ROLE_BINDING}:
            reference = obj.get("roleRef", {})
            if MASTERS in user.groups or not reference.get("name"):
                return
            named = ROLE if reference.get("kind") == "Role" else CLUSTER_ROLE
            free = _on_role("bind", named, namespace, reference["name"])
            if self.allowed(user, free)[0]:
                return
            if (
                self._store.get(named, namespace if named is ROLE else "", reference["name"])
                is None
            ):
                raise not_found(named, reference["name"])
            wanted = self.rules.in_role(reference, namespace)
        else:
            return
        if self.allowed(user, free)[0]:
            return
        lacking = missing(wanted, self._rules_of(user, namespace))
        if lacking:
            raise escalation(kind, obj["metadata"].get("name", ""), user, lacking)


def _on_role(verb: str, kind: Kind, namespace: str, name: str = "") -> Asked:
    return Asked(verb=verb, group=RBAC, resource=kind.plural, namespace=namespace, name=name)


def _wishes(other: User) -> list[Asked]:
    """What somebody has to be allowed who speaks for another."""
    wishes = []
    if other.name.startswith(ACCOUNT):
        namespace, _, name = other.name.removeprefix(ACCOUNT).partition(":")
        wishes.append(
            Asked(verb="impersonate", resource="serviceaccounts", namespace=namespace, name=name)
        )
    else:
        wishes.append(Asked(verb="impersonate", resource="users", name=other.name))
        wishes += [
            Asked(verb="impersonate", resource="groups", name=group)
            for group in other.groups if group != AUTHENTICATED
        ]  # fmt: skip
    if other.uid:
        wishes.append(
            Asked(verb="impersonate", group=_AUTHENTICATION, resource="uids", name=other.uid)
        )
    wishes += [
        Asked(
            verb="impersonate", group=_AUTHENTICATION, resource="userextras", subresource=key,
            name=value,
        )
        for key, values in other.extra.items() for value in values
    ]  # fmt: skip
    return wishes


def _place(spec: Object) -> str:
    found: str = spec.get("resourceAttributes", {}).get("namespace", "")
    return found


def _asked_of(spec: Object) -> Asked:
    about = spec.get("resourceAttributes")
    if about is None:
        url = spec.get("nonResourceAttributes", {})
        return Asked(verb=url.get("verb", ""), path=url.get("path", "") or "/")
    kept = ("verb", "group", "version", "resource", "subresource", "namespace", "name")
    return Asked(**{"verb": "", **{key: about[key] for key in kept if key in about}})
