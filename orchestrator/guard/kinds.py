"""The kinds that a run may write, and which of their fields: those that can be put back.

A kind stands here when the guard can tell what a write to it touches. It knows no limits of a
run; a kind must be among the run's kinds as well.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from orchestrator.domain.undo import Path

_LABELS: Final[tuple[Path, ...]] = (("metadata", "labels"), ("metadata", "annotations"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """One kind of object, as far as the guard lets it be written.

    Shape: fields are the paths at or below which a change may lie.
    """

    resource: str
    group: str = ""
    fields: tuple[Path, ...]
    is_namespaced: bool = True
    is_workload: bool = False
    has_scale: bool = False


def _workload(resource: str, *fields: str, has_scale: bool = True) -> Kind:
    return Kind(
        resource=resource,
        group="apps",
        fields=(*_LABELS, ("spec", "template"), *(("spec", field) for field in fields)),
        is_workload=True,
        has_scale=has_scale,
    )


_KINDS: Final = (
    Kind(
        resource="pods",
        fields=(*_LABELS, ("spec", "containers"), ("spec", "initContainers")),
    ),
    Kind(resource="configmaps", fields=(*_LABELS, ("data",), ("binaryData",))),
    Kind(
        resource="services",
        fields=(
            *_LABELS,
            ("spec", "selector"),
            ("spec", "ports"),
            ("spec", "sessionAffinity"),
            ("spec", "sessionAffinityConfig"),
            ("spec", "publishNotReadyAddresses"),
        ),
    ),
    Kind(resource="nodes", fields=(("spec", "unschedulable"),), is_namespaced=False),
    _workload(
        "deployments",
        "replicas",
        "paused",
        "strategy",
        "minReadySeconds",
        "progressDeadlineSeconds",
    ),
    _workload("statefulsets", "replicas", "updateStrategy", "minReadySeconds"),
    _workload("daemonsets", "updateStrategy", "minReadySeconds", has_scale=False),
    _workload("replicasets", "replicas", "minReadySeconds"),
)

KINDS: Final[Mapping[tuple[str, str], Kind]] = {
    (kind.group, kind.resource): kind for kind in _KINDS
}

SECRETS: Final = "secrets"

IRREVERSIBLE: Final[Mapping[str, str]] = {
    "namespaces": "what a namespace held cannot be brought back",
    "persistentvolumes": "what a volume held cannot be brought back",
    "persistentvolumeclaims": "what a volume held cannot be brought back",
    "volumeattachments": "what a volume held cannot be brought back",
    "storageclasses": "volumes depend on it",
    "customresourcedefinitions": "the objects of its kind cannot be brought back",
    "serviceaccounts": "one made anew has another identity",
    "certificatesigningrequests": "a certificate once issued stays valid",
}
"""Kinds that no run may write, and why."""

PRIVILEGES: Final = frozenset(
    {
        "roles",
        "rolebindings",
        "clusterroles",
        "clusterrolebindings",
        "validatingwebhookconfigurations",
        "mutatingwebhookconfigurations",
        "apiservices",
        "tokenreviews",
    }
)
"""Kinds that decide who may do what, or see every write."""
