"""What the guard's account needs to be allowed in the cluster for the runs of a plan: no more.

It asks no cluster; `reviewing` does.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from orchestrator.domain.blast_radius import BlastRadius
from orchestrator.domain.plan import Plan
from orchestrator.guard.kinds import KINDS, Kind

NAME: Final = "chaosday-guard"
_NETWORKING: Final = "networking.k8s.io"
_READ: Final = ("get", "list", "watch")
_WRITE: Final = (*_READ, "create", "update", "patch", "delete")
"""What is made is deleted again, and what is deleted is made again, so each needs the other."""

_SURROUNDINGS: Final[Mapping[tuple[str, str], Sequence[str]]] = {
    ("", "pods"): _READ,
    ("", "pods/log"): ("get",),
    ("", "services"): ("get", "list"),
    ("", "configmaps"): ("list",),
    ("", "replicationcontrollers"): ("list",),
    ("apps", "deployments"): _READ,
    ("apps", "replicasets"): ("get", "list"),
    ("apps", "statefulsets"): _READ,
    ("apps", "daemonsets"): ("get", "list"),
    ("batch", "jobs"): ("get", "list"),
    ("batch", "cronjobs"): ("get",),
    ("discovery.k8s.io", "endpointslices"): ("list",),
    ("policy", "poddisruptionbudgets"): ("list",),
}
"""What the baseline, the expansion of a write, the verification and the probes read in each
namespace."""


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class Permission:
    """One verb on one kind of object, in a namespace or, where that is empty, in the cluster."""

    namespace: str
    group: str
    resource: str
    """The plural resource name, with its subresource if it is one: deployments/scale."""
    verb: str

    def __str__(self) -> str:
        kind = f"{self.resource}.{self.group}" if self.group else self.resource
        where = f"in {self.namespace}" if self.namespace else "in the whole cluster"
        return f"{self.verb} {kind} {where}"


_ANCHOR: Final = Permission(namespace="kube-system", group="", resource="namespaces", verb="get")
"""The uid of that namespace tells which cluster it is. An API server takes the name of a namespace
that is asked for as the namespace of the request, so this shows that one and nothing in it."""


def needed_for(plan: Plan) -> list[Permission]:
    """Every permission that the runs of a plan need, sorted."""
    radius = plan.blast_radius
    found = {
        Permission(namespace=namespace, group=group, resource=resource, verb=verb)
        for namespace in radius.namespaces
        for (group, resource), verbs in _inside(radius).items()
        for verb in verbs
    }
    return sorted(found | {_ANCHOR} | set(_across(radius)) | set(_watched(plan)))


def _inside(radius: BlastRadius) -> Mapping[tuple[str, str], set[str]]:
    """What is needed in each namespace."""
    found: dict[tuple[str, str], set[str]] = defaultdict(set)
    for key, verbs in _SURROUNDINGS.items():
        found[key].update(verbs)
    for kind in _written(radius):
        if kind.is_namespaced:
            found[kind.group, kind.resource].update(_WRITE)
        if kind.has_scale:
            found[kind.group, f"{kind.resource}/scale"].update(("get", "update", "patch"))
    if "statefulsets" in radius.kinds | radius.creates:
        found["", "persistentvolumeclaims"].add("list")
    if radius.selectors:
        found[_NETWORKING, "networkpolicies"].add("list")
    if "pods" in radius.kinds:
        found["", "pods/eviction"].add("create")
        if "exec" in radius.irreversible:
            found["", "pods/exec"].update(("get", "create"))
    if radius.reads_secrets:
        found["", "secrets"].update(_READ)
    return found


def _across(radius: BlastRadius) -> Iterator[Permission]:
    """What is needed outside any namespace: nodes, the pods on them, the classes of ingresses."""
    if "ingresses" in radius.kinds:
        yield Permission(namespace="", group=_NETWORKING, resource="ingressclasses", verb="get")
    if "nodes" in radius.kinds:
        for verb in (*_READ, "update", "patch"):
            yield Permission(namespace="", group="", resource="nodes", verb=verb)
        yield Permission(namespace="", group="", resource="pods", verb="list")
    elif "daemonsets" in radius.creates:
        yield Permission(namespace="", group="", resource="nodes", verb="list")


def _watched(plan: Plan) -> Iterator[Permission]:
    """What the abort conditions of the plan look at."""
    for condition in plan.abort_when:
        if (measure := condition.kubernetes) is not None:
            resource, _, group = measure.kind.partition(".")
            yield Permission(
                namespace=measure.namespace, group=group, resource=resource, verb="get"
            )


def _written(radius: BlastRadius) -> list[Kind]:
    return [kind for kind in KINDS.values() if kind.resource in radius.kinds | radius.creates]


def excess_beyond(plan: Plan) -> list[Permission]:
    """What no run of the plan needs, and what an account that has too much is likely to have."""
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


def roles_for(
    permissions: Iterable[Permission], *, subject: Mapping[str, str], name: str = NAME
) -> list[dict[str, Any]]:
    """The roles that grant the permissions and their bindings to the account, as manifests."""
    by_namespace: dict[str, list[Permission]] = defaultdict(list)
    for permission in permissions:
        by_namespace[permission.namespace].append(permission)
    found: list[dict[str, Any]] = []
    for namespace, listed in sorted(by_namespace.items()):
        kind = "Role" if namespace else "ClusterRole"
        metadata = {"name": name} | ({"namespace": namespace} if namespace else {})
        found.append(_object(kind, metadata) | {"rules": _rules(listed)})
        role = {"apiGroup": "rbac.authorization.k8s.io", "kind": kind, "name": name}
        binding = {"roleRef": role, "subjects": [dict(subject)]}
        found.append(_object(f"{kind}Binding", metadata) | binding)
    return found


def _object(kind: str, metadata: Mapping[str, str]) -> dict[str, Any]:
    return {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": kind,
        "metadata": dict(metadata),
    }


def _rules(permissions: Sequence[Permission]) -> list[dict[str, Any]]:
    """One rule for each group and set of verbs, with all resources that need those."""
    verbs: dict[tuple[str, str], list[str]] = defaultdict(list)
    for each in permissions:
        verbs[each.group, each.resource].append(each.verb)
    resources: dict[tuple[str, tuple[str, ...]], list[str]] = defaultdict(list)
    for (group, resource), listed in sorted(verbs.items()):
        resources[group, tuple(sorted(listed))].append(resource)
    return [
        {"apiGroups": [group], "resources": named, "verbs": list(listed)}
        for (group, listed), named in resources.items()
    ]
