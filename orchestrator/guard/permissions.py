"""What the guard's account needs to be allowed in the cluster for the runs of a plan: no more.

It asks no cluster; `reviewing` does.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from orchestrator.domain.blast_radius import BlastRadius
from orchestrator.domain.plan import Plan
from orchestrator.domain.verbs import WriteVerb, verbs_of
from orchestrator.guard.kinds import KINDS, Kind

NAME: Final = "chaosday-guard"
_NETWORKING: Final = "networking.k8s.io"
_READ: Final = ("get", "list", "watch")
_WRITE: Final[Mapping[WriteVerb, Sequence[str]]] = {
    WriteVerb.CREATE: ("create", "delete", "patch"),
    WriteVerb.CHANGE: ("update", "patch"),
    WriteVerb.SCALE: ("update", "patch"),
    WriteVerb.DELETE: ("delete", "create", "patch"),
    WriteVerb.EVICT: ("create", "patch"),
    WriteVerb.EXEC: (),
}
"""What is made is deleted again, and what is taken away is made again, so each needs the other; a
patch gives back what the cluster or others added meanwhile."""

_PARTS: Final[Mapping[WriteVerb, Sequence[tuple[str, Sequence[str]]]]] = {
    WriteVerb.CHANGE: (("pods/resize", ("get", "update", "patch")),),
    WriteVerb.SCALE: (
        ("deployments/scale", ("get", "update", "patch")),
        ("statefulsets/scale", ("get", "update", "patch")),
        ("replicasets/scale", ("get", "update", "patch")),
    ),
    WriteVerb.EVICT: (("pods/eviction", ("create",)),),
    WriteVerb.EXEC: (("pods/exec", ("get", "create")),),
}
"""The parts of objects by which something may be done to them as well."""

_SURROUNDINGS: Final[Mapping[tuple[str, str], Sequence[str]]] = {
    ("", "pods"): _READ,
    ("", "pods/log"): ("get",),
    ("", "services"): ("get", "list"),
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
    names: tuple[str, ...] = ()
    """The only objects it is for; none for all of them."""

    def __str__(self) -> str:
        return f"{self.verb} {self.what}"

    @property
    def what(self) -> str:
        """On what kind of object, and where."""
        kind = f"{self.resource}.{self.group}" if self.group else self.resource
        where = f"in {self.namespace}" if self.namespace else "in the whole cluster"
        return " ".join([kind, *self.names, where])

    @property
    def is_everything(self) -> bool:
        """Whether it is every verb on every kind in the whole cluster."""
        return (self.namespace, self.group, self.resource, self.verb) == ("", "*", "*", "*")


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
            for resource, verbs in _writes(kind, radius):
                found[kind.group, resource].update(verbs)
    if "statefulsets" in radius.kinds | radius.creates:
        found["", "persistentvolumeclaims"].add("list")
    if radius.selectors:
        found[_NETWORKING, "networkpolicies"].add("list")
    if radius.reads_secrets:
        found["", "secrets"].update(_READ)
    return found


def _across(radius: BlastRadius) -> Iterator[Permission]:
    """What is needed outside any namespace: nodes, the pods on them, the classes of ingresses."""
    if "ingresses" in radius.kinds:
        yield Permission(namespace="", group=_NETWORKING, resource="ingressclasses", verb="get")
    if "nodes" in radius.kinds:
        yield Permission(namespace="", group="", resource="pods", verb="list")
    elif "daemonsets" in radius.creates:
        yield Permission(namespace="", group="", resource="nodes", verb="list")
    for kind in _written(radius):
        if not kind.is_namespaced:
            for resource, verbs in _writes(kind, radius):
                for verb in verbs:
                    yield Permission(namespace="", group=kind.group, resource=resource, verb=verb)


def _watched(plan: Plan) -> Iterator[Permission]:
    """What the abort conditions of the plan look at."""
    for condition in plan.abort_when:
        if (measure := condition.kubernetes) is not None:
            resource, _, group = measure.kind.partition(".")
            yield Permission(
                namespace=measure.namespace, group=group, resource=resource, verb="get"
            )


def _writes(kind: Kind, radius: BlastRadius) -> Iterator[tuple[str, Sequence[str]]]:
    """What is asked of the API to do to a kind what may be done, and to undo it."""
    yield kind.resource, _READ
    may = radius.verbs.get(kind.resource, verbs_of(kind.resource)) & verbs_of(kind.resource)
    if WriteVerb.EXEC not in radius.irreversible:
        may -= {WriteVerb.EXEC}
    for verb in may:
        yield kind.resource, _WRITE[verb]
        for part, verbs in _PARTS.get(verb, ()):
            if part.partition("/")[0] == kind.resource:
                yield part, verbs


def _written(radius: BlastRadius) -> list[Kind]:
    return [kind for kind in KINDS.values() if kind.resource in radius.kinds | radius.creates]


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
