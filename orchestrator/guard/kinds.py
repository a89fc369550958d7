"""The kinds that a run may write, and which of their fields: those that can be put back.

A kind stands here when the guard can tell what a write to it touches. It knows no limits of a
run; a kind must be among the run's kinds as well.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from orchestrator.domain.undo import Path

_LABELS: Final[tuple[Path, ...]] = (("metadata", "labels"), ("metadata", "annotations"))


class Expansion(StrEnum):
    """What a write to a kind touches beside the object itself."""

    NOTHING = "nothing"
    POD = "the pod, of a workload"
    WORKLOAD = "the pods that it owns"
    NODE = "the node and the pods on it"
    ISOLATION = "the pods that its selector finds, which it cuts off"
    SERVICE = "the pods that it sends requests to"
    INGRESS = "the services that its rules lead to"
    BUDGET = "the pods that its selector finds"
    QUOTA = "the pods of its namespace"
    AUTOSCALER = "the workload that it scales"
    JOB = "the pods that it runs"
    CHAOS = "the pods that Chaos Mesh selects"
    WEBHOOKS = "the objects whose writes wait for its webhooks"
    ADMISSION_POLICY = "the objects that it matches, once it is bound"
    ADMISSION_BINDING = "the objects that its policy matches"


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """One kind of object, as far as the guard lets it be written.

    Shape: fields are the paths at or below which a change can be put back.
    """

    resource: str
    group: str = ""
    version: str = "v1"
    fields: tuple[Path, ...]
    expansion: Expansion = Expansion.NOTHING
    is_namespaced: bool = True
    has_scale: bool = False
    is_carrier: bool = False
    """Whether it does nothing but carry a fault to others; then only a run's own are changed
    and deleted."""

    @property
    def is_workload(self) -> bool:
        """Whether it owns pods that it replaces."""
        return self.expansion is Expansion.WORKLOAD


def _kind(resource: str, expansion: Expansion, *fields: str, **more: Any) -> Kind:
    paths = (*_LABELS, *(("spec", field) for field in fields))
    return Kind(resource=resource, fields=paths, expansion=expansion, **more)


def _workload(resource: str, *fields: str, has_scale: bool = True) -> Kind:
    return _kind(
        resource, Expansion.WORKLOAD, "template", *fields, group="apps", has_scale=has_scale
    )


def _chaos(resource: str) -> Kind:
    # What Chaos Mesh does is decided when its object is made; a change may restart it.
    return _kind(
        resource,
        Expansion.CHAOS,
        group="chaos-mesh.org",
        version="v1alpha1",
        is_carrier=True,
    )


def _admission(resource: str, expansion: Expansion) -> Kind:
    # What it covers is counted when it is made, so a change of that is no change but another.
    return _kind(
        resource,
        expansion,
        group="admissionregistration.k8s.io",
        is_namespaced=False,
        is_carrier=True,
    )


_KINDS: Final = (
    _kind("pods", Expansion.POD, "containers", "initContainers"),
    Kind(resource="configmaps", fields=(*_LABELS, ("data",), ("binaryData",))),
    _kind(
        "services",
        Expansion.SERVICE,
        "selector",
        "ports",
        "sessionAffinity",
        "sessionAffinityConfig",
        "publishNotReadyAddresses",
    ),
    Kind(
        resource="nodes",
        fields=(("spec", "unschedulable"), ("spec", "taints")),
        expansion=Expansion.NODE,
        is_namespaced=False,
    ),
    _kind("resourcequotas", Expansion.QUOTA, "hard"),
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
    _kind("jobs", Expansion.JOB, "suspend", "parallelism", group="batch"),
    _kind("cronjobs", Expansion.JOB, "suspend", group="batch"),
    _kind(
        "ingresses",
        Expansion.INGRESS,
        "rules",
        "tls",
        "ingressClassName",
        "defaultBackend",
        group="networking.k8s.io",
    ),
    _kind(
        "networkpolicies",
        Expansion.ISOLATION,
        "podSelector",
        "ingress",
        "egress",
        "policyTypes",
        group="networking.k8s.io",
        is_carrier=True,
    ),
    _kind(
        "poddisruptionbudgets",
        Expansion.BUDGET,
        "minAvailable",
        "maxUnavailable",
        "unhealthyPodEvictionPolicy",
        group="policy",
    ),
    _kind(
        "horizontalpodautoscalers",
        Expansion.AUTOSCALER,
        "minReplicas",
        "maxReplicas",
        "behavior",
        group="autoscaling",
        version="v2",
    ),
    *map(
        _chaos,
        (
            "podchaos",
            "networkchaos",
            "stresschaos",
            "iochaos",
            "timechaos",
            "dnschaos",
            "httpchaos",
            "kernelchaos",
            "jvmchaos",
        ),
    ),
    _admission("validatingwebhookconfigurations", Expansion.WEBHOOKS),
    _admission("validatingadmissionpolicies", Expansion.ADMISSION_POLICY),
    _admission("validatingadmissionpolicybindings", Expansion.ADMISSION_BINDING),
)

KINDS: Final[Mapping[tuple[str, str], Kind]] = {
    (kind.group, kind.resource): kind for kind in _KINDS
}

OWNERS: Final = frozenset(
    kind.resource for kind in _KINDS if kind.expansion in {Expansion.WORKLOAD, Expansion.JOB}
)
"""Kinds whose pods live a while longer than their owner, unless that waits for them."""

BARRIERS: Final = frozenset(
    kind.resource for kind in _KINDS if kind.group == "admissionregistration.k8s.io"
)
"""Kinds that may keep the guard itself from putting back what they cover, so they go first."""

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
    "schedules": "what it makes later cannot be told now; make the fault itself",
    "workflows": "what it makes later cannot be told now; make the faults themselves",
}
"""Kinds that no run may write, and why."""

_DECIDES: Final = "it decides what others may do"
_ALTERS: Final = (
    "it alters what others write, which no journal sees; make one that validates, of the same rules"
)

PRIVILEGES: Final[Mapping[str, str]] = {
    "roles": _DECIDES,
    "rolebindings": _DECIDES,
    "clusterroles": _DECIDES,
    "clusterrolebindings": _DECIDES,
    "mutatingwebhookconfigurations": _ALTERS,
    "mutatingadmissionpolicies": _ALTERS,
    "mutatingadmissionpolicybindings": _ALTERS,
    "apiservices": _DECIDES,
    "tokenreviews": _DECIDES,
}
"""Kinds that decide who may do what, or see every write; no run may write them, and why."""
