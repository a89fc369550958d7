"""Which fields of a kind a run may change: what the plan says, else what is known to be harmless.

"May patch this deployment" is not "may run a privileged pod". It does not know whether a change
can be put back; the guard does.
"""

from collections.abc import Iterable, Mapping
from typing import Any, Final

from orchestrator.domain.undo import ABSENT, SERVER_FIELDS, Document, Path

_OBJECT: Final = frozenset({"metadata.labels", "metadata.annotations"})
_CONTAINER: Final = (
    "image",
    "imagePullPolicy",
    "command",
    "args",
    "env",
    "envFrom",
    "workingDir",
    "ports",
    "resources",
    "livenessProbe",
    "readinessProbe",
    "startupProbe",
    "lifecycle",
)
_POD: Final = (
    *(f"{group}.{each}" for group in ("containers", "initContainers") for each in _CONTAINER),
    "terminationGracePeriodSeconds",
    "nodeSelector",
    "affinity",
    "topologySpreadConstraints",
    "dnsPolicy",
    "dnsConfig",
    "hostAliases",
)
_TEMPLATE: Final = frozenset(
    {"spec.template.metadata.labels", "spec.template.metadata.annotations"}
    | {f"spec.template.spec.{each}" for each in _POD}
)


def _spec(*fields: str) -> frozenset[str]:
    return _OBJECT | {f"spec.{field}" for field in fields}


DEFAULT_FIELDS: Final[Mapping[str, frozenset[str]]] = {
    "pods": _OBJECT
    | {f"spec.{group}.image" for group in ("containers", "initContainers")}
    | {"spec.containers.resources"},
    "configmaps": _OBJECT | {"data", "binaryData"},
    "services": _spec(
        "selector",
        "ports",
        "sessionAffinity",
        "sessionAffinityConfig",
        "publishNotReadyAddresses",
    ),
    "nodes": frozenset({"spec.unschedulable", "spec.taints"}),
    "deployments": _TEMPLATE
    | _spec("replicas", "paused", "strategy", "minReadySeconds", "progressDeadlineSeconds"),
    "statefulsets": _TEMPLATE | _spec("replicas", "updateStrategy", "minReadySeconds"),
    "daemonsets": _TEMPLATE | _spec("updateStrategy", "minReadySeconds"),
    "replicasets": _TEMPLATE | _spec("replicas", "minReadySeconds"),
    "ingresses": _spec("rules", "tls", "ingressClassName", "defaultBackend"),
    "networkpolicies": _spec("podSelector", "ingress", "egress", "policyTypes"),
    "poddisruptionbudgets": _spec("minAvailable", "maxUnavailable", "unhealthyPodEvictionPolicy"),
    "resourcequotas": _spec("hard"),
    "horizontalpodautoscalers": _spec("minReplicas", "maxReplicas", "behavior"),
    "jobs": _spec("suspend", "parallelism"),
    "cronjobs": _spec("suspend"),
}
"""What may be changed where a plan does not say. Of pods never what gives them powers over a
node, another identity or a better place in the queue: those a plan has to name, and some are
refused even so."""


def may_change(fields: Mapping[str, frozenset[str]], kind: str) -> frozenset[str]:
    """The fields of a kind that may be changed, as dotted paths without list positions."""
    given = fields.get(kind)
    return DEFAULT_FIELDS.get(kind, _OBJECT) if given is None else given


def is_covered(path: Path, allowed: Iterable[str]) -> bool:
    """Whether a changed field lies at or below one that may be changed."""
    return any(path[: len(step)] == step for step in (_steps(each) for each in allowed))


def shared(one: frozenset[str], other: frozenset[str]) -> frozenset[str]:
    """The fields that both allow to change."""
    return frozenset(
        {each for each in one if is_covered(_steps(each), other)}
        | {each for each in other if is_covered(_steps(each), one)}
    )


def _steps(field: str) -> Path:
    return tuple(field.split("."))


def changed_fields(before: Document, after: Document) -> frozenset[Path]:
    """The fields that differ, with entries of named lists compared by their names.

    Shape: the name of an entry is no step of its path; an entry that is added, taken away or
    moved is a change of the list itself.
    """
    found: set[Path] = set()
    _compare(before, after, (), found)
    return frozenset(found)


def _compare(before: Any, after: Any, path: Path, found: set[Path]) -> None:
    before, after = _or_absent(before), _or_absent(after)
    if before == after or path in SERVER_FIELDS:
        return
    if _are(Mapping, before, after):
        old, new = _fields(before), _fields(after)
        for key in old.keys() | new.keys():
            _compare(old.get(key), new.get(key), (*path, key), found)
        if not (old and new):
            _note_empty(old, new, path, found)
        return
    old_names, new_names = _names(before), _names(after)
    if not old_names or list(old_names) != list(new_names):
        found.add(path)
        return
    for name, entry in old_names.items():
        _compare(entry, new_names[name], path, found)


def _note_empty(
    old: Mapping[str, Any], new: Mapping[str, Any], path: Path, found: set[Path]
) -> None:
    # Where one side is empty and the other absent, there is no leaf below that would tell.
    if not old and not new:
        found.add(path)


def _are(kind: type, before: Any, after: Any) -> bool:
    return all(value is ABSENT or isinstance(value, kind) for value in (before, after))


def _fields(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _or_absent(value: Any) -> Any:
    return ABSENT if value is None else value


def _names(value: Any) -> Mapping[str, Any]:
    """The entries of a list by their names; none when it is no list of named entries."""
    if not isinstance(value, list) or not all(isinstance(each, Mapping) for each in value):
        return {}
    names = {str(each.get("name")): each for each in value if each.get("name")}
    return names if len(names) == len(value) else {}
