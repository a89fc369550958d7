"""What the guard's account may do beyond its needs: by the rules that the cluster lists.

It asks no cluster; `reviewing` does.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

from orchestrator.domain.plan import Plan
from orchestrator.guard.permissions import Permission, needed_for

_KEPT: Final = "kube-system"
_OTHERS: Final = ("default", "kube-public", "kube-node-lease")
"""Namespaces of every cluster, of which one lies outside of the plan."""
_EVERYBODYS: Final = frozenset(
    {
        ("authorization.k8s.io", "selfsubjectaccessreviews", "create"),
        ("authorization.k8s.io", "selfsubjectrulesreviews", "create"),
        ("authentication.k8s.io", "selfsubjectreviews", "create"),
        *(
            ("certificates.k8s.io", "clustertrustbundles", verb)
            for verb in ("get", "list", "watch")
        ),
    }
)
"""What Kubernetes itself gives to every account.

Source: https://kubernetes.io/docs/reference/access-authn-authz/rbac/#default-roles-and-role-bindings
"""


def places_for(plan: Plan) -> list[str]:
    """The namespaces in which the rules are looked at: those of the plan, and two of others."""
    own = {each.namespace for each in needed_for(plan)} | plan.blast_radius.namespaces
    other = next((each for each in _OTHERS if each not in own), "")
    return sorted({*own, _KEPT, other} - {""})


def beyond(plan: Plan, listed: Mapping[str, Iterable[Mapping[str, Any]]]) -> list[Permission]:
    """What the rules allow that no run of the plan needs.

    Shape: the rules are those of each of the places, as a SelfSubjectRulesReview lists them; what
    they allow in all the places alike, they allow in the whole cluster.
    """
    needed = needed_for(plan)
    by_place = {
        place: {each for rule in rules for each in _permissions(rule)}
        for place, rules in listed.items()
    }
    everywhere = set.intersection(*by_place.values()) if by_place else set()
    found = set(everywhere)
    for place, allowed in by_place.items():
        found |= {replace(each, namespace=place) for each in allowed - everywhere}
    return sorted(_unlike(needed, found))


def _unlike(needed: Sequence[Permission], found: set[Permission]) -> Iterator[Permission]:
    """What is not needed, but for what is a part of something else that is told."""
    wide = [each for each in found if "*" in {each.group, each.resource, each.verb}]
    for each in found:
        if not any(_covers(other, each) for other in needed) and not any(
            other is not each and _covers(other, each) for other in wide
        ):
            yield each


def _permissions(rule: Mapping[str, Any]) -> Iterator[Permission]:
    names = tuple(sorted(rule.get("resourceNames") or ()))
    for group in rule.get("apiGroups") or ():
        for resource in rule.get("resources") or ():
            for verb in rule.get("verbs") or ():
                if (group, resource, verb) not in _EVERYBODYS:
                    yield Permission(
                        namespace="", group=group, resource=resource, verb=verb, names=names
                    )


def _covers(wide: Permission, narrow: Permission) -> bool:
    return (
        wide.namespace in {"", narrow.namespace}
        and wide.group in {"*", narrow.group}
        and wide.resource in {"*", narrow.resource}
        and wide.verb in {"*", narrow.verb}
        and (not wide.names or wide.names == narrow.names)
    )


def samples_beyond(plan: Plan) -> Sequence[Permission]:
    """What no run of the plan needs, and what an account that has too much is likely to have.

    It is asked for one by one where the cluster does not list its rules.
    """
    radius = plan.blast_radius
    anywhere = [
        ("*", "*", "*"),
        ("", "namespaces", "delete"),
        ("", "nodes", "delete"),
        ("", "secrets", "get"),
        ("rbac.authorization.k8s.io", "clusterrolebindings", "create"),
        ("apiextensions.k8s.io", "customresourcedefinitions", "delete"),
    ]
    within = [] if radius.reads_secrets else [("", "secrets", "get")]
    within += [] if "exec" in radius.irreversible else [("", "pods/exec", "create")]
    within += [("rbac.authorization.k8s.io", "rolebindings", "create")]
    places = [("", anywhere), ("kube-system", [("", "pods", "delete")])]
    places += [(namespace, within) for namespace in sorted(radius.namespaces)]
    return [
        Permission(namespace=namespace, group=group, resource=resource, verb=verb)
        for namespace, listed in places
        for group, resource, verb in listed
    ]
